"""What a run came to is found again as long as all that was read for it is as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from archcheck.cache.runs import MappedNetworks, Printed, keep, recall, run_name
from archcheck.cache.sealed import SealedFiles
from archcheck.worker.dependencies.states import Dependencies, content

KEY = "a" * 32
NAME = run_name(KEY, None)


@pytest.fixture
def files(tmp_path: Path) -> SealedFiles:
    return SealedFiles(tmp_path / "cache", b"k" * 32)


def read(file: Path) -> Dependencies:
    return Dependencies(contents={str(file): content(str(file))})


def test_what_is_kept_is_recalled(files: SealedFiles) -> None:
    assert recall(files, NAME, Printed) is None
    run = Printed(NAME, (Dependencies(),), "✓ net\n", 1)
    assert keep(files, run)
    assert recall(files, NAME, Printed) == run
    assert recall(files, run_name(KEY, ()), Printed) is None
    assert recall(files, run_name("b" * 32, None), Printed) is None
    assert recall(files, NAME, MappedNetworks) is None


def test_every_part_has_to_hold(files: SealedFiles, tmp_path: Path) -> None:
    spec, net = tmp_path / "spec.yaml", tmp_path / "net.py"
    for file in (spec, net):
        file.write_text("1")
    assert keep(files, Printed(NAME, (read(spec), read(net)), "", 0))
    for file in (spec, net):
        file.write_text("2")
        assert recall(files, NAME, Printed) is None
        file.write_text("1")
        assert recall(files, NAME, Printed) is not None


def test_what_changed_meanwhile_is_not_kept(files: SealedFiles, tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_text("1")
    reads = read(file)
    file.write_text("2")
    assert not keep(files, Printed(NAME, (Dependencies(), reads), "", 0))
    assert not keep(files, Printed(NAME, (Dependencies(unseen="it listens"),), "", 0))
    assert not files.folder.exists()


def test_what_is_no_text_is_not_kept(files: SealedFiles) -> None:
    assert not keep(files, Printed(NAME, (Dependencies(),), "\udcff", 0))
