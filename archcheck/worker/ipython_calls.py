"""What is known of the calls of IPython that stand for a notebook's commands."""

from __future__ import annotations

import ast
import re
from pathlib import PurePosixPath
from typing import Any

from archcheck.worker.magics import PYTHON_CELLS

_HARMLESS_CELLS = frozenset(
    """
    HTML SVG bash cmd file html javascript js latex markdown perl pypy python python2 python3 ruby
    script sh shell sql svg timeit writefile
""".split()
)
"""The magics whose cell is no code of the notebook's, or keeps nothing."""
_POWERFUL = frozenset("pylab recall rep rerun run".split())
"""The line magics that run other code in the notebook."""
_RUNNING = frozenset("ex push run_cell run_code safe_execfile".split())
"""The methods of the shell that do."""


def command(node: ast.AST) -> tuple[str, list[str]] | None:
    """The method of ``get_ipython()`` that a statement calls, and its texts; None for others."""
    call = node.value if isinstance(node, ast.Expr) else None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return None
    if ast.unparse(call.func.value) != "get_ipython()":
        return None
    texts = [part.value for part in call.args if isinstance(part, ast.Constant)]
    return call.func.attr, [text for text in texts if isinstance(text, str)]


def sets_variable(call: ast.Call) -> bool:
    """Whether a call stands for ``%env NAME=value``, which sets a variable of the environment."""
    method, texts = command(ast.Expr(call)) or ("", [])
    return method == "run_line_magic" and len(texts) == 2 and bool(variable_of(*texts))


def variable_of(name: str, text: str) -> tuple[str, ...]:
    """The variable of the environment that a command sets, and its value; empty for others."""
    sign = "=" if "=" in text else " "
    variable, _, value = text.partition(sign)
    if name not in ("env", "set_env") or not value.strip():
        return ()
    return variable.strip(), value.strip()


def python_in(node: ast.stmt) -> str:
    """The Python of a cell or line that ran in the notebook; empty for other statements."""
    method, texts = command(node) or ("", [])
    if method == "run_cell_magic" and len(texts) == 3 and texts[0] in PYTHON_CELLS:
        return texts[2]
    if method == "run_line_magic" and len(texts) == 2 and texts[0] == "time":
        return texts[1]
    return ""


def without_unknown_code(body: list[ast.stmt]) -> list[ast.stmt]:
    """Statements in which commands that may define or change anything are calls of ``exec``."""
    unknown = _Unknown(_imported(body))
    return [unknown.visit(statement) for statement in body]


def _imported(body: list[ast.stmt]) -> set[str]:
    """The files that what is imported may lie in."""
    names: set[str] = set()
    for node in (each for statement in body for each in ast.walk(statement)):
        if isinstance(node, ast.Import):
            names |= {part for alias in node.names for part in alias.name.split(".")}
        elif isinstance(node, ast.ImportFrom):
            names |= {*(node.module or "").split("."), *(alias.name for alias in node.names)}
    return {f"{name}.py" for name in names}


class _Unknown(ast.NodeTransformer):
    def __init__(self, files: set[str]) -> None:
        self._files = files

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> Any:
        """A coroutine, which may wait."""
        return node

    def visit_Await(self, node: ast.Await) -> Any:
        """What is waited for outside of functions, as a notebook may."""
        call = ast.parse("get_ipython().awaited()", mode="eval").body
        assert isinstance(call, ast.Call)
        for part in ast.walk(call):
            ast.copy_location(part, node)
        call.args.append(node.value)
        return call

    def visit_Expr(self, node: ast.Expr) -> Any:
        """An expression; a command whose code is not known is one that raises."""
        text = _unknown_code(node) or _written_by(node, self._files)
        if not text:
            return node
        call = ast.parse(f"exec(get_ipython().code_of({text!r}))").body[0]
        for part in ast.walk(call):
            ast.copy_location(part, node)
        return call


def _unknown_code(node: ast.Expr) -> str:
    """A command that runs code which is not known, as it is written; empty for others."""
    method, texts = command(node) or ("", [])
    name = texts[0] if texts else ""
    if method == "run_cell_magic":
        harmless = name in _HARMLESS_CELLS or name in PYTHON_CELLS
        return "" if harmless else f"%%{' '.join(texts[:2]).strip()}"
    if method == "run_line_magic":
        restores = name == "store" and "-r" in " ".join(texts[1:]).split()
        return f"%{' '.join(texts)}".strip() if name in _POWERFUL or restores else ""
    return method if method in _RUNNING else ""


def _written_by(node: ast.Expr, files: set[str]) -> str:
    """A command of the shell that writes one of some files, as it is written; empty for others."""
    method, texts = command(node) or ("", [])
    in_a_cell = method == "run_cell_magic" and texts[0] in _SHELLS
    lines = texts[-1].splitlines() if in_a_cell else texts if method == "system" else []
    for line in lines:
        written = {PurePosixPath(found).name for found in _FILE.findall(line)}
        if _WRITES.search(line) and written & files:
            return f"!{line.strip()}"
    return ""


_FILE = re.compile(r"[\w./~-]+\.py\b")
_SHELLS = frozenset("bash script sh shell".split())
_WRITES = re.compile(r">|\b(cp|ed|mv|patch|perl|rm|tee)\b|\bsed\b.*\s-\w*i")
"""How a command of the shell writes files."""
