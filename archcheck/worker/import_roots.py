"""The folders that a file's imports start from, where it does not lie in one of them.

People run a file from the folder above it, or from ``src``; here it is named by its path. What
Python finds is left as it is: these folders are looked through last, and what is found is told.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

from archcheck.network import Place, Remark
from archcheck.worker.owners import also_authors
from archcheck.worker.reference import near
from archcheck.worker.source_locations import caller

_MARKS = (".git", "pyproject.toml", "setup.py", "setup.cfg")
"""What lies in the root of a project."""
# Asked for before anything is recorded: a network does not depend on where the home folder is.
_HOME = Path(os.path.expanduser("~"))  # noqa: PTH111  (which may find none)
_SOURCES = "src"
"""The folder of a project that many keep their packages in."""

_found: dict[str, tuple[str, Place | None]] = {}
"""The modules that were found in a folder around the file, with the folder and the import."""


def import_root_notes() -> list[Remark]:
    """A note on every module that was imported from a folder that Python does not search."""
    return [
        Remark(f"{name} is imported from {folder}", place)
        for name, (folder, place) in _found.items()
    ]


def folders_around(file: Path) -> list[Path]:
    """The folders around a file that belong to the same project, the nearest first.

    They end at the project's root or the working directory; where neither is known, at the folder
    above the file's. Without a file there are none.
    """
    if not file.name:
        return []
    upward = [place for place in file.parent.parents if not _is_common(place)]
    top = _top(file.parent, upward)
    return upward[: upward.index(top) + 1] if top in upward else []


def _top(own: Path, upward: list[Path]) -> Path | None:
    marked = [place for place in (own, *upward) if any((place / mark).exists() for mark in _MARKS)]
    if marked:
        return marked[0]
    here = Path(os.getcwd())
    if own.is_relative_to(here):
        return here
    return upward[0] if upward else None


def _is_common(folder: Path) -> bool:
    """Whether a folder holds much that has nothing to do with each other."""
    return folder in (_HOME, Path(tempfile.gettempdir()), Path(folder.anchor))


@contextmanager
def imports_from_around(file: Path, roots: list[Path]) -> Iterator[None]:
    """While this is entered, modules that are not found otherwise are looked for around a file.

    A folder in which one is found is added to ``roots``, and to Python's path.
    """
    _found.clear()
    finder = _AroundFile(file, roots.append)
    sys.meta_path.insert(_behind_python(), finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


def _behind_python() -> int:
    return sys.meta_path.index(PathFinder) + 1 if PathFinder in sys.meta_path else 0


class _AroundFile:
    """A finder of modules, as ``sys.meta_path`` has them."""

    def __init__(self, file: Path, use: Callable[[Path], None]) -> None:
        self._file = file
        self._use = use

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Find a module in the folders around the file; none inside of a package."""
        if path is not None:
            return None
        for folder in self._folders(name):
            spec = PathFinder.find_spec(name, [str(folder)])
            if spec is not None and (spec.loader is not None or _holds_python(folder / name)):
                self._use(folder)
                also_authors(folder)
                _found.setdefault(name, (near(str(folder)), caller()))
                sys.path.append(str(folder))
                return spec
        return None

    def _folders(self, name: str) -> Iterator[Path]:
        """The folders that a module may lie in."""
        if not self._file.name:  # an installed module is named
            return
        own = self._file.parent
        for entry in list(sys.path):  # the author runs it in its folder
            if entry and not Path(entry).is_absolute():
                yield Path(os.path.normpath(own / entry))
        for folder in (own, *folders_around(self._file)):
            yield from (folder, folder / _SOURCES)
        yield from (place.parent for place in own.parents if place.name == name)


def _holds_python(folder: Path) -> bool:
    return any(True for _ in folder.glob("*.py")) or any(True for _ in folder.glob("*/*.py"))


def make_packages(root: Path, parts: Iterable[str]) -> str:
    """Make packages of folders that Python does not take for some, and name the innermost.

    ``parts`` are the folders' names, each inside of the one before, the first in ``root``.
    """
    folder, name = root, ""
    for part in parts:
        folder /= part
        is_package = part.isidentifier() and (folder / "__init__.py").is_file()
        own = part if is_package else _importable(part)
        name = f"{name}.{own}" if name else own
        if not is_package:
            package = ModuleType(name)
            package.__path__ = [str(folder)]
            package.__package__ = name
            sys.modules[name] = package
    return name


def _importable(part: str) -> str:
    name = re.sub(r"\W", "_", part)
    is_taken = name in sys.stdlib_module_names or name in sys.modules
    return f"submission_{name}" if is_taken or not name.isidentifier() else name
