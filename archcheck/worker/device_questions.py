"""Networks that ask on which device a tensor lies: they may be another network there."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from archcheck.network import Remark
from archcheck.worker.absent_devices import KINDS
from archcheck.worker.scripts import read_script

_ASKS = frozenset({f"is_{kind}" for kind in KINDS} | {"is_cpu"})
"""The properties of a tensor that say whether it lies on a device."""


_TEXT = "the network asks where a tensor lies: what it does on another device is not seen"


def device_questions(files: Iterable[str]) -> list[Remark]:
    """A remark on each of some source files in which a class asks for a device, with the line."""
    remarks = []
    for file in files:
        try:
            script = read_script(file)
        except (OSError, SyntaxError, ValueError, RecursionError):
            continue
        line = next(_lines(script.tree), None)
        if line is not None:
            remarks.append(Remark(_TEXT, script.place(line)))
    return remarks


def _lines(tree: ast.Module) -> Iterator[int]:
    for kind in ast.walk(tree):
        if isinstance(kind, ast.ClassDef):
            nodes = (node for node in ast.walk(kind) if isinstance(node, ast.expr))
            yield from (node.lineno for node in nodes if _asks(node))


def _asks(node: ast.expr) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr in _ASKS
    if not isinstance(node, ast.Compare):
        return False
    sides = [node.left, *node.comparators]
    return any(map(_is_of_a_tensor, sides)) and any(map(_names_a_device, sides))


def _is_of_a_tensor(side: ast.expr) -> bool:
    """Whether an expression is ``x.device``, or made of it."""
    return any(isinstance(n, ast.Attribute) and n.attr == "device" for n in ast.walk(side))


def _names_a_device(side: ast.expr) -> bool:
    names = (n.value for n in ast.walk(side) if isinstance(n, ast.Constant))
    return any(isinstance(n, str) and n.partition(":")[0] in KINDS | {"cpu"} for n in names)
