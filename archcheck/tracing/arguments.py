"""The arguments of a torch call, by name and as plain data."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import torch

from archcheck.network.kinds import RECURRENT, ROWS

_SYNONYMS = {
    "self": "input",
    "instance": "input",
    "logits": "input",
    "x": "input",
    "A": "input",
    "tensor": "input",
    "axis": "dim",
    "keepdims": "keepdim",
    "split_size": "split_size_or_sections",
}
"""Other names of arguments, and those that the table of operations uses."""
_NAMES = {kind: tuple(row.arguments.split()) for kind, row in ROWS.items() if row.arguments}
_OF_METHODS = {kind: tuple(row.method.split()) for kind, row in ROWS.items() if row.method}
_GATHERING = frozenset([kind for kind, names in _NAMES.items() if names[-1].startswith("*")])
"""The kinds whose last argument takes all that are left: ``permute(2, 0, 1)``."""
_SUBSCRIPTS = frozenset({"getitem", "setitem"})
_COMMON = {
    kind: names
    for kind, names in _NAMES.items()
    if not (kind in _GATHERING or kind in _OF_METHODS or kind in _SUBSCRIPTS or kind in RECURRENT)
}
"""The names of the arguments of kinds that need no special treatment."""


def bind(
    kind: str, function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    """Name the arguments of a call. Those without a known name become ``argument1`` and so on."""
    names = _COMMON.get(kind)
    if names is not None and len(args) <= len(names):
        bound = dict(zip(names, args, strict=False))
    elif kind in _GATHERING and args:
        bound = _gathered(_NAMES[kind], args)
    else:
        names = _positional(kind, function)
        bound = _in_order(_recurrent(names, args) if kind in RECURRENT else names, args)
    for name, value in kwargs.items():
        bound[_SYNONYMS.get(name, name)] = value
    if kind in _SUBSCRIPTS and isinstance(bound.get("index"), (list, range)):
        bound["index"] = (bound["index"],)  # one list of indices, not one index a dimension
    if kind == "einsum":
        bound.update(_contraction_order(bound))
    return bound


def _contraction_order(bound: Mapping[str, Any]) -> dict[str, Any]:
    """The order in which torch contracts more than two operands, if it is not left to right."""
    backend: Any = torch.backends.opt_einsum
    operands = bound.get("operands", ())
    if len(operands) < 3 or not backend.enabled or not backend.is_available():
        return {}
    found = backend.get_opt_einsum().contract_path(
        bound["equation"], *operands, optimize=backend.strategy
    )
    return {"path": [place for pair in found[0] for place in pair]}


def _gathered(names: Sequence[str], args: Sequence[Any]) -> dict[str, Any]:
    """``permute(x, 2, 0, 1)`` and ``permute(x, (2, 0, 1))``: the last name takes the list."""
    first = len(names) - 1
    bound = dict(zip(names[:first], args, strict=False))
    rest = list(args[first:])
    if len(rest) == 1 and isinstance(rest[0], (tuple, list)):
        rest = list(rest[0])
    if rest:
        bound[names[-1][1:]] = rest
    return bound


def _in_order(names: Sequence[str], args: Sequence[Any]) -> dict[str, Any]:
    bound = dict(zip(names, args, strict=False))
    for position in range(len(names), len(args)):
        bound[f"argument{position}" if position else "input"] = args[position]
    return bound


def _positional(kind: str, function: Callable[..., Any]) -> tuple[str, ...]:
    if kind in _OF_METHODS and hasattr(function, "__objclass__"):
        return _OF_METHODS[kind]
    return _NAMES.get(kind) or python_signature(function)


@lru_cache(maxsize=1024)
def python_signature(function: Callable[..., Any]) -> tuple[str, ...]:
    """The names of the positional arguments in Python's signature of a function, often empty."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return ()
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return tuple([_SYNONYMS.get(name, name) for name in names])


def _recurrent(names: Sequence[str], args: Sequence[Any]) -> Sequence[str]:
    """The names for a packed sequence, which is given with its batch sizes, or for a tensor."""
    packed = len(args) > 3 and isinstance(args[3], (list, tuple))
    return ("input", "batch_sizes", *names[1:]) if packed else names


_PLAIN = frozenset({int, float, bool, str, type(None)})
"""The classes of most arguments: such a value stays as it is."""
_TENSORS = frozenset({torch.Tensor, torch.nn.Parameter})


def described(bound: Mapping[str, Any], reference: Callable[[torch.Tensor], Any]) -> dict[str, Any]:
    """The named arguments of a call as data that any serialiser takes.

    ``reference`` stands in for each tensor.
    """
    return {
        name: value if type(value) in _PLAIN else plain(value, reference)
        for name, value in bound.items()
    }


def plain(value: Any, reference: Callable[[torch.Tensor], Any]) -> Any:
    """``value`` as data that any serialiser takes; ``reference`` stands in for each tensor."""
    kind = type(value)
    if kind in _TENSORS:
        return reference(value)
    if kind is tuple and _PLAIN.issuperset(map(type, value)):
        return list(value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, torch.Tensor):
        return reference(value)
    if isinstance(value, (tuple, list, range)):
        return [item if type(item) in _PLAIN else plain(item, reference) for item in value]
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, dict):
        return {
            str(key): item if type(item) in _PLAIN else plain(item, reference)
            for key, item in value.items()
        }
    if isinstance(value, slice):
        return {"slice": [plain(part, reference) for part in (value.start, value.stop, value.step)]}
    if value is Ellipsis:
        return {"ellipsis": True}
    if isinstance(value, (torch.dtype, torch.device, torch.memory_format, torch.layout)):
        return str(value)
    return {"object": type(value).__name__}
