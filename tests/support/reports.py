"""A report with a finding of every kind, and the report on a network that cannot be run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import archcheck
from archcheck.network import Network, Place
from archcheck.reporters.formats import render
from archcheck.rules import Location
from archcheck.spec import Failure, Report, check, failed_to_run, spec_from
from tests.support.readers import READERS

SOURCE = """\
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.größe = nn.Conv2d(3, 4, 3); self.pool = nn.MaxPool2d(2)

    def forward(self, x):
        return self.pool(self.größe(x))
"""
RULES: dict[str, Any] = {
    "parameters": {"at_most": 5, "points": 10},
    "macs": {"at_most": 5, "severity": "warning"},
    "max-pool": {"exactly": 0, "bonus": 2.5, "message": "pools: 100% out, please"},
    "receptive-field": [
        {"at_least": 1, "at": "nowhere", "points": 5},
        {"at_least": 1, "at": "nowhere", "when_unverified": "warn"},
        {"at_least": 5, "points": 20},
    ],
    "dilated": {"at_least": 1},
}


def traced(file: Path | str) -> Network:
    names: dict[str, Any] = {"__name__": "net"}
    exec(compile(SOURCE, str(file), "exec"), names)
    return archcheck.trace(names["Net"](), (3, 8, 8))


def report_on(folder: Path, name: str = "net.py") -> Report:
    file = folder / name
    file.write_text(SOURCE, encoding="utf-8")
    return check(traced(file), spec_from({"title": "own", "rules": RULES}), file=str(file))


def broken(folder: Path) -> Report:
    file = folder / "net.py"
    file.write_text(SOURCE, encoding="utf-8")
    failure = Failure("runs", "forward raised: no", (Location(Place(str(file), 9), "pool"),), "why")
    spec = spec_from({"rules": RULES})
    return failed_to_run(failure, spec, name="Net", file=str(file), output="::error::\x1b[31m")


def read(output_format: str, reports: Sequence[Report]) -> Any:
    return READERS[output_format](render(output_format, reports))
