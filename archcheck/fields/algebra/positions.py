"""Sets of input positions on one axis."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from archcheck.phrases import some_of

MOST_RUNS = 12
"""The most stretches of a set that its short form names."""


class Positions(msgspec.Struct, frozen=True, gc=False):
    """A finite set of whole numbers, kept as its lowest member and a bit for each one from there.

    A union is one ``|`` and a shift changes one number, whatever the set's size. That makes the
    exact set, holes included, as cheap to carry through a network as its two ends. The lowest bit
    is always set, so that equal sets are equal objects; the empty set is ``EMPTY``.
    """

    low: int
    bits: int

    @staticmethod
    def of_bits(low: int, bits: int) -> Positions:
        """The set whose members are those of the bits from ``low`` on that are set."""
        if not bits:
            return EMPTY
        zeros = (bits & -bits).bit_length() - 1
        return Positions(low + zeros, bits >> zeros)

    @staticmethod
    def of(members: Iterable[int]) -> Positions:
        """The set of the given members."""
        distinct = set(members)
        if not distinct:
            return EMPTY
        low = min(distinct)
        return Positions(low, sum(1 << (member - low) for member in distinct))

    @property
    def high(self) -> int:
        """The highest member."""
        return self.low + self.bits.bit_length() - 1

    @property
    def size(self) -> int:
        """The side of the hull: highest minus lowest plus one, 0 for the empty set."""
        return self.bits.bit_length()

    @property
    def count(self) -> int:
        """How many members there are."""
        return self.bits.bit_count()

    @property
    def hull(self) -> tuple[int, int] | None:
        """The lowest and the highest member, None for the empty set."""
        return (self.low, self.high) if self.bits else None

    def members(self) -> tuple[int, ...]:
        """The members in order."""
        digits = reversed(f"{self.bits:b}") if self.bits else ()
        return tuple(self.low + i for i, digit in enumerate(digits) if digit == "1")

    def runs(self) -> tuple[tuple[int, int], ...]:
        """The longest stretches without a gap, in order: first and last member of each."""
        stretches: list[tuple[int, int]] = []
        low, bits = self.low, self.bits
        while bits:
            length = (~bits & (bits + 1)).bit_length() - 1
            stretches.append((low, low + length - 1))
            bits >>= length
            if bits:
                zeros = (bits & -bits).bit_length() - 1
                low, bits = low + length + zeros, bits >> zeros
        return tuple(stretches)

    def within(self, side: int) -> Positions:
        """The members that lie on an axis of ``side`` positions."""
        return self & Positions.of_bits(0, (1 << side) - 1)

    def __bool__(self) -> bool:
        return self.bits != 0

    def __or__(self, other: Positions) -> Positions:
        if not self.bits or self is other:
            return other
        if not other.bits:
            return self
        if self.low <= other.low:
            return Positions(self.low, self.bits | other.bits << (other.low - self.low))
        return Positions(other.low, other.bits | self.bits << (self.low - other.low))

    def __and__(self, other: Positions) -> Positions:
        low = max(self.low, other.low)
        return Positions.of_bits(
            low, self.bits >> (low - self.low) & other.bits >> (low - other.low)
        )

    def __sub__(self, other: Positions) -> Positions:
        low = min(self.low, other.low)
        kept = self.bits << (self.low - low) & ~(other.bits << (other.low - low))
        return Positions.of_bits(low, kept)

    def __add__(self, shift: int) -> Positions:
        return Positions(self.low + shift, self.bits) if self.bits and shift else self

    def __repr__(self) -> str:
        runs = [f"{low}" if low == high else f"{low} to {high}" for low, high in self.runs()]
        return f"<Positions {some_of(runs, MOST_RUNS) or 'none'}>"


EMPTY = Positions(0, 0)
