"""Integers and truth values for inputs of which nothing is said, where no real number can be right.

A number that is looked up in a table, or that counts classes or places, is an integer; a mask is
true or false.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import torch

from archcheck.network import Place, Remark, kinds
from archcheck.network.inputs import Input, Inputs, Path, tensors_of
from archcheck.tracing.recorder import Recorder

_HANDED_ON = kinds.VIEWS | kinds.COPIES
"""What leaves the values as they are, or makes whole numbers of them."""
_BY_INDEX = frozenset(
    """index_select gather take_along_dim index_add index_copy index_fill scatter scatter_add
    scatter_reduce""".split()
)
_MASKED = {
    "masked_fill": "mask",
    "masked_select": "mask",
    "where": "condition",
    "bitwise_not": "input",
    "bitwise_and": "input",
    "bitwise_or": "input",
}
"""The arguments that are true or false, by kind."""


class Wanted(msgspec.Struct, frozen=True):
    """What an operand of a call has to be: integers below a bound, or true or false (None)."""

    tensor: torch.Tensor
    below: int | None


class Tried(msgspec.Struct, frozen=True):
    """Inputs with integers for the one at a path, and what is told of it."""

    inputs: Inputs
    path: Path
    remark: Remark


def with_integers(given: Inputs, recorder: Recorder) -> Tried | None:
    """The inputs with integers for one that a call of torch failed on.

    None if the call failed for another reason, or more than a shape was said of its operands.
    """
    failed = recorder.failed
    if failed is None:
        return None
    for wanted in _wanted(failed.kind, failed.bound):
        index = _input_behind(recorder, wanted.tensor)
        if index is None:
            continue
        each = tensors_of(given)[index]
        other = _of_integers(each, wanted.below)
        if other is None:
            continue
        replaced = tuple(other if one is each else one for one in given)
        name = each.name or ("the input" if len(tensors_of(given)) == 1 else f"input {index}")
        remark = _remark(name, failed.kind, wanted.below, recorder.failed_at)
        return Tried(replaced, each.path, remark)
    return None


def _remark(name: str, kind: str, below: int | None, place: Place | None) -> Remark:
    what = "true and false" if below is None else f"integers below {below:,}"
    return Remark(f"nothing is said of {name}: {what} are tried, for {kind} takes no others", place)


def _of_integers(each: Input, below: int | None) -> Input | None:
    """An input of integers, if nothing else is said of it; a smaller bound takes the place of one
    that was tried."""
    tried = each.guessed and each.below is not None and below is not None and below < each.below
    if (each.dtype or each.value is not None) and not tried:
        return None
    dtype = "bool" if below is None else "int64"
    return msgspec.structs.replace(each, dtype=dtype, below=below, guessed=True)


def _input_behind(recorder: Recorder, tensor: torch.Tensor) -> int | None:
    """The input that a tensor has its values of, by its number; None if it has them of none."""
    ids = recorder.tensor_ids
    number = ids.number(tensor)
    while ids.tensors[number].op is not None:
        op = recorder.ops[ids.tensors[number].op or 0]
        if op.kind not in _HANDED_ON or not op.inputs:
            return None
        number = op.inputs[0]
    inputs = [each.id for each in ids.tensors if each.origin == "input"]
    return inputs.index(number) if number in inputs else None


def _wanted(kind: str, bound: Mapping[str, Any]) -> Iterator[Wanted]:
    """What the operands of a call have to be that may have been something else."""
    source: Any = bound.get("input")
    if kind in _MASKED and _is_tensor(bound.get(_MASKED[kind])):
        yield Wanted(bound[_MASKED[kind]], None)
    if not _is_tensor(source):
        return
    if kind in ("embedding", "embedding_bag") and _is_tensor(bound.get("weight")):
        yield Wanted(source, bound["weight"].shape[0])
    elif kind == "one_hot":
        classes = bound.get("num_classes", -1)
        yield Wanted(source, classes if isinstance(classes, int) and classes > 0 else 2)
    elif kind in _BY_INDEX and _is_tensor(bound.get("index")) and source.dim():
        yield Wanted(bound["index"], source.shape[int(bound.get("dim", 0))])
    elif kind in ("getitem", "setitem"):
        yield from _subscripts(source, bound.get("index"))


def _subscripts(source: torch.Tensor, index: Any) -> Iterator[Wanted]:
    dimension = 0
    parts = index if isinstance(index, tuple) else (index,)
    for place, part in enumerate(parts):
        if part is Ellipsis:
            behind = [other for other in parts[place + 1 :] if other is not None]
            dimension = source.dim() - len(behind)
        elif part is not None:
            if _is_tensor(part) and dimension < source.dim():
                yield Wanted(part, source.shape[dimension])
            dimension += 1


def _is_tensor(value: Any) -> bool:
    return isinstance(value, torch.Tensor)
