"""The albumentations pipelines that a file's source builds, without running any of it."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from pathlib import Path

from archcheck.augmentation.compositions import CompositionFinder
from archcheck.augmentation.constants import value_of
from archcheck.augmentation.library import COMPOSITIONS, Imports
from archcheck.augmentation.scopes import NotConstant, Scope, scopes
from archcheck.evidence.augmentation import Argument, Pipeline, Transform, Unknown
from archcheck.network import Place

DEEPEST_NESTING = 20
MOST_TRANSFORMS = 5_000
"""How many transforms are read of one file: names can stand for ever more of each other."""
LARGEST_FILE = 10_000_000
"""Larger scripts are not read, in bytes."""


@dataclass(frozen=True)
class Source:
    """What the source says.

    Attributes:
        pipelines: the outermost compositions, in order.
        imports: the modules that the file imports, by the names of their packages.
        mentions: whether albumentations is one of them.
        until: the last line that has to run for the pipelines to be there; 0 if none has.
        makers: functions that can be called with nothing and return a pipeline.
    """

    pipelines: tuple[Pipeline, ...]
    imports: frozenset[str]
    mentions: bool
    until: int = 0
    makers: tuple[str, ...] = ()


class Unreadable(Exception):
    """The file cannot be read as Python; the text says why."""


def read_source(file: str) -> Source:
    """The pipelines of a file.

    Raises:
        Unreadable: if it is no Python, or cannot be read.
    """
    try:
        data = Path(file).read_bytes()
        if len(data) > LARGEST_FILE:
            raise Unreadable(f"{Path(file).name} is larger than a script can be")
        tree = ast.parse(data)
    except OSError as error:
        raise Unreadable(f"{Path(file).name} cannot be read: {error.strerror}") from None
    except SyntaxError as error:
        where = f" (line {error.lineno})" if error.lineno else ""
        raise Unreadable(f"{Path(file).name} is not Python: {error.msg}{where}") from None
    except (ValueError, RecursionError, MemoryError):
        raise Unreadable(f"{Path(file).name} cannot be read as Python") from None
    try:
        return _Reader(file, tree).read()
    except RecursionError:
        raise Unreadable(f"{Path(file).name} is nested too deeply") from None


@dataclass
class _Reader:
    file: str
    tree: ast.Module
    parts: set[int] = field(default_factory=set)
    """Compositions that were met inside another one, by the node's identity."""
    count: int = 0

    def __post_init__(self) -> None:
        self.imports = Imports(self.tree)
        self.top = scopes(self.tree)

    def read(self) -> Source:
        found = list(CompositionFinder(self.imports).find(self.tree, self.top, ""))
        built = [(item, self._transform(item.node, item.scope, 0)) for item in found]
        outer = [(item, root) for item, root in built if id(item.node) not in self.parts]
        holders = {item.scope.path[0] for item, _ in outer if item.scope.path}
        makers = {
            item.scope.path[0]
            for item, _ in outer
            if item.returned and len(item.scope.path) == 1 and _needs_nothing(item.scope.node)
        }
        return Source(
            pipelines=tuple(Pipeline(item.name, root) for item, root in outer),
            imports=frozenset(self.imports.modules),
            mentions=self.imports.mention_the_library,
            until=self._until(holders) if outer else 0,
            makers=tuple(sorted(makers)),
        )

    def _until(self, holders: set[str]) -> int:
        """The last line at the top that builds a pipeline, or defines or calls what does."""
        last = 0
        for statement in self.tree.body:
            calls = [node for node in ast.walk(statement) if isinstance(node, ast.Call)]
            ours = any(self.imports.class_of(call.func) for call in calls)
            value = getattr(statement, "value", None)
            made = (
                isinstance(statement, (ast.Assign, ast.AnnAssign))
                and isinstance(value, ast.Call)
                and isinstance(value.func, ast.Name)
                and value.func.id in holders
            )
            if (ours and not _is_guard(statement)) or made:
                last = statement.end_lineno or statement.lineno
        return last

    # -- reading ----------------------------------------------------------------------------

    def _transform(self, node: ast.expr, scope: Scope, depth: int) -> Transform:
        """The transform that an expression makes; one without a name if that is not known."""
        self.count += 1
        try:
            if self.count > MOST_TRANSFORMS:
                raise NotConstant("there are too many transforms")
            call, scope = self._followed(node, scope, depth)
        except NotConstant as error:
            return self._unknown(node, str(error))
        name = self.imports.class_of(call.func)
        own = not name
        if own:
            assert isinstance(call.func, ast.Name)  # as it was followed
            name = call.func.id
        arguments, incomplete = self._arguments(call, scope, name)
        children: tuple[Transform, ...] = ()
        if name in COMPOSITIONS and not own:
            self.parts |= {id(call)} if depth else set()
            children = self._children(call, scope, name, depth + 1)
        place = self._place(call)
        return Transform(name, place, arguments, children, incomplete, own=own)

    def _followed(self, node: ast.expr, scope: Scope, depth: int) -> tuple[ast.Call, Scope]:
        """The call that constructs a transform, through names and plain functions."""
        if depth > DEEPEST_NESTING:
            raise NotConstant("it goes through too many names")
        if isinstance(node, ast.Name):
            found, where = scope.find(node.id)
            if not isinstance(found, ast.expr):
                raise NotConstant(f"{node.id} is only known when the script runs")
            return self._followed(found, where, depth + 1)
        if isinstance(node, ast.Call):
            if self.imports.class_of(node.func):
                return node, scope
            if isinstance(node.func, ast.Name) and not self.imports.knows(node.func.id):
                found, where = scope.find(node.func.id)
                if isinstance(found, ast.ClassDef):
                    return node, scope
                if isinstance(found, ast.FunctionDef) and not node.args and not node.keywords:
                    return self._returned(found, where, depth + 1)
        raise NotConstant(f"what {_short(node)} makes is only known when the script runs")

    def _returned(self, node: ast.FunctionDef, scope: Scope, depth: int) -> tuple[ast.Call, Scope]:
        returns = [part for part in ast.walk(node) if isinstance(part, ast.Return)]
        if len(returns) != 1 or returns[0].value is None:
            raise NotConstant(f"what {node.name}() returns is only known when the script runs")
        return self._followed(returns[0].value, scope.inner[id(node)], depth)

    def _children(
        self, call: ast.Call, scope: Scope, name: str, depth: int
    ) -> tuple[Transform, ...]:
        wanted = ("first", "second") if name == "OneOrOther" else ("transforms",)
        given = dict(zip(wanted, call.args, strict=False))
        for keyword in call.keywords:
            if keyword.arg is not None and keyword.arg in wanted:
                given[keyword.arg] = keyword.value
        if name == "OneOrOther" and "transforms" not in given and len(given) == 2:
            return tuple(self._transform(given[part], scope, depth) for part in wanted)
        if len(given) != 1 or any(isinstance(part, ast.Starred) for part in call.args):
            return (self._unknown(call, f"{_short(call)} is put together when the script runs"),)
        return self._listed(next(iter(given.values())), scope, depth)

    def _listed(self, node: ast.expr, scope: Scope, depth: int) -> tuple[Transform, ...]:
        if depth > DEEPEST_NESTING or self.count > MOST_TRANSFORMS:
            return (self._unknown(node, "it goes through too many names"),)
        if isinstance(node, (ast.List, ast.Tuple)):
            found: list[Transform] = []
            for part in node.elts:
                if isinstance(part, ast.Starred):
                    found += self._listed(part.value, scope, depth + 1)
                else:
                    found.append(self._transform(part, scope, depth))
            return tuple(found)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            both = (self._listed(part, scope, depth + 1) for part in (node.left, node.right))
            return tuple(child for part in both for child in part)
        if isinstance(node, ast.Name):
            try:
                value, where = scope.find(node.id)
            except NotConstant as error:
                return (self._unknown(node, str(error)),)
            if isinstance(value, (ast.List, ast.Tuple, ast.BinOp, ast.Name)):
                return self._listed(value, where, depth + 1)
        if isinstance(node, (ast.Name, ast.Call)):
            return (self._transform(node, scope, depth),)  # one transform in place of a list
        reason = f"{_short(node)} is put together when the script runs"
        return (self._unknown(node, reason),)

    def _arguments(
        self, call: ast.Call, scope: Scope, name: str
    ) -> tuple[tuple[Argument, ...], str]:
        found: list[Argument] = []
        incomplete = ""
        listed = {"OneOrOther": 2}.get(name, 1) if name in COMPOSITIONS else 0
        for node in call.args[listed:]:
            if isinstance(node, ast.Starred):
                incomplete = f"{_short(node)} is put together when the script runs"
                break
            found.append(self._argument("", node, scope))
        for keyword in call.keywords:
            if keyword.arg in ("transforms", "first", "second") and listed:
                continue
            if keyword.arg is not None:
                found.append(self._argument(keyword.arg, keyword.value, scope))
                continue
            try:
                values = value_of(keyword.value, scope)
            except NotConstant as error:
                incomplete = str(error)
                continue
            if isinstance(values, dict):
                place = self._place(keyword.value)
                found += [Argument(str(key), value, place) for key, value in values.items()]
        return tuple(found), incomplete

    def _argument(self, name: str, node: ast.expr, scope: Scope) -> Argument:
        try:
            value = value_of(node, scope)
        except NotConstant as error:
            value = Unknown(str(error))
        return Argument(name, value, self._place(node))

    def _unknown(self, node: ast.expr, reason: str) -> Transform:
        return Transform("", self._place(node), unknown=reason)

    def _place(self, node: ast.expr) -> Place:
        end = node.end_col_offset
        return Place(
            self.file,
            node.lineno,
            node.col_offset + 1,
            node.end_lineno,
            None if end is None else end + 1,
        )


def _is_guard(node: ast.stmt) -> bool:
    """Whether a statement is ``if __name__ == "__main__":``, which no import runs."""
    return isinstance(node, ast.If) and any(
        isinstance(part, ast.Name) and part.id == "__name__" for part in ast.walk(node.test)
    )


def _needs_nothing(node: ast.AST) -> bool:
    if not isinstance(node, ast.FunctionDef) or node.name == "main":
        return False
    given = node.args
    plain = len(given.posonlyargs) + len(given.args)
    return plain == len(given.defaults) and None not in given.kw_defaults


def _short(node: ast.expr) -> str:
    text = ast.unparse(node)
    return text if len(text) <= 40 else f"{text[:39]}…"
