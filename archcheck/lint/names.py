"""By which names lines of a function hold a tensor, before and after it was written to in place.

A trace alone cannot tell ``x = relu_(x)`` from ``out = relu_(x)``: one object stands behind both
names. The syntax tree at the traced lines can.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from archcheck.network import Place

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_Position = tuple[int, int]
_MAGIC = re.compile(r"^\s*[%!?].*$", re.MULTILINE)


@dataclass(frozen=True)
class Use:
    """An expression that is given a tensor: its line, which of its operands it is, if that is
    known, whether the first operand is what a method is called on, and whether the expression gives
    the tensor back."""

    place: Place
    operand: int | None
    method: bool
    returns: bool = True


@lru_cache(maxsize=4096)
def other_name(text: str, write: Use, read: Use, *, twice: bool) -> str | None:
    """The name by which a later expression reads a tensor as it was before it was written to.

    ``twice`` says whether the later expression is given the tensor twice. None if it goes by the
    name that the result was bound to, or if that cannot be told.
    """
    function = _function_around(text, write.place, read.place)
    if function is None:
        return None
    writing, reading = _node_at(function, write.place), _node_at(function, read.place)
    if writing is None or reading is None:
        return None
    name = _name_of_operand(writing, write)
    start, end = _statement_of(function, writing), _statement_of(function, reading)
    if name is None or start is None or end is None or isinstance(start, ast.Expr):
        return None  # ``x.relu_()`` alone says that x is to be changed
    if reading is writing or _at(end) < _at(start):
        return None  # in the next round of a loop
    operands = _operands(reading, read.method)
    read_names = {each.id for each in operands if isinstance(each, ast.Name)}
    names, containers = _holders(function, start, name)
    whole = write.returns and getattr(start, "value", None) is writing
    results = _bound_by(start) if whole else set()
    later = {each for each in results if not _is_rebound(function, each, start, end, since=True)}
    for other in sorted(read_names & names):
        rebound = start is not end and _is_rebound(function, other, start, end)
        if not rebound and (other == name or twice or later.isdisjoint(read_names)):
            return other
    return _out_of(function, containers, operands, start, end, results)


def is_said(text: str, call: Place, name: str, place: int) -> bool:
    """Whether a call says an argument, by its name or in its place; not, if that cannot be told."""
    function = _function_around(text, call)
    node = None if function is None else _node_at(function, call)
    if not isinstance(node, ast.Call):
        return False
    return len(node.args) > place or any(each.arg in (name, None) for each in node.keywords)


# -- finding nodes ------------------------------------------------------------------------------


@lru_cache(maxsize=16)
def _functions(text: str) -> tuple[_Function, ...]:
    """The functions that a text defines, from top to bottom."""
    for source in (text, _MAGIC.sub("", text)):
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError):
            continue
        return tuple(node for node in ast.walk(tree) if isinstance(node, _Function))
    return ()


def _function_around(text: str, *places: Place) -> _Function | None:
    """The innermost function that holds some lines, if it is the same for all of them."""
    found = []
    for place in places:
        around = [
            node
            for node in _functions(text)
            if node.lineno <= place.line <= (node.end_lineno or node.lineno)
        ]
        found.append(max(around, key=lambda node: node.lineno, default=None))
    return found[0] if all(each is found[0] for each in found) else None


def _node_at(function: _Function, place: Place) -> ast.expr | ast.stmt | None:
    span = (place.line, place.column, place.end_line, place.end_column)
    for node in ast.walk(function):
        if isinstance(node, (ast.expr, ast.stmt)) and _span(node) == span:
            return node
    return None


def _span(node: ast.expr | ast.stmt) -> tuple[int | None, ...]:
    end = node.end_col_offset
    return node.lineno, node.col_offset + 1, node.end_lineno, None if end is None else end + 1


def _statement_of(function: _Function, node: ast.AST) -> ast.stmt | None:
    """The innermost statement that a node is in, or is."""
    around = [
        statement
        for statement in _statements(function)
        if any(each is node for each in ast.walk(statement))
    ]
    return max(around, key=_at, default=None)


def _at(node: ast.stmt) -> _Position:
    return node.lineno, node.col_offset


# -- operands -----------------------------------------------------------------------------------


def _operands(node: ast.AST, method: bool) -> list[ast.expr]:
    """The expressions whose values an expression is given itself."""
    match node:
        case ast.AugAssign():
            given = [node.target, node.value]
        case ast.BinOp():
            given = [node.left, node.right]
        case ast.UnaryOp():
            given = [node.operand]
        case ast.Subscript() | ast.Attribute():
            given = [node.value]
        case ast.Call():
            receiver = [node.func.value] if method and isinstance(node.func, ast.Attribute) else []
            given = [*receiver, *node.args, *(keyword.value for keyword in node.keywords)]
        case _:
            given = []
    return [each for operand in given for each in _unpacked(operand)]


def _unpacked(operand: ast.expr) -> Iterator[ast.expr]:
    if isinstance(operand, (ast.List, ast.Tuple)):
        yield from operand.elts
    else:
        yield operand


def _name_of_operand(node: ast.AST, use: Use) -> str | None:
    operands = _operands(node, use.method)
    names = [each for each in operands if isinstance(each, ast.Name)]
    if use.operand is None:
        return names[0].id if len(names) == 1 else None
    chosen = operands[use.operand] if use.operand < len(operands) else None
    return chosen.id if isinstance(chosen, ast.Name) else None


# -- bindings -----------------------------------------------------------------------------------


def _bound_by(statement: ast.stmt) -> set[str]:
    """The names that a statement itself binds, those in its blocks left out."""
    match statement:
        case ast.Assign():
            targets = statement.targets
        case ast.AugAssign() | ast.AnnAssign() | ast.For():
            targets = [statement.target]
        case ast.With():
            targets = [item.optional_vars for item in statement.items if item.optional_vars]
        case _:
            targets = []
    return {
        node.id
        for target in targets
        for node in ast.walk(target)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


def _statements(function: _Function) -> list[ast.stmt]:
    found = [node for node in ast.walk(function) if isinstance(node, ast.stmt)]
    return sorted((node for node in found if node is not function), key=_at)


def _holders(function: _Function, until: ast.stmt, name: str) -> tuple[set[str], set[str]]:
    """The names that stand for the object that a name stands for when a statement begins, and those
    of the lists that it was put into."""
    groups: dict[str, object] = {}
    since: dict[str, int] = {}
    held: dict[str, list[object]] = {}
    for number, statement in enumerate(_statements(function)):
        if _at(statement) >= _at(until):
            break
        if isinstance(statement, ast.AugAssign):
            continue  # a tensor stays the same object
        for container, item in _put_into(statement):
            held.setdefault(container, []).append(groups.setdefault(item, object()))
        pairs = dict(_copied(statement))
        for target in _bound_by(statement):
            source = pairs.get(target)
            groups[target] = object() if source is None else groups.setdefault(source, object())
            since[target] = number
    group = groups.get(name)
    same = {each for each in groups if group is not None and groups[each] is group}
    if isinstance(until, ast.AugAssign):  # who writes ``y = x; y += 1`` may mean x by it
        same = {each for each in same if since.get(each, -1) > since.get(name, -1)}
    return {name, *same}, {each for each in held if group is not None and group in held[each]}


def _put_into(statement: ast.stmt) -> Iterator[tuple[str, str]]:
    """The lists that a statement puts something into, and the names of that: ``skips.append(x)``,
    ``skips = [x]``."""
    match statement:
        case ast.Expr(ast.Call(ast.Attribute(ast.Name(container), "append"), items)):
            found = [(container, items)]
        case ast.Assign([ast.Name(container)], ast.List(items) | ast.Tuple(items)):
            found = [(container, items)]
        case _:
            found = []
    for container, items in found:
        yield from ((container, item.id) for item in items if isinstance(item, ast.Name))


def _out_of(
    function: _Function,
    containers: set[str],
    operands: list[ast.expr],
    start: ast.stmt,
    end: ast.stmt,
    results: set[str],
) -> str | None:
    """What a list holds that an operand is taken out of, where the tensor was put into it before
    and the result was not."""
    after = [each for each in _statements(function) if _at(each) > _at(start)]
    again = {container for each in after for container, item in _put_into(each) if item in results}
    for operand in operands:
        sources = {node.id for node in ast.walk(operand) if isinstance(node, ast.Name)}
        if isinstance(operand, ast.Name):
            bound = [
                each for each in after if operand.id in _bound_by(each) and _at(each) < _at(end)
            ]
            taken = _taken_from(bound[-1]) if bound else None
            sources |= (
                {n.id for n in ast.walk(taken) if isinstance(n, ast.Name)} if taken else set()
            )
        found = (sources & containers) - again
        if found and not isinstance(operand, (ast.BinOp, ast.Starred)):
            return f"what {min(found)} holds"
    return None


def _taken_from(statement: ast.stmt) -> ast.expr | None:
    """What a statement takes an element of: ``skips.pop()``, ``skips[-1]``, a loop over skips."""
    match statement:
        case ast.For():
            return statement.iter
        case ast.Assign(value=ast.Subscript() | ast.Call(ast.Attribute(attr="pop"))):
            return statement.value
        case _:
            return None


def _copied(statement: ast.stmt) -> Iterator[tuple[str, str]]:
    """The names that a statement makes another name of: ``identity = x``."""
    if not isinstance(statement, ast.Assign):
        return
    for target in statement.targets:
        pairs = [(target, statement.value)]
        if isinstance(target, ast.Tuple) and isinstance(statement.value, ast.Tuple):
            pairs = list(zip(target.elts, statement.value.elts, strict=False))
        for bound, value in pairs:
            for chosen in _choices(value):
                if isinstance(bound, ast.Name) and isinstance(chosen, ast.Name):
                    yield bound.id, chosen.id


def _choices(value: ast.expr) -> list[ast.expr]:
    """What an expression may give: ``a if b else c`` either. Which of them it is shows the pass."""
    return [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]


def _is_rebound(
    function: _Function, name: str, start: ast.stmt, end: ast.stmt, *, since: bool = False
) -> bool:
    """Whether a name stands for something else by the time that a later statement begins; with
    ``since``, than behind the earlier one."""
    between = [each for each in _statements(function) if _at(start) <= _at(each) < _at(end)]
    return any(name in _bound_by(each) for each in between if not (since and each is start))
