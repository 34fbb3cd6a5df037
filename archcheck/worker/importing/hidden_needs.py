"""What a network needs of missing modules without a stand-in for them being used.

A stand-in cannot know that it is compared by ``is``, asked for its class, or that what it was given
would have been changed by what it stands for.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterator, Sequence

from archcheck.worker.importing.definitions import Definitions
from archcheck.worker.importing.left_out import LeftOut
from archcheck.worker.importing.purity import Purity
from archcheck.worker.importing.scopes import Scopes, closure, root_of
from archcheck.worker.importing.stand_ins import leaves_alone, weightless

_ASKING = frozenset("callable getattr hasattr hash id isinstance issubclass type".split())
"""Functions that answer for a stand-in, but not for what it stands for."""


class HiddenNeeds:
    """The needs of a file's definitions. ``missing`` are the modules that are missing; ``is_own``
    tells the submission's modules from others."""

    def __init__(
        self,
        body: Sequence[ast.stmt],
        missing: Collection[str],
        is_own: Callable[[str, int], bool],
    ) -> None:
        self._body = body
        self._missing = tuple(missing)
        self._is_own = is_own
        self._scopes = Scopes(body)
        self._purity = Purity(body)

    def line_of(self, name: str) -> int | None:
        """The line of the first need of what a name leads to; None for none."""
        return min([*self._asked(name), *self._given(name)], default=None)

    def _asked(self, start: str) -> Iterator[int]:
        """Where the value of something missing decides, and no stand-in is told so."""
        bound: dict[str, list[ast.stmt]] = {}
        for statement in self._body:
            for name in self._scopes.stored(statement):
                bound.setdefault(name, []).append(statement)
        mentions = {
            name: {each for part in parts for each in self._scopes.mentioned(part)}
            for name, parts in bound.items()
        }
        for name in closure([start], mentions):
            for part in bound.get(name, ()):
                for node in ast.walk(part):
                    if isinstance(node, ast.Name) and self._decides(node):
                        yield node.lineno

    def _decides(self, name: ast.Name) -> bool:
        if not self._scopes.is_global(name, name.id):
            return False
        node: ast.expr = name
        parent = self._scopes.parents.get(node)
        while isinstance(parent, ast.Attribute):
            node, parent = parent, self._scopes.parents.get(parent)
        path = self._purity.full_name(node)
        if not self._lies_in_missing(path) or weightless(path):
            return False
        if isinstance(parent, ast.Compare):
            return any(isinstance(each, (ast.Is, ast.IsNot)) for each in parent.ops)
        if isinstance(parent, ast.Call):
            return parent.func is not node and self._purity.called(parent) in _ASKING
        return isinstance(parent, ast.arguments)

    def _given(self, name: str) -> Iterator[int]:
        """Where something that may be changed is given to something missing."""
        calls = [each for each in self._body if any(map(self._calls_missing, ast.walk(each)))]
        calls = [each for each in calls if isinstance(each, (ast.Expr, ast.Assign, ast.AnnAssign))]
        kept = [each for each in self._body if each not in calls]
        change = LeftOut(Definitions(kept, calls), self._is_own).change_of([name])
        if change is not None:
            yield change.line

    def _calls_missing(self, node: ast.AST) -> bool:
        if not isinstance(node, ast.Call):
            return False
        root = root_of(node)
        path = self._purity.called(node) or self._purity.full_name(root)
        return self._lies_in_missing(path) and not leaves_alone(path)

    def _lies_in_missing(self, path: str) -> bool:
        return any(f"{path}.".startswith(f"{module}.") for module in self._missing)
