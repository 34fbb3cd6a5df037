"""What is heard of an import that must not write, while it is isolated and afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from archcheck.worker.importing import isolation
from archcheck.worker.importing.isolation import Stopped, isolated
from archcheck.worker.owners import authors_code_below

WRITES = "from pathlib import Path\ndef write(): Path({file!r}).write_text('x')\n"


def writer(folder: Path) -> tuple[Path, dict[str, object]]:
    """A file that is written by a function of the author's."""
    source, target = folder / "net.py", folder / "out.txt"
    names: dict[str, object] = {}
    exec(compile(WRITES.format(file=str(target)), str(source), "exec"), names)
    return target, names


def test_only_what_is_isolated_is_stopped(tmp_path: Path) -> None:
    target, names = writer(tmp_path)
    write = names["write"]
    assert callable(write)
    with authors_code_below([tmp_path]):
        for _ in range(2):
            with isolated() as heard:
                with pytest.raises(Stopped):
                    write()
                assert heard.doing == "writes"
        write()
    assert target.read_text() == "x"


def test_many_imports_leave_one_hook(monkeypatch: pytest.MonkeyPatch) -> None:
    added: list[object] = []
    monkeypatch.setattr(isolation, "_hooked", [])
    monkeypatch.setattr("sys.addaudithook", added.append)
    for _ in range(3):
        with isolated():
            pass
    assert len(added) == 1
