"""The functions of a file that return a network, found in its source: none is called."""

from __future__ import annotations

import ast
import functools
import inspect
import typing
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any, NamedTuple

from torch import nn

from archcheck.worker.scripts import read_script

_RETURN_THEMSELVES = frozenset(
    """
    to cuda cpu eval train half float double bfloat16 apply requires_grad_ compile
""".split()
)
"""The methods of a module that return it."""
WRAPPERS = (nn.DataParallel, nn.parallel.DistributedDataParallel)
"""Modules that run the one that they hold, as it is."""
_Function = ast.FunctionDef | ast.Lambda


class Made(NamedTuple):
    """The class of a network that a function returns, and whether it gives it arguments."""

    kind: Any
    with_arguments: bool


def tree_of(module: ModuleType) -> ast.Module:
    """The source of a module, parsed; empty if it cannot be read."""
    try:
        return read_script(module.__file__ or "").tree
    except (SyntaxError, ValueError, OSError):
        return ast.Module([], [])


def factories(module: ModuleType, tree: ast.Module) -> dict[str, frozenset[Made]]:
    """The functions that a module defines, by name, with what they return, if that is a network."""
    names = vars(module)
    functions = {name: node for name, node in _functions(tree) if callable(names.get(name))}
    returns = _Returns(names, functions)
    found = {name: frozenset(returns.of(name)) for name in returns.functions}
    for name, value in names.items():
        if isinstance(value, functools.partial) and _is_network(value.func):
            found[name] = frozenset({Made(value.func, True)})
    return {name: made for name, made in found.items() if made}


def _functions(tree: ast.Module) -> Iterator[tuple[str, _Function]]:
    for node in _statements(tree):
        if isinstance(node, ast.FunctionDef):
            yield node.name, node
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
            yield from ((t.id, node.value) for t in node.targets if isinstance(t, ast.Name))


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """All that a body holds, except for what other functions and classes in it hold."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            yield from _statements(child)


class _Returns:
    """Follows what functions return through names, calls and choices."""

    def __init__(self, names: Mapping[str, Any], functions: Mapping[str, _Function]) -> None:
        self.functions = functions
        self._names = names
        self._within: list[str] = []

    def of(self, name: str) -> set[Made]:
        """What a function returns of networks; nothing of one that trains."""
        node = self.functions[name]
        if name in self._within or _trains(node):
            return set()
        self._within.append(name)
        try:
            if isinstance(node, ast.Lambda):
                return self._made(node.body, {})
            body = list(_statements(node))
            local = _assigned(body)
            returned = [n.value for n in body if isinstance(n, ast.Return) and n.value is not None]
            made = {each for value in returned for each in self._made(value, local)}
            return made or _announced(self._names.get(name))
        finally:
            self._within.pop()

    def _made(self, node: ast.expr, local: Mapping[str, list[ast.expr]]) -> set[Made]:
        if isinstance(node, ast.Name):
            inner = {name: values for name, values in local.items() if name != node.id}
            if node.id in local:
                return {each for value in local[node.id] for each in self._made(value, inner)}
            value = self._names.get(node.id)
            return {Made(type(value), True)} if isinstance(value, nn.Module) else set()
        if isinstance(node, ast.IfExp):
            return self._made(node.body, local) | self._made(node.orelse, local)
        return self._called(node, local) if isinstance(node, ast.Call) else set()

    def _called(self, node: ast.Call, local: Mapping[str, list[ast.expr]]) -> set[Made]:
        function = node.func
        if isinstance(function, ast.Name) and function.id in self.functions:
            return self.of(function.id)
        target = self._value(function)
        if node.args and any(target is wrapper for wrapper in WRAPPERS):
            return self._made(node.args[0], local)
        if _is_network(target):
            return {Made(target, bool(node.args or node.keywords))}
        if isinstance(function, ast.Attribute) and function.attr in _RETURN_THEMSELVES:
            return self._made(function.value, local)
        return _announced(target)

    def _value(self, node: ast.expr) -> Any:
        """What a name with dots stands for in the module, None if that is not known."""
        if isinstance(node, ast.Name):
            return self._names.get(node.id)
        if isinstance(node, ast.Attribute):
            owner = self._value(node.value)
            if isinstance(owner, (ModuleType, type)):
                return getattr(owner, node.attr, None)
        return None


def _is_network(value: Any) -> bool:
    return (
        isinstance(value, type)
        and issubclass(value, nn.Module)
        and not issubclass(value, nn.modules.loss._Loss)
    )


def _announced(function: Any) -> set[Made]:
    """What a function says that it returns."""
    if not inspect.isfunction(function):
        return set()
    try:
        kind = typing.get_type_hints(function).get("return")
    except Exception:  # a name in a hint that is not there, or whatever evaluating it raises
        return set()
    return {Made(kind, True)} if _is_network(kind) else set()


def _assigned(body: list[ast.AST]) -> dict[str, list[ast.expr]]:
    """The values that the local names of a function are given."""
    values: dict[str, list[ast.expr]] = {}
    for node in body:
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, (ast.AnnAssign, ast.NamedExpr)):
            targets = [node.target]
        value = getattr(node, "value", None)
        for target in targets:
            if isinstance(target, ast.Name) and isinstance(value, ast.expr):
                values.setdefault(target.id, []).append(value)
    return values


def _trains(node: ast.AST) -> bool:
    return any(isinstance(n, ast.Attribute) and n.attr == "backward" for n in ast.walk(node))
