"""The results of a run of the benchmarks, as data that is kept."""

from __future__ import annotations

import json
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec

from benchmarks.ratios import Spread, spread
from benchmarks.tools import versions

KEPT = Path(__file__).with_name("results.json")
"""The run that `docs/benchmarks.md` shows."""


class Series(msgspec.Struct, frozen=True):
    """What one contestant took, a value a round: seconds, or bytes where memory is measured."""

    name: str
    ran: str
    values: tuple[float, ...]

    @property
    def spread(self) -> Spread:
        """The median and the quartiles."""
        return spread(self.values)


class Ratio(msgspec.Struct, frozen=True):
    """One contestant over another, round by round. `goal` is the largest good ratio, if any."""

    name: str
    over: str
    values: tuple[float, ...]
    goal: float | None = None

    @property
    def spread(self) -> Spread:
        """The median and the quartiles."""
        return spread(self.values)

    @property
    def met(self) -> bool:
        """Whether the median keeps to the goal."""
        return self.goal is None or self.spread.median <= self.goal


class Part(msgspec.Struct, frozen=True):
    """One kind of measurement; `failed` says which contestants have no figures, and why."""

    series: tuple[Series, ...] = ()
    ratios: tuple[Ratio, ...] = ()
    failed: dict[str, str] = {}

    def named(self, name: str) -> Series | None:
        """The series of that name."""
        return next((series for series in self.series if series.name == name), None)


class Answer(msgspec.Struct, frozen=True):
    """A tool's answer for one network: a size, or why it has none.

    `kind` is ``exact`` for a plain answer, ``bound`` where the tool says that the size may be
    too large, and ``gradients`` where it has no size but measures one unit's gradients.
    """

    size: int | None = None
    kind: Literal["exact", "bound", "gradients"] = "exact"
    why_not: str = ""


class Case(msgspec.Struct, frozen=True):
    """A network, the size of its receptive field by gradients, and what each tool answers."""

    name: str
    truth: int
    answers: dict[str, Answer]


class Results(msgspec.Struct, frozen=True):
    """A whole run: what was measured, where and when."""

    date: str
    machine: dict[str, str]
    versions: dict[str, str]
    rounds: int
    threads: int
    parts: dict[str, Part]
    cases: tuple[Case, ...] = ()

    def save(self, file: Path) -> None:
        """Write it as JSON."""
        data = json.loads(msgspec.json.encode(self))
        file.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def load(file: Path) -> Results:
    """Read what :meth:`Results.save` wrote."""
    return msgspec.json.decode(file.read_bytes(), type=Results)


def gathered(
    parts: dict[str, Part], cases: tuple[Case, ...], *, rounds: int, threads: int
) -> Results:
    """A run's results with the day, the machine and the versions."""
    return Results(
        date=datetime.now(UTC).date().isoformat(),
        machine=machine(),
        versions=versions(),
        rounds=rounds,
        threads=threads,
        parts=parts,
        cases=cases,
    )


def machine() -> dict[str, str]:
    """The processor, the number of cores, the system and Python."""
    import pyperf

    metadata = pyperf.Run([1.0], collect_metadata=True).get_metadata()
    return {
        "processor": str(metadata.get("cpu_model_name") or platform.machine()),
        "cores": str(metadata.get("cpu_count", "")),
        "system": platform.system(),
        "python": platform.python_version(),
    }
