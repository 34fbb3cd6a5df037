"""A network whose files change while it is checked is not what was checked."""

from __future__ import annotations

from pathlib import Path

import pytest

import archcheck
from archcheck.spec import Report

NET = """\
import pathlib
from torch import nn
import helper
HERE = pathlib.Path(__file__).parent
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, helper.WIDTH, 3)
    def forward(self, x):
        {forward}
        return self.conv(x)
"""
SPEC = {"input": [3, 8, 8], "rules": {"parameters": {"at_most": "10k", "points": 5}}}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "helper.py").write_text("WIDTH = 4\n")
    (tmp_path / "sizes.json").write_text("{}")
    return tmp_path


def verified(folder: Path, forward: str) -> Report:
    (folder / "net.py").write_text(NET.format(forward=forward))
    return archcheck.verify(folder / "net.py", SPEC)


REWRITES = {
    "net.py": "(HERE / 'net.py').write_text('class Net: ...')",
    "helper.py": "(HERE / 'helper.py').write_text('WIDTH = 1')",
    "sizes.json": "p = HERE / 'sizes.json'; p.read_text(); p.write_text('[]')",
}


@pytest.mark.parametrize("name", REWRITES)
def test_a_file_that_rewrites_itself_is_a_failed_finding(folder: Path, name: str) -> None:
    report = verified(folder, REWRITES[name])
    assert not report.passed
    assert report.points.earned == 0
    first = report.findings[0]
    assert (first.rule, first.verdict.status) == ("unchanged", "failed")
    assert first.message == f"{name} changed while the network was checked"
    (where,) = first.verdict.locations
    assert where.place is not None
    assert where.place.file == str(folder / name)
    assert report.findings[1].message == "the network changed while it was checked"


def test_what_a_network_writes_beside_its_own_files_does_not_matter(folder: Path) -> None:
    forward = "open(HERE / 'log', 'a').write('x'); (HERE / 'new.py').write_text('x = 1')"
    assert verified(folder, forward).passed
