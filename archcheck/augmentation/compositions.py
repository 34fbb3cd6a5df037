"""Where a file's source builds compositions, and what they are called there."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from archcheck.augmentation.library import COMPOSITIONS, Imports
from archcheck.augmentation.scopes import Function, Scope


@dataclass
class FoundComposition:
    """A composition, the name it goes by, and the function that returns it."""

    node: ast.Call
    scope: Scope
    name: str
    returned: bool = False


class CompositionFinder:
    """Finds the outermost compositions of a file."""

    def __init__(self, imports: Imports) -> None:
        self.imports = imports

    def find(
        self, node: ast.AST, scope: Scope, name: str, returned: bool = False
    ) -> Iterator[FoundComposition]:
        """The outermost compositions under a node; ``name`` is what its value is called."""
        if isinstance(node, ast.Call) and self.imports.class_of(node.func) in COMPOSITIONS:
            yield FoundComposition(
                node, scope, ".".join([*scope.path, *([name] if name else [])]), returned
            )
            return
        inner = scope.inner.get(id(node), scope)
        if isinstance(node, (ast.Assign, ast.AnnAssign)):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if node.value is not None:
                yield from self._assigned(target, node.value, inner)
            return
        if isinstance(node, ast.Return) and node.value is not None:
            yield from self.find(node.value, inner, "", True)
            return
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                said = str(key.value) if isinstance(key, ast.Constant) else ""
                yield from self.find(value, inner, ".".join(part for part in (name, said) if part))
            return
        if isinstance(node, ast.keyword):
            name = node.arg or ""
        elif not isinstance(node, (ast.IfExp, ast.Tuple, ast.List)):
            name = ""
        kept = returned and isinstance(node, (ast.IfExp, ast.Tuple, ast.List))
        for child in ast.iter_child_nodes(node):
            yield from self.find(child, inner, name, kept)

    def _assigned(
        self, target: ast.expr, value: ast.expr, scope: Scope
    ) -> Iterator[FoundComposition]:
        pairs = _pairs(target, value)
        if pairs:
            for part, given in pairs:
                yield from self._assigned(part, given, scope)
            return
        owner, name = scope, ""
        if isinstance(target, ast.Name):
            name = target.id
        elif isinstance(target, ast.Attribute):
            name = target.attr
            is_self = isinstance(target.value, ast.Name) and target.value.id in ("self", "cls")
            owner = (scope.class_scope() or scope) if is_self else scope
        for found in self.find(value, scope, name):
            if owner is not scope and found.scope is scope:  # self.train = ... in __init__
                found.name = ".".join([*owner.path, *found.name.split(".")[len(scope.path) :]])
            found.returned = isinstance(target, ast.Name) and _returns(scope.node, target.id)
            yield found


def _pairs(target: ast.expr, value: ast.expr) -> list[tuple[ast.expr, ast.expr]]:
    """The parts of ``a, b = x, y``; nothing of any other assignment."""
    both = (target, value)
    if not all(isinstance(part, (ast.Tuple, ast.List)) for part in both):
        return []
    targets, values = (getattr(part, "elts", []) for part in both)
    return list(zip(targets, values, strict=True)) if len(targets) == len(values) else []


def _returns(node: ast.Module | Function | ast.ClassDef, name: str) -> bool:
    """Whether a function returns a name, alone or in a tuple."""
    return any(
        isinstance(part, ast.Return)
        and any(
            isinstance(value, ast.Name) and value.id == name
            for value in (
                [part.value] if not isinstance(part.value, ast.Tuple) else part.value.elts
            )
        )
        for part in ast.walk(node)
    )
