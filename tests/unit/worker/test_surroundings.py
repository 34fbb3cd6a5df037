"""The memory and the environment of a network's process, and the limits on what is read from it."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path

import msgspec
import pytest
import torch

from archcheck.limited_file import read_at_most
from archcheck.spec import SpecError, load_spec
from archcheck.tracing.remote import start_worker, trace_in, warm_workers
from archcheck.tracing.requests import Traced
from archcheck.tracing.weights import read_alone, read_weights
from archcheck.verification.wording import failure_finding
from archcheck.worker import process
from archcheck.worker.failures import Failure, InputError
from archcheck.worker.reference import parse_reference
from archcheck.worker.surroundings import Surroundings, memory_of
from archcheck.worker.warm import can_fork
from tests.support.jobs import Nap

limited = pytest.mark.skipif(not can_fork(), reason="memory can be limited on Linux only")
NET = """\
import os
import torch
from torch import nn
{top}
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
    def forward(self, x):
        {forward}
        return self.conv(x)
"""


def traced(
    folder: Path, surroundings: Surroundings, top: str = "", forward: str = "pass"
) -> Traced | Failure:
    (folder / "net.py").write_text(NET.format(top=top, forward=forward))
    reference = parse_reference(f"{folder / 'net.py'}:Net")
    with start_worker(surroundings) as worker:
        return trace_in(worker, reference, [(3, 8, 8)])


HOGS = {
    "forward": (10, {"forward": "hog = [torch.ones(1 << 27).add_(1) for _ in '12345678']"}),
    "import": (4, {"top": "hog = bytearray(4 << 30)"}),
}


@limited
@pytest.mark.parametrize("where", HOGS)
def test_a_network_that_takes_more_than_its_memory_fails_at_its_line(
    tmp_path: Path, where: str
) -> None:
    line, source = HOGS[where]
    failure = traced(tmp_path, Surroundings(memory_of("300MB")), **source)
    assert isinstance(failure, Failure)
    assert failure.place is not None
    assert failure.place.line == line
    assert "more memory" in failure_finding(failure).hint


@limited
def test_a_network_within_its_memory_is_traced(tmp_path: Path) -> None:
    assert isinstance(traced(tmp_path, Surroundings(memory_of("64MiB"))), Traced)


SEES = "assert '{}' {} os.environ, 'seen'"


@pytest.mark.parametrize("clean", [True, False])
def test_a_clean_environment_has_no_tokens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clean: bool
) -> None:
    monkeypatch.setenv("CI_JOB_TOKEN", "secret")
    monkeypatch.setenv("ARCHCHECK_DATA", "images")
    lines = [
        SEES.format("CI_JOB_TOKEN", "not in" if clean else "in"),
        SEES.format("ARCHCHECK_DATA", "not in"),
        SEES.format("PATH", "in"),
        "assert ('secret' in open(f'/proc/{os.getppid()}/environ').read()) is " + str(not clean),
    ]
    found = traced(tmp_path, Surroundings(clean_env=clean), top="\n".join(lines))
    assert isinstance(found, Traced), found


@pytest.mark.parametrize(
    ("text", "size"),
    [("2GB", 2 * 10**9), ("512 MiB", 1 << 29), ("1.5g", 15 * 10**8), ("3000000", 3_000_000)],
)
@limited
def test_sizes(text: str, size: int) -> None:
    assert memory_of(text) == size


@pytest.mark.parametrize("text", ["", "much", "-1GB", "2 PB", "0GB", "5", "1e9"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match=r"2GB|the least"):
        memory_of(text)


def test_an_answer_has_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "MOST_ANSWER_BYTES", 1 << 16)
    with start_worker() as worker:
        request = msgspec.structs.replace(Nap())
        failure = worker.run("tests.support.jobs:talk", request, str, script="net.py", timeout=60)
    assert isinstance(failure, Failure)
    assert "answers with more than" in failure.message


# -- what is read -----------------------------------------------------------------------------


def test_an_archive_that_unpacks_to_more_is_no_checkpoint(tmp_path: Path) -> None:
    file = tmp_path / "w.pt"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\0" * (1 << 24))
    with pytest.raises(InputError, match=r"bytes unpack to 16,777,216"):
        read_weights(str(file))


@limited
def test_a_checkpoint_takes_no_more_memory_than_its_size_explains(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[type, tuple[int]]:
            return bytearray, (3 << 30,)

    buffer = io.BytesIO()
    torch.save({"w": Bomb(), "v": torch.ones(1)}, buffer, pickle_module=pickle)
    (tmp_path / "w.pt").write_bytes(buffer.getvalue())
    with pytest.raises(InputError, match="MemoryError"):
        read_alone(str(tmp_path / "w.pt"))
    torch.save({"w": torch.ones(1 << 20)}, tmp_path / "w.pt")
    assert read_alone(str(tmp_path / "w.pt")).state["w"].sum() == 1 << 20


def test_a_spec_without_an_end_is_not_read_to_it() -> None:
    with pytest.raises(SpecError, match="it has more than"):
        load_spec(Path("/dev/zero"))


def test_files_are_read_up_to_their_limit(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    assert read_at_most(tmp_path / "file", 5) == b"12345"
    with pytest.raises(OSError, match="more than 4 bytes"):
        read_at_most(tmp_path / "file", 4)


@limited
def test_warm_workers_have_the_same_surroundings(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(NET.format(top="hog = bytearray(4 << 30)", forward="pass"))
    reference = parse_reference(f"{tmp_path / 'net.py'}:Net")
    with warm_workers(Surroundings(1 << 28)) as workers, workers.start() as worker:
        failure = trace_in(worker, reference, [(3, 8, 8)])
    assert isinstance(failure, Failure)
    assert failure.stage == "imports"
