"""The forward passes that a lint compares, and the sources of what ran in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from archcheck.network import Cell, Network, Place, Remark

SEVERAL = 3
"""The batch of the pass of several samples."""


@dataclass(frozen=True)
class NotRun:
    """Why there is no pass: forward raised, say. ``named`` is whether the reason names the line."""

    reason: str
    place: Place | None = None
    named: bool = False


NO_BATCH = NotRun("the inputs have no batch")


@dataclass(frozen=True)
class Passes:
    """A network in evaluation, with one sample and with ``SEVERAL``, and in training.

    ``sources`` are the texts of the author's files, by name; the lines of a notebook are counted
    through its code cells, and ``cells`` says where each of them is.
    """

    single: Network | NotRun
    several: Network | NotRun
    training: Network | NotRun
    sources: Mapping[str, str] = field(default_factory=dict)
    cells: Mapping[str, tuple[Cell | None, ...]] = field(default_factory=dict)

    @property
    def networks(self) -> tuple[Network, ...]:
        """Those that ran."""
        found = (self.single, self.several, self.training)
        return tuple(each for each in found if isinstance(each, Network))

    @property
    def missing(self) -> tuple[Remark, ...]:
        """Why the lint goes without one of them."""
        named = {
            "with one sample": self.single,
            f"with {SEVERAL} samples": self.several,
            "in training": self.training,
        }
        return tuple(
            Remark(f"not linted {name}: {each.reason}", None if each.named else each.place)
            for name, each in named.items()
            if isinstance(each, NotRun) and each is not NO_BATCH
        )

    def place(self, file: str, line: int, column: int, end_column: int) -> Place:
        """A stretch of a line of one of the files."""
        cells = self.cells.get(file, ())
        cell = cells[line - 1] if line <= len(cells) else None
        return Place(file, line, column, line, end_column, cell)
