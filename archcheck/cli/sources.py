"""The files that the networks of a project are made of and read."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from archcheck.cache.known import known_reads
from archcheck.cache.store import Store
from archcheck.cli.affected import Sources
from archcheck.spec import Spec
from archcheck.verification.folders import is_folder, python_files
from archcheck.verification.mapping import MappedNetwork
from archcheck.worker.failures import InputError
from archcheck.worker.reference import Reference, is_utf8


def sources_of(network: MappedNetwork, spec: Spec, store: Store | None) -> Sources:
    """What a network is made of.

    Raises:
        SpecError: if the input's shape is not known.
        InputError: if the file's name is not UTF-8.
    """
    submission = network.submission
    inputs = [submission.weights, submission.augmentation and submission.augmentation.file]
    own = [str(network.file), *(str(file) for file in inputs if file)]
    if is_folder(submission.reference):  # any file in it may be, or become, the network's
        with suppress(InputError):  # it is told when the folder is verified
            own += map(str, python_files(network.file))
        return Sources((*own, spec.file, *spec.bases), None)
    reads = known_reads(
        store,
        reference_to(network),
        submission.inputs_under(spec),
        submission.arguments_under(spec),
        training=submission.training,
    )
    return Sources((*own, spec.file, *spec.bases), reads)


def untracked(networks: Sequence[MappedNetwork]) -> set[Path]:
    """The files of networks in a git repository that git does not track yet.

    Empty without git, or outside a repository.
    """
    files: set[Path] = set()
    for folder in {network.file.parent for network in networks}:
        names = [network.file.name for network in networks if network.file.parent == folder]
        words = ["git", "--literal-pathspecs", "ls-files", "--others", "-z", "--", *names]
        try:
            done = subprocess.run(words, cwd=folder, capture_output=True, timeout=10)
        except (OSError, subprocess.TimeoutExpired):
            return set()
        if done.returncode:
            return set()
        files |= {folder / name for name in os.fsdecode(done.stdout).split("\0") if name}
    return files


def reference_to(network: MappedNetwork) -> Reference:
    """The reference of a network that can be traced.

    Raises:
        InputError: if the file's name is not UTF-8.
    """
    reference = network.submission.reference
    if not is_utf8(reference.file):
        raise InputError(f"{network}: its name is not UTF-8; rename the file", says_where=True)
    return reference
