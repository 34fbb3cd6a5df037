"""Which indices of an axis each output index reads: windows, phases and borders.

Every operation that works along one axis is described by the same few numbers. Output index
``q * period + r`` reads the indices ``q * advance + t`` for every ``t`` of ``taps[r]``.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import ceil, floor, gcd

LARGEST_MARGIN = 256
"""The widest margin that is carried along."""
DROP, CLAMP, REFLECT, WRAP = "drop", "clamp", "reflect", "wrap"


@dataclass(frozen=True)
class AxisMap:
    """The indices that each output index reads, repeating every ``period`` outputs.

    ``border`` says what a tap outside of the real map reads: no position (zero padding), or the
    edge, the mirrored or the opposite one.
    """

    period: int
    advance: int
    taps: tuple[tuple[int, ...], ...]
    border: str = DROP

    @property
    def complete(self) -> bool:
        """Whether every output index reads at least one index."""
        return all(self.taps)

    @property
    def stays(self) -> bool:
        """Whether every output index reads just itself: a window of one position."""
        return self.taps == ((0,),) and self.advance == 1

    def reads(self, output: int) -> list[int]:
        """The indices that an output index reads on an axis without borders."""
        turn, phase = divmod(output, self.period)
        return [turn * self.advance + tap for tap in self.taps[phase]]

    def reads_within(self, output: int, size: int, margin: int = 0) -> list[int]:
        """The indices that an output index reads on a real axis of ``size`` positions.

        With a margin the axis is known that far beyond its borders, which then do not count, and
        indices count from the margin's beginning.
        """
        if margin:
            return [i + margin for i in self.reads(output) if -margin <= i < size + margin]
        indices = []
        for index in self.reads(output):
            if 0 <= index < size:
                indices.append(index)
            elif self.border == CLAMP:
                indices.append(0 if index < 0 else size - 1)
            elif self.border == WRAP:
                indices.append(index % size)
            elif self.border == REFLECT and size > 1:
                folded = index % (2 * size - 2)
                indices.append(folded if folded < size else 2 * size - 2 - folded)
        return indices

    def margin_left(self, size: int, margin: int, output: int) -> int:
        """How far beyond ``output`` real positions outputs read only what lies within a margin."""
        most = min(margin * self.period // max(1, abs(self.advance)), LARGEST_MARGIN)
        for left in range(most if margin else 0, 0, -1):
            edges = [*range(-left, self.period - left)]
            edges += [output - 1 - edge for edge in edges]
            if all(-margin <= i < size + margin for edge in edges for i in self.reads(edge)):
                return left
        return 0


@lru_cache(maxsize=4096)
def window(kernel: int, stride: int, dilation: int, before: int, border: str = DROP) -> AxisMap:
    """A convolution's or pool's window with ``before`` positions of padding in front."""
    return window_of(tuple(range(kernel)), stride, dilation, before, border)


def window_of(
    taps: tuple[int, ...], stride: int, dilation: int, before: int, border: str = DROP
) -> AxisMap:
    """A window of which only some taps are read."""
    return AxisMap(1, stride, (tuple(tap * dilation - before for tap in taps),), border)


@lru_cache(maxsize=4096)
def transposed_window(kernel: int, stride: int, dilation: int, padding: int) -> AxisMap:
    """A transposed convolution: output o reads input i where o = i * stride - padding + tap * d."""
    return transposed_window_of(tuple(range(kernel)), stride, dilation, padding)


def transposed_window_of(
    taps: tuple[int, ...], stride: int, dilation: int, padding: int
) -> AxisMap:
    """A transposed convolution of which only some taps are read."""
    phases = []
    for phase in range(stride):
        offsets = (phase + padding - dilation * tap for tap in taps)
        phases.append(tuple(sorted(offset // stride for offset in offsets if offset % stride == 0)))
    return AxisMap(stride, 1, tuple(phases))


@lru_cache(maxsize=4096)
def adaptive(size: int, output: int) -> AxisMap:
    """An adaptive pool from ``size`` to ``output`` positions: windows floor to ceil."""
    common = gcd(size, output)
    scale = Fraction(size, output)
    taps = tuple(
        tuple(range(floor(phase * scale), ceil((phase + 1) * scale)))
        for phase in range(output // common)
    )
    return AxisMap(output // common, size // common, taps)


def pick(start: int, step: int = 1) -> AxisMap:
    """A slice: output o reads ``start + o * step``."""
    return AxisMap(1, step, ((start,),))


@lru_cache(maxsize=4096)
def resample(scale: Fraction, mode: str, *, offset: Fraction) -> AxisMap:
    """An interpolation whose output o lies at ``(o + offset) * scale - offset``.

    ``mode`` is ``nearest`` (one position), ``linear`` (two) or ``cubic`` (four). Where the point
    falls on a position, only that one is read: its neighbours' coefficients are zero.
    """
    phases: list[tuple[int, ...]] = []
    for phase in range(scale.denominator):
        point = (phase + offset) * scale - (offset if mode != "nearest" else 0)
        base = floor(point)
        if mode == "nearest" or point == base:
            phases.append((base,))
        elif mode == "linear":
            phases.append((base, base + 1))
        else:
            phases.append(tuple(range(base - 1, base + 3)))
    return AxisMap(scale.denominator, scale.numerator, tuple(phases), CLAMP)


@lru_cache(maxsize=4096)
def smoothed(scale: Fraction, mode: str) -> AxisMap:
    """An antialiased interpolation: its kernel is as wide as the positions that become one.

    Output o lies at ``(o + 1/2) * scale``; positions count from their centres. Where the kernel
    is zero no position is read.
    """
    reach = {"linear": 1, "cubic": 2}[mode]
    width = max(scale, Fraction(1))
    phases = []
    for phase in range(scale.denominator):
        centre = (phase + Fraction(1, 2)) * scale - Fraction(1, 2)
        near = range(floor(centre - reach * width), ceil(centre + reach * width) + 1)
        away = {tap: abs(tap - centre) / width for tap in near}
        zeros = (1,) if mode == "cubic" else ()
        phases.append(tuple(tap for tap in near if away[tap] < reach and away[tap] not in zeros))
    return AxisMap(scale.denominator, scale.numerator, tuple(phases))
