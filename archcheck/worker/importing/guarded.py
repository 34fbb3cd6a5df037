"""What stands under the main guard, which an import does not run but the file's author does."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from archcheck.worker.importing.purity import Purity
from archcheck.worker.main_guard import is_main_guard


def guarded_in(tree: ast.Module) -> list[ast.stmt]:
    """The statements under the main guards of a file."""
    guards = [part for part in tree.body if isinstance(part, ast.If) and is_main_guard(part)]
    return [statement for guard in guards for statement in guard.body]


def unguarded(tree: ast.Module) -> list[ast.stmt]:
    """The statements that an import of a file runs."""
    return [
        statement
        for part in tree.body
        for statement in (
            part.orelse if isinstance(part, ast.If) and is_main_guard(part) else [part]
        )
    ]


def new_values(guarded: Sequence[ast.stmt], kept: Sequence[ast.stmt]) -> list[ast.stmt]:
    """The statements under a main guard without those that give a name what an import gives it,
    or a device."""
    purity = Purity([*kept, *guarded])
    known = {ast.dump(each) for each in kept}
    return [
        each
        for each in guarded
        if not (ast.dump(each) in known and purity.defines(each)) and not _is_device(each, purity)
    ]


def _is_device(statement: ast.stmt, purity: Purity) -> bool:
    value = statement.value if isinstance(statement, ast.Assign) else None
    return isinstance(value, ast.Call) and purity.called(value) == "torch.device"


def sets(node: ast.Name, parents: dict[ast.AST, ast.AST]) -> bool:
    """Whether the place that mentions a name sets an attribute or an element of it."""
    return any(not isinstance(each.ctx, ast.Load) for each in _chain(node, parents))


def _chain(
    node: ast.expr, parents: dict[ast.AST, ast.AST]
) -> Iterator[ast.Attribute | ast.Subscript]:
    parent = parents.get(node)
    while isinstance(parent, (ast.Attribute, ast.Subscript)) and parent.value is node:
        yield parent
        node, parent = parent, parents.get(parent)
