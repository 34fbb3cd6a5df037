"""Windows that slide along the axes of a map, and which of what they meet may differ from zero."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import or_

from archcheck.fields.algebra.axis_map import window
from archcheck.fields.algebra.positions import EMPTY, Positions
from archcheck.fields.handlers.windows import BORDERS, geometry
from archcheck.network import Network, Op, attributes
from archcheck.network.kinds import (
    CONVOLUTIONS,
    COPIES,
    FIXED_POOLS,
    PADDING,
    TRANSPOSED_CONVOLUTIONS,
)
from archcheck.phrases import size_text

_KEEPS_ZEROS = COPIES | frozenset(
    """relu relu6 silu mish hardswish leaky_relu elu celu gelu tanh softsign tanhshrink
    softshrink hardshrink prelu neg abs square sqrt sign dropout dropout1d dropout2d
    dropout3d""".split()
)
"""Kinds that read one map and make zero of zero."""
WINDOWS = CONVOLUTIONS | TRANSPOSED_CONVOLUTIONS | FIXED_POOLS
"""Kinds with a window of fixed size. Where it meets nothing but zeros their result is zero, unless
there is a bias."""


def every(size: int) -> Positions:
    """All positions of an axis."""
    return Positions(0, (1 << size) - 1)


@dataclass(frozen=True)
class Slide:
    """A window along one axis of the map that it reads.

    Output ``o`` of ``outputs`` reads ``o * stride + t * dilation - before`` for each tap ``t``, if
    it lies on the axis of ``size`` positions; else it reads padding. Of a ``transposed``
    convolution position ``i`` is written to the outputs ``i * stride + t * dilation - before``.
    """

    dimension: int
    kernel: int
    stride: int
    dilation: int
    before: int
    size: int
    outputs: int
    transposed: bool = False

    def outputs_at(self, tap: int, live: Positions) -> Positions:
        """The outputs at which a tap meets one of some positions."""
        offset = tap * self.dilation - self.before
        if self.transposed:
            members = (i * self.stride + offset for i in live.members())
            return Positions.of(o for o in members if 0 <= o < self.outputs)
        stretches = (
            (-(-(low - offset) // self.stride), (high - offset) // self.stride)
            for low, high in live.runs()
        )
        found = (_stretch(low, high) for low, high in stretches)
        return reduce(or_, found, EMPTY).within(self.outputs)

    def live_taps(self, live: Positions) -> tuple[int, ...]:
        """The taps that meet one of some positions at any output."""
        return tuple(tap for tap in range(self.kernel) if self.outputs_at(tap, live))

    def meeting(self, live: Positions) -> Positions:
        """The outputs that read one of some positions."""
        return reduce(or_, (self.outputs_at(tap, live) for tap in range(self.kernel)), EMPTY)

    @property
    def steps_over(self) -> bool:
        """Whether it leaves out every so many positions of its axis, however long that is."""
        return len({tap * self.dilation % self.stride for tap in range(self.kernel)}) < self.stride

    @cached_property
    def read(self) -> Positions:
        """The positions that any output reads."""
        progression = Positions.of(range(0, self.outputs * self.stride, self.stride))
        taps = (progression + (t * self.dilation - self.before) for t in range(self.kernel))
        return reduce(or_, taps, EMPTY).within(self.size)


def _stretch(low: int, high: int) -> Positions:
    return Positions(low, (1 << (high - low + 1)) - 1) if low <= high else EMPTY


def input_of(op: Op) -> int:
    """The map that an operation with a window reads."""
    tensor: int = op.arguments["input"]["tensor"]
    return tensor


def slides(network: Network, op: Op) -> tuple[Slide, ...]:
    """How the window of a convolution or a pool slides along the last axes of its input."""
    shape, outputs = network.shape(input_of(op)), network.shape(op.outputs[0])
    sides = geometry(attributes.window(network, op))
    first = len(shape) - len(sides)
    return tuple(
        Slide(d, *side, shape[d], outputs[d], op.kind in TRANSPOSED_CONVOLUTIONS)
        for d, side in enumerate(sides, first)
    )


def stride_text(sides: Sequence[Slide]) -> str:
    """A window and its steps: ``a kernel of 3×3 with a stride of 2×2``."""
    kernel, stride = size_text(s.kernel for s in sides), size_text(s.stride for s in sides)
    return f"a kernel of {kernel} with a stride of {stride}"


def reach_text(sides: Sequence[Slide]) -> str:
    """A window and its map: ``a kernel of 3×3 with dilation 2×2 over a map of 32×32``."""
    kernel, dilation = size_text(s.kernel for s in sides), size_text(s.dilation for s in sides)
    dilated = f" with dilation {dilation}" if any(s.dilation > 1 for s in sides) else ""
    return f"a kernel of {kernel}{dilated} over a map of {size_text(s.size for s in sides)}"


class NonZeros:
    """Where the tensors of a network may differ from zero: what padding put there never does.

    Along each dimension of a tensor, all indices but those at which everything is zero.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._found: dict[int, tuple[Positions, ...]] = {}

    def of(self, tensor: int) -> tuple[Positions, ...]:
        """The indices along each dimension at which something may differ from zero."""
        waiting = [tensor]
        while waiting:
            read = self._carried(waiting[-1])
            unknown = [each for each in read if each not in self._found]
            waiting += unknown
            if not unknown:
                last = waiting.pop()
                if last not in self._found:
                    self._found[last] = self._worked_out(last, read)
        return self._found[tensor]

    def _carried(self, tensor: int) -> tuple[int, ...]:
        """The operands whose zeros become zeros of a tensor."""
        op = self._network.producer(tensor)
        if op is None or tensor != op.outputs[0]:
            return ()
        alike = tuple(t for t in op.inputs if self._shape(t) == self._shape(tensor))
        if op.kind in _KEEPS_ZEROS | {"mul"}:
            return alike[:1] if op.kind != "mul" else alike
        if op.kind in ("add", "sub"):
            return alike if len(alike) == len(op.inputs) > 1 else ()
        if op.kind in PADDING:
            return (input_of(op),) if _adds_no_number(op) else ()
        unbiased = op.kind in WINDOWS and op.arguments.get("bias") is None
        return (input_of(op),) if unbiased else ()

    def _worked_out(self, tensor: int, read: Sequence[int]) -> tuple[Positions, ...]:
        shape = self._shape(tensor)
        op = self._network.producer(tensor)
        if op is None or not read:
            return tuple(map(every, shape))
        found = [self._found[each] for each in read]
        if op.kind in PADDING:
            return _padded(op, found[0], self._shape(read[0]), shape)
        if op.kind in WINDOWS:
            sides = slides(self._network, op)
            outer = map(every, shape[: -len(sides)])
            return (*outer, *(side.meeting(found[0][side.dimension]) for side in sides))
        if op.kind == "mul":
            return tuple(reduce(lambda a, b: a & b, each) for each in zip(*found, strict=True))
        return tuple(reduce(or_, each) for each in zip(*found, strict=True))

    def _shape(self, tensor: int) -> tuple[int, ...]:
        return self._network.shape(tensor)


def _adds_no_number(op: Op) -> bool:
    """Whether padding adds zeros or repeats what there is."""
    amounts, mode = op.arguments.get("pad"), op.arguments.get("mode") or "constant"
    known = isinstance(amounts, list) and all(isinstance(n, int) for n in amounts)
    return known and mode in BORDERS and not op.arguments.get("value")


def _padded(
    op: Op, found: Sequence[Positions], before: Sequence[int], after: Sequence[int]
) -> tuple[Positions, ...]:
    """What padding makes of some indices; its amounts begin with the last dimension."""
    border = BORDERS[op.arguments.get("mode") or "constant"]
    padded = list(found)
    for d, amount in enumerate(op.arguments["pad"][::2]):
        read = window(1, 1, 1, amount, border)
        live = {*found[-1 - d].members()}
        outputs = range(after[-1 - d])
        kept = (o for o in outputs if live.intersection(read.reads_within(o, before[-1 - d])))
        padded[-1 - d] = Positions.of(kept)
    return tuple(padded)
