"""What a network holds: every tensor that enters its computation beside the inputs.

A tensor that is neither an input nor computed from one is a registered parameter, a buffer, or a
constant: a tensor in a list, an attribute or a global variable, a layer that is not registered, or
one that was made in forward. Each of them whose values reach an output by arithmetic is *held*.

Shapes, indices, the conditions of ``where`` and ``masked_fill``, boolean masks of attention and the
running statistics that a normalisation reads say where values go, or are no weights: they are not
held. Neither is a mask of zeros and ones that a weight of as many numbers is multiplied by, nor a
tensor that forward fills with one number, which is a number of the code. Where an index or a
condition only says where numbers of the code go, ``where(table, 1.0, -1.0)``, it is all that the
result is made of, and held; a mask with a number that closes paths, ``where(table, 0.0, -inf)``, is
not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from math import prod
from typing import TYPE_CHECKING, Any

from archcheck.network import kinds
from archcheck.network.constants import BINARY
from archcheck.network.model import Memory, Network, Op, Place, Tensor
from archcheck.network.numbers_of_code import MOST_NUMBERS, numbers_of_code
from archcheck.network.operands import gives_a_constant, values_read
from archcheck.network.reach import values_behind
from archcheck.network.value_dependence import taken_out

if TYPE_CHECKING:
    import numpy.typing as npt

FILLS = frozenset(
    """zeros ones full empty zeros_like ones_like full_like empty_like new_zeros new_ones new_full
    new_empty fill zero constant scalar_tensor""".split()
)
"""Kinds that fill a tensor with one number, or leave it as it is."""
_FORMULAS = frozenset("arange linspace logspace eye tril_indices triu_indices".split())
"""Kinds that make numbers by a formula."""
_CLOSED = 1e3
"""What is added before a softmax to close a path is larger than this, without its sign."""
_DRAWN = frozenset("bernoulli binomial multinomial normal poisson".split())
"""Kinds that draw random numbers with odds that tensors give."""
_STATISTICAL = ("batch_norm", "instance_norm")
_APART: dict[str, tuple[str, ...]] = {
    "where": ("condition",),
    "masked_fill": ("mask",),
    "masked_select": ("mask",),
    "getitem": ("index",),
    "setitem": ("index",),
    "index_put": ("indices",),
    "embedding": ("input",),
    "one_hot": ("input",),
    "repeat_interleave": ("repeats",),
    "take_along_dim": ("indices",),
    **dict.fromkeys(_STATISTICAL, ("running_mean", "running_var")),
    **dict.fromkeys(
        """index_select gather take index_add index_copy index_fill scatter scatter_add
        scatter_reduce""".split(),
        ("index",),
    ),
    **dict.fromkeys(kinds.UNPOOLS, ("indices",)),
}
"""The arguments that say where values go, or which, by kind of operation."""
_MASKS = ("attn_mask", "key_padding_mask")
"""The masks of attention: conditions, unless they are added."""


@dataclass(frozen=True)
class Held:
    """A tensor that is held. ``size`` counts its elements, those in memory that an earlier tensor
    has counted left out; a complex number counts once.

    ``source`` is the operation that made it, None if it was there before the pass; ``place`` is the
    line where it entered, None for a registered parameter.
    """

    tensor: Tensor
    size: int
    place: Place | None
    source: Op | None

    @property
    def name(self) -> str:
        """What it is called in messages."""
        if self.source is not None:
            return f"what {self.source.function} makes"
        kind = "the buffer " if self.tensor.origin == "buffer" else ""
        return f"{kind}{self.tensor.name or 'a tensor'}"

    @property
    def registered(self) -> bool:
        """Whether it is a registered parameter."""
        return self.tensor.origin == "parameter"


@dataclass(frozen=True)
class Accounts:
    """All that a network holds, its registered parameters first.

    ``doubtful`` are the operations behind which more may be: where a value was taken out into
    Python or may have come back from it, where a tensor was read whose making was not seen
    (``unseen``), and where forward computes with many numbers of Python, one by one (``numbers``:
    the operation that takes most of them, and how many there are in all). ``perhaps`` counts the
    elements of the first and the last.
    """

    held: tuple[Held, ...]
    doubtful: tuple[Op, ...]
    perhaps: int
    unseen: bool
    numbers: tuple[Op, int] | None = None

    @property
    def size(self) -> int:
        """The number of elements that are held for certain."""
        return sum(held.size for held in self.held)

    @property
    def unregistered(self) -> tuple[Held, ...]:
        """What is held and is no registered parameter."""
        return tuple(held for held in self.held if not held.registered)


def accounts_of(network: Network) -> Accounts:
    """What a network holds."""
    outputs = [tensor for _, tensor in network.outputs]
    operands = all_operands(network)
    reached = values_behind(network, outputs, operands)
    ledger = _Ledger(network)
    entered = list(ledger.enter(reached))
    leak = _first_leak(network)
    again = [each for each in entered if each.source is not None and _may_be_of(leak, each.source)]
    taken = [op for op in network.ops if _takes_numbers(network, op)]
    behind = values_behind(network, [tensor for op in taken for tensor in op.inputs], operands)
    out = list(ledger.enter(behind - reached))
    unseen = [tensor for tensor in network.opaque if tensor in reached]
    numbers = _numbers(network, reached, operands)
    readers = [op for tensor in unseen for op in network.consumers.get(tensor, ())[:1]]
    sources = [each.source for each in again if each.source is not None]
    return Accounts(
        held=tuple(each for each in entered if each not in again),
        doubtful=(*readers, *sources, *(taken if out else ()), *([numbers[0]] if numbers else ())),
        perhaps=sum(each.size for each in (*again, *out)) + (numbers[1] if numbers else 0),
        unseen=bool(unseen),
        numbers=numbers,
    )


def _numbers(
    network: Network, reached: set[int], operands: Mapping[int, tuple[int, ...]]
) -> tuple[Op, int] | None:
    """The numbers of Python that values are computed with, if they are many."""
    computing = [
        op
        for op in network.ops
        if not reached.isdisjoint(op.outputs)
        and op.kind not in _OF_DATA
        and (operands[op.index] or op.kind in FILLS)
    ]
    counts = numbers_of_code(computing)
    total = sum(count for _, count in counts)
    return (counts[0][0], total) if total > MOST_NUMBERS else None


def _first_leak(network: Network) -> int:
    """The index of the first operation that takes a value of an input out of torch."""
    leaks = [op.index for op in network.ops if taken_out(op) and network.depends(op)]
    return min(leaks, default=len(network.ops))


def _may_be_of(leak: int, source: Op) -> bool:
    """Whether the data that a tensor is made of may be what was taken out before."""
    return source.index > leak and source.kind in _OF_DATA


def _takes_numbers(network: Network, op: Op) -> bool:
    """Whether an operation takes numbers that depend on no input out into Python."""
    return taken_out(op) and not network.depends(op)


_OF_DATA = frozenset({"tensor", "as_tensor", "asarray", "new_tensor", "scalar_tensor"})
"""Kinds that make a tensor of Python's numbers or of an array."""


class _Ledger:
    """Counts tensors, and memory that several of them share once."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self._counted: dict[tuple[int, str], list[Memory]] = {}

    def enter(self, reached: Iterable[int]) -> Iterator[Held]:
        """The tensors among some values that enter the computation, registered ones first."""
        network = self.network
        tensors = [network.tensors[number] for number in sorted(reached)]
        for tensor in sorted(tensors, key=lambda tensor: tensor.origin != "parameter"):
            source = network.producer(tensor.id)
            if tensor.origin in ("input", "unseen") or not (
                _enters(source) or self._is_drawn(source)
            ):
                continue
            size = self._fresh(tensor)
            if size:
                yield Held(tensor, size, self._place(tensor, source), source)

    def _is_drawn(self, source: Op | None) -> bool:
        """Whether an operation drew what it made, with odds that depend on no input.

        What dropout draws is a mask of zeros and ones: it counts where there are no weights.
        """
        if (
            source is None
            or source.arguments.get("training", source.arguments.get("train")) is False
        ):
            return False
        if source.kind not in _DRAWN | kinds.DROPOUTS or self.network.depends(source):
            return False
        operands = {op.index: values_read(op) for op in self.network.ops}
        behind = values_behind(self.network, values_read(source), operands)
        makers = [self.network.producer(tensor) for tensor in behind]
        return source.kind in _DRAWN or not any(map(_enters, makers))

    def _place(self, tensor: Tensor, source: Op | None) -> Place | None:
        """The line where a tensor was made, or is first read."""
        if source is not None or tensor.origin == "parameter":
            return None if source is None else source.called
        readers = self.network.consumers.get(tensor.id, ())
        return readers[0].called if readers else None

    def _fresh(self, tensor: Tensor) -> int:
        """The elements of a tensor that are not counted yet."""
        memory = tensor.memory
        if memory is None:
            return prod(tensor.shape)
        counted = self._counted.setdefault((memory.number, tensor.dtype), [])
        if any(memory == other for other in counted):
            return 0
        if not counted and memory.plain:
            fresh = prod(tensor.shape)
        else:
            fresh = _elements([*counted, memory]) - (_elements(counted) if counted else 0)
        counted.append(memory)
        return fresh


def _enters(source: Op | None) -> bool:
    """Whether what an operation made follows from nothing that was there before."""
    if source is None:
        return True
    return not (values_read(source) or source.kind in FILLS or gives_a_constant(source))


def _elements(memories: Iterable[Memory]) -> int:
    """How many elements some stretches of memory have together."""
    import numpy as np

    places: list[npt.NDArray[Any]] = [
        reduce(
            lambda places, axis: places[..., None] + np.arange(axis[0]) * axis[1],
            zip(memory.shape, memory.strides, strict=True),
            np.array(memory.offset),
        ).ravel()
        for memory in memories
    ]
    return len(np.unique(np.concatenate(places)))


def all_operands(network: Network) -> dict[int, tuple[int, ...]]:
    """The tensors with whose values each operation's results are computed, by its index."""
    operands: dict[int, tuple[int, ...]] = {}
    code: set[int] = set()  # tensors that hold nothing but numbers of the code
    for op in network.ops:
        read = arithmetic_operands(network, op)
        if code.issuperset(read) and not _closes(op) and not code.issuperset(values_read(op)):
            read = values_read(op)
        if code.issuperset(read) and (read or _writes_out_numbers(network, op)):
            code.update(op.outputs)
        operands[op.index] = read
    return operands


def _writes_out_numbers(network: Network, op: Op) -> bool:
    """Whether an operation makes a tensor of a few numbers, or by a formula."""
    few = all(prod(network.shape(tensor)) <= MOST_NUMBERS for tensor in op.outputs)
    return op.kind in FILLS | _FORMULAS or (op.kind in _OF_DATA and few)


def _closes(op: Op) -> bool:
    """Whether an operation writes a number that stands for a path that is closed."""
    numbers = [op.arguments.get(name) for name in ("value", "other", "input")]
    return any(isinstance(n, float) and not -_CLOSED < n < _CLOSED for n in numbers)


def arithmetic_operands(network: Network, op: Op) -> tuple[int, ...]:
    """The tensors with whose values an operation's results are computed."""
    read = values_read(op)
    apart = set(_tensors([op.arguments.get(name) for name in _APART.get(op.kind, ())]))
    if op.kind in _STATISTICAL and not _in_a_layer(network, op):
        apart = {tensor for tensor in apart if network.tensors[tensor].origin == "buffer"}
    if op.kind in _ATTENTION:
        added = _tensors([op.arguments.get(name) for name in _MASKS])
        apart.update(mask for mask in added if network.tensors[mask].dtype == "bool")
    elif op.kind == "mul" and network.driven.isdisjoint(read):
        masks = {tensor for tensor in read if network.constant(tensor, BINARY) is not None}
        numbers = _numbers_behind(network, set(read) - masks) if masks else 0
        apart.update(mask for mask in masks if prod(network.shape(mask)) <= numbers)
    return tuple(tensor for tensor in read if tensor not in apart)


def _numbers_behind(network: Network, tensors: Iterable[int]) -> int:
    """How many numbers some tensors are made of, however they were repeated."""
    operands = {op.index: values_read(op) for op in network.ops}
    behind = values_behind(network, tensors, operands)
    return sum(prod(network.shape(each)) for each in behind if _enters(network.producer(each)))


def _in_a_layer(network: Network, op: Op) -> bool:
    """Whether an operation ran in a layer of torch's own."""
    return op.call >= 0 and network.calls[op.call].standard


_ATTENTION = frozenset({"scaled_dot_product_attention", "multi_head_attention_forward"})


def _tensors(value: Any) -> Iterator[int]:
    """The tensors in an argument of an operation."""
    if isinstance(value, dict):
        if "tensor" in value:
            yield value["tensor"]
        else:
            yield from _tensors(list(value.values()))
    elif isinstance(value, list):
        for item in value:
            yield from _tensors(item)
