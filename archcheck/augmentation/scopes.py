"""The names of a file, and what each is bound to."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

Function = ast.FunctionDef | ast.AsyncFunctionDef
Binding = ast.expr | Function | ast.ClassDef | None
"""What a name is bound to; None for what only a run can tell."""

_MUTATORS = frozenset("append extend insert remove pop clear sort reverse update".split())


class NotConstant(Exception):
    """Only a run can tell the value; the text says why."""


class NotDefined(NotConstant):
    """A name is bound nowhere in the file."""


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
    steps: list[int] = field(default_factory=lambda: [0])
    """How much was worked out, for all scopes of a file."""

    def find(self, name: str) -> tuple[Binding, Scope]:
        """What a name is bound to, and where.

        Raises:
            NotDefined: if it is bound nowhere.
            NotConstant: if it is bound in several places, or changed.
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
        raise NotDefined(f"{name} is not defined in this file")

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
        path = (*scope.path, node.name)
        inner = Scope(node, path, scope, changed=scope.changed, steps=scope.steps)
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
