"""What the Python files of a folder define, and which of it is a part of something else: read, not
run."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from archcheck.worker.main_guard import is_main_guard
from archcheck.worker.scripts import read_script

MODULES = frozenset({"Module", "LightningModule"})
"""The classes of torch and Lightning that networks are made of; a subclass needs a forward."""
WITH_FORWARD = frozenset({"Sequential"})
NO_MODULES = frozenset({"Function", "object"})
"""What has a forward, or may have one, and is no network."""
LIBRARIES = (
    *("torchvision.models", "timm", "torch.hub", "transformers", "segmentation_models_pytorch"),
)
"""Packages whose classes are networks, and whose functions make some."""
MOST_BYTES = 1 << 23
"""The size up to which a file is read."""
LONGEST_WAY = 10
"""The most files through which a name is followed."""


@dataclass(frozen=True)
class Import:
    """What a name of a file stands for: a module, or the member ``name`` of one."""

    module: tuple[str, ...]
    level: int
    name: str = ""


@dataclass(frozen=True)
class Definition:
    """A class, a function or an instance that a file makes at its top level.

    Attributes:
        bases: the names of a class's bases.
        mentions: the dotted names in it, without those of the bases.
        calls: what a function returns calls of, or an instance is made by.
    """

    name: str
    is_class: bool
    bases: tuple[str, ...]
    mentions: frozenset[str]
    has_forward: bool
    calls: frozenset[str]


@dataclass(frozen=True)
class Outline:
    """A file: its definitions, and what its imports mean. One that is no Python has none, and
    ``error`` says why."""

    file: Path
    definitions: dict[str, Definition] = field(default_factory=dict)
    imports: dict[str, Import] = field(default_factory=dict)
    stars: tuple[Import, ...] = ()
    error: str = ""


Node = tuple[Path, str]
"""A definition, by its file and its name."""


def outline(file: Path) -> Outline:
    """Read a file of Python."""
    try:
        if file.stat().st_size > MOST_BYTES:
            return Outline(file, error=f"it has more than {MOST_BYTES:,} bytes")
        body = read_script(file).tree.body
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return Outline(file, error=str(error) or type(error).__name__)
    imports: dict[str, Import] = {}
    stars: list[Import] = []
    definitions: dict[str, Definition] = {}
    for node in _statements(body):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            for name, found in _imported(node):
                if name == "*":
                    stars.append(found)
                else:
                    imports[name] = found
        else:
            for definition in _defined(node):
                definitions[definition.name] = definition
    return Outline(file, definitions, imports, tuple(stars))


def _statements(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a file, with those under ``if``, ``try`` and ``with``; of what runs only as
    a program the classes."""
    for node in body:
        yield node
        if is_main_guard(node):
            yield from (each for each in ast.walk(node) if isinstance(each, ast.ClassDef))
            continue
        for part in ("body", "orelse", "finalbody"):
            if isinstance(node, (ast.If, ast.Try, ast.With)):
                yield from _statements(getattr(node, part, ()))


def _imported(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, Import]]:
    for alias in node.names:
        if isinstance(node, ast.ImportFrom):
            module = tuple(node.module.split(".")) if node.module else ()
            yield alias.asname or alias.name, Import(module, node.level, alias.name)
        else:
            module = tuple(alias.name.split("."))
            yield alias.asname or module[0], Import(module if alias.asname else module[:1], 0)


def _defined(node: ast.stmt) -> Iterator[Definition]:
    if isinstance(node, ast.ClassDef):
        bases = tuple(filter(None, map(_dotted, node.bases)))
        forward = any(
            isinstance(part, ast.FunctionDef) and part.name == "forward" for part in node.body
        )
        inside = [*node.body, *node.decorator_list]
        yield Definition(node.name, True, bases, _mentions(inside), forward, frozenset())
    elif isinstance(node, ast.FunctionDef):
        yield Definition(node.name, False, (), _mentions([node]), False, _returned(node))
    elif isinstance(node, ast.Assign):
        for name in _targets(node):
            yield Definition(name, False, (), _mentions([node]), False, _called([node.value]))


def _returned(function: ast.FunctionDef) -> frozenset[str]:
    """What a function returns calls of, at once or by a name that it assigns them to."""
    inside = list(ast.walk(function))
    returned = [node.value for node in inside if isinstance(node, ast.Return)]
    names = {value.id for value in returned if isinstance(value, ast.Name)}
    assigned = [node for node in inside if isinstance(node, ast.Assign)]
    return _called([*returned, *(n.value for n in assigned if names.intersection(_targets(n)))])


def _targets(node: ast.Assign) -> list[str]:
    return [target.id for target in node.targets if isinstance(target, ast.Name)]


def _called(values: Sequence[ast.expr | None]) -> frozenset[str]:
    names = (_dotted(value.func) for value in values if isinstance(value, ast.Call))
    return frozenset(filter(None, names))


def _mentions(nodes: Sequence[ast.AST]) -> frozenset[str]:
    dotted = (_dotted(part) for node in nodes for part in ast.walk(node))
    return frozenset(filter(None, dotted))


def _dotted(node: ast.AST) -> str:
    """``a.b`` of such an expression, else empty."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        inner = _dotted(node.value)
        return f"{inner}.{node.attr}" if inner else ""
    return ""


def _last(name: str) -> str:
    return name.rpartition(".")[2]


class Outlines:
    """The files of a folder together."""

    def __init__(self, folder: Path, files: Sequence[Path]) -> None:
        self._folder = folder
        self._outlines = {file: outline(file) for file in files}

    @property
    def unread(self) -> dict[Path, str]:
        """The files that are no Python, each with the reason."""
        return {file: each.error for file, each in self._outlines.items() if each.error}

    def networks(self) -> dict[Path, tuple[str, ...]]:
        """The networks of each file that are no part of another one; files without any are left
        out. If all are parts of each other, all of them."""
        outer = [node for node in self._runnable if node not in self._parts]
        found: dict[Path, tuple[str, ...]] = {}
        for file, name in outer or self._runnable:
            found[file] = (*found.get(file, ()), name)
        return found

    def defining(self, name: str) -> list[Path]:
        """The files that define a name at their top level."""
        return [file for file, each in self._outlines.items() if name in each.definitions]

    @cached_property
    def _modules(self) -> set[Node]:
        """The classes that derive from ``nn.Module``, as far as that can be read."""
        found: set[Node] = set()
        classes = [(f, d) for f, o in self._outlines.items() for d in o.definitions.values()]
        while True:
            more = {
                (file, each.name)
                for file, each in classes
                if any(self._is_module(file, each, base, found) for base in each.bases)
            }
            if more == found:
                return found
            found = more

    def _is_module(self, file: Path, definition: Definition, base: str, known: set[Node]) -> bool:
        """Whether a base makes a class an ``nn.Module``. One that is defined elsewhere is taken for
        one where the class has a forward."""
        node = self._resolve(file, base)
        if node is not None:
            return node in known
        if _last(base) in MODULES | WITH_FORWARD or self._of_library(file, base):
            return True
        return definition.has_forward and _last(base) not in NO_MODULES

    def _of_library(self, file: Path, name: str) -> bool:
        head, _, rest = name.partition(".")
        found = self._outlines[file].imports.get(head)
        if found is None:
            return False
        whole = ".".join(filter(None, (*found.module, found.name, rest)))
        return whole.startswith(LIBRARIES)

    def _makes(self, file: Path, called: str) -> bool:
        """Whether what a file calls makes a network that no class of the folder is."""
        own = self._resolve(file, called)
        return own is None and (_last(called) in WITH_FORWARD or self._of_library(file, called))

    @cached_property
    def _runnable(self) -> list[Node]:
        """What may be a network: modules with a forward, and what is made by a library's."""
        return [
            (file, each.name)
            for file, outline in self._outlines.items()
            for each in outline.definitions.values()
            if self._runs((file, each.name)) or any(self._makes(file, c) for c in each.calls)
        ]

    def _runs(self, node: Node, steps: int = 0) -> bool:
        """Whether a class is a module with a forward, its own or a base's."""
        file, name = node
        definition = self._outlines[file].definitions[name]
        if node not in self._modules or definition.has_forward:
            return node in self._modules
        for base in definition.bases:
            parent = self._resolve(file, base)
            if parent is None:
                if _last(base) in WITH_FORWARD or self._of_library(file, base):
                    return True
            elif steps < LONGEST_WAY and self._runs(parent, steps + 1):
                return True
        return False

    @cached_property
    def _parts(self) -> set[Node]:
        """What another network is made of, in its own file or by an import."""
        found = set()
        for node in self._runnable:
            file, name = node
            for mention in self._outlines[file].definitions[name].mentions:
                part = self._resolve(file, mention)
                if part is not None and part != node:
                    found.add(part)
        return found

    def _resolve(self, file: Path, name: str, steps: int = 0) -> Node | None:
        """The definition that a dotted name of a file stands for, through its imports."""
        head, *rest = name.split(".")
        own = self._outlines[file]
        if head in own.definitions:
            return None if rest else (file, head)
        if steps > LONGEST_WAY:
            return None
        if head not in own.imports:
            found = (self._member(file, star, head, steps) for star in own.stars)
            return None if rest else next(filter(None, found), None)
        target = own.imports[head]
        if target.name:  # of a module, unless it is one itself
            whole = Import((*target.module, target.name), target.level)
            if rest and self._locate(file, whole) is not None:
                return self._member(file, whole, rest[0], steps)
            return None if rest else self._member(file, target, target.name, steps)
        for inner in range(len(rest)):
            whole = Import((*target.module, *rest[:inner]), target.level)
            node = self._member(file, whole, rest[inner], steps)
            if node is not None:
                return node
        return None

    def _member(self, file: Path, module: Import, name: str, steps: int) -> Node | None:
        place = self._locate(file, module)
        return None if place is None else self._resolve(place, name, steps + 1)

    def _locate(self, file: Path, module: Import) -> Path | None:
        """The file of this folder that a module of an import is, if it is one."""
        if module.level:
            bases = [file.parents[module.level - 1]] if module.level <= len(file.parents) else []
        else:
            above = [each for each in file.parents if each.is_relative_to(self._folder)]
            bases = [*above, self._folder / "src"]
        for base in bases:
            place = base.joinpath(*module.module)
            for known in (place.with_name(f"{place.name}.py"), place / "__init__.py"):
                if known in self._outlines:
                    return known
        return None
