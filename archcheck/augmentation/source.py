"""The albumentations pipelines that a file's source builds, without running any of it."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from archcheck.augmentation.interpreter import Explored, Way, explore
from archcheck.augmentation.interpreter.project import Project, Unreadable, imports
from archcheck.augmentation.interpreter.values import Transformed, place_of
from archcheck.augmentation.library import COMPOSITIONS, LIBRARY, is_foreign
from archcheck.augmentation.naming import NamedCall, named_calls
from archcheck.augmentation.transforms import Converter
from archcheck.evidence.augmentation import Pipeline, Transform
from archcheck.network import Place

__all__ = ["Source", "Unreadable", "read_source"]

OTHER_LIBRARIES = ("torchvision.transforms", "imgaug", "kornia.augmentation", "keras.preprocessing")
"""Libraries that images are augmented with too."""


@dataclass(frozen=True)
class Source:
    """What the source says.

    Attributes:
        pipelines: the outermost compositions, in order; one several times, where it depends on
            the way through the script what it holds.
        mentions: whether the file, or one of its project that it imports, imports albumentations.
        until: the last line that has to run for the pipelines to be there; 0 if none has.
        makers: functions that can be called with nothing and return a pipeline.
        loose: transforms that the script makes and puts into no composition.
        counts: how often the script makes what stands at a place.
        missing: modules that the project lacks and that may be the submission's own.
        other: the library that is used in place of albumentations, and the line of its import.
    """

    pipelines: tuple[Pipeline, ...]
    mentions: bool
    until: int = 0
    makers: tuple[str, ...] = ()
    loose: tuple[Transform, ...] = ()
    counts: Mapping[Place, int] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    other: tuple[str, int] | None = None


def read_source(file: str) -> Source:
    """The pipelines of a file.

    Raises:
        Unreadable: if it is no Python, or cannot be read.
    """
    project = Project(file)
    tree = project.trees[file]
    assert tree is not None  # as it was parsed
    try:
        return _Reader(project, tree).read()
    except RecursionError:
        raise Unreadable(f"{file} is nested too deeply") from None


@dataclass
class _Reader:
    project: Project
    tree: ast.Module

    def __post_init__(self) -> None:
        self.calls: dict[int, NamedCall] = {}
        self.made_at: set[int] = set()
        self.loose: dict[Transform, None] = {}
        for tree in self.project.trees.values():
            if tree is not None:
                self.calls |= named_calls(tree)

    def read(self) -> Source:
        trees = [tree for tree in self.project.trees.values() if tree is not None]
        mentions = any(
            module.partition(".")[0] == LIBRARY for tree in trees for module, _ in imports(tree)
        )
        explored = explore(self.project) if mentions else Explored([])
        found = [pair for way in explored.ways for pair in self._pipelines(way)]
        pipelines = _distinct(pipeline for _, pipeline in found)
        hidden = explored.hidden.reason if explored.hidden else self._unseen(explored)
        if hidden and mentions:
            pipelines.append(Pipeline("", Transform("", unknown=hidden)))
        self.made_at = {id(made.node) for way in explored.ways for made in way.made}
        calls = [self.calls[id(made.node)] for made, _ in found if id(made.node) in self.calls]
        return Source(
            pipelines=tuple(pipelines),
            mentions=mentions,
            until=self._until({call.path[0] for call in calls if call.path}),
            makers=self._makers(calls),
            loose=tuple(self.loose),
            counts=_counts(explored),
            missing=tuple(sorted(self._missing())),
            other=self._other(),
        )

    def _pipelines(self, way: Way) -> list[tuple[Transformed, Pipeline]]:
        """The outermost compositions that one way through the script builds."""
        built, parts = [], set()
        for made in way.made:
            if made.is_composition:
                converter = Converter()
                built.append((made, converter.transform(made)))
                parts |= converter.parts
        for made in way.made:
            if not made.is_composition and made.is_used and id(made) not in parts:
                self.loose[Converter().transform(made)] = None
        outer = []
        for made, root in built:
            also = tuple(way.names.get(id(made), ()))
            if id(made) not in parts and (made.is_used or also):
                outer.append((made, Pipeline(self._name(made, also), root, also)))
        return outer

    def _name(self, made: Transformed, also: tuple[str, ...]) -> str:
        """What a composition is called: in its file, or in the script if that is another one."""
        call = self.calls.get(id(made.node))
        names = [call.name if call else "", *also]
        if made.file != self.project.script and also:
            names = list(also)
        return next(filter(None, names), "")

    def _unseen(self, explored: Explored) -> str:
        """Why a composition of the script was not met; empty if all were."""
        entered = {node for way in explored.ways for node in way.entered}
        for call in named_calls(self.tree).values():
            name = ast.unparse(call.node.func).rpartition(".")[2]
            if name in COMPOSITIONS and call.function and id(call.function) not in entered:
                return f"how {'.'.join(call.path)} is called is not known"
        return ""

    def _makers(self, calls: list[NamedCall]) -> tuple[str, ...]:
        functions = {
            node.name: node for node in self.tree.body if isinstance(node, ast.FunctionDef)
        }
        given = {
            ast.unparse(part.func)
            for part in ast.walk(self.tree)
            if isinstance(part, ast.Call) and (part.args or part.keywords)
        }
        names = {call.path[0] for call in calls if call.returned and len(call.path) == 1} - given
        return tuple(
            sorted(name for name in names if name in functions and _needs_nothing(functions[name]))
        )

    def _until(self, holders: set[str]) -> int:
        """The last line at the top that builds a pipeline, or defines or calls what does."""
        return max(
            (
                statement.end_lineno or statement.lineno
                for statement in self.tree.body
                if not _is_guard(statement) and self._builds(statement, holders)
            ),
            default=0,
        )

    def _builds(self, statement: ast.stmt, holders: set[str]) -> bool:
        names = {part.id for part in ast.walk(statement) if isinstance(part, ast.Name)}
        if isinstance(statement, (ast.Assign, ast.AnnAssign)) and names & holders:
            return True
        return any(
            id(part) in self.made_at for part in ast.walk(statement) if isinstance(part, ast.Call)
        )

    def _missing(self) -> set[str]:
        return {
            module
            for file, tree in self.project.trees.items()
            for module, level in (_imported(tree) if tree is not None else ())
            if not self.project.find(module, level, file)
            and self.project.folder(module, level, file) is None
            and (level or not is_foreign(module))
        }

    def _other(self) -> tuple[str, int] | None:
        """The library that is used in place of albumentations."""
        nodes = [n for n in ast.walk(self.tree) if isinstance(n, (ast.Import, ast.ImportFrom))]
        for node in nodes:
            before = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
            for alias in node.names:
                for library in OTHER_LIBRARIES:
                    if f"{before}{alias.name}.".startswith(f"{library}."):
                        return library, node.lineno
        return None


def _counts(explored: Explored) -> dict[Place, int]:
    counts: dict[Place, int] = {}
    for way in explored.ways:
        here = Counter(place_of(made.node, made.file) for made in way.made)
        counts = {place: max(counts.get(place, 0), here[place]) for place in {*counts, *here}}
    return counts


def _distinct(pipelines: Iterable[Pipeline]) -> list[Pipeline]:
    """Pipelines in the order of the source, each once, under a name of its own if it has one."""
    also: dict[tuple[Transform, str], dict[str, None]] = {}
    for pipeline in pipelines:
        also.setdefault((pipeline.root, pipeline.name), {}).update(dict.fromkeys(pipeline.also))
    names = [name for _, name in also]
    found = [
        Pipeline(next(iter(others), name) if names.count(name) > 1 else name, root, (name, *others))
        for (root, name), others in also.items()
    ]
    return sorted(found, key=_order)


def _order(pipeline: Pipeline) -> tuple[str, int, int]:
    place = pipeline.root.place
    return (place.file, place.line, place.column or 0) if place else ("", 0, 0)


def _imported(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """The modules that a file names in its imports, with the number of leading dots."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, 0) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, node.level
        elif isinstance(node, ast.ImportFrom):
            yield from ((alias.name, node.level) for alias in node.names)


def _is_guard(statement: ast.stmt) -> bool:
    """Whether a statement is ``if __name__ == "__main__":``, which no import runs."""
    return isinstance(statement, ast.If) and any(
        isinstance(part, ast.Name) and part.id == "__name__" for part in ast.walk(statement.test)
    )


def _needs_nothing(node: ast.FunctionDef) -> bool:
    given = node.args
    plain = len(given.posonlyargs) + len(given.args)
    return node.name != "main" and plain == len(given.defaults) and None not in given.kw_defaults
