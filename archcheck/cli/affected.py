"""Which networks a list of files has to do with."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Sequence
from enum import Enum
from pathlib import Path

from archcheck.cache import Store, known_reads
from archcheck.spec import Spec
from archcheck.verification.mapping import MappedNetwork
from archcheck.worker.dependencies.states import Dependencies, has_a_say, is_installed
from archcheck.worker.failures import InputError
from archcheck.worker.reference import Reference


class Files:
    """Files and folders as they were named, and which of them nothing has to do with.

    They need not be there: a file that is gone had its say, too.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = {name: _spellings(name) for name in names if name}
        self._folders = {name for name in names if os.path.isdir(name)}
        self._matched: set[str] = set()

    def unmapped(self) -> list[str]:
        """Those that no question was answered with so far."""
        return [name for name in self._names if name not in self._matched]

    def hold(self, paths: Iterable[str]) -> bool:
        """Whether one of some files is among them."""
        wanted = {spelling for path in paths for spelling in _spellings(path)}
        return self._note(
            name
            for name, own in self._names.items()
            if own & wanted or (name in self._folders and _inside(own, wanted))
        )

    def have_a_say(self, reads: Dependencies) -> bool:
        """Whether one of them was read for a network."""
        local = [path for path in (*reads.contents, *reads.presences) if not is_installed(path)]
        held = self.hold(local)
        return (
            self._note(
                name
                for name, own in self._names.items()
                if any(has_a_say(reads, path) for path in own)
            )
            or held
        )

    def _note(self, names: Iterable[str]) -> bool:
        found = set(names)
        self._matched |= found
        return bool(found)


class Concern(Enum):
    """What files have to do with a network: nothing, something, or what nobody knows."""

    none = "none"
    some = "some"
    unknown = "unknown"


def concern(files: Files, network: MappedNetwork, spec: Spec, store: Store | None) -> Concern:
    """Whether a network has to be judged because of some files: one of them is its own, its
    weights, its training script or its spec's, or was read when it was loaded. What it reads is
    not known of a network that was never traced, or has changed since.

    Raises:
        SpecError: if nobody says the input's shape.
        InputError: if the file's name is no text.
    """
    submission = network.submission
    beside = [submission.weights, submission.augmentation and submission.augmentation.file]
    own = files.hold([str(network.file), *(str(file) for file in beside if file)])
    asked = files.hold([spec.file, *spec.bases])
    reads = known_reads(
        store,
        reference_to(network),
        submission.shapes_under(spec),
        submission.arguments_under(spec),
        training=submission.training,
    )
    if reads is not None and files.have_a_say(reads):
        return Concern.some
    if own or asked:
        return Concern.some
    return Concern.unknown if reads is None else Concern.none


def untracked(networks: Sequence[MappedNetwork]) -> set[Path]:
    """The files of networks that git knows and does not track: nobody commits them yet.

    None of them where there is no git, or no repository.
    """
    found: set[Path] = set()
    for folder in {network.file.parent for network in networks}:
        names = [network.file.name for network in networks if network.file.parent == folder]
        words = ["git", "--literal-pathspecs", "ls-files", "--others", "-z", "--", *names]
        try:
            done = subprocess.run(words, cwd=folder, capture_output=True, timeout=10)
        except (OSError, subprocess.TimeoutExpired):
            return set()
        if done.returncode:
            return set()
        found |= {folder / name for name in os.fsdecode(done.stdout).split("\0") if name}
    return found


def reference_to(network: MappedNetwork) -> Reference:
    """The reference of a network that can be traced.

    Raises:
        InputError: if the file's name is no text.
    """
    reference = network.submission.reference
    try:
        reference.file.encode()
    except UnicodeEncodeError:
        raise InputError(f"{network}: its name is not UTF-8; rename the file") from None
    return reference


def _spellings(path: str) -> frozenset[str]:
    """A path as it is written and where its links lead."""
    return frozenset({os.path.abspath(path), os.path.realpath(path)})


def _inside(folders: Iterable[str], paths: Iterable[str]) -> bool:
    starts = tuple(folder.rstrip(os.sep) + os.sep for folder in folders)
    return any(path.startswith(starts) for path in paths)
