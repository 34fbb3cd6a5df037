"""What the author runs under the main guard, and an import does not."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent

import pytest

from archcheck.worker.failures import ImportFailure
from archcheck.worker.loading import loaded
from archcheck.worker.reference import Load, parse_reference

FILE = """
import argparse
import torch
from torch import nn

width = 4
settings = {"kernel": 3}
device = torch.device("cpu")
rate = 0.1

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, width, settings["kernel"]).to(device)

    def forward(self, x):
        return self.conv(x)

def main():
    global width
    width = 9
"""


def write(folder: Path, guarded: str) -> Path:
    file = folder / "net.py"
    body = indent(dedent(guarded).strip("\n"), "    ")
    file.write_text(f'{FILE}\nif __name__ == "__main__":\n{body}\n', encoding="utf-8")
    return file


def out_channels(file: Path, how: Load = "") -> int:
    with loaded(parse_reference(str(file), how), {}) as found:
        return int(found.model.conv.out_channels)  # type: ignore[union-attr, arg-type]


CHANGES = {
    "a number": ("width = 9", "line 24 changes width, which Net uses"),
    "a number in a condition": ("if True:\n    width = 9", "line 25 changes width"),
    "a function that sets a global": ("main()", "line 21 changes width"),
    "an element": ("settings['kernel'] = 1", "line 24 changes settings"),
    "a method": ("Net.forward = print", "line 24 changes Net,"),
    "a layer of torch": ("nn.Conv2d.forward = print", "line 24 changes nn"),
}


@pytest.mark.parametrize("load", ["", "definitions"])
@pytest.mark.parametrize(("guarded", "text"), CHANGES.values(), ids=CHANGES)
def test_what_the_main_guard_changes_of_a_network_is_not_verified(
    guarded: str, text: str, load: Load, tmp_path: Path
) -> None:
    with pytest.raises(ImportFailure) as caught:
        out_channels(write(tmp_path, guarded), load)
    failure = caught.value.failure()
    assert failure.cause == "unknown"
    assert failure.message.startswith(text)
    assert failure.place is not None


def test_a_file_that_is_loaded_plainly_on_demand_is_that_of_an_import(tmp_path: Path) -> None:
    assert out_channels(write(tmp_path, "width = 9"), "plain") == 4


HARMLESS = {
    "a run": "net = Net()\nprint(net(torch.zeros(1, 3, 8, 8)).shape)",
    "training": """
        net = Net()
        optimizer = torch.optim.SGD(net.parameters(), rate)
        for _ in range(2):
            net(torch.zeros(1, 3, 8, 8)).mean().backward()
            optimizer.step()
        """,
    "arguments for the training": """
        parser = argparse.ArgumentParser()
        parser.add_argument("--width", default=3)
        args = parser.parse_args()
        rate = args.width
        """,
    "a network by its name": "net = globals()['Net']()\nprint(eval('width'))",
    "a number that is the same": "width = 4",
    "a device": "device = torch.device('cuda')",
    "what is given to a function": "print(width, settings)\nsorted(settings)",
}


@pytest.mark.parametrize("load", ["", "definitions"])
@pytest.mark.parametrize("guarded", HARMLESS.values(), ids=HARMLESS)
def test_what_the_main_guard_leaves_alone_is_verified(
    guarded: str, load: Load, tmp_path: Path
) -> None:
    assert out_channels(write(tmp_path, guarded), load) == 4
