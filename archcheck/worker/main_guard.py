"""The statement under which code stands that an import does not run."""

from __future__ import annotations

import ast

MAIN = 'if __name__ == "__main__":'


def is_main_guard(node: ast.stmt) -> bool:
    """Whether a statement is ``if __name__ == "__main__":``."""
    return isinstance(node, ast.If) and any(
        isinstance(n, ast.Name) and n.id == "__name__" for n in ast.walk(node.test)
    )
