"""The concrete syntax tree of a file, and what can be edited in it: calls, constants, defaults."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import libcst as cst
from libcst.metadata import CodeRange, MetadataWrapper, PositionProvider

from archcheck.network import Place
from archcheck.suggestions.sources import NotEditable, Source


@dataclass(frozen=True)
class Call:
    """A call in the source, with the function and the class that it stands in."""

    node: cst.Call
    function: cst.FunctionDef | None
    owner: str

    @property
    def name(self) -> str:
        """What is called, by the last part of its name; empty for other expressions."""
        return last_name(self.node.func)


def last_name(node: cst.BaseExpression) -> str:
    """``Conv2d`` of ``nn.Conv2d``."""
    if isinstance(node, cst.Attribute):
        return node.attr.value
    return node.value if isinstance(node, cst.Name) else ""


class Syntax:
    """A file's tree, with the positions of its nodes.

    Raises:
        NotEditable: if the file is no Python, or its tree does not give its text again.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        try:
            self._tree = cst.parse_module(source.python)
        except (cst.ParserSyntaxError, RecursionError) as error:
            raise NotEditable(f"it cannot be read: {error}") from None
        if self._tree.code != source.python:
            raise NotEditable("it cannot be written as it was read")
        wrapper = MetadataWrapper(self._tree, unsafe_skip_copy=True)
        self._positions = wrapper.resolve(PositionProvider)
        self._found = _Finder(self._tree.default_indent)
        self._tree.visit(self._found)

    def code(self, node: cst.BaseExpression, place: cst.CSTNode) -> str:
        """The text of an expression in the place of another node: its further lines are indented as
        that node's block is."""
        indent = self._found.indents.get(place, "")
        if not indent:
            return self._tree.code_for_node(node)
        statement = cst.SimpleStatementLine([cst.Expr(node)])
        block = cst.IndentedBlock([statement], indent=indent)
        head = cst.If(cst.Name("_"), block)
        code = self._tree.with_changes(body=[head], header=[], footer=[]).code
        return code.partition(indent)[2].removesuffix(self._tree.default_newline)

    def position(self, node: cst.CSTNode) -> CodeRange:
        """Where a node stands: lines from 1, columns from 0."""
        found: CodeRange = self._positions[node]
        return found

    @cached_property
    def _by_end(self) -> dict[tuple[int, int], Call]:
        ends = ((self.position(call.node).end, call) for call in self._found.calls)
        return {(end.line, end.column): call for end, call in ends}

    def call_at(self, place: Place) -> Call | None:
        """The call at a place that a trace saw; None if it is another expression."""
        if place.end_line is None or place.end_column is None:
            return None
        lines = self._lines
        if not 0 < place.end_line <= len(lines):
            return None
        # Python counts columns in bytes.
        before = lines[place.end_line - 1].encode()[: place.end_column - 1]
        return self._by_end.get((place.end_line, len(before.decode("utf-8", "replace"))))

    @cached_property
    def _lines(self) -> list[str]:
        return self.source.python.replace("\r\n", "\n").replace("\r", "\n").split("\n")

    @property
    def calls(self) -> list[Call]:
        """All calls of the file, in order."""
        return self._found.calls

    def calls_of(self, name: str) -> Iterator[Call]:
        """The calls of what has a name, by the last part of it."""
        return (call for call in self._found.calls if call.name == name)

    def constant(self, name: str, function: cst.FunctionDef | None) -> cst.BaseExpression | None:
        """The one value that a name is given in a function or in the file; None if there is none,
        or several."""
        scopes = [function, None] if function is not None else [None]
        for scope in scopes:
            values = self._found.assigned.get((scope, name), [])
            if values:
                return values[0] if len(values) == 1 else None
        return None


class _Finder(cst.CSTVisitor):
    def __init__(self, default_indent: str) -> None:
        self.calls: list[Call] = []
        self.assigned: dict[tuple[cst.FunctionDef | None, str], list[cst.BaseExpression]] = {}
        self.indents: dict[cst.CSTNode, str] = {}
        """How far the blocks are indented that calls and values stand in."""
        self._default_indent = default_indent
        self._blocks: list[str] = []
        self._functions: list[cst.FunctionDef] = []
        self._classes: list[str] = []

    @property
    def _function(self) -> cst.FunctionDef | None:
        return self._functions[-1] if self._functions else None

    def visit_IndentedBlock(self, node: cst.IndentedBlock) -> None:
        own = self._default_indent if node.indent is None else node.indent
        self._blocks.append(own)

    def leave_IndentedBlock(self, original_node: cst.IndentedBlock) -> None:
        self._blocks.pop()

    def _note(self, node: cst.CSTNode) -> None:
        self.indents[node] = "".join(self._blocks)

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        self._classes.append(node.name.value)

    def leave_ClassDef(self, original_node: cst.ClassDef) -> None:
        self._classes.pop()

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
        self._functions.append(node)

    def leave_FunctionDef(self, original_node: cst.FunctionDef) -> None:
        self._functions.pop()

    def visit_Call(self, node: cst.Call) -> None:
        self._note(node)
        owner = self._classes[-1] if self._classes else ""
        self.calls.append(Call(node, self._function, owner))

    def visit_Assign(self, node: cst.Assign) -> None:
        self._note(node.value)
        for target in node.targets:
            if isinstance(target.target, cst.Name):
                key = (self._function, target.target.value)
                self.assigned.setdefault(key, []).append(node.value)

    def visit_For(self, node: cst.For) -> None:
        if isinstance(node.target, cst.Name):  # it has several values
            key = (self._function, node.target.value)
            self.assigned.setdefault(key, []).extend([node.iter, node.iter])

    def visit_AnnAssign(self, node: cst.AnnAssign) -> None:
        if isinstance(node.target, cst.Name) and node.value is not None:
            self._note(node.value)
            key = (self._function, node.target.value)
            self.assigned.setdefault(key, []).append(node.value)
