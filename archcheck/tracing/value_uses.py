"""What a line of code does with a value that it takes out of a tensor."""

from __future__ import annotations

import ast
import linecache
from enum import IntEnum
from functools import lru_cache

from archcheck.network import Place
from archcheck.worker.scripts import read_script
from archcheck.worker.typed_code import typed_lines


class Use(IntEnum):
    """What becomes of a value: the higher, the more depends on it."""

    SHOWN = 0
    """It is printed, logged or thrown away."""
    DECIDES = 1
    """A condition is made of it."""
    RETURNS = 2
    """It may come back into the network as a number, or nobody knows."""


_LOGGING = frozenset("warn debug info warning error critical exception log".split())
"""Methods of a logger, and of ``warnings``, that show what they are given."""
_PASSING = frozenset(
    """abs all any bool float format int len list max min repr round set sorted str sum tuple
    item tolist join mean std copy astype is_integer isnan isinf isfinite sqrt log exp""".split()
)
"""Functions and methods that do nothing with a value but give another one made of it."""
_SHAPES = frozenset({"shape", "ndim", "dtype", "size"})
_EXPRESSIONS = (
    ast.BinOp,
    ast.UnaryOp,
    ast.BoolOp,
    ast.Compare,
    ast.FormattedValue,
    ast.JoinedStr,
    ast.Starred,
    ast.Tuple,
    ast.List,
    ast.Set,
    ast.Dict,
    ast.keyword,
)
"""They make another value of those that they hold."""
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def use_of(place: Place | None) -> Use:
    """What becomes of the value of the expression at a place, as far as its function tells."""
    source, expression = _expression(place)
    if source is None or expression is None:
        return Use.RETURNS
    return source.use(expression)


def use_of_condition(place: Place | None) -> Use:
    """What becomes of a value that was asked whether it is true.

    It only decides, unless the expression at the place makes a bool: ``bool(...)``, ``not ...``.
    """
    source, expression = _expression(place)
    negated = isinstance(expression, ast.UnaryOp) and isinstance(expression.op, ast.Not)
    if source is None or expression is None or not (negated or isinstance(expression, ast.Call)):
        return Use.DECIDES
    return max(source.use(expression), Use.DECIDES)


def _expression(place: Place | None) -> tuple[_Source | None, ast.expr | None]:
    source = None if place is None else _Source.of(place.file)
    return source, None if source is None or place is None else source.at(place)


class _Source:
    """A parsed file, and the parent of each of its nodes."""

    def __init__(self, tree: ast.Module) -> None:
        self._parents = {
            child: parent for parent in ast.walk(tree) for child in ast.iter_child_nodes(parent)
        }
        self._at: dict[tuple[int | None, ...], ast.expr] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.expr):  # of several at one place the outermost comes first
                span = (node.lineno, node.col_offset, node.end_lineno, node.end_col_offset)
                self._at.setdefault(span, node)
        self._followed: set[tuple[ast.AST, str]] = set()

    @staticmethod
    def of(file: str) -> _Source | None:
        """The source of a file, None if there is none or it is not Python."""
        try:
            return _parsed(read_script(file).tree)
        except (OSError, SyntaxError, ValueError, RecursionError):
            pass  # it may have been typed, or made by a program
        linecache.checkcache(file)
        try:
            return _parsed(_tree("".join(typed_lines(file))))
        except (SyntaxError, ValueError, RecursionError):
            return None

    def at(self, place: Place) -> ast.expr | None:
        """The outermost expression that spans a place."""
        if place.column is None or place.end_column is None:
            return None
        return self._at.get((place.line, place.column - 1, place.end_line, place.end_column - 1))

    def use(self, value: ast.AST) -> Use:
        """What becomes of the value of an expression."""
        self._followed.clear()
        return self._use(value)

    def _use(self, value: ast.AST) -> Use:
        parent = self._parents[value]
        if isinstance(parent, ast.Expr):
            return Use.SHOWN
        if isinstance(parent, (ast.If, ast.While, ast.Assert, ast.IfExp)) and value is parent.test:
            return Use.DECIDES
        if isinstance(parent, ast.Assert):
            return Use.SHOWN
        paired = self._paired(value, parent)
        if paired is not None:
            return self._use_of_target(paired)
        if isinstance(parent, _EXPRESSIONS) or self._picks(value, parent):
            return self._use(parent)
        if isinstance(parent, ast.Call) and value is not parent.func:
            return self._use_by_call(parent)
        if isinstance(parent, ast.Attribute):
            return self._use_by_attribute(parent)
        if isinstance(parent, ast.NamedExpr):
            return max(self._use(parent), self._use_of_name(parent.target))
        if isinstance(parent, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
            targets = parent.targets if isinstance(parent, ast.Assign) else [parent.target]
            return max(map(self._use_of_target, targets))
        return Use.RETURNS

    def _paired(self, value: ast.AST, values: ast.AST) -> ast.expr | None:
        """The variable that takes a value in ``a, b = first, second``."""
        assignment = self._parents[values]
        if not isinstance(values, ast.Tuple) or not isinstance(assignment, ast.Assign):
            return None
        target = assignment.targets[0]
        starred = any(isinstance(node, ast.Starred) for node in ast.walk(assignment))
        if starred or len(assignment.targets) > 1 or not isinstance(target, ast.Tuple):
            return None
        return target.elts[values.elts.index(value)] if value in values.elts else None

    def _picks(self, value: ast.AST, parent: ast.AST) -> bool:
        """Whether an expression reads an element, or gives its value under a condition."""
        if isinstance(parent, ast.Subscript):
            return isinstance(parent.ctx, ast.Load)
        if isinstance(parent, (ast.ListComp, ast.SetComp, ast.GeneratorExp)):
            return value is parent.elt
        return isinstance(parent, ast.IfExp) and value is not parent.test

    def _use_by_call(self, call: ast.Call) -> Use:
        if _shows(call.func) or isinstance(self._parents[call], ast.Raise):
            return Use.SHOWN
        return self._use(call) if _name(call.func) in _PASSING else Use.RETURNS

    def _use_by_attribute(self, attribute: ast.Attribute) -> Use:
        if attribute.attr in _SHAPES:
            return Use.SHOWN
        call = self._parents[attribute]
        called = isinstance(call, ast.Call) and call.func is attribute
        return self._use(call) if called and attribute.attr in _PASSING else Use.RETURNS

    def _use_of_target(self, target: ast.expr) -> Use:
        if isinstance(target, (ast.Tuple, ast.List)):
            return max(map(self._use_of_target, target.elts), default=Use.SHOWN)
        return self._use_of_name(target) if isinstance(target, ast.Name) else Use.RETURNS

    def _use_of_name(self, name: ast.Name) -> Use:
        """What becomes of a variable of a function, wherever the function reads it."""
        function: ast.AST | None = name
        while function is not None and not isinstance(function, _FUNCTIONS):
            if isinstance(function, (ast.Lambda, ast.ClassDef)):
                return Use.RETURNS
            function = self._parents.get(function)
        if function is None or (function, name.id) in self._followed:
            return Use.RETURNS if function is None else Use.SHOWN
        self._followed.add((function, name.id))
        nodes = list(ast.walk(function))
        shared = [n for n in nodes if isinstance(n, (ast.Global, ast.Nonlocal))]
        if any(name.id in node.names for node in shared):
            return Use.RETURNS
        reads = [n for n in nodes if isinstance(n, ast.Name) and n.id == name.id]
        return max((self._use(n) for n in reads if isinstance(n.ctx, ast.Load)), default=Use.SHOWN)


@lru_cache(maxsize=16)
def _tree(text: str) -> ast.Module:
    return ast.parse(text)


@lru_cache(maxsize=16)
def _parsed(tree: ast.Module) -> _Source:
    return _Source(tree)


def _shows(function: ast.expr) -> bool:
    if isinstance(function, ast.Attribute):
        owner = _name(function.value).lower()
        return function.attr in _LOGGING and ("log" in owner or owner == "warnings")
    return _name(function) in ("print", "pprint")


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""
