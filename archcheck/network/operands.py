"""The tensors on whose values the results of an operation depend."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

from archcheck.network import kinds
from archcheck.network.constants import BOOLEANS, ZERO
from archcheck.network.kinds import DROPOUTS, ESCAPE, IN_PLACE_WRITE

if TYPE_CHECKING:
    from archcheck.network.model import Network, Op

RANDOM_FILLS = frozenset(
    """bernoulli cauchy exponential geometric kaiming_uniform log_normal normal random
    uniform""".split()
)
"""Kinds that, in place, fill a tensor with random numbers."""
RANDOM = RANDOM_FILLS | frozenset(
    """binomial gumbel_softmax multinomial poisson rand rand_like randint randint_like randn
    randn_like randperm rrelu _sample_dirichlet _standard_gamma""".split()
)
"""Kinds whose results are random numbers."""
_OF_ONE_NUMBER = {
    **dict.fromkeys("zeros zeros_like new_zeros zero".split(), 0),
    **dict.fromkeys("ones ones_like new_ones".split(), 1),
}
_FILLED = {"full": "argument1", "full_like": "argument1", "new_full": "argument2"}
"""Kinds that fill a tensor with one number, and where it stands among their arguments."""
_FILLING = _OF_ONE_NUMBER.keys() | _FILLED.keys()
_PRODUCTS = {"mul", "linear"} | kinds.MATRIX_PRODUCTS | kinds.CONVOLUTIONS
_OVERWRITING = frozenset({"constant", "copy", "fill", "zero"}) | RANDOM_FILLS
"""Kinds that, in place, leave nothing of the tensor that they write to."""
_ADDING = kinds.ADDING_PRODUCTS | {"addr", "index_add"}
"""Kinds that add a multiple of something to a multiple of their first operand."""
_BY_ARGUMENTS = (
    frozenset("add sub addcmul addcdiv lerp alias_write setitem mul pow div clamp".split())
    | _OVERWRITING
    | DROPOUTS
    | _ADDING
)
"""Kinds whose other arguments may leave out a tensor."""
_CHOICES = frozenset({"where", "masked_fill"})
_CHOOSY = _BY_ARGUMENTS | _CHOICES | kinds.SHAPE_IS_ENOUGH
"""All other kinds read all their inputs, unless a product is one with zeros."""


def operands(network: Network) -> dict[int, tuple[int, ...]]:
    """The tensors on whose values each operation's results depend, also by values of constants, by
    the operation's index."""
    fills = [op for op in network.ops if op.kind in _FILLING]
    zeros = {tensor for op in fills if _is_zero(filled_with(op)) for tensor in op.outputs}
    zeros |= _zeros_made(network)
    choosy = _CHOOSY | _PRODUCTS if zeros else _CHOOSY
    return {
        op.index: _operands(network, op, zeros) if op.kind in choosy else op.inputs
        for op in network.ops
    }


def _zeros_made(network: Network) -> set[int]:
    """The constants that are zero whatever a network's weights and states become."""
    known = {each.tensor for each in network.constants if each.kind == ZERO}
    if not known or any(op.kind == ESCAPE for op in network.ops):
        return set()  # what left torch may have come back in any constant
    return {tensor for tensor in known if _is_made_of_nothing(network, tensor)}


def _is_made_of_nothing(network: Network, tensor: int) -> bool:
    """Whether a constant follows from no weight, no state and no random numbers."""
    op = network.producer(tensor)
    if op is None or op.kind in RANDOM | DROPOUTS:
        return False
    return all(_is_made_of_nothing(network, each) for each in values_read(op))


def _operands(network: Network, op: Op, zeros: set[int]) -> tuple[int, ...]:
    read = values_read(op)
    if op.kind in _PRODUCTS and not zeros.isdisjoint(read):
        made = zeros.intersection(read)
        if not made <= set(added := _added(op)):
            return tuple([tensor for tensor in read if tensor in added])
    if op.kind in _CHOICES and len(read) > 1:
        return _chosen(network, op, read)
    return read


def _chosen(network: Network, op: Op, read: tuple[int, ...]) -> tuple[int, ...]:
    """What a condition that is the same everywhere leaves of the operands."""
    tensor = tensor_of(op.arguments.get("mask" if op.kind == "masked_fill" else "condition"))
    known = None if tensor is None else network.constant(tensor, BOOLEANS)
    if known is None or (known.values.any() and not known.values.all()):
        return read
    holds = bool(known.values.all())
    kept = op.arguments.get("input" if holds or op.kind == "masked_fill" else "other")
    if (op.kind == "masked_fill" and holds) or not isinstance(kept, dict):
        return ()
    return (kept["tensor"],)


def draws(op: Op) -> bool:
    """Whether an operation gives random numbers, or zeros at random places."""
    drops = op.kind in DROPOUTS and op.arguments.get("training") is not False
    return drops or op.kind in RANDOM


def tensor_of(argument: Any) -> int | None:
    """The tensor that an argument is; None if it is none."""
    return argument["tensor"] if isinstance(argument, dict) and "tensor" in argument else None


def may_close(op: Op, tensor: int) -> bool:
    """Whether an operation gives nothing of its other operands if a tensor is zero."""
    if op.kind in kinds.NORMALIZATIONS:
        return op.arguments.get("weight") == {"tensor": tensor}
    return op.kind == "mul"


def _added(op: Op) -> list[int]:
    """The tensors that a product of others is added to."""
    names = ("bias", "input") if op.kind in kinds.ADDING_PRODUCTS else ("bias",)
    given = [op.arguments.get(name) for name in names]
    return [tensor for tensor in map(tensor_of, given) if tensor is not None]


def filled_with(op: Op) -> Any:
    """What an operation fills a tensor with, a number or a tensor; None if it does not fill one."""
    if op.kind not in _FILLED:
        return _OF_ONE_NUMBER.get(op.kind)
    return op.arguments.get("fill_value", op.arguments.get(_FILLED[op.kind]))


def values_read(op: Op) -> tuple[int, ...]:
    """The tensors on whose values an operation's results depend.

    Those that only give a shape are left out, and what is overwritten or multiplied by 0.
    """
    if op.kind not in _BY_ARGUMENTS:
        return kinds.values_read(op.kind, op.inputs)
    arguments = op.arguments
    if gives_a_constant(op):
        return ()
    if op.kind in ("add", "sub", "addcmul", "addcdiv") and any(
        _is_zero(arguments.get(name)) for name in ("alpha", "value")
    ):
        return op.inputs[:1]
    if op.kind == "lerp" and _is_zero(arguments.get("weight")):
        return op.inputs[:1]
    if op.kind in _ADDING and _is_zero(arguments.get("beta")):
        return op.inputs[1:]
    if op.kind in _ADDING and _is_zero(arguments.get("alpha")):
        return op.inputs[:1]
    if op.kind == "alias_write" and arguments.get("same"):
        return op.inputs[1:]
    overwritten = op.kind in _OVERWRITING or (
        op.kind == "setitem" and _is_whole(arguments.get("index"))
    )
    if overwritten and arguments.get(IN_PLACE_WRITE):
        return op.inputs[1:]
    return kinds.values_read(op.kind, op.inputs)


def is_reversed(op: Op) -> bool:
    """Whether an operation's first argument stands behind the sign: ``2 - x``, ``1 / x``."""
    name = op.function.rpartition(".")[2]
    return name == "rsub" or name.startswith("__r")


def gives_a_constant(op: Op) -> bool:
    """Whether an operation gives the same whatever it reads: ``y * 0``, ``y - y``, ``y ** 0``."""
    arguments = op.arguments
    if op.kind == "mul":
        return _is_zero(arguments.get("other")) or _is_zero(arguments.get("input"))
    if op.kind == "pow":
        return _is_zero(arguments.get("exponent")) and not is_reversed(op)
    if op.kind == "sub":
        return len(op.inputs) == 2 and op.inputs[0] == op.inputs[1] and "alpha" not in arguments
    if op.kind == "div":
        return arguments.get("other") in (inf, -inf) and not is_reversed(op)
    if op.kind == "clamp":
        low, high = arguments.get("min"), arguments.get("max")
        return isinstance(low, (int, float)) and low == high
    return op.kind in DROPOUTS and arguments.get("p") == 1 and bool(arguments.get("training"))


def _is_zero(value: Any) -> bool:
    return isinstance(value, (int, float)) and value == 0


def _is_whole(index: Any) -> bool:
    """Whether a subscript stands for a whole tensor: ``[:]``, ``[...]``, ``[:, :]``."""
    parts = index if isinstance(index, list) else [index]
    return all(
        isinstance(part, dict) and (part.get("ellipsis") or part.get("slice") == [None] * 3)
        for part in parts
    )
