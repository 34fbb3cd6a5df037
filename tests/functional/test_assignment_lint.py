"""What a lint finds in the networks of the assignment is what their README says."""

from __future__ import annotations

import re

import pytest

from tests.support.commands import output_of
from tests.support.paths import ROOT

pytestmark = pytest.mark.slow

FOLDER = ROOT / "examples" / "assignment7"
ROW = re.compile(r"^\| (net\d+\.py) \| (\d+) \| ([\w-]+) \|", re.MULTILINE)


def test_the_readme_lists_every_finding() -> None:
    said = ROW.findall((FOLDER / "README.md").read_text("utf-8"))
    nets = [str(file.relative_to(ROOT)) for file in sorted(FOLDER.glob("net*.py"))]
    words = ("lint", *nets, "--input", "3,32,32", "--output-format", "concise")
    found = []
    for line in output_of(ROOT, *words, errors=None).splitlines():
        place, rule, *_ = line.split(" ")
        file, number, _ = place.removesuffix(":").rsplit(":", 2)
        found.append((file.rpartition("/")[2], number, rule))
    assert len(nets) == 5
    assert found == said
