"""What the names of a file stand for, as far as it matters for what can be done to them."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum, auto
from functools import cached_property

from archcheck.worker.importing.purity import Purity
from archcheck.worker.importing.scopes import Scopes, root_of

WORKED_OUT = (ast.BinOp, ast.UnaryOp, ast.Compare, ast.FormattedValue, ast.Expr, ast.Assert)
"""What makes something new of its values, or nothing."""


class Kind(Enum):
    """What a name stands for, as far as it matters for what can be done to it."""

    IMMUTABLE = auto()
    LIBRARY = auto()
    """Something imported from an installed package."""
    OWN = auto()
    """Something imported from the submission's other files."""
    FUNCTION = auto()
    CLASS = auto()
    NAMESPACE = auto()
    """An object whose attributes are immutable values: arguments, settings."""
    FLAT = auto()
    """A container of immutable values."""
    NESTED = auto()
    """A container of such containers, or of such values."""
    TABLE = auto()
    """A container of what libraries define, or of functions."""
    CLASSES = auto()
    """A container of the file's classes, perhaps beside others."""
    OBJECT = auto()


class Kinds:
    """What names stand for. ``bound`` are the statements that are kept, by the names that they
    bind; ``is_own`` tells the submission's modules from others."""

    def __init__(
        self,
        scopes: Scopes,
        purity: Purity,
        bound: Mapping[str, Sequence[ast.stmt]],
        is_own: Callable[[str, int], bool],
    ) -> None:
        self._scopes = scopes
        self._purity = purity
        self._bound = bound
        self._is_own = is_own

    def of(self, name: str, within: frozenset[str] = frozenset()) -> Kind:
        """What a name stands for."""
        parts = self._bound.get(name, ())
        kinds = {self._kind_in(part, name, within | {name}) for part in parts}
        if not kinds:
            return self._starred()
        if kinds <= {Kind.IMMUTABLE, Kind.FLAT} and len(kinds) == 2:
            return Kind.FLAT
        return kinds.pop() if len(kinds) == 1 else Kind.OBJECT

    def related(self, used: Iterable[str]) -> set[str]:
        """Some names, those that are imported from where they are imported from, and those whose
        values hold them."""
        aliases = self._aliases
        while new := {name for name, held in aliases.items() if held & set(used)} - set(used):
            used = {*used, *new}
        kinds = {name: self.of(name) for name in used}
        packages = {self._package(n) for n, kind in kinds.items() if kind is Kind.LIBRARY}
        own = Kind.OWN in kinds.values()
        return {
            *kinds,
            *(
                name
                for name in self._bound
                if (own and self.of(name) is Kind.OWN)
                or (self.of(name) is Kind.LIBRARY and self._package(name) in packages)
            ),
        }

    @cached_property
    def _aliases(self) -> dict[str, set[str]]:
        """For each name the names of what may be changed through it."""
        return {
            name: {
                node.id
                for part in parts
                for value in _values(part)
                for node in ast.walk(value)
                if isinstance(node, ast.Name) and self._is_held(node)
            }
            for name, parts in self._bound.items()
            if self.of(name) is not Kind.IMMUTABLE
        }

    def _is_held(self, name: ast.Name) -> bool:
        """Whether the value of a name may be held by the value that a statement assigns."""
        if name.id not in self._bound or self.of(name.id) in (Kind.IMMUTABLE, Kind.FUNCTION):
            return False
        node: ast.AST = name
        parent = self._scopes.parents[node]
        while isinstance(parent, (ast.Attribute, ast.Subscript)) and parent.value is node:
            node, parent = parent, self._scopes.parents[parent]
        called = isinstance(parent, ast.Call) and parent.func is node
        return not called and not isinstance(parent, WORKED_OUT)

    def _package(self, name: str) -> str:
        return self._purity.full_name(ast.Name(name, ast.Load())).partition(".")[0]

    def _starred(self) -> Kind:
        """What a name that no statement binds may stand for: star imports bind it, or nothing."""
        stars = [part for part in self._bound.get("*", ()) if isinstance(part, ast.ImportFrom)]
        own = any(self._is_own(part.module or "", part.level) for part in stars)
        return Kind.OWN if own else Kind.LIBRARY

    def _kind_in(self, part: ast.stmt, name: str, within: frozenset[str]) -> Kind:
        if isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return Kind.FUNCTION
        if isinstance(part, ast.ClassDef):
            return Kind.CLASS
        if isinstance(part, ast.ImportFrom):
            return Kind.OWN if self._is_own(part.module or "", part.level) else Kind.LIBRARY
        if isinstance(part, ast.Import):
            tops = [alias.name for alias in part.names if name in (alias.asname, _top(alias.name))]
            return Kind.OWN if any(self._is_own(top, 0) for top in tops) else Kind.LIBRARY
        if isinstance(part, (ast.Assign, ast.AnnAssign)) and part.value is not None:
            return self._kind_of(part.value, within)
        return Kind.OBJECT

    def _kind_of(self, value: ast.expr, within: frozenset[str]) -> Kind:
        if self._is_immutable(value, within):
            return Kind.IMMUTABLE
        if isinstance(value, ast.BinOp) and isinstance(value.op, (ast.Add, ast.Mult)):
            sides = {self._kind_of(side, within) for side in (value.left, value.right)}
            return Kind.FLAT if sides <= {Kind.FLAT, Kind.IMMUTABLE} else Kind.OBJECT
        items: list[ast.expr] = [value]
        if isinstance(value, (ast.List, ast.Set, ast.Tuple)):
            items = value.elts
        elif isinstance(value, ast.Dict):
            items = value.values
        elif isinstance(value, ast.ListComp):
            items = [value.elt]
        if isinstance(value, ast.Call) and self._purity.is_namespace(value):
            return Kind.NAMESPACE
        if items == [value]:
            return self._kind_of_one(value, within)
        kinds = {self._kind_of(item, within) for item in items}
        return next((kind for kind, of in _CONTAINERS.items() if kinds <= of), Kind.OBJECT)

    def _kind_of_one(self, value: ast.expr, within: frozenset[str]) -> Kind:
        """The kind of what is no container."""
        if isinstance(value, ast.Lambda):
            return Kind.FUNCTION
        root = root_of(value)
        if isinstance(value, ast.Call) or not isinstance(root, ast.Name) or root.id in within:
            return Kind.OBJECT
        kind = self.of(root.id, within)
        one = value is root or kind is Kind.LIBRARY
        return kind if one and kind in _CONTAINERS[Kind.CLASSES] else Kind.OBJECT

    def _is_immutable(self, value: ast.expr | None, within: frozenset[str]) -> bool:
        def inner(*values: ast.expr | None) -> bool:
            return all(self._is_immutable(each, within) for each in values)

        if isinstance(value, (ast.Constant, ast.JoinedStr, ast.Compare)):
            return True
        if isinstance(value, ast.Name):
            return value.id not in within and self.of(value.id, within) is Kind.IMMUTABLE
        if isinstance(value, ast.UnaryOp):
            return inner(value.operand)
        if isinstance(value, ast.BinOp):
            return inner(value.left, value.right)
        if isinstance(value, ast.IfExp):
            return inner(value.body, value.orelse)
        if isinstance(value, ast.Tuple):
            return inner(*value.elts)
        return isinstance(value, ast.Call) and self._purity.called(value) in _IMMUTABLE_RESULTS

    def constants_of(self, name: str) -> set[str]:
        """The attributes of a class that are immutable."""
        return {
            target.id
            for part in self._bound.get(name, ())
            if isinstance(part, ast.ClassDef)
            for line in part.body
            if isinstance(line, ast.Assign) and self._is_immutable(line.value, frozenset())
            for target in line.targets
            if isinstance(target, ast.Name)
        }


_CONTAINERS = {
    Kind.FLAT: {Kind.IMMUTABLE},
    Kind.NESTED: {Kind.IMMUTABLE, Kind.FLAT},
    Kind.TABLE: {Kind.IMMUTABLE, Kind.LIBRARY, Kind.FUNCTION},
    Kind.CLASSES: {Kind.IMMUTABLE, Kind.LIBRARY, Kind.FUNCTION, Kind.CLASS},
}
"""What a container of some kinds is: the first one that fits."""
ELEMENT = {
    Kind.FLAT: Kind.IMMUTABLE,
    Kind.NESTED: Kind.FLAT,
    Kind.TABLE: Kind.LIBRARY,
    Kind.CLASSES: Kind.CLASS,
}
"""What an element of a container is."""
_IMMUTABLE_RESULTS = frozenset(
    "int float str bool len min max abs round sum torch.device math.sqrt math.log pathlib.Path "
    "os.path.join os.getenv os.environ.get torch.cuda.is_available".split()
)


def _values(part: ast.stmt) -> Iterator[ast.expr]:
    """The values that a statement assigns, those of a class's attributes included."""
    parts = part.body if isinstance(part, ast.ClassDef) else [part]
    for each in parts:
        if isinstance(each, (ast.Assign, ast.AnnAssign)) and each.value is not None:
            yield each.value


def _top(name: str) -> str:
    return name.partition(".")[0]
