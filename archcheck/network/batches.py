"""Whether two passes at different batch sizes show the same network.

Their operations have to be the same, one by one, but for numbers that follow the batch: the sides
of tensors, and arguments. A network may also treat its samples one after the other; then it repeats
itself once for each of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

from archcheck.network.constants import LEARNED, UNREAD, WIDE, Constant
from archcheck.network.model import Network, Op, Place

_WRITES = ("setitem", "alias_write")
"""What puts the results of samples together one after the other."""
_PICKS = (*_WRITES, "getitem", "select", "narrow", "unbind", "split", "chunk", "cat", "stack")
"""What takes samples apart and puts them together: arguments name the sample."""


class Difference(NamedTuple):
    """What one pass did and the other did not, and the line."""

    text: str
    place: Place | None


def difference(first: Network, other: Network) -> Difference | None:
    """Where two networks differ but for the axis of the batch; None where they do not."""
    compare = _Comparison(first, other)
    unlike = compare.step_by_step()
    return None if unlike is None or compare.sample_by_sample() else unlike


class _Comparison:
    def __init__(self, first: Network, other: Network) -> None:
        self._first, self._other = first, other
        self._batches = first.batch, other.batch

    def step_by_step(self) -> Difference | None:
        """The first step that differs."""
        for one, other in zip(self._first.ops, self._other.ops, strict=False):
            if not self._alike(one, other):
                return self._unlike(one, other)
        mine, theirs = self._first.ops, self._other.ops
        if len(mine) > len(theirs):
            return self._unlike(mine[len(theirs)], None)
        if len(theirs) > len(mine):
            return self._unlike(None, theirs[len(mine)])
        if self._first.outputs != self._other.outputs:
            return Difference("it returns other tensors", None)
        return self._unlike_constant()

    def sample_by_sample(self) -> bool:
        """Whether both do the same, one of them more often, and nothing more behind itself."""
        mine, theirs = _by_kind(self._first), _by_kind(self._other)
        return (
            len(self._first.ops) != len(self._other.ops)
            and mine.keys() == theirs.keys()
            and all(self._repeats(mine[key], theirs[key]) for key in mine)
            and _made(self._first) == _made(self._other)
        )

    def _repeats(self, mine: list[Op], theirs: list[Op]) -> bool:
        a, b = self._batches
        if len(mine) != len(theirs) and len(mine) * b != len(theirs) * a:
            return False
        return all(any(self._same_work(op, one) for one in mine) for op in theirs)

    def _same_work(self, theirs: Op, mine: Op) -> bool:
        if mine.kind in _PICKS:
            return True
        return self._follow(mine.arguments, theirs.arguments, tensors=False) and self._shapes(
            mine.outputs, theirs.outputs
        )

    def _alike(self, mine: Op, theirs: Op) -> bool:
        return (
            _kind(mine) == _kind(theirs)
            and mine.inputs == theirs.inputs
            and mine.outputs == theirs.outputs
            and self._shapes(mine.outputs, theirs.outputs)
            and self._shapes(mine.inputs, theirs.inputs)
            and self._follow(mine.arguments, theirs.arguments)
        )

    def _shapes(self, mine: Iterable[int], theirs: Iterable[int]) -> bool:
        pairs = list(zip(mine, theirs, strict=False))
        shapes = [(self._first.shape(m), self._other.shape(t)) for m, t in pairs]
        return all(self._follow(one, self._squeezed(one, other)) for one, other in shapes)

    def _squeezed(self, mine: tuple[int, ...], theirs: tuple[int, ...]) -> tuple[int, ...]:
        """A shape without its batch, if a ``squeeze()`` took that axis away for a batch of one."""
        lost = self._first.batch == 1 and len(theirs) == len(mine) + 1
        return theirs[1:] if lost and theirs[0] == self._other.batch else theirs

    def _follow(self, mine: Any, theirs: Any, *, tensors: bool = True) -> bool:
        """Whether two values are equal, or are both given by the batch's size."""
        if type(mine) is not type(theirs):
            return False
        if isinstance(mine, dict):
            if not tensors and mine.keys() == theirs.keys() == {"tensor"}:
                return True
            return mine.keys() == theirs.keys() and all(
                self._follow(mine[key], theirs[key], tensors=tensors) for key in mine
            )
        if isinstance(mine, (list, tuple)):
            return len(mine) == len(theirs) and all(
                self._follow(m, t, tensors=tensors) for m, t in zip(mine, theirs, strict=True)
            )
        if isinstance(mine, (int, float)) and not isinstance(mine, bool):
            return self._numbers_follow(mine, theirs)
        return bool(mine == theirs)

    def _numbers_follow(self, mine: float, theirs: float) -> bool:
        """Equal, or c·B, c·B², c/B or B + c of the batch's size B."""
        a, b = self._batches
        if mine == theirs or theirs - mine == b - a:
            return True
        return any(
            abs(mine * right - theirs * left) <= 1e-9 * abs(mine * right)
            for left, right in ((a, b), (a * a, b * b), (b, a))
        )

    def _unlike(self, mine: Op | None, theirs: Op | None) -> Difference:
        texts = [
            f"{_described(op)} on a batch of {size}"
            for op, size in zip((mine, theirs), self._batches, strict=True)
        ]
        op = theirs or mine
        return Difference(" and ".join(texts), op.called if op is not None else None)

    def _unlike_constant(self) -> Difference | None:
        theirs = {(c.tensor, c.kind): c for c in self._other.constants}
        for constant in self._first.constants:
            other = theirs.get((constant.tensor, constant.kind))
            if other is not None and not self._same_values(constant, other):
                readers = self._other.consumers.get(constant.tensor, ())
                place = readers[0].called if readers else None
                return Difference("constants have other values", place)
        return None

    def _same_values(self, mine: Constant, theirs: Constant) -> bool:
        if mine.shape != theirs.shape or mine.kind in (UNREAD, LEARNED) or mine.data == theirs.data:
            return True
        if mine.kind not in WIDE:
            return False
        pairs = zip(mine.values.flat, theirs.values.flat, strict=True)
        return all(self._numbers_follow(float(m), float(t)) for m, t in pairs)


def _kind(op: Op) -> tuple[Any, ...]:
    return op.function, op.kind, op.module, op.parameters


def _by_kind(network: Network) -> dict[tuple[Any, ...], list[Op]]:
    kinds: dict[tuple[Any, ...], list[Op]] = {}
    for op in network.ops:
        kinds.setdefault(_kind(op), []).append(op)
    return kinds


def _made(network: Network) -> list[tuple[Any, ...]]:
    """What makes each output, and the number of operations on the longest way there, without those
    that only put samples together."""
    depths: Counter[int] = Counter()
    for op in network.ops:
        deepest = max((depths[tensor] for tensor in op.inputs), default=0)
        for tensor in op.outputs:
            depths[tensor] = deepest + (op.kind not in _WRITES)
    makers = [(label, tensor, network.producer(tensor)) for label, tensor in network.outputs]
    return [(label, depths[tensor], op and _kind(op)) for label, tensor, op in makers]


def _described(op: Op | None) -> str:
    if op is None:
        return "nothing more"
    where = f" in {op.module}" if op.module else ""
    return f"{op.function.rpartition('.')[2]}{where}"
