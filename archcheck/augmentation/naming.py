"""What the compositions of a file are called in its source: by where they stand."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class NamedCall:
    """A call, the name that its value goes by, and the classes and functions around it."""

    node: ast.Call
    name: str
    path: tuple[str, ...]
    returned: bool = False
    function: ast.AST | None = None
    """The innermost function around it."""


@dataclass(frozen=True)
class _Around:
    """Where a node stands: what its value is called, and the definitions around it."""

    name: str = ""
    path: tuple[str, ...] = ()
    definitions: tuple[ast.AST, ...] = field(default=())
    returned: bool = False

    @property
    def function(self) -> ast.AST | None:
        functions = [part for part in self.definitions if not isinstance(part, ast.ClassDef)]
        return functions[-1] if functions else None

    def into(self, node: Function | ast.ClassDef) -> _Around:
        return _Around("", (*self.path, node.name), (*self.definitions, node))

    def called(self, name: str, returned: bool = False) -> _Around:
        return _Around(name, self.path, self.definitions, returned)


def named_calls(tree: ast.Module) -> dict[int, NamedCall]:
    """All calls of a file by the identity of their nodes."""
    return {id(call.node): call for call in _calls(tree, _Around())}


def _calls(node: ast.AST, around: _Around) -> Iterator[NamedCall]:
    match node:
        case ast.Call():
            path = around.path
            name = ".".join([*path, *([around.name] if around.name else [])])
            yield NamedCall(node, name, path, around.returned, around.function)
            for keyword in node.keywords:
                yield from _calls(keyword.value, around.called(keyword.arg or ""))
            for part in (node.func, *node.args):
                yield from _calls(part, around.called(""))
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            for child in ast.iter_child_nodes(node):
                yield from _calls(child, around.into(node))
        case ast.Assign():
            for target in node.targets[:1]:
                yield from _assigned(target, node.value, around)
        case ast.AnnAssign() if node.value is not None:
            yield from _assigned(node.target, node.value, around)
        case ast.Return() if node.value is not None:
            yield from _calls(node.value, around.called("", True))
        case ast.Dict():
            for key, value in zip(node.keys, node.values, strict=True):
                said = str(key.value) if isinstance(key, ast.Constant) else ""
                both = ".".join(part for part in (around.name, said) if part)
                yield from _calls(value, around.called(both))
        case ast.IfExp() | ast.Tuple() | ast.List():
            for child in ast.iter_child_nodes(node):
                yield from _calls(child, around)
        case _:
            for child in ast.iter_child_nodes(node):
                yield from _calls(child, around.called(""))


def _assigned(target: ast.expr, value: ast.expr, around: _Around) -> Iterator[NamedCall]:
    pairs = _pairs(target, value)
    if pairs:
        for part, given in pairs:
            yield from _assigned(part, given, around)
        return
    if isinstance(target, ast.Attribute):
        is_self = isinstance(target.value, ast.Name) and target.value.id in ("self", "cls")
        owner = _class_around(around) if is_self else around
        yield from _calls(value, owner.called(target.attr))  # self.train = ... in __init__
        return
    name = target.id if isinstance(target, ast.Name) else ""
    returned = bool(around.definitions) and _returns(around.definitions[-1], name)
    yield from _calls(value, around.called(name, returned))


def _class_around(around: _Around) -> _Around:
    kinds = [isinstance(node, ast.ClassDef) for node in around.definitions]
    if True not in kinds:
        return around
    end = len(kinds) - kinds[::-1].index(True)
    return _Around("", around.path[:end], around.definitions[:end])


def _pairs(target: ast.expr, value: ast.expr) -> list[tuple[ast.expr, ast.expr]]:
    """The parts of ``a, b = x, y``; nothing of any other assignment."""
    both = (target, value)
    if not all(isinstance(part, (ast.Tuple, ast.List)) for part in both):
        return []
    targets, values = (getattr(part, "elts", []) for part in both)
    return list(zip(targets, values, strict=True)) if len(targets) == len(values) else []


def _returns(node: ast.AST, name: str) -> bool:
    """Whether a function returns a name, alone or in a tuple."""
    returned = (part.value for part in ast.walk(node) if isinstance(part, ast.Return))
    parts = (
        part
        for value in returned
        for part in (value.elts if isinstance(value, ast.Tuple) else [value])
    )
    return any(isinstance(part, ast.Name) and part.id == name for part in parts)
