"""Notebooks under the installed command."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from tests.support.commands import output_of
from tests.support.notebooks import write_notebook
from tests.support.paths import ROOT

pytestmark = pytest.mark.slow

FIRST = """\
class Net(nn.Module):
    def forward(self, x):
        return x
"""
SECOND = """\
%%time
# The text holds what a file of JSON writes otherwise: "ä"
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.pool = nn.MaxPool2d(2)

    def forward(self, x):
        return self.pool(self.conv(x))
"""
CELLS = (
    ("markdown", "# A network"),
    "!pip install -q timm\n%matplotlib inline\nimport torch\nfrom torch import nn",
    FIRST,
    SECOND,
    "display(Net())\nNet?",
)
SPEC = "input: [3, 8, 8]\nrules:\n  max-pool: forbidden\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "spec.yaml").write_text(SPEC)
    write_notebook(tmp_path / "net.ipynb", *CELLS)
    return tmp_path


def verify(folder: Path, style: str, code: int = 1, file: str = "net.ipynb") -> str:
    words = ("verify", file, "--spec", "spec.yaml", "--output-format", style)
    return output_of(folder, *words, code=code)


def test_people_are_told_the_cell_and_its_line(folder: Path) -> None:
    full = verify(folder, "full")
    assert "┌─ net.ipynb:cell 4:7" in full
    assert "7 │     self.pool = nn.MaxPool2d(2)" in full
    assert "Net is defined 2 times (cell 3:1, cell 4:3); the last one counts" in full
    assert verify(folder, "concise").startswith("net.ipynb:cell 4:7:21: max-pool ")
    assert "net.ipynb\\:cell 4\\:7" in verify(folder, "markdown")
    rows = output_of(folder, "inspect", "net.ipynb", "--input", "3,8,8").splitlines()
    assert next(row for row in rows if "MaxPool2d" in row).endswith("  cell 4:7")


@pytest.mark.parametrize(("split", "indent"), [(True, 1), (False, 1), (False, None)])
def test_programs_are_told_the_line_of_the_file(
    folder: Path, split: bool, indent: int | None
) -> None:
    file = write_notebook(folder / "net.ipynb", *CELLS, split=split, indent=indent)
    (finding,) = json.loads(verify(folder, "json"))["rules"]
    (place,) = finding["locations"]
    text = file.read_text().splitlines()
    assert "nn.MaxPool2d(2)" in text[place["line"] - 1]
    assert (place["cell"], place["cell_line"], place["column"]) == (4, 7, 21)
    result = json.loads(verify(folder, "sarif"))["runs"][0]["results"][0]
    region = result["locations"][0]["physicalLocation"]["region"]
    stretch = text[region["startLine"] - 1][region["startColumn"] - 1 : region["endColumn"] - 1]
    assert (region["startLine"], stretch) == (region["endLine"], "nn.MaxPool2d(2)")


def test_a_mistake_and_an_exception_name_the_cell(folder: Path) -> None:
    write_notebook(folder / "net.ipynb", *CELLS, "x = = 1")
    assert "net.ipynb:cell 6:1" in verify(folder, "full")
    write_notebook(folder / "net.ipynb", *CELLS[:4], "Net.forward = lambda self, x: x @ x.T[:1]")
    assert "net.ipynb:cell 5:1" in verify(folder, "full")


def test_the_network_of_a_notebook_is_named_as_in_a_script(folder: Path) -> None:
    write_notebook(folder / "net.ipynb", *CELLS, FIRST.replace("Net", "Other"))
    assert "name one: net.ipynb:Net, net.ipynb:Other" in verify(folder, "full")
    verify(folder, "full", code=0, file="net.ipynb:Other")


def test_a_notebook_is_mapped_to_a_spec(folder: Path) -> None:
    (folder / "pyproject.toml").write_text('[tool.archcheck.networks]\n"*.ipynb" = "./spec.yaml"\n')
    assert "net.ipynb:cell 4:7" in output_of(folder, "check", code=1)
    write_notebook(folder / "net.ipynb", *CELLS, FIRST)
    output_of(folder, "check", "net.ipynb", code=0)


def test_the_hooks_are_told_of_notebooks() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert all(re.search(hook["files"], "models/net.ipynb") for hook in hooks)


@pytest.mark.parametrize(
    ("text", "reason"), [("{}", "it has no cells"), ("", "an empty file"), ("{'a'", "no JSON")]
)
def test_a_broken_notebook_is_a_failed_result(folder: Path, text: str, reason: str) -> None:
    (folder / "net.ipynb").write_text(text)
    first, *others = json.loads(verify(folder, "json"))["rules"]
    assert (first["rule"], first["status"]) == ("imports", "failed")
    assert reason in first["message"]
    assert [rule["status"] for rule in others] == ["not-verified"]


PIPELINES = """\
import albumentations as A
train = A.Compose([A.HorizontalFlip(p=0.5), A.Normalize()])
other = A.Compose([A.VerticalFlip(p=0.5), A.Normalize()])
"""


def test_the_pipeline_of_a_network_may_be_in_a_notebook(folder: Path) -> None:
    (folder / "net.py").write_text(f"from torch import nn\n{FIRST}")
    (folder / "spec.yaml").write_text(
        "input: [3, 8, 8]\nrules:\n  augmentation: {transforms: [HorizontalFlip]}\n"
    )
    write_notebook(folder / "train.ipynb", "!pip install albumentations", PIPELINES)
    words = ("verify", "net.py", "--spec", "spec.yaml", "--augmentation")
    said = output_of(folder, *words, "train.ipynb:train")
    assert "train (train.ipynb:cell 2:2)" in said
    output_of(folder, *words, "train.ipynb:other", code=1)
    write_notebook(folder / "train.ipynb", "%run other.py", PIPELINES)
    said = output_of(folder, *words, "train.ipynb", code=1)
    assert "it is not known which pipeline trains the network" in said
    assert "one that is not seen may hold it" in " ".join(said.split())
