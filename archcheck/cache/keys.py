"""What a Network is asked for by: all that is known before anything is read."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec

import archcheck
from archcheck.network import VERSION
from archcheck.worker.reference import Reference

_PREFIXES = ("PYTHON", "TORCH", "PYTORCH", "CUDA", "LD_")
"""Beginnings of the variables that say which code the child process runs, and on what."""
_OWN = Path(archcheck.__file__).parent
_TRACING = (
    *(f"{room}/**/*.py" for room in ("tracing", "worker", "network")),
    *("errors.py", "gc_pause.py", "phrases.py"),
)
"""The files that tracing is made of."""


def reference_key(reference: Reference) -> str:
    """The key of everything that is asked of one reference, here and with these programs.

    Raises:
        OSError: if the working directory is gone.
    """
    variables = {name: value for name, value in os.environ.items() if name.startswith(_PREFIXES)}
    return _key(
        archcheck.__version__,
        VERSION,
        _own_code(),
        (sys.executable, sys.version, os.uname().machine),
        sys.path,
        sorted(variables.items()),
        os.getcwd(),
        reference,
    )


def request_key(
    input_shapes: Sequence[Sequence[int]], arguments: Mapping[str, Any], training: bool
) -> str:
    """The key of one request to a reference.

    Raises:
        TypeError, ValueError, OverflowError: if the arguments are no data.
    """
    return _key([list(shape) for shape in input_shapes], dict(arguments), training)


def _own_code() -> list[tuple[str, int, int]]:
    """The code that traces, which may change without its version while it is worked on."""
    found = []
    for part in _TRACING:
        for file in _OWN.glob(part):
            about = file.stat()
            found.append((str(file), about.st_size, about.st_mtime_ns))
    return sorted(found)


def _key(*parts: Any) -> str:
    return blake2b(msgspec.msgpack.encode(parts), digest_size=16).hexdigest()
