"""From patterns to files: every network of a project, with the spec that it is held to."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from archcheck.config.model import Config, Entry
from archcheck.config.toml import KeyPath
from archcheck.errors import closest
from archcheck.shipped_specs import shipped_specs
from archcheck.worker.reference import Reference, file_and_name

PACKAGE = "__init__.py"
"""What a pattern matches only by its name: most hold no network."""


@dataclass(frozen=True)
class MappedNetwork:
    """A network's file and what it is held to; ``spec`` is the path of a file.

    The other attributes are those of :class:`archcheck.config.Entry`.
    """

    file: Path
    spec: str
    name: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    input: tuple[tuple[int, ...], ...] | None = None
    train: bool = False
    weights: Path | None = None
    data: Path | None = None
    augmentation: Reference | None = None

    def __str__(self) -> str:
        try:
            file = str(self.file.relative_to(os.getcwd()))
        except (ValueError, OSError):
            file = str(self.file)
        return f"{file}:{self.name}" if self.name else file


def mapped_networks(config: Config, data: Path | None = None) -> tuple[MappedNetwork, ...]:
    """All networks that a project maps to specs, in the order of its patterns.

    A file that several patterns match is held to the specs of each; what is said twice counts
    once. ``data`` is a folder that takes the place of those in the settings.

    Raises:
        ConfigError: if a pattern matches no file, or something that is named is not there.
    """
    excluded = {file for pattern in config.exclude for file in _matches(config, pattern, "exclude")}
    found: list[MappedNetwork] = []
    for pattern, entries in config.networks.items():
        files = _files(config, pattern, excluded)
        for entry in entries:
            spec = _spec(config, entry)
            weights = _beside(config, entry, "weights")
            images = data or _beside(config, entry, "data")
            script = _beside(config, entry, "augmentation")
            name = file_and_name(entry.augmentation)[1]
            pipeline = Reference(str(script.resolve()), "", name) if script else None
            for file in files:
                network = MappedNetwork(
                    *(file, spec, entry.name, entry.arguments, entry.input, entry.train),
                    *(weights, images, pipeline),
                )
                if network not in found:
                    found.append(network)
    return tuple(found)


def _files(config: Config, pattern: str, excluded: set[Path]) -> list[Path]:
    path: KeyPath = ("networks", pattern)
    matched = sorted(set(_matches(config, pattern, *path)))
    python = [file for file in matched if file.suffix == ".py"]
    named = Path(pattern).name == PACKAGE
    files = [file for file in python if named or file.name != PACKAGE]
    left = [file for file in files if file not in excluded]
    if left:
        return left
    if files:
        reason = "every file that it matches is excluded"
    elif python:
        reason = f"it matches only {PACKAGE}, which counts where it is named"
    elif matched:
        reason = "no file that it matches is a Python file"
    elif (config.file.parent / pattern).is_dir():
        reason = f'it is a folder; write "{pattern.rstrip("/")}/*.py"'
    else:
        reason = "it matches no file"
    raise config.error(f'"{pattern}" stands for no network: {reason}', *path)


def _matches(config: Config, pattern: str, *path: str | int) -> Iterator[Path]:
    """The files that a pattern stands for; ``**`` is any number of folders."""
    folder = config.file.parent
    if Path(pattern).is_absolute():
        raise config.error(f'"{pattern}": patterns are relative to the folder of this file', *path)
    names = glob.glob(pattern, root_dir=folder, recursive=True)  # noqa: PTH207
    if (folder / pattern).is_file():
        names.append(pattern)  # a name may hold what means something in a pattern
    for name in names:
        file = Path(os.path.normpath(folder / name))
        if file.is_file():
            yield file


def _beside(config: Config, entry: Entry, key: str) -> Path | None:
    """The path of what comes with a network: of its entry, the data also of the whole table."""
    text, path = getattr(entry, key), (*entry.path[:-1], key)
    if not text and key == "data":
        text, path = config.data, (key,)
    if not text:
        return None
    name = file_and_name(text)[0] if key == "augmentation" else text
    found = Path(os.path.normpath(config.file.parent / name))
    if key == "data":
        if not found.is_dir():
            raise config.error(f"{key}: there is no folder {text}", *path)
    elif found.is_dir():
        raise config.error(f"{key}: {name} is a folder; name the file", *path)
    elif not found.is_file():
        raise config.error(f"{key}: there is no file {name}", *path)
    elif key == "augmentation" and found.suffix != ".py":
        raise config.error(f"{key}: {name} is not a Python file", *path)
    return found


def _spec(config: Config, entry: Entry) -> str:
    """The file of a spec: a path, else a shipped one of that name, as ``--spec`` takes them."""
    file = config.file.parent / entry.spec
    if file.is_file():
        return os.path.normpath(file)
    if file.is_dir():
        raise config.error(f'"{entry.spec}" is a folder; name the spec\'s file', *entry.path)
    if file.suffix:
        raise config.error(f"there is no spec {entry.spec}", *entry.path)
    known = shipped_specs()
    if entry.spec not in known:
        hint = closest(entry.spec.replace("_", "-"), list(known))
        message = f'there is no file "{entry.spec}", and no shipped spec of that name{hint}'
        raise config.error(message, *entry.path)
    return str(known[entry.spec])
