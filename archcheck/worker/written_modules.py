"""Modules that a notebook writes (``%%writefile net.py``) and imports: they are its own cells."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path, PurePosixPath
from types import ModuleType

from archcheck.worker.exported import statements
from archcheck.worker.ipython_calls import command
from archcheck.worker.scripts import Script

_WRITING = ("writefile", "file")
PACKAGE = "__init__"


class Writing:
    """What the cells of a notebook write to one file, in the lines of the notebook."""

    def __init__(self) -> None:
        self.body: list[ast.stmt] = []
        self.lines: list[int] = []
        """The lines of the cells that begin the file anew."""
        self.error: SyntaxError | None = None


@contextmanager
def written_modules(script: Script) -> Iterator[None]:
    """While this is entered, the modules that a notebook writes can be imported from its cells."""
    written = writings(script)
    if not written:
        yield
        return
    finder = _Finder(script, written)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


def writings(script: Script) -> dict[tuple[str, ...], Writing]:
    """The Python files that a notebook writes, by the names on the way to them."""
    found: dict[tuple[str, ...], Writing] = {}
    for node in script.tree.body:
        method, texts = command(node) or ("", [])
        if method == "run_cell_magic" and len(texts) == 3 and texts[0] in _WRITING:
            *options, file = texts[1].split() or [""]
            if file.endswith(".py"):
                writing = found.setdefault(_names(file), Writing())
                _write(writing, script, node, texts[2], "-a" in options or "--append" in options)
    return found


def _names(file: str) -> tuple[str, ...]:
    """What a file's module is called; one that is not below the notebook's folder by its name."""
    path = PurePosixPath(file.strip("'\"").replace("\\", "/")).with_suffix("")
    parts = tuple(part for part in path.parts if part != ".")
    return parts if all(part.isidentifier() for part in parts) else parts[-1:]


def _write(writing: Writing, script: Script, node: ast.stmt, text: str, appends: bool) -> None:
    if not appends:
        writing.lines.append(node.lineno)
        writing.body = []
    try:
        writing.body += statements(text, script.file, node.lineno, in_lines=bool(script.cells))
    except SyntaxError as error:
        writing.error = error


class _Finder(MetaPathFinder):
    def __init__(self, script: Script, written: dict[tuple[str, ...], Writing]) -> None:
        self._script = script
        self._written = written

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """A module that a cell writes, or a folder of such modules."""
        names = tuple(name.split("."))
        for file in (names, (*names, PACKAGE)):
            if file in self._written:
                loader = _Loader(self._script, self._written[file], file)
                spec = ModuleSpec(name, loader, origin=self._script.file)
                spec.has_location = True
                spec.cached = None
                if file[-1] == PACKAGE:
                    spec.submodule_search_locations = [self._folder(names)]
                return spec
        holds = any(file[: len(names)] == names for file in self._written)
        if not holds or PathFinder.find_spec(name, path) is not None:
            return None
        spec = ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = [self._folder(names)]
        return spec

    def _folder(self, names: Sequence[str]) -> str:
        return str(Path(self._script.file).parent.joinpath(*names))


class _Loader(Loader):
    def __init__(self, script: Script, writing: Writing, names: Sequence[str]) -> None:
        self._script = script
        self._writing = writing
        self._file = "/".join(names) + ".py"

    def exec_module(self, module: ModuleType) -> None:
        """Run what the cells write.

        Raises:
            ImportError: if several cells begin the file anew.
            SyntaxError: if it is no Python.
        """
        if len(self._writing.lines) > 1:
            places = ", ".join(self._script.place(line).at for line in self._writing.lines)
            raise ImportError(
                f"{self._file} is written several times ({places}); which one is imported is not "
                "known"
            )
        if self._writing.error is not None:
            raise self._writing.error
        tree = ast.Module(self._writing.body, [])
        exec(compile(tree, self._script.file, "exec", dont_inherit=True), module.__dict__)
