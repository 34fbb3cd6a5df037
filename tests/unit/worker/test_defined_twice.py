"""Names that a file defines more than once: which definition counts, and where it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from archcheck.worker.building import Loaded
from archcheck.worker.loading import loaded
from archcheck.worker.reference import parse_reference

NET = """
class Net(nn.Conv2d):
    def __init__(self):
        super().__init__(3, {width}, 3)
"""


def load(folder: Path, source: str) -> Loaded:
    file = folder / "net.py"
    file.write_text(f"from torch import nn\n{source}", "utf-8")
    with loaded(parse_reference(f"{file}:Net"), {}) as found:
        return found


def net(width: int, inside: str = "") -> str:
    text = NET.format(width=width)
    return f"{inside}\n" + text.replace("\n", "\n    ") if inside else text


def width(found: Loaded) -> int:
    return next(found.model.parameters()).shape[0]


CASES = {
    "one after the other": (net(4) + net(5), 5, 7, "(lines 3, 7); the last one counts"),
    "the second under a condition that holds": (
        net(4) + net(5, "if True:"),
        5,
        8,
        "(lines 3, 8); the last one counts",
    ),
    "the second under a condition that does not": (
        net(4) + net(5, "if False:"),
        4,
        3,
        "(lines 3, 8); the one in line 3 counts",
    ),
    "where an import fails": (
        net(4, "try:\n    import no_such_module") + net(5, "\nexcept ImportError:"),
        5,
        11,
        "(lines 5, 11); the last one counts",
    ),
    "where none fails": (
        net(4, "try:\n    import json") + net(5, "\nexcept ImportError:"),
        4,
        5,
        "(lines 5, 11); the one in line 5 counts",
    ),
    "a function of the same name": (
        "\ndef Net():\n    pass\n" + net(4),
        4,
        6,
        "(lines 3, 6); the last one counts",
    ),
}


@pytest.mark.parametrize(("source", "size", "line", "note"), CASES.values(), ids=CASES)
def test_the_definition_that_counts_is_told(
    tmp_path: Path, source: str, size: int, line: int, note: str
) -> None:
    found = load(tmp_path, source)
    assert width(found) == size
    assert found.source is not None
    assert found.source.line == line
    (told,) = found.notes
    assert told.text == f"Net is defined 2 times {note}"
    assert told.place is not None
    assert told.place.line == line


def test_a_method_that_is_defined_twice_is_told(tmp_path: Path) -> None:
    twice = "    def forward(self, x):\n        return x\n" * 2
    found = load(tmp_path, net(4) + twice)
    assert [note.text for note in found.notes] == [
        "Net.forward is defined 2 times (lines 6, 8); the last one counts"
    ]


def test_a_property_and_its_setter_are_one(tmp_path: Path) -> None:
    parts = (
        "    @property\n    def size(self): pass\n    @size.setter\n    def size(self, x): pass\n"
    )
    assert not load(tmp_path, net(4) + parts).notes


def test_a_class_of_the_same_name_inside_of_another_is_another(tmp_path: Path) -> None:
    found = load(tmp_path, "class Outer:\n" + net(4).replace("\n", "\n    ") + "\n" + net(5))
    assert not found.notes
    assert found.source is not None
    assert (width(found), found.source.line) == (5, 9)
