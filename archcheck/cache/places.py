"""The folders that a cache's entries hang on, and entries of other places brought here.

An entry is written with the paths as they were. Where the project, the environment or the
interpreter lies elsewhere when it is read, the paths below them are replaced. What it read is then
compared like any other: nothing is believed of a path that leads elsewhere.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

import msgspec

import archcheck
from archcheck.project import project_root
from archcheck.worker.dependencies.states import ABSENT, FOLDER, NO_LINK, Dependencies

Places = dict[str, str]
"""Folders by what they are, such as the project's root; longer ones stand before shorter ones."""


def places() -> Places:
    """The folders of this process.

    Raises:
        OSError: if the working directory is gone.
    """
    found = {
        "project": str(project_root()),
        "archcheck": os.path.dirname(os.path.abspath(archcheck.__file__)),
        "environment": sys.prefix,
        "interpreter": sys.base_prefix,
    }
    return dict(sorted(found.items(), key=lambda item: -len(item[1])))


def portable(path: str, here: Places) -> str:
    """A path with the name of the folder that it lies in, the same wherever that folder lies."""
    for name, folder in here.items():
        if _is_inside(path, folder):
            return f"{{{name}}}{path[len(folder) :]}"
    return path


def brought_here(data: Any, there: Places, here: Places) -> Any:
    """Decoded data of an entry with its paths replaced: those below a folder of ``there`` lie
    below the folder of the same name now."""
    moves: dict[str, str] = {}
    for name, old in there.items():
        moves.setdefault(old, here.get(name, old))
    known: dict[str, str] = {}

    def moved(text: str) -> str:
        if text not in known:
            known[text] = _moved(text, moves)
        return known[text]

    def walk(node: Any) -> Any:
        if isinstance(node, str):
            return moved(node) if node.startswith(os.sep) else node
        if isinstance(node, list):
            return [walk(each) for each in node]
        if isinstance(node, dict):
            return {walk(key): walk(value) for key, value in node.items()}
        return node

    return walk(data)


def moved_reads(reads: Dependencies, there: Places, here: Places) -> Dependencies:
    """What was read, as it would be read here.

    The folders above those of ``there`` do not count: here they are others. What was looked for in
    them and not found, such as an ``__init__.py``, must not be above the project here either.

    Raises:
        KeyError, ValueError: if the folders or the data are not as they have to be.
    """
    above = {folder for place in there.values() for folder in _ancestors(place)}
    old, new = _ancestors(there["project"]), _ancestors(here["project"])
    closest = dict(zip(old, new, strict=False))
    presences = {p: s for p, s in reads.presences.items() if p not in above or s != FOLDER}
    links = {p: s for p, s in reads.links.items() if p not in above or s != NO_LINK}
    sought = {
        os.path.join(closest[folder], name): ABSENT  # noqa: PTH118
        for folder, name in map(os.path.split, presences)
        if folder in closest and presences[os.path.join(folder, name)] == ABSENT  # noqa: PTH118
    }
    kept = msgspec.structs.replace(reads, presences=presences, links=links)
    data = brought_here(msgspec.to_builtins(kept), there, here)
    data["presences"].update(sought)
    return msgspec.convert(data, Dependencies)


def _moved(path: str, moves: Mapping[str, str]) -> str:
    for old, new in moves.items():
        if _is_inside(path, old):
            return new + path[len(old) :]
    return path


def _is_inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _ancestors(folder: str) -> list[str]:
    """The folders above a folder, the closest first."""
    above = []
    while folder != os.path.dirname(folder):
        folder = os.path.dirname(folder)
        above.append(folder)
    return above
