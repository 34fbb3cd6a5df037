"""The numbers that forward compares something with that is only known when it runs.

A size of the batch may be among what it compares: then the network is tried at that size.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from torch import nn

from archcheck.tracing.reachable_code import UNKNOWN, Code, reachable

SMALLEST, LARGEST = 3, 1024
"""The sizes that are tried. A batch of one or two is no other than the one that is traced."""
MOST = 6
"""How many of them are."""


def compared_sizes(modules: Iterable[nn.Module]) -> list[int]:
    """The numbers, and those just above them, that may be sizes of a batch; the first few."""
    found: dict[int, None] = {}
    for code in reachable(modules):
        for node in ast.walk(code.node):
            for number in _compared(code, node):
                found.update(dict.fromkeys((number, number + 1)))
    return [size for size in found if SMALLEST <= size <= LARGEST][:MOST]


def _compared(code: Code, node: ast.AST) -> Iterator[int]:
    if isinstance(node, ast.Compare):
        sides = [node.left, *node.comparators]
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        sides = [node.left, node.right]
    else:
        return
    numbers = [list(_numbers(code, side)) for side in sides]
    if not all(numbers):  # something is known only when it runs
        yield from (number for each in numbers for number in each)


def _numbers(code: Code, side: ast.expr) -> Iterator[int]:
    if isinstance(side, (ast.Tuple, ast.List, ast.Set)):
        for each in side.elts:
            yield from _numbers(code, each)
    value = side.value if isinstance(side, ast.Constant) else code.thing(side)
    if value is not UNKNOWN and isinstance(value, int) and not isinstance(value, bool):
        yield value
