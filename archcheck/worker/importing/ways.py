"""How a file is loaded: as it is, with stand-ins for what is missing, or from its definitions.

Each way is tried in a process of its own, so that what one left behind does not reach the next.
"""

from __future__ import annotations

import ast
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

from archcheck.network import Place, Remark
from archcheck.phrases import some_of
from archcheck.worker.building import Loaded
from archcheck.worker.failures import ImportFailure, InputError, NetworkError
from archcheck.worker.faults import MODULE, fault_of
from archcheck.worker.fresh_sources import FreshLoader
from archcheck.worker.import_failures import import_failure, missing_modules
from archcheck.worker.importing.definitions import Definitions
from archcheck.worker.importing.definitions_loader import DefinitionsLoader, classes_only_of_main
from archcheck.worker.importing.guarded import guarded_in, new_values, unguarded
from archcheck.worker.importing.hidden_needs import HiddenNeeds
from archcheck.worker.importing.instances import changed_instance
from archcheck.worker.importing.isolation import Isolation, Stopped, isolated
from archcheck.worker.importing.left_out import Change, LeftOut
from archcheck.worker.importing.siblings import Siblings
from archcheck.worker.importing.stand_ins import (
    Needed,
    StandIn,
    StandIns,
    held_in,
    missing_base_of,
    needed_by,
    standing_in,
)
from archcheck.worker.importing.top_level import deed_of
from archcheck.worker.main_guard import MAIN, is_main_guard
from archcheck.worker.reference import Load, Reference, roots_of
from archcheck.worker.scripts import Script, is_notebook, placed, read_script

MOST_RANGES = 4
"""The most ranges of lines that a remark lists."""
_INNERMOST = 3
"""The frames of an error that are searched for a stand-in."""


def load_of(reference: Reference) -> Load:
    """How a file is loaded first where that is not said: what trains, asks, writes or downloads
    when it is imported is not, nor is what holds its classes under the main guard."""
    if reference.load or not reference.file:
        return reference.load
    try:
        script = read_script(reference.file)
    except (OSError, ValueError, SyntaxError):
        return ""  # it is told when it is imported
    tree = script.tree
    guarded = script.cells is not None and any(map(is_main_guard, tree.body))  # which is true there
    return "definitions" if guarded or deed_of(tree) or classes_only_of_main(tree) else ""


@contextmanager
def in_a_way(reference: Reference) -> Iterator[Way]:
    """The way in which a file is loaded, as long as its code runs.

    Raises:
        NetworkError: in place of errors that the way of loading explains better.
    """
    load = load_of(reference)
    if load == "plain":
        yield Way(reference, load)
        return
    with ExitStack() as stack:
        way = Way(
            reference, load, stack.enter_context(standing_in()), stack.enter_context(isolated())
        )
        try:
            yield way
            way.settle()
        except (NetworkError, InputError, Needed, Stopped) as error:
            better = way.explained(error)
            if better is None:
                raise
            raise better from error


class Way:
    """One way of loading a file."""

    def __init__(
        self,
        reference: Reference,
        load: Load,
        stand_ins: StandIns | None = None,
        isolation: Isolation | None = None,
    ) -> None:
        self._reference = reference
        self._load = load
        self._stand_ins = stand_ins or StandIns()
        self._isolation = isolation or Isolation()
        self._loader: DefinitionsLoader | None = None
        self._left_out: LeftOut | None = None
        self._names: Mapping[str, Any] = {}
        self._siblings = Siblings(roots_of(reference.file) if reference.file else [])

    def loader(self, name: str, path: str) -> FreshLoader:
        """The loader of one of the submission's modules."""
        if self._load != "definitions" or path != self._reference.file:
            return FreshLoader(name, path)
        self._loader = DefinitionsLoader(name, path)
        return self._loader

    def is_imported(self, module: ModuleType) -> None:
        """The file is imported; its network is built next.

        Raises:
            Needed, Stopped: if the file went on where it could not.
        """
        self.settle()
        self._names = vars(module)
        self._stand_ins.stage = "builds"
        if not self._load and not self._stand_ins.missing:  # the file is loaded plainly
            self._isolation.end()
        if self._loader is not None:
            self._left_out = LeftOut(self._loader.definitions, self._siblings.own)

    def is_built(self, found: Loaded) -> None:
        """The network is built, and is run next; how it was loaded is noted.

        Raises:
            NetworkError: if it cannot be known that it is the network that the file means.
        """
        change = self._change_of(found.name.partition(".")[0])
        if change is not None:
            raise self._changed(change, found.name)
        change = self._change_of_main(found.name.partition(".")[0])
        if change is not None:
            raise self._changed_by_main(change, found.name)
        self._unless_changed_elsewhere(found)
        needed = needed_by(found.model, self._stand_ins)
        if needed:
            raise self._missing(None)
        line = self._hidden_need(found.name.partition(".")[0])
        if line is not None:
            raise self._missing(_line(self._reference, line))
        self._stand_ins.stage = "runs"
        found.notes += self._notes()

    def settle(self) -> None:
        """Make sure that nothing was needed or stopped that the author's code passed over.

        Raises:
            Needed, Stopped: if it was.
        """
        for module in self._stand_ins.needed:
            raise Needed(module)
        if self._isolation.doing and self._load != "definitions":
            raise Stopped(self._isolation.doing)

    def explained(self, error: BaseException) -> NetworkError | None:
        """What is to be said in place of an error; None if the error says it."""
        chain = list(_chain(error))
        if self._lacks(chain):
            place = getattr(error, "place", None) or fault_of(chain[-1]).place or self._useless
            return self._missing(place)
        if any(isinstance(each, Stopped) for each in chain):
            return ImportFailure(
                f"it {self._isolation.doing} when it is imported",
                place=self._isolation.place,
                advice="load-plain",
            )
        return self._made_elsewhere(chain)

    # -- missing modules --------------------------------------------------------------------

    def _lacks(self, chain: Sequence[BaseException]) -> bool:
        """Whether a module that is missing is behind an error."""
        if not self._stand_ins.missing:
            return False
        if any(isinstance(each, Needed) for each in chain) or self._stand_ins.needed:
            return True
        if any(_holds_stand_in(each) for each in chain):
            return True
        if not isinstance(chain[0], InputError):
            return False
        if chain[0].choices:  # what is of no use may be none of them
            return any(map(_has_forward, self._useless_definitions()))
        return bool(self._useless_names())

    def _useless_names(self) -> list[str]:
        """The names of what may be the network and is of no use for want of a module."""
        top = self._reference.name.partition(".")[0]
        return [
            name
            for name, value in self._names.items()
            if name == (top or name) and (missing_base_of(value) or isinstance(value, StandIn))
        ]

    def _useless_definitions(self) -> list[ast.ClassDef | ast.FunctionDef]:
        names, file = self._useless_names(), self._reference.file
        return [
            node
            for node in (read_script(file).tree.body if names and file else [])
            if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and node.name in names
        ]

    @property
    def _useless(self) -> Place | None:
        """The line of the first definition that is of no use, None if there is none."""
        found = self._useless_definitions()
        return placed(Place(self._reference.file, found[0].lineno)) if found else None

    def _missing(self, place: Place | None) -> NetworkError:
        names = [*self._stand_ins.needed, *self._stand_ins.missing]
        return missing_modules(names, self._reference, place)

    def _hidden_need(self, name: str) -> int | None:
        """The line at which a network needs a missing module that no stand-in is told of."""
        if not self._stand_ins.missing or not self._reference.file:
            return None
        body = (
            unguarded(read_script(self._reference.file).tree)
            if self._loader is None
            else self._loader.definitions.kept
        )
        return HiddenNeeds(body, self._stand_ins.missing, self._siblings.own).line_of(name)

    # -- definitions ------------------------------------------------------------------------

    def _change_of(self, name: str) -> Change | None:
        """What may make another network of a name than the whole file would."""
        if self._loader is None or self._left_out is None:
            return None
        folder = Path(self._reference.file).parent
        for statement in self._loader.definitions.left_out:
            if self._siblings.may_patch(statement, folder):  # in the part of it that was run
                return Change("*", statement.lineno)
        for statement, lines in self._left_out.imported().items():
            if self._siblings.patches(statement, folder):
                return Change("*", min(lines))
        return self._left_out.change_of([name])

    def _change_of_main(self, name: str) -> Change | None:
        """What is set under the main guard of the definitions that a name leads to."""
        file = self._reference.file
        if self._load == "plain" or not file or is_notebook(file):
            return None
        tree = read_script(file).tree
        if self._loader is not None and self._loader.definitions.of_main:
            return None
        kept = unguarded(tree)
        guarded = new_values(guarded_in(tree), kept)
        if not guarded:
            return None
        return LeftOut(Definitions(kept, guarded), self._siblings.own).sets([name])

    def _unless_changed_elsewhere(self, found: Loaded) -> None:
        """Make sure that no line which is left out makes another network of an instance, where
        the network is not named.

        Raises:
            NetworkError: if one does.
        """
        if self._loader is None or self._reference.name:
            return
        change = changed_instance(self._loader.definitions.left_out, self._names, found.model)
        if change is not None:
            text = f"{self._at(change.line)} changes {change.name}, an instance of {found.name}"
            raise self._unknown(text, change.line)

    def _changed_by_main(self, change: Change, name: str) -> NetworkError:
        what = f"{change.name}, which {name} uses" if change.name != name else name
        return ImportFailure(
            f"{_line(self._reference, change.line).in_words} changes {what}, and is run by "
            f"`{MAIN}` only",
            cause="unknown",
            place=_line(self._reference, change.line),
            advice="move-above",
        )

    def _made_elsewhere(
        self, chain: Sequence[BaseException], before: int = sys.maxsize
    ) -> NetworkError | None:
        """What is to be said if a name is missing that a statement makes which is left out, above
        a line."""
        if self._left_out is None:
            return None
        names = [each.name for each in chain if isinstance(each, NameError) and each.name]
        if isinstance(chain[0], InputError) and self._reference.name:
            names.append(self._reference.name)
        for name in names:
            line = self._left_out.maker_of(name)
            if line is not None and line < before:
                return self._unknown(f"{self._at(line)} gives {name} its value", line)
        return None

    def _changed(self, change: Change, name: str) -> NetworkError:
        what = f"{change.name}, which {name} uses" if change.name != name else name
        if not change.name or change.name == "*":
            what = "anything"
        return self._unknown(f"{self._at(change.line)} may change {what}", change.line)

    def _at(self, line: int) -> str:
        assert self._loader is not None
        return self._loader.script.place(line).in_words

    def _unknown(self, text: str, line: int) -> NetworkError:
        assert self._loader is not None
        error = self._loader.definitions.errors.get(line)
        if error is not None:  # it is left out since it raises
            chain = list(_chain(error))
            if self._lacks(chain):
                return self._missing(self._loader.script.place(line))
            return self._made_elsewhere(chain, line) or import_failure(error, self._reference)
        return ImportFailure(
            f"{text}, and is left out where a file is loaded from its definitions alone",
            cause="unknown",
            place=self._loader.script.place(line),
            advice="own-file",
        )

    def _notes(self) -> Iterator[Remark]:
        missing = list(self._stand_ins.missing)
        stand_ins = f"with stand-ins for {some_of(missing, 8)}" if missing else ""
        if self._loader is None:
            if stand_ins:
                yield Remark(f"loaded {stand_ins}, which it does without")
            return
        definitions = self._loader.definitions
        beside = f", {stand_ins}" if stand_ins else ""
        if definitions.of_main and any(map(is_main_guard, self._loader.script.tree.body)):
            beside += f", with what stands under `{MAIN}`"
        left = _ranges(self._loader.script, definitions.left_out)
        text = f"loaded from its definitions alone{beside}"
        yield Remark(f"{text}: left out: {left}" if left else text)


def _line(reference: Reference, line: int) -> Place:
    return read_script(reference.file).place(line)


def _ranges(script: Script, left_out: Sequence[ast.stmt]) -> str:
    """The lines of some statements, those that follow each other together."""
    ranges: list[list[int]] = []
    for node in left_out:
        last = node.end_lineno or node.lineno
        if ranges and node.lineno <= ranges[-1][1] + 2:
            ranges[-1][1] = max(last, ranges[-1][1])
        else:
            ranges.append([node.lineno, last])
    words = [_range(script, first, last) for first, last in ranges]
    if not words:
        return ""
    several = len(ranges) > 1 or ranges[0][0] != ranges[0][1]
    noun = "" if script.cells else "lines " if several else "line "
    return noun + some_of(words, MOST_RANGES)


def _range(script: Script, first: int, last: int) -> str:
    start, end = script.place(first), script.place(last)
    if start.cell is None or end.cell is None:
        return f"{first}" if first == last else f"{first}-{last}"
    if start.cell.number == end.cell.number:
        lines = f"{start.cell.line}"
        lines += f"-{end.cell.line}" if first != last else ""
        return f"cell {start.cell.number}:{lines}"
    return f"cell {start.cell.number}:{start.cell.line} to {end.cell.number}:{end.cell.line}"


def _has_forward(node: ast.ClassDef | ast.FunctionDef) -> bool:
    methods = (part.name for part in node.body if isinstance(part, ast.FunctionDef))
    return isinstance(node, ast.ClassDef) and "forward" in methods


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error, and those behind it."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        found = waiting.pop(0)
        if found is not None and id(found) not in seen:
            seen.add(id(found))
            yield found
            waiting += [found.__cause__, found.__context__]


def _holds_stand_in(error: BaseException) -> bool:
    """Whether the innermost functions that an error comes from were given a stand-in."""
    frames: list[FrameType] = []
    for frame, _ in traceback.walk_tb(error.__traceback__):
        frames = [] if frame.f_code.co_name == MODULE else [*frames, frame]
    return any(
        next(held_in(value), None) is not None
        for frame in frames[-_INNERMOST:]
        for value in list(frame.f_locals.values())
    )
