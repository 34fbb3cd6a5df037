"""Networks that ask which devices there are, or on which a tensor lies: they may be others there.

What only says where to put something is no such question: ``"cuda" if is_available() else "cpu"``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator

from archcheck.network import Remark
from archcheck.worker.absent_devices import KINDS
from archcheck.worker.scripts import readable_scripts

_ASKS = frozenset({f"is_{kind}" for kind in KINDS} | {"is_cpu"})
"""The properties of a tensor that say whether it lies on a device."""
_DEVICES = re.compile(rf"device|cpu|gpu|{'|'.join(sorted(KINDS))}", re.IGNORECASE)
"""The words of what says where to put something."""
_LIES = "the network asks where a tensor lies: what it does on another device is not seen"
_IS_THERE = "the network asks whether there is a GPU: what it does with one is not seen"


def device_questions(files: Iterable[str]) -> list[Remark]:
    """Remarks on source files in which a class asks for a device, each with the first line."""
    remarks = []
    for script in readable_scripts(files):
        for asks, text in ((_asks, _LIES), (_decides_by_availability, _IS_THERE)):
            line = next(_lines(script.tree, asks), None)
            if line is not None:
                remarks.append(Remark(text, script.place(line)))
    return remarks


def _lines(tree: ast.Module, asks: Callable[[ast.AST], bool]) -> Iterator[int]:
    """The lines of what asks in a class."""
    for kind in ast.walk(tree):
        if isinstance(kind, ast.ClassDef):
            nodes = (node for node in ast.walk(kind) if isinstance(node, (ast.expr, ast.stmt)))
            yield from (node.lineno for node in nodes if asks(node))


def _asks(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr in _ASKS
    if not isinstance(node, ast.Compare):
        return False
    sides = [node.left, *node.comparators]
    return any(map(_is_of_a_tensor, sides)) and any(map(_names_a_device, sides))


def _decides_by_availability(node: ast.AST) -> bool:
    """Whether something is done, or another thing, where there is a GPU."""
    if not isinstance(node, (ast.If, ast.IfExp)) or "is_available()" not in ast.unparse(node.test):
        return False
    branches = [node.body, node.orelse] if isinstance(node, ast.IfExp) else node.body + node.orelse
    return any(map(_does_something, branches))


def _does_something(branch: ast.AST) -> bool:
    works = any(isinstance(inner, (ast.Call, ast.Attribute)) for inner in ast.walk(branch))
    only_stores = isinstance(branch, ast.Assign) and isinstance(branch.value, ast.Constant)
    return works and not only_stores and not _DEVICES.search(ast.unparse(branch))


def _is_of_a_tensor(side: ast.expr) -> bool:
    """Whether an expression is ``x.device``, or made of it."""
    return any(isinstance(n, ast.Attribute) and n.attr == "device" for n in ast.walk(side))


def _names_a_device(side: ast.expr) -> bool:
    names = (n.value for n in ast.walk(side) if isinstance(n, ast.Constant))
    return any(isinstance(n, str) and n.partition(":")[0] in KINDS | {"cpu"} for n in names)
