"""Small submissions and specs that the tests of the pytest plugin grade."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

# pytester takes back what is imported in a run, and some libraries cannot be imported twice.
import archcheck.pytest_plugin.fixture
import archcheck.pytest_plugin.plugin  # noqa: F401
from archcheck.rules import all_rules

all_rules()  # a rule's options are built when they are first read, from the names in its module

SPEC = """\
input: [3, 8, 8]
rules:
  parameters: {at_most: 200, points: 5}
  receptive-field: {more_than: 4, points: 10}
  layers:
    - {kind: conv2d, at_least: 1, points: 2.5}
    - {kind: linear, at_least: 1, points: 1, severity: warning}
  max-pool: {exactly: 0, bonus: 3}
  depthwise: {at_least: 1, bonus: 4}
"""
RULES = [
    "runs",
    "parameters",
    "receptive-field",
    "layers",
    "layers[2]",
    "max-pool",
    "depthwise",
]
"""The items of a submission under this spec."""

GOOD = "from torch import nn\n\nNet = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 2, 3))\n"
"""Earns 17.5 of 18.5 points and 3 of 7 bonus points."""
BAD = "from torch import nn\n\nNet = nn.Sequential(nn.Conv2d(3, 4, 3))\n"
"""Earns 7.5 of 18.5 points and 3 of 7 bonus points: its field is 3 × 3."""
WRONG = (
    "from torch import nn\n\nprint('some words')\n"
    "Net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(5, 4, 3))\n"
)
"""Cannot be run: earns nothing."""
NOT_HERE = "import sys\n\nassert 'pytest' not in sys.modules, 'imported by pytest'\n"
"""The beginning of a submission that notices when pytest's own process imports it."""

QUIET = ("-p", "no:hypothesispytest", "-p", "no:benchmark")
"""Plugins of this project's environment that have nothing to say here."""


def write(folder: Path, **texts: str) -> None:
    """Write files; two underscores in a name are a slash, the ending is .py without another."""
    for name, text in texts.items():
        path = folder / (name.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def summary(result: pytest.RunResult) -> dict[str, str]:
    """The lines of archcheck's own part of pytest's summary, by submission."""
    lines = [re.sub("\x1b\\[[0-9;]*m", "", line) for line in result.outlines]
    heads = [at for at, line in enumerate(lines) if re.fullmatch("=+ archcheck =+", line)]
    if not heads:
        return {}
    found = {}
    for line in lines[heads[0] + 1 :]:
        if line.startswith("="):
            break
        name, _, said = line.partition("   ")
        found[name] = said.strip()
    return found


def clean(result: pytest.RunResult) -> str:
    """What a run said, once it is sure that archcheck's insides do not show."""
    text = str(result.stdout) + str(result.stderr)
    for word in ("Traceback", "INTERNALERROR", "pytest_plugin", "archcheck itself failed"):
        assert word not in text, text
    return text
