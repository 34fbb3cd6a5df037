"""Which names of a module its statements mention, as Python resolves them: nothing is run."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class Scopes:
    """The names of a module's statements, and what stands around each of them."""

    def __init__(self, statements: Iterable[ast.stmt]) -> None:
        self.parents: dict[ast.AST, ast.AST] = {}
        self._locals: dict[ast.AST, frozenset[str]] = {}
        for statement in statements:
            for node in ast.walk(statement):
                for child in ast.iter_child_nodes(node):
                    self.parents[child] = node

    def around(self, node: ast.AST) -> Iterator[tuple[ast.AST, ast.AST]]:
        """The nodes that hold a node, the innermost one first, each with its child on the way."""
        while node in self.parents:
            yield self.parents[node], node
            node = self.parents[node]

    def is_global(self, node: ast.AST, name: str) -> bool:
        """Whether a name that stands at a node is one of the module's."""
        owner = self.owner(node, name)
        return owner is None

    def owner(self, node: ast.AST, name: str) -> ast.AST | None:
        """The function, class or comprehension that a name belongs to; None for the module."""
        in_function = False
        for outer, inner in self.around(node):
            if isinstance(outer, _FUNCTIONS) and _inside(outer, inner):
                if name in _declared_global(outer):
                    return None
                if name in self._names_of(outer):
                    return outer
                in_function = True
            elif isinstance(outer, _COMPREHENSIONS) and name in self._names_of(outer):
                return outer
            elif isinstance(outer, ast.ClassDef) and not in_function and inner in outer.body:
                if name in self._names_of(outer) and not isinstance(node, ast.Name):
                    return outer
                if isinstance(node, ast.Name) and isinstance(node.ctx, (ast.Store, ast.Del)):
                    return outer
        return None

    def mentioned(self, statement: ast.AST) -> set[str]:
        """The names of the module that a statement mentions, the bodies of functions included."""
        return {
            node.id
            for node in ast.walk(statement)
            if isinstance(node, ast.Name) and self.is_global(node, node.id)
        }

    def stored(self, statement: ast.AST) -> set[str]:
        """The names of the module that a statement gives a value, or takes it away, when it is
        run; what functions do that it defines is left out."""
        return {
            name
            for node in run_at_once(statement)
            for name in names_bound(node)
            if self.owner(node, name) is None
        }

    def _names_of(self, scope: ast.AST) -> frozenset[str]:
        if scope not in self._locals:
            self._locals[scope] = frozenset(_local_names(scope))
        return self._locals[scope]


def closure(start: Iterable[str], mentions: Mapping[str, set[str]]) -> set[str]:
    """All names that some names lead to, themselves included."""
    found: set[str] = set()
    waiting = list(start)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += mentions.get(name, ())
    return found


def names_bound(node: ast.AST) -> Iterator[str]:
    """The names that one node binds or deletes; star imports bind ``*``."""
    if isinstance(node, ast.Name) and isinstance(node.ctx, (ast.Store, ast.Del)):
        yield node.id
    elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield node.name
    elif isinstance(node, (ast.Import, ast.ImportFrom)):
        for alias in node.names:
            yield alias.asname or alias.name.partition(".")[0]
    elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and node.name:
        yield node.name
    elif isinstance(node, ast.MatchMapping) and node.rest:
        yield node.rest


def root_of(node: ast.expr) -> ast.expr:
    """What a chain of attributes, indices and calls begins with."""
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call, ast.Starred, ast.Await)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node


def path_of(node: ast.expr) -> str:
    """A name with dots as text; empty for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.insert(0, node.attr)
        node = node.value
    return ".".join([node.id, *parts]) if isinstance(node, ast.Name) else ""


def _inside(function: ast.AST, child: ast.AST) -> bool:
    """Whether a child of a function is run when the function is called: defaults, decorators and
    annotations are not."""
    if isinstance(function, ast.Lambda):
        return child is function.body
    assert isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
    return child in function.body


def run_at_once(node: ast.AST) -> Iterator[ast.AST]:
    """A statement with all in it but the bodies of functions."""
    yield node
    for child in ast.iter_child_nodes(node):
        if isinstance(node, _FUNCTIONS) and _inside(node, child):
            continue
        yield from run_at_once(child)


def _local_names(scope: ast.AST) -> Iterator[str]:
    if isinstance(scope, _FUNCTIONS):
        arguments = scope.args
        named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        yield from (each.arg for each in named)
        yield from (each.arg for each in (arguments.vararg, arguments.kwarg) if each)
        body: list[ast.AST] = [scope.body] if isinstance(scope, ast.Lambda) else [*scope.body]
    elif isinstance(scope, ast.ClassDef):
        body = [*scope.body]
    else:
        body = [generator.target for generator in scope.generators]  # type: ignore[attr-defined]
    for part in body:
        for node in _in_scope(part):
            yield from names_bound(node)


def _in_scope(node: ast.AST) -> Iterator[ast.AST]:
    """A node with all in it but what has a scope of its own."""
    yield node
    if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
        return
    for child in ast.iter_child_nodes(node):
        if isinstance(node, _COMPREHENSIONS) and isinstance(child, ast.comprehension):
            yield from _in_scope(child.iter)
            continue
        yield from _in_scope(child)


def _declared_global(function: ast.AST) -> set[str]:
    return {
        name for node in ast.walk(function) if isinstance(node, ast.Global) for name in node.names
    }
