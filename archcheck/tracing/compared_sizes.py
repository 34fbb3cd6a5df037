"""The numbers that forward compares something with that is only known when it runs.

A size of the batch may be among what it compares: then the network is tried at that size.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from typing import Any

from torch import nn

from archcheck.tracing.reachable_code import UNKNOWN, Code, reachable
from archcheck.worker.registered import table_of

SMALLEST, LARGEST = 3, 1024
"""The sizes that are tried. A batch of one or two is no other than the one that is traced."""
MOST = 6
"""How many of them are."""
_LARGE = 1000
"""A container of more than these is no table of sizes."""


def compared_sizes(modules: Iterable[nn.Module]) -> list[int]:
    """The numbers, and those just above them, that may be sizes of a batch; the first few."""
    found: dict[int, None] = {}
    for code in reachable(modules):
        for node in ast.walk(code.node):
            for number in _compared(code, node):
                found.update(dict.fromkeys((number, number + 1)))
    return [size for size in found if SMALLEST <= size <= LARGEST][:MOST]


def _compared(code: Code, node: ast.AST) -> Iterator[int]:
    table, key = _looked_up(node)
    if table is not None and key is not None:
        if not list(_numbers(code, key)):
            yield from _keys(code, table)
        return
    numbers = [list(_numbers(code, side)) for side in _sides(node)]
    if not all(numbers):  # something is known only when it runs
        yield from (number for each in numbers for number in each)


def _sides(node: ast.AST) -> list[ast.expr]:
    """What something is compared with, and what is."""
    if isinstance(node, ast.Compare):
        return [node.left, *node.comparators]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        return [node.left, node.right]
    if isinstance(node, ast.Match):
        patterns = (part for case in node.cases for part in ast.walk(case.pattern))
        return [
            node.subject,
            *(part.value for part in patterns if isinstance(part, ast.MatchValue)),
        ]
    return []


def _looked_up(node: ast.AST) -> tuple[ast.expr | None, ast.expr | None]:
    """A table in which something is looked up, and the key."""
    match node:
        case ast.Subscript(value=table, slice=key):
            return table, key
        case ast.Call(func=ast.Attribute(value=table, attr="get"), args=[key, *_]):
            return table, key
    return None, None


def _keys(code: Code, table: ast.expr) -> Iterator[int]:
    value = UNKNOWN if isinstance(table, ast.Dict) else code.thing(table)
    if isinstance(table, ast.Dict) or isinstance(value, (dict, nn.ModuleDict)):
        yield from _numbers(code, table)


def _numbers(code: Code, side: ast.expr) -> Iterator[int]:
    """The numbers in an expression, also in its texts and among its keys."""
    if isinstance(side, (ast.Tuple, ast.List, ast.Set)):
        for each in side.elts:
            yield from _numbers(code, each)
    elif isinstance(side, ast.Dict):
        for key in filter(None, side.keys):
            yield from _numbers(code, key)
    elif isinstance(side, ast.Constant):
        yield from _in_value(side.value)
    else:
        yield from _in_value(code.thing(side))


def _in_value(value: Any) -> Iterator[int]:
    if isinstance(value, int) and not isinstance(value, bool):
        yield value
    elif isinstance(value, str):
        yield from map(int, re.findall("[0-9]+", value))
    elif isinstance(value, nn.ModuleDict):
        yield from (number for name in table_of(value, "_modules") for number in _in_value(name))
    elif isinstance(value, (tuple, list, set, frozenset, dict)) and len(value) <= _LARGE:
        yield from (each for each in value if type(each) is int)
        yield from (number for each in value if type(each) is str for number in _in_value(each))
