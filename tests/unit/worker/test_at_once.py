"""Workers of several threads do not mistake each other's code for their own."""

from __future__ import annotations

import io
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

import msgspec
import pytest

from archcheck.worker import process
from archcheck.worker.crashes import crash_in
from archcheck.worker.failures import StartError
from archcheck.worker.owners import Owner, owner
from archcheck.worker.process import Worker


class Request(msgspec.Struct):
    """Nothing is asked."""


class Dead:
    """A process that ended without a word."""

    exit_code = 1

    def __init__(self) -> None:
        self.job: IO[bytes] = io.BytesIO()
        self.answers: IO[bytes] = io.BytesIO()
        self.output: IO[bytes] = io.BytesIO()

    def wait(self, seconds: float) -> None:
        pass

    def complaint(self) -> str:
        return "no luck"

    def kill(self) -> None:
        pass


def test_crashes_at_once_are_each_the_authors_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [tmp_path / name / "net.py" for name in ("a", "b", "c", "d")]
    for file in files:
        file.parent.mkdir()
        file.touch()
    seen: list[list[str]] = []

    def looked_at(output: str) -> object:
        own = [str(file) for file in files if owner(str(file)) is Owner.AUTHOR]
        time.sleep(0.02)
        own += [str(file) for file in files if owner(str(file)) is Owner.AUTHOR]
        seen.append(own)
        return crash_in(output)

    monkeypatch.setattr(process, "crash_in", looked_at)

    def ends(file: Path) -> None:
        with pytest.raises(StartError, match="no luck"):
            Worker(Dead()).run("x:y", Request(), Request, script=str(file), timeout=5)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(ends, files))
    assert sorted(seen) == [[str(file)] * 2 for file in files]
