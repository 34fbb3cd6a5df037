"""Commands of notebooks that the network of a notebook may depend on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from archcheck.worker.failures import ImportFailure
from archcheck.worker.loading import loaded
from archcheck.worker.reference import parse_reference
from tests.support.notebooks import write_notebook

READS = """\
import os
import torch
from torch import nn
width = int(os.environ.get("NET_WIDTH", 8))
"""
NET = """\
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)
    def forward(self, x):
        return self.conv(x)
"""
SETS = ["%env NET_WIDTH=3", "%env NET_WIDTH 3", "%set_env NET_WIDTH=3"]
TRAINS = "Net()(torch.zeros(1, 3, 8, 8)).mean().backward()"


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", os.environ.copy())


@pytest.mark.parametrize("command", SETS)
@pytest.mark.parametrize("last", ["print(3)", TRAINS], ids=["plain", "trains"])
def test_a_variable_that_a_notebook_sets_is_read_by_its_network(
    command: str, last: str, tmp_path: Path
) -> None:
    file = write_notebook(tmp_path / "net.ipynb", command, READS, NET, last)
    with loaded(parse_reference(str(file)), {}) as found:
        assert found.model.conv.out_channels == 3  # type: ignore[union-attr]


@pytest.mark.parametrize("command", ["%env NET_WIDTH", "%env"])
def test_a_variable_that_a_notebook_shows_is_not_set(command: str, tmp_path: Path) -> None:
    file = write_notebook(tmp_path / "net.ipynb", command, READS, NET)
    with loaded(parse_reference(str(file)), {}) as found:
        assert found.model.conv.out_channels == 8  # type: ignore[union-attr]


def test_a_variable_that_is_set_to_what_is_not_known_is_not_passed_over(tmp_path: Path) -> None:
    file = write_notebook(tmp_path / "net.ipynb", "%env NET_WIDTH=$other", READS, NET)
    with (
        pytest.raises(ImportFailure, match=r"what `%env NET_WIDTH=\$other` sets is not known"),
        loaded(parse_reference(str(file)), {}),
    ):
        pass


USES = "from torch import nn\nfrom widths import width"
WRITE = {
    "sed": "!sed -i 's/8/3/' widths.py",
    "echo": "!echo 'width = 3' > widths.py",
    "echo more": "!echo 'width = 3' >> ./widths.py",
    "a copy": "!cp other/widths.py .",
    "a cell": "%%bash\nls\necho 'width = 3' > widths.py",
}


@pytest.mark.parametrize("command", WRITE.values(), ids=WRITE)
def test_a_command_that_writes_a_module_of_the_network_is_not_passed_over(
    command: str, tmp_path: Path
) -> None:
    (tmp_path / "widths.py").write_text("width = 8\n", encoding="utf-8")
    file = write_notebook(tmp_path / "net.ipynb", command, USES, NET)
    with pytest.raises(ImportFailure, match="is not known"), loaded(parse_reference(str(file)), {}):
        pass


READ = ["!cat widths.py", "!python widths.py", "!echo 3 > other.py", "%%bash\nls > list.txt"]


@pytest.mark.parametrize("command", READ)
def test_a_command_that_leaves_the_modules_alone_is_passed_over(
    command: str, tmp_path: Path
) -> None:
    (tmp_path / "widths.py").write_text("width = 8\n", encoding="utf-8")
    file = write_notebook(tmp_path / "net.ipynb", command, USES, NET)
    with loaded(parse_reference(str(file)), {}) as found:
        assert found.model.conv.out_channels == 8  # type: ignore[union-attr]
