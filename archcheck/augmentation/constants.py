"""The values of expressions that are known from the source alone."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

from archcheck.augmentation.scopes import NotConstant, NotDefined, Scope

LONGEST_CHAIN = 40
"""Names are followed through no more names than this."""
LARGEST_NUMBER = 10**12
LONGEST_SEQUENCE = 1000
"""No argument of a pipeline is a larger number or a longer sequence."""
MOST_STEPS = 200_000
"""So much is worked out for one file, and no more: names can stand for ever more of each other."""

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
}
_CALLS: dict[str, Callable[..., Any]] = {
    "tuple": tuple,
    "list": tuple,
    "int": int,
    "float": float,
    "round": round,
    "abs": abs,
    "sum": sum,
    "min": min,
    "max": max,
    "len": len,
    "dict": dict,
}


def value_of(
    node: ast.expr, scope: Scope, names: Mapping[str, Any] | None = None, depth: int = 0
) -> Any:
    """The value of an expression; lists are tuples.

    ``names`` are those of a comprehension.

    Raises:
        NotConstant: if only a run can tell.
    """
    scope.steps[0] += 1
    if depth > LONGEST_CHAIN or scope.steps[0] > MOST_STEPS:
        raise NotConstant("it goes through too many names")
    try:
        found = _value(node, scope, dict(names or {}), depth + 1)
    except (ArithmeticError, LookupError, TypeError, ValueError, RecursionError):
        raise NotConstant(f"{_text(node)} cannot be worked out") from None
    if isinstance(found, (int, float)) and abs(found) > LARGEST_NUMBER:
        raise NotConstant(f"{_text(node)} is too large")
    if isinstance(found, (tuple, dict)) and _size(found) > LONGEST_SEQUENCE:
        raise NotConstant(f"{_text(node)} is too long")
    return found


def _size(value: Any) -> int:
    """How many values there are in one, or just more than are wanted of any."""
    if not isinstance(value, (tuple, dict)):
        return 1
    found = 0
    for part in value.values() if isinstance(value, dict) else value:
        found += _size(part)
        if found > LONGEST_SEQUENCE:
            break
    return found


def _value(node: ast.expr, scope: Scope, names: dict[str, Any], depth: int) -> Any:
    def inner(part: ast.expr) -> Any:
        return value_of(part, scope, names, depth)

    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        if node.id in names:
            return names[node.id]
        found, where = scope.find(node.id)
        if not isinstance(found, ast.expr):
            raise NotConstant(f"{node.id} is only known when the script runs")
        return value_of(found, where, None, depth)
    if isinstance(node, (ast.Tuple, ast.List)):
        parts: list[Any] = []
        for part in node.elts:
            parts += inner(part.value) if isinstance(part, ast.Starred) else [inner(part)]
        return tuple(parts)
    if isinstance(node, ast.Dict):
        if any(key is None for key in node.keys):
            raise NotConstant(f"{_text(node)} is put together when the script runs")
        pairs = zip(node.keys, node.values, strict=True)
        return {inner(key): inner(value) for key, value in pairs if key is not None}
    if isinstance(node, ast.UnaryOp) and type(node.op) in _UNARY:
        return _UNARY[type(node.op)](inner(node.operand))
    if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        return _combined(node, inner(node.left), inner(node.right))
    if isinstance(node, ast.Subscript):
        return inner(node.value)[inner(node.slice)]
    if isinstance(node, (ast.ListComp, ast.GeneratorExp)):
        return _comprehended(node, scope, names, depth)
    if isinstance(node, ast.Attribute):
        return _attribute(node, scope, depth)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        name = node.func.id
        if name in _CALLS and not _is_bound(name, scope):
            given = {keyword.arg: inner(keyword.value) for keyword in node.keywords if keyword.arg}
            if len(given) == len(node.keywords):
                return _CALLS[name](*(inner(part) for part in node.args), **given)
    raise NotConstant(f"{_text(node)} is worked out when the script runs")


def _combined(node: ast.BinOp, left: Any, right: Any) -> Any:
    if isinstance(left, str) and not isinstance(node.op, ast.Add):
        raise NotConstant(f"{_text(node)} is worked out when the script runs")
    for one, other in ((left, right), (right, left)):
        is_repeated = isinstance(one, (tuple, str)) and isinstance(other, int)
        if is_repeated and len(one) * other > LONGEST_SEQUENCE:
            raise NotConstant(f"{_text(node)} is too long")
    return _BINARY[type(node.op)](left, right)


def _comprehended(
    node: ast.ListComp | ast.GeneratorExp, scope: Scope, names: dict[str, Any], depth: int
) -> tuple[Any, ...]:
    loop = node.generators[0]
    if len(node.generators) > 1 or loop.ifs or not isinstance(loop.target, ast.Name):
        raise NotConstant(f"{_text(node)} is worked out when the script runs")
    items = value_of(loop.iter, scope, names, depth)
    if len(items) > LONGEST_SEQUENCE:
        raise NotConstant(f"{_text(node)} is too long")
    return tuple(
        value_of(node.elt, scope, {**names, loop.target.id: item}, depth) for item in items
    )


def _attribute(node: ast.Attribute, scope: Scope, depth: int) -> Any:
    """``Config.MEAN`` or ``self.MEAN``: the attribute of a class in this file."""
    owner: Scope | None = None
    if isinstance(node.value, ast.Name):
        if node.value.id in ("self", "cls"):
            owner = scope.class_scope()
        else:
            found, where = scope.find(node.value.id)
            owner = where.inner.get(id(found)) if isinstance(found, ast.ClassDef) else None
    if owner is None or f"self.{node.attr}" in scope.changed or node.attr not in owner.bindings:
        raise NotConstant(f"{_text(node)} is only known when the script runs")
    found, where = owner.find(node.attr)
    if not isinstance(found, ast.expr):
        raise NotConstant(f"{_text(node)} is only known when the script runs")
    return value_of(found, where, None, depth)


def _is_bound(name: str, scope: Scope) -> bool:
    try:
        scope.find(name)
    except NotDefined:
        return False
    except NotConstant:
        return True
    return True


def _text(node: ast.expr) -> str:
    text = ast.unparse(node)
    return text if len(text) <= 40 else f"{text[:39]}…"
