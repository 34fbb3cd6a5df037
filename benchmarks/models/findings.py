"""What was found of the models, as data that is kept."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

import msgspec

from benchmarks.kept import save

KEPT = Path(__file__).with_name("found.json")
"""The run that docs/models.md shows."""
LARGEST = 40_000_000
"""Parameters of the largest model whose gradients are measured."""
NOT_KNOWN = "not known"

REASONS = {
    ("*_fpn*", "published parameters"): "built with weights, the backbone's batch norms are frozen "
    "and have no parameters",
    ("*rcnn*", "published GMACs"): "the work behind the proposals goes with how many there are",
    ("*rcnn*", "MACs"): "the work behind the proposals goes with how many there are",
    (
        "gcn",
        "MACs",
    ): "edges from a node to itself are left out by a mask; the work behind it may go with "
    "how many there are",
    ("sequencer*", "MACs"): "torch's counter sees no LSTM that runs in one kernel",
}
"""Why a quantity of the models of a pattern differs, though archcheck is right."""


class Published(msgspec.Struct, frozen=True):
    """What archcheck says at the input that a library's table is for, and what the table says.

    MACs are in billions, to three decimals, as they are there.
    """

    side: int
    parameters: int
    published_parameters: int
    macs: float | None
    published_macs: float


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What archcheck says of one model, and what else says.

    ``counted`` are the multiply-accumulates by torch's counter; ``features`` is empty where the
    field there is known, else the reason; ``units`` were compared with gradients, ``differing``
    are those that were not equal, ``untried`` says why maps were not compared; ``raised`` is what
    archcheck raised, or the model.
    """

    library: str
    family: str
    name: str
    parameters: int = 0
    own_parameters: int = 0
    macs: int | None = None
    counted: int = 0
    published: tuple[Published, ...] = ()
    features: str = ""
    units: int = 0
    differing: tuple[str, ...] = ()
    untried: tuple[str, ...] = ()
    seconds: float = 0.0
    raised: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """Names are only unique in a library."""
        return self.library, self.name

    def differences(self) -> list[Difference]:
        """All in which archcheck and the others do not agree."""
        if self.raised:
            return [self._difference("run", self.raised, "")]
        pairs: list[tuple[str, object, object]] = [
            ("parameters", self.parameters, self.own_parameters),
            ("MACs", self.macs, self.counted),
        ]
        for row in self.published:
            at = f"at {row.side}×{row.side}"
            pairs += [
                (f"published parameters {at}", row.parameters, row.published_parameters),
                (f"published GMACs {at}", row.macs, row.published_macs),
            ]
        pairs += [("units", unit, "its gradient") for unit in self.differing]
        return [self._difference(*pair) for pair in pairs if pair[1] != pair[2]]

    def _difference(self, quantity: str, said: object, truth: object) -> Difference:
        return Difference(self.library, self.name, quantity, _figure(said), _figure(truth))


class Difference(NamedTuple):
    """Where archcheck and something else do not agree."""

    library: str
    name: str
    quantity: str
    said: str
    truth: str

    @property
    def reason(self) -> str:
        """Why, or nothing where that is not known: then archcheck may be wrong."""
        for (name, quantity), why in REASONS.items():
            if fnmatch(self.name, name) and self.quantity.startswith(quantity):
                return why
        return ""


class Run(msgspec.Struct, frozen=True):
    """A whole run: all models, the day and the versions."""

    date: str
    versions: dict[str, str]
    models: tuple[Found, ...]

    def save(self, file: Path) -> None:
        """Write it as JSON, a model a line."""
        save(self, "models", file)


def load(file: Path) -> Run:
    """Read what :meth:`Run.save` wrote."""
    return msgspec.json.decode(file.read_bytes(), type=Run)


def today(versions: dict[str, str], models: Iterable[Found]) -> Run:
    """A run of today."""
    return Run(datetime.now(UTC).date().isoformat(), versions, tuple(models))


def _figure(value: object) -> str:
    if value is None:
        return NOT_KNOWN
    return f"{value:,}" if isinstance(value, (int, float)) else str(value)
