"""The keys that Networks are kept under: all that is known before anything is read.

They are made of contents, not of times and places, so that a cache holds for another checkout too.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from archcheck.cache.places import places, portable
from archcheck.cache.programs import decisive_variables, key_of, own_content, python
from archcheck.network import VERSION
from archcheck.network.shapes import AnyInputs, inputs_of
from archcheck.worker.reference import Reference

TRACING = (
    *("tracing", "worker", "network"),
    *(
        f"{name}.py"
        for name in (
            *("errors", "gc_pause", "limited_file", "phrases", "plain_text", "progress"),
            *("markdown_text", "project"),
        )
    ),
)
"""archcheck's files and folders that tracing consists of."""


@dataclass(frozen=True)
class ReferenceKey:
    """The key that all requests to one reference share, and the programs that trace it: the state
    of each by its name in a sentence."""

    reference: str
    programs: Mapping[str, str]


def reference_key(reference: Reference) -> ReferenceKey:
    """The key of a reference, with these programs.

    Raises:
        OSError: if the working directory is gone.
        TypeError, ValueError: if a name is not UTF-8.
    """
    here = places()
    name = (portable(reference.file, here), reference.module, reference.name, reference.load)
    found = {
        "archcheck": key_of(VERSION, own_content(TRACING)),
        "Python": key_of(python()),
        "the working directory": key_of(portable(os.getcwd(), here)),
        "sys.path": key_of([portable(folder, here) for folder in sys.path]),
    }
    for variable, value in decisive_variables():
        paths = [portable(part, here) for part in value.split(os.pathsep)]
        found[f"the environment variable {variable}"] = key_of(paths)
    return ReferenceKey(key_of(name), found)


def request_key(
    key: ReferenceKey,
    inputs: AnyInputs,
    arguments: Mapping[str, Any],
    training: bool,
    other_batches: bool = False,
    batch: int = 0,
) -> str:
    """The key of one request to a reference, with the programs.

    Raises:
        TypeError, ValueError, OverflowError: if the arguments cannot be serialised.
    """
    programs = sorted(key.programs.items())
    given = inputs_of(inputs)
    return key_of(programs, given, dict(arguments), training, other_batches, batch)
