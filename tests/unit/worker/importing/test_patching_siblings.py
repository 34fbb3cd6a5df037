"""Functions of the author's other files that change libraries when a line calls them."""

from __future__ import annotations

from pathlib import Path

import pytest

from archcheck.worker.failures import ImportFailure
from archcheck.worker.loading import loaded
from archcheck.worker.reference import parse_reference

FILE = """\
import torch
from torch import nn
from tools import setup

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x):
        return self.conv(x)

setup()
Net()(torch.zeros(1, 3, 8, 8)).mean().backward()
"""
PATCHES = {
    "a default": "torch.set_default_dtype(torch.float64)",
    "a method of a layer": "torch.nn.Conv2d.forward = print",
    "a layer": "torch.nn.Conv2d = torch.nn.ConvTranspose2d",
}


@pytest.mark.parametrize("body", PATCHES.values(), ids=PATCHES)
def test_a_function_of_another_file_that_changes_torch_is_not_passed_over(
    body: str, tmp_path: Path
) -> None:
    (tmp_path / "tools.py").write_text(f"import torch\ndef setup():\n    {body}\n")
    file = tmp_path / "net.py"
    file.write_text(FILE)
    with (
        pytest.raises(ImportFailure, match="line 13 may change anything"),
        loaded(parse_reference(str(file)), {}),
    ):
        pass


HARMLESS = {
    "a seed": "torch.manual_seed(3)",
    "the machine": "torch.backends.cudnn.benchmark = True",
    "where it prints": "import sys\n    sys.stdout = sys.stderr\n    sys.stdout = sys.__stdout__",
    "attributes of its own": "setattr(setup, 'name', 3)\n    setup.size = 3",
}


@pytest.mark.parametrize("body", HARMLESS.values(), ids=HARMLESS)
def test_a_function_of_another_file_that_leaves_torch_alone_is_passed_over(
    body: str, tmp_path: Path
) -> None:
    (tmp_path / "tools.py").write_text(f"import torch\ndef setup():\n    {body}\n")
    file = tmp_path / "net.py"
    file.write_text(FILE)
    with loaded(parse_reference(str(file)), {}) as found:
        assert found.name == "Net"
