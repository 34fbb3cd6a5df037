"""Points: what a network earns of what a spec gives."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from fractions import Fraction

Number = int | float


@dataclass(frozen=True)
class Points:
    """Points earned of those possible; bonus points are extra and no part of either."""

    earned: Number = 0
    possible: Number = 0
    bonus: Number = 0
    bonus_possible: Number = 0

    def __bool__(self) -> bool:
        """Whether there is anything to earn."""
        return bool(self.possible or self.bonus_possible)

    @property
    def total(self) -> Number:
        """Points and bonus points together."""
        return exact_sum([self.earned, self.bonus])

    def as_dict(self) -> dict[str, Number]:
        """As data: ``earned`` of ``possible``, and ``bonus`` of ``bonus_possible`` extra."""
        return asdict(self)

    def __str__(self) -> str:
        """``38 of 50 points, 200 bonus points``; a bonus that was missed is ``0 of 200``."""
        parts = []
        if self.possible:
            parts.append(f"{self.earned:,} of {self.possible:,} points")
        if self.bonus_possible:
            of = "" if self.bonus == self.bonus_possible else f" of {self.bonus_possible:,}"
            parts.append(f"{self.bonus:,}{of} bonus points")
        return ", ".join(parts)


def exact_sum(numbers: Iterable[Number]) -> Number:
    """The sum as on paper: ten times 0.1 are 1."""
    total = sum((Fraction(repr(number)) for number in numbers), Fraction(0))
    return int(total) if total.denominator == 1 else float(total)


def added(points: Iterable[Points]) -> Points:
    """All points together."""
    every = list(points)
    return Points(
        earned=exact_sum(p.earned for p in every),
        possible=exact_sum(p.possible for p in every),
        bonus=exact_sum(p.bonus for p in every),
        bonus_possible=exact_sum(p.bonus_possible for p in every),
    )
