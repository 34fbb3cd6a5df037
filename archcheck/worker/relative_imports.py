"""How high the relative imports of a file reach."""

from __future__ import annotations

import ast
from pathlib import Path

from archcheck.worker.scripts import read_script


def outermost_package(file: Path) -> Path | None:
    """The outermost folder that a file, or what it imports so, imports from relatively.

    None if it has no relative imports.
    """
    folders: set[Path] = set()
    _follow(file, folders, set())
    return min(folders, key=lambda folder: len(folder.parts), default=None)


def _follow(file: Path, folders: set[Path], seen: set[Path]) -> None:
    if file in seen:
        return
    seen.add(file)
    try:
        nodes = list(ast.walk(read_script(file).tree))
    except (OSError, SyntaxError, ValueError, RecursionError):
        return
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and 0 < node.level <= len(file.parents):
            folder = file.parents[node.level - 1]
            folders.add(folder)
            for target in _targets(folder, node):
                _follow(target, folders, seen)


def _targets(folder: Path, node: ast.ImportFrom) -> list[Path]:
    """The files that a relative import may run."""
    inner = folder.joinpath(*(node.module or "").split("."))
    names = [inner, *(inner / alias.name for alias in node.names)]
    places = [place for name in names for place in (name.with_suffix(".py"), name / "__init__.py")]
    return [place for place in places if place.is_file()]
