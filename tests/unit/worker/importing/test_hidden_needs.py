"""Missing modules that a network needs although no stand-in for them is used."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from archcheck.worker.failures import NetworkError
from archcheck.worker.loading import loaded
from archcheck.worker.reference import parse_reference

HEAD = """\
import absent_plans
from absent_plans import mode
from torchvision import transforms
import torchmetrics
from torch import nn

plan = [4]
plans = {"a": [4]}
"""
CLASS = """
class Net(nn.Module):
    def __init__(self{argument}):
        super().__init__()
        self.conv = nn.Conv2d(3, {width}, 3)

    def forward(self, x):
        return self.conv(x)
"""


def out_channels(folder: Path, rest: str = "", width: str = "plan[0]", argument: str = "") -> int:
    file = folder / "net.py"
    text = HEAD + dedent(rest) + CLASS.format(width=width, argument=argument)
    file.write_text(text, encoding="utf-8")
    with loaded(parse_reference(str(file)), {}) as found:
        return int(found.model.conv.out_channels)  # type: ignore[union-attr, arg-type]


DECIDE = {
    "is None": "4 if mode is None else 6",
    "is not None": "4 if absent_plans.mode is not None else 6",
    "None is": "4 if None is mode else 6",
    "its class": "4 if isinstance(mode, int) else 6",
    "its type": "4 if type(absent_plans.width) is int else 6",
    "an attribute that may be there": "4 if hasattr(absent_plans, 'deep') else 6",
    "an attribute with a default": "getattr(absent_plans, 'width', 4) and 4",
    "whether it can be called": "4 if callable(mode) else 6",
}


@pytest.mark.parametrize("width", DECIDE.values(), ids=DECIDE)
def test_what_is_asked_of_a_missing_module_is_needed(width: str, tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match="absent_plans"):
        out_channels(tmp_path, width=width)


def test_a_default_from_a_missing_module_is_needed(tmp_path: Path) -> None:
    width = "4 if width is None else 6"
    with pytest.raises(NetworkError, match="absent_plans"):
        out_channels(tmp_path, width=width, argument=", width=absent_plans.width")


def test_a_default_of_a_function_that_the_network_uses_is_needed(tmp_path: Path) -> None:
    rest = "def size(of=mode):\n    return 4 if of is None else 6\n"
    with pytest.raises(NetworkError, match="absent_plans"):
        out_channels(tmp_path, rest, "size()")


CHANGED = {
    "a list": "absent_plans.grow(plan)",
    "a list by name": "absent_plans.grow(what=plan)",
    "a list beside a result": "grown = absent_plans.grow(plan)",
    "a list of lists": "absent_plans.grow(plans)",
}


@pytest.mark.parametrize("rest", CHANGED.values(), ids=CHANGED)
def test_what_a_missing_module_may_change_of_the_network_needs_it(
    rest: str, tmp_path: Path
) -> None:
    with pytest.raises(NetworkError, match="absent_plans"):
        out_channels(tmp_path, f"{rest}\n", "plans['a'][0] + plan[0]")


HARMLESS = {
    "a list of its own": "absent_plans.grow([3, 4])",
    "another list": "names = ['a']\nabsent_plans.grow(names)",
    "a number": "absent_plans.grow(plan[0])",
    "a function that is not called": "def show(x=mode):\n    return x is None",
    "a pipeline": "pipeline = transforms.Compose([transforms.ToTensor()])",
    "a network": "data = absent_plans.Data(root='.')\nloader = absent_plans.Loader(data, 4)",
    "a metric": "score = torchmetrics.Accuracy(plan)",
}


@pytest.mark.parametrize("rest", HARMLESS.values(), ids=HARMLESS)
def test_what_a_network_does_without_is_not_needed(rest: str, tmp_path: Path) -> None:
    assert out_channels(tmp_path, f"{rest}\n") == 4


def test_a_metric_as_a_default_is_not_needed(tmp_path: Path) -> None:
    assert out_channels(tmp_path, argument=", score=torchmetrics.Accuracy") == 4
