"""Which statements of a project have to do with a pipeline, by the names that they share."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from archcheck.augmentation.library import LIBRARY

_COMPOUND = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.Match)
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_LEAVING = (ast.Return, ast.Raise, ast.Break, ast.Continue)


@dataclass
class _Statement:
    node: ast.stmt
    reads: set[str]
    writes: set[str]
    within: tuple[str, ...]
    """The names of the functions and classes that it stands in."""
    reaches_out: bool
    """Whether it may change what others than its own function see."""


@dataclass
class Relevance:
    """The statements that make a pipeline, or what a pipeline is made of.

    Attributes:
        names: what they read and write.
        makers: functions, classes and names of the library by which transforms are made.
        statements: themselves, by the node's identity.
        holders: those, and the statements that they stand in.
    """

    names: set[str] = field(default_factory=set)
    makers: set[str] = field(default_factory=set)
    statements: set[int] = field(default_factory=set)
    holders: set[int] = field(default_factory=set)

    def concerns(self, body: Iterable[ast.stmt]) -> bool:
        """Whether any of these statements, or one inside them, has to do with a pipeline."""
        return any(id(statement) in self.holders for statement in body)


def relevance_in(trees: Iterable[ast.Module]) -> Relevance:
    """What has to do with a pipeline in the files of a project."""
    trees = list(trees)
    found = Relevance(makers={name for tree in trees for name in _library_names(tree)})
    statements = [part for tree in trees for part in _statements(tree.body, ())]
    before = -1
    while len(found.statements) + len(found.names) + len(found.makers) != before:
        before = len(found.statements) + len(found.names) + len(found.makers)
        for statement in statements:
            _look_at(statement, found)
    for tree in trees:
        _mark_holders(tree, found)
    return found


def _mark_holders(node: ast.AST, found: Relevance) -> bool:
    inside = [_mark_holders(child, found) for child in ast.iter_child_nodes(node)]
    holds = id(node) in found.statements or any(inside)
    if holds:
        found.holders.add(id(node))
    return holds


def _look_at(statement: _Statement, found: Relevance) -> None:
    makes = bool(statement.reads & found.makers)
    if makes:
        found.makers |= set(statement.within)
        if isinstance(statement.node, (ast.Assign, ast.AnnAssign)):
            found.makers |= statement.writes
    leaves = isinstance(statement.node, _LEAVING) and bool(
        set(statement.within) & (found.names | found.makers)
    )
    inside = bool(set(statement.within) & found.names)
    changes = bool(statement.writes & found.names)
    if changes and statement.reaches_out:
        found.makers |= set(statement.within)
    if makes or leaves or inside or changes:
        found.statements.add(id(statement.node))
        found.names |= statement.reads | statement.writes


def _library_names(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.partition(".")[0] == LIBRARY:
                    yield alias.asname or LIBRARY
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(LIBRARY):
            yield from (alias.asname or alias.name for alias in node.names)


def _statements(body: Iterable[ast.stmt], within: tuple[str, ...]) -> Iterator[_Statement]:
    for node in body:
        if isinstance(node, _DEFINITIONS):
            yield _statement(node, _heads(node), within, {node.name})
            yield from _statements(node.body, (*within, node.name))
        elif isinstance(node, _COMPOUND):
            yield _statement(node, _heads(node), within, _targets(node))
            for name in ("body", "orelse", "finalbody"):
                yield from _statements(getattr(node, name, []), within)
            for part in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
                yield from _statements(part.body, within)
        else:
            yield _statement(node, [node], within, _targets(node))


def _statement(
    node: ast.stmt, parts: list[ast.AST], within: tuple[str, ...], writes: set[str]
) -> _Statement:
    reads = {name for part in parts for name in _names(part)}
    return _Statement(node, reads, writes, within, _reaches_out(node))


def _reaches_out(node: ast.stmt) -> bool:
    return isinstance(node, ast.Global) or any(
        (
            isinstance(part, (ast.Attribute, ast.Subscript))
            and isinstance(part.ctx, (ast.Store, ast.Del))
        )
        or (isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute))
        for part in _own(node)
    )


def _heads(node: ast.stmt) -> list[ast.AST]:
    """What a compound statement evaluates itself; conditions are no part of it, as they only
    say which way to go."""
    if isinstance(node, ast.ClassDef):
        return [*node.bases, *node.decorator_list]
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        defaults = [default for default in node.args.kw_defaults if default is not None]
        return [*node.args.defaults, *defaults]
    if isinstance(node, (ast.For, ast.AsyncFor)):
        return [node.iter]
    if isinstance(node, (ast.With, ast.AsyncWith)):
        return [item.context_expr for item in node.items]
    return []


def _targets(node: ast.stmt) -> set[str]:
    """Names that a statement gives a value to, or may change the value of."""
    written: set[str] = set()
    for part in _own(node):
        if isinstance(part, ast.Name) and isinstance(part.ctx, (ast.Store, ast.Del)):
            written.add(part.id)
        elif isinstance(part, (ast.Attribute, ast.Subscript)) and isinstance(
            part.ctx, (ast.Store, ast.Del)
        ):
            written |= set(_names(part)) - {"self", "cls"}
        elif isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute):
            written |= set(_names(part.func.value)) - {"self", "cls"}
        elif isinstance(part, ast.Global):
            written |= set(part.names)
        elif isinstance(part, ast.alias):
            written.add(part.asname or part.name.partition(".")[0])
    value = getattr(node, "value", None)
    if isinstance(node, ast.Expr) and isinstance(value, ast.Call):
        for argument in value.args:
            written |= set(_names(argument)) - {"self", "cls"}
    if isinstance(node, (ast.Assign, ast.AnnAssign)) and isinstance(
        value, (ast.Name, ast.Attribute, ast.Subscript)
    ):
        written |= set(_names(value)) - {"self", "cls"}  # two names of one list
    return written


def _own(node: ast.stmt) -> Iterator[ast.AST]:
    if not isinstance(node, _COMPOUND):
        yield from ast.walk(node)
    elif isinstance(node, (ast.For, ast.AsyncFor)):
        yield from ast.walk(node.target)


def _names(node: ast.AST) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            yield part.id
        elif isinstance(part, ast.Attribute):
            yield part.attr
