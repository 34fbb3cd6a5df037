"""The files of a script's project, and which of them its imports mean."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from archcheck.network import Place
from archcheck.worker.notebooks import NotebookError
from archcheck.worker.scripts import is_notebook, placed, read_script

LARGEST_FILE = 10_000_000
"""Larger scripts are not read, in bytes."""
MOST_FILES = 50
"""How many files of a project are read for one script."""


class Unreadable(Exception):
    """The file cannot be read as Python; the text says why."""


def parsed(file: Path) -> ast.Module:
    """The tree of a file.

    Raises:
        Unreadable: if it is no Python, or cannot be read.
    """
    try:
        if file.stat().st_size > LARGEST_FILE and not is_notebook(str(file)):
            raise Unreadable(f"{file.name} is larger than a script can be")
        return read_script(file).tree
    except OSError as error:
        raise Unreadable(f"{file.name} cannot be read: {error.strerror}") from None
    except SyntaxError as error:
        place = placed(Place(str(file), error.lineno)) if error.lineno else None
        where = f" ({place.in_words})" if place else ""
        raise Unreadable(f"{file.name} is not Python: {error.msg}{where}") from None
    except NotebookError as error:
        raise Unreadable(f"{file.name}: {error}") from None
    except (ValueError, RecursionError, MemoryError):
        raise Unreadable(f"{file.name} cannot be read as Python") from None


class Project:
    """The script and the files beside it that it imports, read as they are asked for."""

    def __init__(self, script: str) -> None:
        self.script = script
        self.trees: dict[str, ast.Module | None] = {script: parsed(Path(script))}
        """None stands for a file that cannot be read."""
        self._read_imports()

    def _read_imports(self) -> None:
        waiting = [self.script]
        while waiting:
            file = waiting.pop()
            tree = self.trees[file]
            for found in self._imported(tree, file) if tree is not None else ():
                if found not in self.trees and len(self.trees) < MOST_FILES:
                    try:
                        self.trees[found] = parsed(Path(found))
                    except Unreadable:
                        self.trees[found] = None
                    waiting.append(found)

    def _imported(self, tree: ast.Module, file: str) -> Iterator[str]:
        for module, level in imports(tree):
            parts = module.split(".") if module else []
            for count in range(1 if parts else 0, len(parts) + 1):
                found = self.find(".".join(parts[:count]), level, file)
                if found:
                    yield found

    def find(self, module: str, level: int, importer: str) -> str:
        """The file of a module, empty if the project has none."""
        parts = module.split(".") if module else []
        for folder in self._folders(parts, level, Path(importer)):
            path = folder.joinpath(*parts)
            for file in (path / "__init__.py", path.with_suffix(".py") if parts else path):
                if file.is_file():
                    return str(file)
        return ""

    def folder(self, module: str, level: int, importer: str) -> Path | None:
        """The folder of a module without an ``__init__.py``, None if the project has none."""
        parts = module.split(".") if module else []
        places = (f.joinpath(*parts) for f in self._folders(parts, level, Path(importer)))
        return next((place for place in places if place.is_dir()), None)

    def _folders(self, parts: list[str], level: int, importer: Path) -> list[Path]:
        """Where a module may be: beside the script, or in a folder that holds the script's own
        package."""
        if level:
            folder = importer.parent
            for _ in range(level - 1):
                folder = folder.parent
            return [folder]
        start = Path(self.script).parent
        above = [folder.parent for folder in (start, *start.parents) if folder.name in parts[:1]]
        working = Path.cwd()
        inside = [working] if start.is_relative_to(working) and start != working else []
        return [start, *above, *inside]


def imports(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """The modules that a file imports, or may import from, with the number of leading dots."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, 0
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            yield module, node.level
            for alias in node.names:
                if alias.name != "*":
                    yield ".".join(part for part in (module, alias.name) if part), node.level
