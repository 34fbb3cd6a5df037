"""The definitions of a file, and which one counts where a name is defined more than once."""

from __future__ import annotations

import ast
import inspect
from collections import defaultdict
from collections.abc import Iterator, Mapping
from types import CodeType
from typing import Any

from archcheck.network import Remark
from archcheck.worker.main_guard import is_main_guard
from archcheck.worker.scripts import Script, lines_of, read_script

Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def class_line(kind: type, file: str) -> int | None:
    """The line of the file in which a class begins, None if its source is not there.

    ``inspect.getsourcelines`` gives the first class of the name, and Python keeps the last.
    """
    try:
        nodes = list(_named(read_script(file).tree, kind.__qualname__))
    except (SyntaxError, ValueError, OSError):
        return None
    node = _counting(kind, nodes, file)
    return None if node is None else first_line(node)


def duplicate_definitions(file: str, names: Mapping[str, Any]) -> list[Remark]:
    """A note for every class that a file defines more than once, and for its methods.

    ``names`` are those of the module when it was imported: they say which definition counts.
    """
    try:
        script = read_script(file)
    except (SyntaxError, ValueError, OSError):
        return []
    notes = []
    for name, nodes in _by_name(script.tree.body).items():
        classes = [node for node in nodes if isinstance(node, ast.ClassDef)]
        counting = _counting(names.get(name), nodes, file)
        if classes and len(nodes) > 1:
            notes.append(_note(script, name, nodes, counting))
        if isinstance(counting, ast.ClassDef):
            notes += _methods(script, counting)
    return notes


def _methods(script: Script, node: ast.ClassDef) -> Iterator[Remark]:
    for name, nodes in _by_name(node.body).items():
        plain = [each for each in nodes if not each.decorator_list]
        if len(plain) > 1 and len(plain) == len(nodes):
            yield _note(script, f"{node.name}.{name}", nodes, nodes[-1])


_DEFINED = "{} is defined {} times ({}); the {} counts"


def _note(script: Script, name: str, nodes: list[Definition], counting: Definition) -> Remark:
    places = [script.place(node.lineno) for node in nodes]
    place = places[nodes.index(counting)]
    line = place.at if place.cell else f"line {place.at}"
    which = "last one" if counting is nodes[-1] else f"one in {line}"
    return Remark(_DEFINED.format(name, len(places), lines_of(places), which), place)


def _by_name(body: list[ast.stmt]) -> dict[str, list[Definition]]:
    found = defaultdict(list)
    for node in _definitions(body):
        found[node.name].append(node)
    return found


def _definitions(body: list[ast.stmt]) -> Iterator[Definition]:
    """What some statements define, those under conditions and ``try`` among them."""
    for node in body:
        if isinstance(node, Definition):
            yield node
        elif isinstance(node, (ast.If, ast.Try, ast.With)) and not is_main_guard(node):
            for part in ("body", "handlers", "orelse", "finalbody"):
                for inner in getattr(node, part, []):
                    own = inner.body if isinstance(inner, ast.ExceptHandler) else [inner]
                    yield from _definitions(own)


def _named(tree: ast.AST, qualname: str) -> Iterator[ast.ClassDef]:
    """The classes of a name with dots, in the order of the file."""
    first, _, rest = qualname.partition(".")
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, Definition) and node.name == first:
            inner = rest.removeprefix("<locals>.")
            if rest:
                yield from _named(node, inner)
            elif isinstance(node, ast.ClassDef):
                yield node
        elif not isinstance(node, Definition):
            yield from _named(node, qualname)


def _counting(value: Any, nodes: list[Any], file: str) -> Any:
    """The one of some definitions that a value was made by, by default the last."""
    for code in _codes(value):
        for node in nodes if code.co_filename == file else ():
            if first_line(node) <= code.co_firstlineno <= (node.end_lineno or node.lineno):
                return node
    return nodes[-1] if nodes else None


def _codes(value: Any) -> Iterator[CodeType]:
    """The code of a function, or of a class's own methods."""
    for function in vars(value).values() if isinstance(value, type) else (value,):
        code = getattr(inspect.unwrap(function), "__code__", None) if callable(function) else None
        if isinstance(code, CodeType):
            yield code


def first_line(node: Definition | ast.Lambda) -> int:
    """The line in which a definition begins, its decorators included."""
    decorators = [] if isinstance(node, ast.Lambda) else node.decorator_list
    return min([node.lineno, *(each.lineno for each in decorators)])
