"""The values of expressions that can be told from the source alone."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

DEEPEST = 40
"""Names are followed through no more names than this."""
LARGEST = 10**12
LONGEST = 1000
"""Larger numbers and longer sequences are nothing that a pipeline is told."""

Function = ast.FunctionDef | ast.AsyncFunctionDef
Binding = ast.expr | Function | ast.ClassDef | None
"""What a name is bound to; None for what only a run can tell."""

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
_MUTATORS = frozenset("append extend insert remove pop clear sort reverse update".split())


class NotConstant(Exception):
    """Only a run can tell the value; the text says why."""


@dataclass
class Scope:
    """The names of a module, function or class, and everything that each is bound to."""

    node: ast.Module | Function | ast.ClassDef
    path: tuple[str, ...] = ()
    parent: Scope | None = None
    bindings: dict[str, list[Binding]] = field(default_factory=dict)
    inner: dict[int, Scope] = field(default_factory=dict)
    """The scopes of the functions and classes that are defined here, by the node's identity."""
    changed: set[str] = field(default_factory=set)
    """Names whose value is changed in place somewhere in the file."""

    def find(self, name: str) -> tuple[Binding, Scope]:
        """What a name is bound to, and where.

        Raises:
            NotConstant: if it is bound nowhere, or in several places.
        """
        scope: Scope | None = self
        while scope is not None:
            visible = scope is self or not isinstance(scope.node, ast.ClassDef)
            if visible and name in scope.bindings:
                if name in scope.changed:
                    raise NotConstant(f"{name} is changed after it was made")
                found = scope.bindings[name]
                if len(found) > 1:
                    raise NotConstant(f"{name} is given several values")
                return found[0], scope
            scope = scope.parent
        raise NotConstant(f"{name} is not defined in this file")

    def class_scope(self) -> Scope | None:
        """The class that this scope is a method of, or is."""
        scope: Scope | None = self
        while scope is not None and not isinstance(scope.node, ast.ClassDef):
            scope = scope.parent
        return scope


def scopes(tree: ast.Module) -> Scope:
    """The scopes of a file."""
    changed = {name for node in ast.walk(tree) for name in _changed(node)}
    top = Scope(tree, changed=changed)
    _fill(top, tree.body)
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            for name in node.names:
                top.bindings.setdefault(name, []).append(None)
    _defaults(top, tree)
    return top


def _changed(node: ast.AST) -> Iterator[str]:
    """Names that a node changes in place."""
    targets: list[ast.expr] = []
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr in _MUTATORS and isinstance(node.func.value, ast.Name):
            yield node.func.value.id
    elif isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, (ast.AugAssign, ast.AnnAssign)):
        targets = [node.target]
    elif isinstance(node, ast.Delete):
        targets = node.targets
    for target in targets:
        if isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
            yield target.value.id
        if isinstance(target, ast.Attribute):
            yield f"self.{target.attr}"


def _fill(scope: Scope, body: list[ast.stmt]) -> None:
    if isinstance(scope.node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        given = scope.node.args
        every = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
        for parameter in every:
            if parameter is not None:
                scope.bindings.setdefault(parameter.arg, []).append(None)
    for statement in body:
        for name, value in _bound(statement, scope):
            scope.bindings.setdefault(name, []).append(value)


def _bound(node: ast.AST, scope: Scope) -> Iterator[tuple[str, Binding]]:
    """What a statement binds, what stands in it included, in this scope."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield node.name, node
        inner = Scope(node, (*scope.path, node.name), scope, changed=scope.changed)
        scope.inner[id(node)] = inner
        _fill(inner, node.body)
        return
    if isinstance(node, ast.Assign):
        for target in node.targets:
            yield from _pairs(target, node.value)
    elif isinstance(node, ast.AnnAssign) and node.value is not None:
        yield from _pairs(node.target, node.value)
    elif isinstance(node, ast.Name) and isinstance(node.ctx, (ast.Store, ast.Del)):
        yield node.id, None
    elif isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.Lambda)):
        return  # names of their own
    for child in ast.iter_child_nodes(node):
        targets = getattr(node, "targets", [getattr(node, "target", None)])
        if not (isinstance(node, (ast.Assign, ast.AnnAssign)) and child in targets):
            yield from _bound(child, scope)


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, Binding]]:
    if isinstance(target, ast.Name):
        yield target.id, value
    elif isinstance(target, (ast.Tuple, ast.List)):
        same = isinstance(value, (ast.Tuple, ast.List)) and len(value.elts) == len(target.elts)
        for number, part in enumerate(target.elts):
            if same and not isinstance(part, ast.Starred):
                assert isinstance(value, (ast.Tuple, ast.List))
                yield from _pairs(part, value.elts[number])
            else:
                yield from ((n.id, None) for n in ast.walk(part) if isinstance(n, ast.Name))


def _defaults(scope: Scope, tree: ast.Module) -> None:
    """Where all calls of a function leave its parameters alone, they are their defaults."""
    calls: dict[str, list[ast.Call]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            calls.setdefault(node.func.id, []).append(node)
    for inner in scope.inner.values():
        node = inner.node
        if isinstance(node, (ast.ClassDef, ast.Module)):
            continue
        if any(call.args or call.keywords for call in calls.get(node.name, ())):
            continue
        plain = [*node.args.posonlyargs, *node.args.args]
        given = list(
            zip(plain[len(plain) - len(node.args.defaults) :], node.args.defaults, strict=True)
        )
        given += [
            (parameter, default)
            for parameter, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
            if default is not None
        ]
        for parameter, default in given:
            if inner.bindings.get(parameter.arg) == [None]:
                inner.bindings[parameter.arg] = [default]


def value_of(
    node: ast.expr, scope: Scope, names: Mapping[str, Any] | None = None, depth: int = 0
) -> Any:
    """The value of an expression; lists are tuples.

    ``names`` are those of a comprehension.

    Raises:
        NotConstant: if only a run can tell.
    """
    if depth > DEEPEST:
        raise NotConstant("it goes through too many names")
    try:
        found = _value(node, scope, dict(names or {}), depth + 1)
    except (ArithmeticError, LookupError, TypeError, ValueError, RecursionError):
        raise NotConstant(f"{_text(node)} cannot be worked out") from None
    if isinstance(found, (int, float)) and abs(found) > LARGEST:
        raise NotConstant(f"{_text(node)} is too large")
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
        if is_repeated and len(one) * other > LONGEST:
            raise NotConstant(f"{_text(node)} is too long")
    return _BINARY[type(node.op)](left, right)


def _comprehended(
    node: ast.ListComp | ast.GeneratorExp, scope: Scope, names: dict[str, Any], depth: int
) -> tuple[Any, ...]:
    loop = node.generators[0]
    if len(node.generators) > 1 or loop.ifs or not isinstance(loop.target, ast.Name):
        raise NotConstant(f"{_text(node)} is worked out when the script runs")
    items = value_of(loop.iter, scope, names, depth)
    if len(items) > LONGEST:
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
    except NotConstant as error:
        return "not defined" not in str(error)
    return True


def _text(node: ast.expr) -> str:
    text = ast.unparse(node)
    return text if len(text) <= 40 else f"{text[:39]}…"
