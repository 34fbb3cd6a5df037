"""Edits of a source as data, and how they are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import libcst as cst

from archcheck.suggestions.sources import NotEditable, Splice
from archcheck.suggestions.syntax import Syntax

Value = int | bool | tuple[int, ...]
"""What an argument is set to: a number for all axes, or one for each."""


@dataclass(frozen=True)
class Change:
    """What becomes of one place.

    Attributes:
        arguments: the arguments that are set, by name. A place that is a value has one, without a
            name.
        callee: what is called instead, by the last part of its name; empty for the same.
        afresh: whether all other arguments go, but for the tensor that a function reads.
        swapped: the places of two arguments that change places; none if none do.
    """

    arguments: tuple[tuple[str, Value], ...]
    callee: str = ""
    afresh: bool = False
    swapped: tuple[int, ...] = ()

    def over(self, earlier: Change) -> Change:
        """This change made after an earlier one of the same place."""
        if self.afresh:
            return self
        merged = dict(earlier.arguments) | dict(self.arguments)
        return replace(
            earlier,
            arguments=tuple(merged.items()),
            callee=self.callee or earlier.callee,
            swapped=self.swapped or earlier.swapped,
        )


@dataclass(frozen=True)
class Site:
    """A place that can be edited: a call, or the value of a constant or a default.

    Attributes:
        file, line, column: where it begins; lines of a notebook count through all cells.
        end: the line and the column behind it.
        node: its node.
        names: of a call the names of its arguments in order.
        tensors: how many of these are tensors that a function reads.
    """

    file: str
    line: int
    column: int
    end: tuple[int, int]
    node: cst.CSTNode = field(compare=False, repr=False)
    names: tuple[str, ...] = field(default=(), compare=False, repr=False)
    tensors: int = field(default=0, compare=False, repr=False)


Edit = Mapping[Site, Change]
"""Changes of places."""


def merged(first: Edit, second: Edit) -> dict[Site, Change]:
    """Both edits, the second one made after the first."""
    result = dict(first)
    for site, change in second.items():
        result[site] = change.over(result[site]) if site in result else change
    return result


def splices_of(syntax: Syntax, edit: Edit) -> list[Splice]:
    """The splices of one file's text that make an edit of it.

    Raises:
        NotEditable: if a change cannot be made.
    """
    changes = {site.node: (site, change) for site, change in edit.items()}
    outermost = [site for site in edit if not _inside_another(syntax, site, list(edit))]
    return [_splice(syntax, site, changes) for site in outermost]


def _inside_another(syntax: Syntax, site: Site, others: Sequence[Site]) -> bool:
    own = syntax.position(site.node)
    ranges = [syntax.position(other.node) for other in others if other.node is not site.node]
    return any(
        (each.start.line, each.start.column) <= (own.start.line, own.start.column)
        and (own.end.line, own.end.column) <= (each.end.line, each.end.column)
        for each in ranges
    )


def _splice(
    syntax: Syntax, site: Site, changes: Mapping[cst.CSTNode, tuple[Site, Change]]
) -> Splice:
    where = syntax.position(site.node)
    source = syntax.source
    if not all(map(source.is_own, range(where.start.line, where.end.line + 1))):
        raise NotEditable("it stands in a command of a notebook")
    start = source.offset(where.start.line, where.start.column)
    end = source.offset(where.end.line, where.end.column)
    assert isinstance(site.node, cst.BaseExpression)
    if syntax.code(site.node, site.node) != source.text[start:end]:
        raise NotEditable("it cannot be written as it was read")
    changed = site.node.visit(_Rewriter(changes))
    assert isinstance(changed, cst.BaseExpression)
    return Splice(start, end, syntax.code(changed, site.node))


class _Rewriter(cst.CSTTransformer):
    def __init__(self, changes: Mapping[cst.CSTNode, tuple[Site, Change]]) -> None:
        super().__init__()
        self._changes = changes

    def on_leave(  # type: ignore[override]
        self, original_node: cst.CSTNode, updated_node: cst.CSTNode
    ) -> cst.CSTNode:
        """The node with its change, if it has one."""
        if original_node not in self._changes:
            return updated_node
        site, change = self._changes[original_node]
        if isinstance(updated_node, cst.Call):
            return _called(updated_node, site, change)
        assert isinstance(updated_node, cst.BaseExpression)
        ((_, value),) = change.arguments
        return _value(value, updated_node)


def _called(call: cst.Call, site: Site, change: Change) -> cst.Call:
    args = list(call.args)
    if change.swapped:
        one, other = change.swapped
        values = args[one].value, args[other].value
        args[one] = args[one].with_changes(value=values[1])
        args[other] = args[other].with_changes(value=values[0])
    if change.afresh:
        args = args[: site.tensors]
    set_before = argument_places(args, () if change.afresh else site.names)
    for name, value in change.arguments:
        if name in set_before:
            place = set_before[name]
            args[place] = args[place].with_changes(value=_value(value, args[place].value))
        elif change.afresh and name in ("in_channels", "out_channels", "output_size"):
            args = _with(args, cst.Arg(_value(value, None)))
        else:
            args = _with(args, cst.Arg(_value(value, None), keyword=cst.Name(name), equal=_EQUAL))
    func = call.func
    if change.callee:
        name_node = cst.Name(change.callee)
        attribute = isinstance(func, cst.Attribute)
        func = func.with_changes(attr=name_node) if attribute else name_node
    if change.afresh and args:
        args[-1] = args[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
    return call.with_changes(func=func, args=args)


_EQUAL = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))
_COMMA = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))


def argument_places(args: Sequence[cst.Arg], names: Sequence[str]) -> dict[str, int]:
    """Where each named argument of a call stands. What follows a ``*`` has no known name."""
    places: dict[str, int] = {}
    starred = False
    for number, arg in enumerate(args):
        if arg.star:
            starred = True
        elif arg.keyword is not None:
            places[arg.keyword.value] = number
        elif not starred and number < len(names):
            places[names[number]] = number
    return places


def _with(args: Sequence[cst.Arg], new: cst.Arg) -> list[cst.Arg]:
    """Arguments and one more; a comma at the end, and a comment, stay there."""
    if not args:
        return [new]
    *others, last = args
    new = new.with_changes(comma=last.comma, whitespace_after_arg=last.whitespace_after_arg)
    nothing = cst.SimpleWhitespace("")
    return [*others, last.with_changes(comma=_COMMA, whitespace_after_arg=nothing), new]


def _value(value: Value, before: cst.BaseExpression | None) -> cst.BaseExpression:
    """A value as an expression, in the form of the one before where it fits."""
    if isinstance(value, bool):
        return cst.Name(str(value))
    if isinstance(before, (cst.Tuple, cst.List)):
        count = len(before.elements)
        values = value if isinstance(value, tuple) else (value,) * count
        if len(values) == count:
            elements = [
                element.with_changes(value=_integer(number))
                for element, number in zip(before.elements, values, strict=True)
            ]
            return before.with_changes(elements=elements)
    if isinstance(value, tuple):
        if len(set(value)) > 1:
            return cst.Tuple([cst.Element(_integer(number)) for number in value])
        value = value[0]
    return _integer(value)


def _integer(value: int) -> cst.BaseExpression:
    number = cst.Integer(str(abs(value)))
    return number if value >= 0 else cst.UnaryOperation(cst.Minus(), number)
