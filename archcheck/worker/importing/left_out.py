"""What the statements that are left out of a file may change of its definitions.

A definition counts as changed unless every place that mentions it, in what is left out and in all
functions that this may call, is known to leave it as it is.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

from archcheck.worker.importing.definitions import Definitions
from archcheck.worker.importing.guarded import sets
from archcheck.worker.importing.kinds import Kind, Kinds
from archcheck.worker.importing.purity import Purity
from archcheck.worker.importing.scopes import Scopes, closure, names_bound, root_of
from archcheck.worker.importing.uses import Uses

_WILD = frozenset({"exec", "eval", "globals", "locals", "__builtins__", "__import__"})
"""Names through which anything may be changed."""
_NAMES_OF_ALL = frozenset({"user_ns", "user_global_ns", "__globals__"})
"""Attributes that hold the names of a module, or of a notebook."""
_WILD_PATHS = ("sys.modules", "builtins.", "unittest.mock.", "importlib.reload", "importlib.import")


class Change(NamedTuple):
    """A definition that a line that is left out may change."""

    name: str
    line: int


class LeftOut:
    """The statements that are left out, beside those that are kept.

    ``is_own`` says of the name of an imported module, and how many dots stand in front of it,
    whether it belongs to the submission.
    """

    def __init__(self, definitions: Definitions, is_own: Callable[[str, int], bool]) -> None:
        self._left = definitions.left_out
        self._kept = definitions.kept
        everything = [*self._kept, *self._left]
        self._scopes = Scopes(everything)
        self._purity = Purity(everything)
        self._bound: dict[str, list[ast.stmt]] = {}
        for statement in self._kept:
            for name in self._scopes.stored(statement):
                self._bound.setdefault(name, []).append(statement)
        self._kinds = Kinds(self._scopes, self._purity, self._bound, is_own)
        self._uses = Uses(self._scopes, self._purity, self._bound, self._kinds)

    def change_of(self, start: Iterable[str]) -> Change | None:
        """What may be changed of the definitions that some names lead to; None for nothing."""
        if not self._left:
            return None
        used = closure(start, self._mentions)
        used |= self._built_beside(used)
        if (wild := self._wild()) is not None:
            return Change("", wild.lineno)
        changes = [*self._rebound(used, self._code), *self._mutated(used, self._code)]
        return min(changes, key=lambda change: change.line, default=None)

    def sets(self, start: Iterable[str]) -> Change | None:
        """What is set for certain of the definitions that some names lead to: given another value,
        or another attribute or element; None for nothing."""
        used = closure(start, self._mentions)
        related = self._kinds.related(used)
        changes = [
            *self._rebound(used, self._code),
            *(
                Change(node.id, node.lineno)
                for part in self._code
                for node in ast.walk(part)
                if isinstance(node, ast.Name) and node.id in related
                if self._scopes.is_global(node, node.id) and sets(node, self._scopes.parents)
                if self._uses.may_change(node, self._kinds.of(node.id))
            ),
        ]
        return min(changes, key=lambda change: change.line, default=None)

    def imported(self) -> dict[ast.stmt, set[int]]:
        """The imports of the submission's modules that what is left out mentions, with its
        lines."""
        found: dict[ast.stmt, set[int]] = {}
        for part in self._left:
            for name in self._scopes.mentioned(part):
                if name in self._bound and self._kinds.of(name) is Kind.OWN:
                    for each in self._bound[name]:
                        found.setdefault(each, set()).add(part.lineno)
        return found

    def maker_of(self, name: str) -> int | None:
        """The line of the statement that gives a name its value and is left out."""
        for statement in self._left:
            if name in self._scopes.stored(statement):
                return statement.lineno
        return None

    @cached_property
    def _mentions(self) -> dict[str, set[str]]:
        return {
            name: {
                each
                for part in parts
                for each in (*self._scopes.mentioned(part), *self._imported_in(part))
            }
            for name, parts in self._bound.items()
        }

    def _imported_in(self, part: ast.stmt) -> Iterator[str]:
        """The names of the module that stand for what the functions of a statement import."""
        inner = [node for node in ast.walk(part) if isinstance(node, _IMPORTS) and node is not part]
        packages = {package for node in inner for package in _packages(node)}
        for name, parts in self._bound.items() if packages else ():
            imports = [each for each in parts if isinstance(each, _IMPORTS)]
            if any(packages & _packages(each) for each in imports):
                yield name

    @cached_property
    def _code(self) -> list[ast.AST]:
        """What is left out, and the bodies of the functions that it may call."""
        start = {name for part in self._left for name in self._scopes.mentioned(part)}
        reached = closure(start, self._mentions)
        parts = {id(part): part for name in reached for part in self._bound.get(name, ())}
        bodies = [body for part in parts.values() for body in _bodies(part)]
        return [*self._left, *bodies]

    def _wild(self) -> ast.expr | None:
        """The first place through which anything may be changed."""
        found = [
            node
            for part in self._code
            for node in ast.walk(part)
            if isinstance(node, ast.expr) and self._is_wild(node)
        ]
        return min(found, key=lambda node: node.lineno, default=None)

    def _is_wild(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Call):  # without an argument `vars` is `locals`
            return self._purity.called(node) == "vars" and not node.args
        if isinstance(node, ast.Name):
            if self._purity.full_name(node) == "__main__":
                return True
            return node.id in _WILD and self._scopes.is_global(node, node.id)
        if isinstance(node, ast.Attribute):
            if self._purity.full_name(node).startswith(_WILD_PATHS) or node.attr in _NAMES_OF_ALL:
                return True
            return isinstance(node.ctx, ast.Store) and self._of_its_class(node)
        return False

    def _of_its_class(self, target: ast.Attribute) -> bool:
        """Whether an attribute of an instance's class is set, whichever that is."""
        root = root_of(target)
        through = any(
            isinstance(n, ast.Attribute) and n.attr == "__class__" for n in _chain(target)
        )
        called = isinstance(root, ast.Name) and root.id == "type" and root is not target.value
        return through or called

    def _sets_class(self, node: ast.AST) -> str:
        """The class of which a class method sets an attribute; empty for anything else."""
        if not isinstance(node, ast.Attribute) or isinstance(node.ctx, ast.Load):
            return ""
        root = root_of(node)
        method = getattr(self._scopes.owner(root, getattr(root, "id", "")), "name", "")
        is_called = method in self._attributes or method == "__init_subclass__"
        return self._uses.class_of_method(root) if is_called else ""

    @cached_property
    def _attributes(self) -> set[str]:
        """The names of attributes that are mentioned."""
        nodes = (node for part in self._code for node in ast.walk(part))
        return {node.attr for node in nodes if isinstance(node, ast.Attribute)}

    def _built_beside(self, used: set[str]) -> set[str]:
        """What other instances are made of that may change some definitions as they are built."""
        found: set[str] = set()
        for name, parts in self._bound.items():
            made = [p for p in parts if isinstance(p, ast.Assign) and isinstance(p.value, ast.Call)]
            reached = closure({name}, self._mentions) if made and name not in used else set()
            code = [
                body for each in reached for p in self._bound.get(each, ()) for body in _bodies(p)
            ]
            if any(self._rebound(used, code)) or any(self._mutated(used, code)):
                found |= reached
        return found

    def _rebound(self, used: set[str], code: Sequence[ast.AST]) -> Iterator[Change]:
        for part in code:
            for name, line in self._stores(part):
                replaces = name in self._bound or hasattr(builtins, name) or name == "*"
                if replaces and (name in used or name == "*"):
                    yield Change(name, line)

    def _stores(self, part: ast.AST) -> Iterator[tuple[str, int]]:
        for node in ast.walk(part):
            for name in names_bound(node):
                if self._scopes.owner(node, name) is None:
                    yield name, getattr(node, "lineno", 0)

    def _mutated(self, used: set[str], code: Sequence[ast.AST]) -> Iterator[Change]:
        kinds = {name: self._kinds.of(name) for name in self._kinds.related(used)}
        for part in code:
            for node in ast.walk(part):
                if self._sets_class(node) in kinds:
                    yield Change(self._sets_class(node), node.lineno)  # type: ignore[attr-defined]
                if not isinstance(node, ast.Name) or node.id not in kinds:
                    continue
                kind = kinds[node.id]
                if kind is Kind.IMMUTABLE or not self._scopes.is_global(node, node.id):
                    continue
                if self._uses.may_change(node, kind):
                    yield Change(node.id, node.lineno)


_IMPORTS = (ast.Import, ast.ImportFrom)


def _packages(node: ast.Import | ast.ImportFrom) -> set[str]:
    if isinstance(node, ast.ImportFrom):
        return {(node.module or "").partition(".")[0]}
    return {alias.name.partition(".")[0] for alias in node.names}


def _bodies(statement: ast.AST) -> Iterator[ast.AST]:
    """The bodies of the functions in a statement that was run, their defaults, and what attributes
    of classes are given."""
    for node in ast.walk(statement):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from (*node.body, *_defaults(node))
        elif isinstance(node, ast.Lambda):
            yield from (node.body, *_defaults(node))
        elif isinstance(node, ast.ClassDef):
            yield from (part for part in node.body if isinstance(part, ast.Assign))


def _defaults(function: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> list[ast.expr]:
    defaults = (*function.args.defaults, *function.args.kw_defaults)
    return [default for default in defaults if default is not None]


def _chain(node: ast.expr) -> Iterator[ast.expr]:
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        yield node
        node = node.value
