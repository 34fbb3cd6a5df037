"""Cells of a notebook that stand as text in the script that it was exported to.

``get_ipython().run_cell_magic('time', '', 'class Net(nn.Module): ...')`` is a cell that ran in the
notebook.
"""

from __future__ import annotations

import ast
from typing import Any

from archcheck.worker.ipython_calls import python_in
from archcheck.worker.magics import python_lines


def with_cells(tree: ast.Module, path: str) -> ast.Module:
    """The tree of a script at a path, with the cells in it that are Python in place of the calls.

    All of a cell stands in the line of its call, in columns that count through its text.

    Raises:
        SyntaxError: if a cell is no Python.
    """
    body: list[ast.stmt] = []
    for node in tree.body:
        text = python_in(node)
        body += statements(text, path, node.lineno) if text else [node]
    return ast.Module(body, [])


def statements(text: str, path: str, line: int, *, in_lines: bool = False) -> list[ast.stmt]:
    """The statements of a cell's text, all in one line; or with ``in_lines`` in those below it.

    Raises:
        SyntaxError: if it is no Python.
    """
    lines = python_lines(text.split("\n"))
    try:
        body = ast.parse("\n".join(lines), path).body
    except SyntaxError as error:
        error.lineno = error.end_lineno = line + (error.lineno or 0) * in_lines
        raise
    starts = [0]
    for each in lines:
        starts.append(starts[-1] + len(each.encode()) + 1)
    for statement in body:
        if in_lines:
            ast.increment_lineno(statement, line)
        else:
            _move(statement, line, starts)
    return body


def _move(statement: ast.stmt, line: int, starts: list[int]) -> None:
    node: Any
    for node in ast.walk(statement):
        if "lineno" in node._attributes:
            node.col_offset += starts[node.lineno - 1]
            node.end_col_offset += starts[node.end_lineno - 1]
            node.lineno = node.end_lineno = line
