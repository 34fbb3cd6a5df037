"""The values that the source is followed with, beside Python's own numbers, texts and tuples."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Any, Literal

from archcheck.evidence.augmentation import Unknown
from archcheck.network import Place
from archcheck.worker.scripts import placed

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Value = Any
"""A number, text, None or tuple of Python's, or one of the classes of this module."""
UNREAD = "?"
"""Stands for a module that is not there, or cannot be read."""
LONGEST_SEQUENCE = 1000
"""No argument of a pipeline is a longer sequence."""


class TooMuch(Exception):
    """The source takes more steps than are followed."""


class Left(Exception):
    """A statement leaves the function or loop that it stands in."""


class Raised(Exception):
    """The script raises an exception, or ends."""


@dataclass(frozen=True)
class Rest:
    """The part of a sequence that is not known."""

    unknown: Unknown


@dataclass(eq=False)
class Items:
    """A list, a set (whose order is not known) or an array of numbers."""

    items: list[Value]
    kind: Literal["list", "set", "array"] = "list"
    changes: int = 0
    """How often it was changed."""

    @property
    def is_known(self) -> bool:
        """Whether all that it holds is here."""
        return not any(isinstance(item, Rest) for item in self.items)

    def lose(self, unknown: Unknown) -> None:
        """Forget what it holds."""
        self.items[:] = [Rest(unknown)]
        self.changes += 1


@dataclass(eq=False)
class Table:
    """A dictionary; ``rest`` is what else it may hold."""

    items: dict[Any, Value]
    rest: Unknown | None = None


@dataclass(frozen=True)
class Named:
    """What a module holds that is not the submission's: ``numpy.array``."""

    dotted: str


@dataclass(eq=False)
class Scope:
    """The names of a module, a class or one call of a function."""

    file: str
    names: dict[str, Value] = field(default_factory=dict)
    parent: Scope | None = None
    kind: Literal["module", "class", "function"] = "module"
    owner: Class | None = None
    """The class whose method runs here."""
    elsewhere: set[str] = field(default_factory=set)
    """Names that are declared ``global`` or ``nonlocal``."""
    everything_of: list[str] = field(default_factory=list)
    """Modules of other projects of which every name was imported."""
    function: str = ""
    own: frozenset[str] = frozenset()
    """Names that a function gives values to, so that they are its own."""

    @property
    def module(self) -> Scope:
        """The scope of the file."""
        return self if self.parent is None else self.parent.module


@dataclass(eq=False)
class Module:
    """A file of the submission."""

    scope: Scope


@dataclass(eq=False)
class Function:
    """A function of the submission, with its defaults."""

    node: FunctionNode
    scope: Scope
    owner: Class | None = None
    defaults: dict[str, Value] = field(default_factory=dict)
    is_property: bool = False
    binds: Literal["instance", "class", "nothing"] = "instance"

    @property
    def name(self) -> str:
        """Its name in the source."""
        return "" if isinstance(self.node, ast.Lambda) else self.node.name


@dataclass(eq=False)
class Class:
    """A class of the submission."""

    node: ast.ClassDef
    scope: Scope
    bases: tuple[Value, ...] = ()
    is_dataclass: bool = False

    def lineage(self) -> list[Value]:
        """This class and what it inherits from, depth first."""
        found: list[Value] = [self]
        for base in self.bases:
            found += base.lineage() if isinstance(base, Class) else [base]
        return found

    def find(self, name: str, after: Class | None = None) -> Value:
        """An attribute of the class or of what it inherits from; None if it has none."""
        lineage = self.lineage()
        if after is not None:
            lineage = lineage[lineage.index(after) + 1 :]
        for part in lineage:
            if isinstance(part, Class) and name in part.scope.names:
                return part.scope.names[name]
        return None


@dataclass(eq=False)
class Instance:
    """An object; ``of`` is its class, or the name of another project's."""

    of: Class | Named
    attributes: dict[str, Value] = field(default_factory=dict)
    made: Transformed | None = None
    """The transform that it is, if its class is derived from one."""


@dataclass(frozen=True, eq=False)
class Bound:
    """A function with its first argument."""

    function: Function
    receiver: Value


@dataclass(frozen=True, eq=False)
class Method:
    """A method of a value that is no instance of the submission's classes."""

    receiver: Value
    name: str


@dataclass(frozen=True, eq=False)
class Super:
    """``super()`` in a method of ``after``."""

    instance: Value
    after: Class


@dataclass(frozen=True, eq=False)
class Partial:
    """``functools.partial`` of a function."""

    function: Value
    given: Given


@dataclass(eq=False)
class Assumed:
    """A default that a caller may replace: its value counts, but decides no condition."""

    value: Value
    symbol: str


@dataclass(frozen=True)
class Passed:
    """An argument of a call."""

    name: str
    value: Value
    node: ast.expr
    file: str

    @property
    def place(self) -> Place:
        """Where it stands."""
        return place_of(self.node, self.file)


@dataclass(eq=False)
class Given:
    """The arguments of a call, those by position without a name; ``rest`` if there may be more."""

    passed: list[Passed] = field(default_factory=list)
    rest: Unknown | None = None

    @property
    def values(self) -> list[Value]:
        """Those by position."""
        return [one.value for one in self.passed if not one.name]

    def named(self, name: str) -> Value | None:
        """One by name."""
        return next((one.value for one in self.passed if one.name == name), None)


@dataclass(eq=False)
class Transformed:
    """A transform or composition of albumentations that the source makes."""

    name: str
    node: ast.expr
    file: str
    arguments: list[Passed] = field(default_factory=list)
    children: list[Value] = field(default_factory=list)
    children_nodes: list[ast.expr] = field(default_factory=list)
    is_composition: bool = False
    unordered: bool = False
    own: bool = False
    """Whether the submission says what it does."""
    is_used: bool = True
    """Whether the script made it, or asked another file for it."""
    incomplete: str = ""
    altered: str = ""
    held: Items | None = None
    """The list that the children came in, and how often it had been changed."""
    held_changes: int = 0


def bare(value: Value) -> Value:
    """A value itself, where it is a default that was assumed."""
    return value.value if isinstance(value, Assumed) else value


def place_of(node: ast.AST, file: str) -> Place:
    """The place of an expression."""
    line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0)
    end, end_column = getattr(node, "end_lineno", None), getattr(node, "end_col_offset", None)
    last = None if end_column is None else end_column + 1
    return placed(Place(file, line, column + 1, end, last))


def text_of(node: ast.AST) -> str:
    """An expression as it is shown."""
    text = ast.unparse(node)
    return text if len(text) <= 40 else f"{text[:39]}…"
