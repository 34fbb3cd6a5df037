"""Which parts of each value the outputs of a network depend on, along single dimensions.

A slice that is cut away later reaches no output. Parts are followed exactly through slices, chunks,
joins and what works element by element; before anything else all of an operand is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any

from archcheck.network import kinds
from archcheck.network.constants import INTEGERS
from archcheck.network.model import Network, Op

Need = tuple[int | None, ...]
"""For each dimension the indices that are needed, as bits, or None for all of them."""
_Asked = Iterator[tuple[int, Need]]
_PARTS = frozenset("chunk split tensor_split".split())
_RESHAPES = frozenset("view reshape flatten unflatten squeeze unsqueeze".split())
_PICKING = frozenset("getitem narrow select index_select".split())
_ELEMENTWISE = kinds.ELEMENTWISE | kinds.COPIES | kinds.DROPOUTS
_CHANNELWISE = kinds.FIXED_POOLS | kinds.ADAPTIVE_POOLS | {"batch_norm"}
"""Kinds that treat each channel by itself: dimension 1, behind the batch."""


def needed(
    network: Network, targets: Iterable[int], operands: Mapping[int, tuple[int, ...]]
) -> set[int]:
    """Some tensors and all of which a part is needed for them; ``operands`` are those of each
    operation, by its index."""
    needs: dict[int, Need] = {target: _all(network, target) for target in targets}
    for op in reversed(network.ops):
        wanted = {output: needs[output] for output in op.outputs if output in needs}
        if not wanted:
            continue
        for tensor, need in _asked(network, op, wanted, operands[op.index]):
            if 0 not in need:
                needs[tensor] = _joined(needs.get(tensor), need)
    return set(needs)


def _all(network: Network, tensor: int) -> Need:
    return (None,) * len(network.shape(tensor))


def _joined(one: Need | None, other: Need) -> Need:
    if one is None:
        return other
    return tuple(None if a is None or b is None else a | b for a, b in zip(one, other, strict=True))


def _asked(network: Network, op: Op, wanted: Mapping[int, Need], operands: Sequence[int]) -> _Asked:
    """The operands of an operation, and what is needed of them for what is wanted of it."""
    exact = list(_exactly(network, op, wanted, operands))
    yield from exact or ((tensor, _all(network, tensor)) for tensor in operands)


def _exactly(
    network: Network, op: Op, wanted: Mapping[int, Need], operands: Sequence[int]
) -> _Asked:
    """What is needed of each operand, nothing if that is not followed."""
    need = next(iter(wanted.values()))
    if op.kind in _PARTS and len(operands) == 1:
        yield from _of_parts(network, op, wanted)
    elif op.kind == "unbind":
        yield from _of_slices(network, op, wanted)
    elif len(op.outputs) > 1 or not operands:
        return
    elif op.kind in _PICKING and operands[0] == op.inputs[0]:
        yield from _of_picked(network, op, need)
    elif op.kind == "setitem":
        yield from _of_written(network, op, need)
    elif op.kind == "cat":
        yield from _of_joined(network, op, need)
    elif op.kind == "stack":
        yield from _of_stacked(network, op, need)
    elif op.kind == "permute":
        yield from _of_permuted(op, need)
    elif op.kind in _RESHAPES:
        yield op.inputs[0], _of_reshaped(network, op, need)
    elif op.kind in kinds.CONVOLUTIONS and need[1:2] != (None,):
        yield from _of_groups(network, op, operands, need)
    elif op.kind in _CHANNELWISE and len(need) > 2:
        channels = (*need[:2], *(None,) * (len(need) - 2))
        yield op.inputs[0], channels
        yield from ((each, _all(network, each)) for each in operands if each != op.inputs[0])
    elif op.kind in _ELEMENTWISE:
        yield from ((each, _of_elements(network, op, each, need)) for each in operands)


def _of_elements(network: Network, op: Op, tensor: int, need: Need) -> Need:
    shape = network.shape(tensor)
    if len(shape) != len(need):
        return _all(network, tensor)
    sizes = network.shape(op.outputs[0])
    return tuple(
        part if size == whole else None
        for part, size, whole in zip(need, shape, sizes, strict=True)
    )


def _of_parts(network: Network, op: Op, wanted: Mapping[int, Need]) -> _Asked:
    """Of what is cut into parts along a dimension."""
    rank = len(network.shape(op.inputs[0]))
    dim = op.arguments.get("dim", 0) % rank
    sizes = [network.shape(output)[dim] for output in op.outputs]
    starts = dict(zip(op.outputs, accumulate(sizes, initial=0), strict=False))
    for output, need in wanted.items():
        start, size = starts[output], network.shape(output)[dim]
        bits = _bits(range(size)) if need[dim] is None else need[dim] or 0
        yield op.inputs[0], (*need[:dim], bits << start, *need[dim + 1 :])


def _of_slices(network: Network, op: Op, wanted: Mapping[int, Need]) -> _Asked:
    """Of what is taken apart along a dimension, which the parts have lost."""
    dim = op.arguments.get("dim", 0) % len(network.shape(op.inputs[0]))
    for output, need in wanted.items():
        yield op.inputs[0], (*need[:dim], 1 << op.outputs.index(output), *need[dim:])


def _of_stacked(network: Network, op: Op, need: Need) -> _Asked:
    dim = op.arguments.get("dim", 0) % len(need)
    part = need[dim]
    for place, each in enumerate(op.arguments.get("tensors", ())):
        if part is None or part >> place & 1:
            yield each["tensor"], (*need[:dim], *need[dim + 1 :])


def _of_permuted(op: Op, need: Need) -> _Asked:
    dims = op.arguments.get("dims")
    if isinstance(dims, list) and len(dims) == len(need):
        places = [dim % len(need) for dim in dims]
        yield op.inputs[0], tuple(need[places.index(dim)] for dim in range(len(need)))


def _of_reshaped(network: Network, op: Op, need: Need) -> Need:
    """The first dimensions that a reshape leaves as they are."""
    before, after = network.shape(op.inputs[0]), network.shape(op.outputs[0])
    same = 0
    while same < min(len(before), len(after)) and before[same] == after[same]:
        same += 1
    return (*need[:same], *(None,) * (len(before) - same))


def _of_groups(network: Network, op: Op, operands: Sequence[int], need: Need) -> _Asked:
    """Of the channels of a convolution: all of those in the groups of what is wanted."""
    groups = op.arguments.get("groups", 1)
    if op.kind in kinds.TRANSPOSED_CONVOLUTIONS or len(need) < 3 or need[1] is None:
        return
    each = network.shape(op.outputs[0])[1] // groups
    read = network.shape(op.inputs[0])[1] // groups
    wanted = [group for group in range(groups) if need[1] >> group * each & _bits(range(each))]
    bits = _bits(at for group in wanted for at in range(group * read, (group + 1) * read))
    yield op.inputs[0], (need[0], bits, *(None,) * (len(need) - 2))
    yield from ((other, _all(network, other)) for other in operands if other != op.inputs[0])


def _of_written(network: Network, op: Op, need: Need) -> _Asked:
    """Of a tensor into whose slice something is written along one dimension: the rest."""
    tensor, *others = op.inputs
    shape = network.shape(tensor)
    parts = _subscripts(op.arguments.get("index"), shape)
    if parts is None or any(isinstance(part, int) for part in parts):
        return
    written = [_bits(part) for part in parts if not isinstance(part, int)]
    partly = [d for d, bits in enumerate(written) if bits != _bits(range(shape[d]))]
    if len(partly) == 1:
        (dim,) = partly
        left = _bits(range(shape[dim])) & ~written[dim]
        part = left if need[dim] is None else left & (need[dim] or 0)
        yield tensor, (*need[:dim], part, *need[dim + 1 :])
    elif partly:
        yield tensor, need
    yield from ((other, _all(network, other)) for other in others)


def _of_joined(network: Network, op: Op, need: Need) -> _Asked:
    """Of what is joined along a dimension: of each tensor its own stretch."""
    dim = op.arguments.get("dim", 0) % len(need)
    joined = [each.get("tensor") for each in op.arguments.get("tensors", ())]
    if any(len(network.shape(each)) != len(need) for each in joined):
        return  # an empty one may have any shape
    start = 0
    for tensor in joined:
        size = network.shape(tensor)[dim]
        part = need[dim]
        own = None if part is None else (part >> start) & _bits(range(size))
        yield tensor, (*need[:dim], own, *need[dim + 1 :])
        start += size


def _of_picked(network: Network, op: Op, need: Need) -> _Asked:
    """Of what constant indices or slices pick from."""
    tensor = op.inputs[0]
    shape = network.shape(tensor)
    picked = _picked(network, op, shape)
    if picked is None:
        return
    left = list(need)
    asked: list[int | None] = []
    for part, size in zip(picked, shape, strict=True):
        if isinstance(part, int):
            asked.append(1 << part % size)
            continue
        wanted = left.pop(0)
        chosen = [at for place, at in enumerate(part) if wanted is None or wanted >> place & 1]
        asked.append(None if wanted is None and len(set(chosen)) == size else _bits(chosen))
    yield tensor, tuple(asked)


def _picked(network: Network, op: Op, shape: Sequence[int]) -> list[int | Sequence[int]] | None:
    """For each dimension the indices that are picked, or the one; None if they are not known."""
    arguments = op.arguments
    if op.kind == "getitem":
        return _subscripts(arguments.get("index"), shape)
    parts: list[int | Sequence[int]] = [range(size) for size in shape]
    dim = arguments.get("dim", 0)
    if not isinstance(dim, int):
        return None
    if op.kind == "narrow":
        start, length = arguments.get("start"), arguments.get("length")
        if not (isinstance(start, int) and isinstance(length, int)):
            return None
        start %= max(shape[dim], 1)
        parts[dim] = range(start, start + length)
    elif op.kind == "select":
        if not isinstance(arguments.get("index"), int):
            return None
        parts[dim] = arguments["index"]
    else:
        constant = network.constant(op.inputs[1], INTEGERS) if len(op.inputs) > 1 else None
        if constant is None:
            return None
        parts[dim] = [int(at) % shape[dim] for at in constant.values.ravel()]
    return parts


def _subscripts(index: Any, shape: Sequence[int]) -> list[int | Sequence[int]] | None:
    given = index if isinstance(index, list) else [index]
    whole = [i for i, each in enumerate(given) if isinstance(each, dict) and each.get("ellipsis")]
    if len(whole) > 1 or any(each is None for each in given):
        return None
    fill = [{"slice": [None] * 3}] * (len(shape) - len(given) + len(whole))
    at = whole[0] if whole else len(given)
    given = [*given[:at], *fill, *given[at + 1 :]]
    if len(given) != len(shape):
        return None
    parts: list[int | Sequence[int]] = []
    for each, size in zip(given, shape, strict=True):
        if isinstance(each, int) and not isinstance(each, bool):
            parts.append(each)
        elif isinstance(each, dict) and all(map(_is_bound, each.get("slice", [{}]))):
            parts.append(range(size)[slice(*each["slice"])])
        else:
            return None
    return parts


def _is_bound(bound: Any) -> bool:
    return bound is None or isinstance(bound, int)


def _bits(places: Iterable[int]) -> int:
    bits = 0
    for place in places:
        bits |= 1 << place
    return bits
