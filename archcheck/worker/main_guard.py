"""The statement under which code stands that an import does not run."""

from __future__ import annotations

import ast

MAIN = 'if __name__ == "__main__":'


def is_main_guard(node: ast.stmt) -> bool:
    """Whether a statement is ``if __name__ == "__main__":``, perhaps with another condition."""
    if not isinstance(node, ast.If):
        return False
    both = isinstance(node.test, ast.BoolOp) and isinstance(node.test.op, ast.And)
    return any(map(_asks, node.test.values if both else [node.test]))  # type: ignore[attr-defined]


def _asks(test: ast.expr) -> bool:
    if not isinstance(test, ast.Compare) or not isinstance(test.ops[0], ast.Eq):
        return False
    sides = {ast.unparse(side) for side in (test.left, *test.comparators)}
    return sides == {"__name__", "'__main__'"}
