"""What archcheck's lint says of published networks, as data that is kept, and why it is true."""

from __future__ import annotations

from datetime import UTC, datetime
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any, Literal

import msgspec
import yaml

from benchmarks.kept import save

KEPT = Path(__file__).with_name("known_good.json")
"""The run that docs/lint.md shows."""
TRUE = Path(__file__).with_name("known_good.yaml")
"""Why errors and warnings are true: by rule, then by the pattern of the networks' names."""

Level = Literal["error", "warning", "cannot tell"]


class Said(msgspec.Struct, frozen=True):
    """What a rule says at one line of a network's code.

    Attributes:
        file: where the line is, from the library's folder on; empty without a line.
        message: the finding's, of one layer where the line stands for several.
    """

    rule: str
    level: Level
    file: str
    line: int
    message: str


class Good(msgspec.Struct, frozen=True):
    """A published network, and what is said of it at its own input size.

    ``raised`` is why it was not linted.
    """

    library: str
    name: str
    shape: tuple[int, ...] = ()
    said: tuple[Said, ...] = ()
    seconds: float = 0.0
    raised: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """Names are only unique in a library."""
        return self.library, self.name

    @property
    def faults(self) -> list[tuple[Said, str]]:
        """Its errors and warnings, each with the reason why it is true; empty if there is none."""
        known = reasons()
        return [
            (said, _matching(known.get(said.rule, {}), self.name))
            for said in self.said
            if said.level != "cannot tell"
        ]


class GoodRun(msgspec.Struct, frozen=True):
    """A run over all networks."""

    date: str
    versions: dict[str, str]
    networks: tuple[Good, ...]

    def save(self, file: Path) -> None:
        """Write it as JSON, a network a line."""
        save(self, "networks", file)


def load(file: Path = KEPT) -> GoodRun:
    """Read what :meth:`GoodRun.save` wrote."""
    return msgspec.json.decode(file.read_bytes(), type=GoodRun)


def today(versions: dict[str, str], networks: tuple[Good, ...]) -> GoodRun:
    """A run of today."""
    return GoodRun(datetime.now(UTC).date().isoformat(), versions, networks)


def _matching(patterns: dict[str, str], name: str) -> str:
    return next((why for pattern, why in patterns.items() if fnmatch(name, pattern)), "")


@cache
def reasons() -> dict[str, dict[str, str]]:
    """What ``TRUE`` holds."""
    table: Any = yaml.safe_load(TRUE.read_text(encoding="utf-8"))
    return msgspec.convert(table, dict[str, dict[str, str]])
