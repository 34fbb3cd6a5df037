"""A file's definitions, apart from the statements that train, download, plot or ask."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from archcheck.worker.importing.purity import Purity
from archcheck.worker.main_guard import is_main_guard


@dataclass
class Definitions:
    """The statements of a file in order: those that are run, and those that are left out.

    Attributes:
        kept: imports, classes, functions, and constants whose values are worked out purely.
        left_out: all others.
        of_main: whether what stands under the main guard is among them.
        errors: what those raised that were left out since they cannot be run, by their lines.
    """

    kept: list[ast.stmt] = field(default_factory=list)
    left_out: list[ast.stmt] = field(default_factory=list)
    of_main: bool = False
    errors: dict[int, BaseException] = field(default_factory=dict)

    def leave_out(self, statement: ast.stmt, error: BaseException) -> None:
        """Leave out a definition that cannot be run."""
        self.left_out.append(statement)
        self.left_out.sort(key=lambda node: node.lineno)
        self.errors[statement.lineno] = error


def definitions_of(tree: ast.Module, of_main: bool = False) -> Definitions:
    """The definitions of a file; with ``of_main`` also those that stand under its main guard."""
    found = Definitions(of_main=of_main)
    statements = list(_spliced(tree.body, of_main))
    purity = Purity(statements)
    for statement in statements:
        _sort(statement, purity, found)
    return found


def _spliced(body: Sequence[ast.stmt], of_main: bool) -> Iterable[ast.stmt]:
    """The statements of a body, with those under a main guard in its place, or without them."""
    for statement in body:
        if not is_main_guard(statement):
            yield statement
        elif isinstance(statement, ast.If):
            if not of_main:
                yield from statement.orelse
            elif isinstance(statement.test, ast.Compare):
                yield from statement.body
            else:  # whether it would run is not known
                yield statement


def _sort(statement: ast.stmt, purity: Purity, found: Definitions) -> None:
    if purity.defines(statement):
        found.kept.append(statement)
        return
    if isinstance(statement, ast.If) and purity.pure(statement.test):
        inner = Definitions()
        sides = []
        for side in (statement.body, statement.orelse):
            part = Definitions()
            for each in side:
                _sort(each, purity, part)
            sides.append(part.kept)
            inner.left_out += part.left_out
        found.left_out += inner.left_out
        if any(sides):
            kept = ast.If(statement.test, sides[0] or [ast.Pass()], sides[1])
            found.kept.append(ast.fix_missing_locations(ast.copy_location(kept, statement)))
        return
    found.left_out.append(statement)
