"""From patterns in the settings to submissions, each with the spec that it is held to."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from archcheck.config.model import Config, Entry
from archcheck.config.toml import KeyPath
from archcheck.phrases import by_name
from archcheck.shipped_specs import UnknownName, spec_file
from archcheck.verification.beside import STEM, GivenPath
from archcheck.verification.submission import Submission
from archcheck.worker.reference import SUFFIXES, Reference, file_and_name

PACKAGE = "__init__.py"
"""The file that a pattern matches only if it names it: most hold no network."""


@dataclass(frozen=True)
class MappedNetwork:
    """A submission, its file or folder as the pattern matched it, and the path of the spec it is
    held to."""

    submission: Submission
    file: Path
    spec: str

    def __str__(self) -> str:
        name = self.submission.reference.name
        try:
            file = str(self.file.relative_to(os.getcwd()))
        except (ValueError, OSError):
            file = str(self.file)
        return f"{file}:{name}" if name else file


def mapped_networks(config: Config, data: Path | None = None) -> tuple[MappedNetwork, ...]:
    """All networks that a project maps to specs, in the order of its patterns.

    A file that several patterns match is held to the specs of each; equal entries count once.
    ``data`` is a folder that replaces those in the settings.

    Raises:
        ConfigError: if a pattern matches no file, or a file that the settings name does not exist.
    """
    excluded = {file for pattern in config.exclude for file in _matches(config, pattern, "exclude")}
    networks: list[MappedNetwork] = []
    for pattern, entries in config.networks.items():
        files = _files(config, pattern, excluded)
        for entry in entries:
            spec = _spec(config, entry)
            images = data or _folder(config, entry)
            for file in files:
                submission = _submission(config, entry, file, images)
                network = MappedNetwork(submission, file, spec)
                if network not in networks:
                    networks.append(network)
    return tuple(networks)


def _submission(config: Config, entry: Entry, file: Path, images: Path | None) -> Submission:
    """The submission of the network in a file."""
    weights = _beside(config, entry, "weights", file)
    script = _beside(config, entry, "augmentation", file)
    pipeline = file_and_name(entry.augmentation)[1]
    unmeasured = ""
    if weights is None and entry.weights:
        there = GivenPath(entry.weights, config.file.parent).of(file)
        unmeasured = f"there is no {there} beside the network"
    elif weights is None or images is None:
        missing = "weights" if weights is None else "data"
        unmeasured = f"no {missing} given (`{missing}` in [tool.archcheck])"
    return Submission(
        reference=Reference(str(file), "", entry.name, entry.load or config.load),
        arguments=entry.arguments,
        inputs=entry.inputs,
        training=entry.train,
        augmentation=Reference(str(script.resolve()), "", pipeline) if script else None,
        weights=weights,
        data=images,
        unmeasured=unmeasured,
    )


def _files(config: Config, pattern: str, excluded: set[Path]) -> list[Path]:
    """The files, or of a pattern that ends in a slash the folders, that hold a network each."""
    path: KeyPath = ("networks", pattern)
    matches = sorted(set(_matches(config, pattern, *path)), key=by_name)
    if pattern.endswith("/"):
        return _kept(config, pattern, matches, excluded, "it matches no folder")
    python = [file for file in matches if file.suffix in SUFFIXES]
    named = Path(pattern).name == PACKAGE
    files = [file for file in python if named or file.name != PACKAGE]
    if python:
        reason = f"it matches only {PACKAGE}, which counts where it is named"
    elif matches:
        reason = "no file that it matches is a Python file or a notebook"
    elif (config.file.parent / pattern).is_dir():
        reason = f'it is a folder; write "{pattern}/" for its network, or "{pattern}/*.py"'
    else:
        reason = "it matches no file"
    return _kept(config, pattern, files, excluded, reason)


def _kept(
    config: Config, pattern: str, files: list[Path], excluded: set[Path], reason: str
) -> list[Path]:
    kept = [file for file in files if file not in excluded]
    if kept:
        return kept
    if files:
        kind = "folder" if pattern.endswith("/") else "file"
        reason = f"every {kind} that it matches is excluded"
    raise config.error(f'"{pattern}" stands for no network: {reason}', "networks", pattern)


def _matches(config: Config, pattern: str, *path: str | int) -> Iterator[Path]:
    """The files, or of one that ends in a slash the folders, that a pattern stands for; ``**`` is
    any number of folders."""
    folder = config.file.parent
    if Path(pattern).is_absolute():
        raise config.error(f'"{pattern}": patterns are relative to the folder of this file', *path)
    names = glob.glob(pattern, root_dir=folder, recursive=True)  # noqa: PTH207
    if (folder / pattern).is_file():
        names.append(pattern)  # a file's name may hold characters that are special in a pattern
    for name in names:
        file = Path(os.path.normpath(folder / name))
        if file.is_dir() if pattern.endswith("/") else file.is_file():
            yield file


def _beside(config: Config, entry: Entry, key: str, network: Path) -> Path | None:
    """A file beside a network, else in the folder of the settings; ``{stem}`` in its name stands
    for the network's. One that is named for each network may be missing: None."""
    text, key_path = getattr(entry, key), (*entry.path[:-1], key)
    if not text:
        return None
    name = file_and_name(text)[0] if key == "augmentation" else text
    given = GivenPath(name, config.file.parent)
    path = given.near(network)
    if path is None:
        if STEM in name and key == "weights":
            return None
        raise config.error(f"{key}: there is no file {given.of(network)}", *key_path)
    if path.is_dir():
        hint = f'; write "{name.rstrip("/")}/{STEM}.pt" for one each' if key == "weights" else ""
        raise config.error(f"{key}: {name} is a folder; name the file{hint}", *key_path)
    if not path.is_file():
        raise config.error(f"{key}: there is no file {given.of(network)}", *key_path)
    if key == "augmentation" and path.suffix not in SUFFIXES:
        raise config.error(f"{key}: {name} is not a Python file or a notebook", *key_path)
    return path


def _folder(config: Config, entry: Entry) -> Path | None:
    """The folder of the data, from the entry, else from the whole table."""
    text, key_path = entry.data, (*entry.path[:-1], "data")
    if not text:
        text, key_path = config.data, ("data",)
    if not text:
        return None
    path = Path(os.path.normpath(config.file.parent / text))
    if not path.is_dir():
        raise config.error(f"data: there is no folder {text}", *key_path)
    return path


def _spec(config: Config, entry: Entry) -> str:
    """The file of a spec, given as ``--spec`` takes it: a path, or the name of a shipped one."""
    try:
        file = spec_file(entry.spec, config.file.parent)
    except UnknownName as error:
        raise config.error(str(error), *entry.path) from None
    if file.is_file():
        return os.path.normpath(file)
    if file.is_dir():
        raise config.error(f'"{entry.spec}" is a folder; name the spec\'s file', *entry.path)
    raise config.error(f"there is no spec {entry.spec}", *entry.path)
