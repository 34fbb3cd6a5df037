"""The lines of networks whose classes were typed into cells, or at a prompt."""

from __future__ import annotations

import linecache
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

import archcheck
from archcheck.reporters.formats import render

SOURCE = """\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x):
        if x.mean() > 1e9:
            return x
        return self.conv(x)
"""
SPEC = {"input": [3, 8, 8], "rules": {"layers": {"kind": "conv2d", "exactly": 0}}}
FILES = {
    "/tmp/ipykernel_12/345.py": "In [7]",
    "<ipython-input-3-0123abc>": "In [3]",
    "/tmp/ipython-input-5-991.py": "In [5]",
    "<python-input-2>": "<python-input-2>",
    "<stdin>": "<stdin>",
}


def network_class(file: str) -> Any:
    space: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(SOURCE, file, "exec"), space)
    return space["Net"]


@pytest.fixture
def cells(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What IPython keeps of its cells: their lines, and when they were run."""
    kept = {"/tmp/ipykernel_12/345.py": ("Cell", "In[7]")}
    shell = SimpleNamespace(compile=SimpleNamespace(format_code_name=kept.get))
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    for file in FILES:
        if file != "<stdin>":
            monkeypatch.setitem(linecache.cache, file, (1, None, SOURCE.splitlines(True), file))
    yield


@pytest.mark.parametrize(("file", "name"), FILES.items())
def test_a_finding_names_the_cell_and_quotes_its_line(cells: None, file: str, name: str) -> None:
    report = archcheck.verify(network_class(file), SPEC)
    (finding,) = report.findings
    place = finding.verdict.locations[0].place
    assert str(place) == f"{name}:7"
    text = report.text()
    assert f"┌─ {name}:7" in text
    assert ("7 │     self.conv = nn.Conv2d(3, 4, 3)" in text) == (file != "<stdin>")
    assert report.as_dict()["rules"][0]["locations"][0]["file"] == name
    assert name in render("sarif", [report]).replace("%20", " ").replace("%5B", "[").replace(
        "%5D", "]"
    ).replace("%3C", "<").replace("%3E", ">")


def test_a_question_that_only_decides_is_read_in_a_cell(cells: None) -> None:
    network = archcheck.trace(network_class("/tmp/ipykernel_12/345.py"), (3, 8, 8))
    assert archcheck.receptive_field(network).size == (3, 3)


def test_without_ipython_a_cells_own_name_says_when_it_was_run() -> None:
    network = archcheck.trace(network_class("<ipython-input-3-0123abc>"), (3, 8, 8))
    assert [str(op.called) for op in network.ops if op.kind == "conv2d"] == ["In [3]:12"]
    assert "IPython" not in sys.modules
