"""What the process of a network has around it: its memory and its environment."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from archcheck.worker.dependencies.states import OWN_VARIABLES

_KEPT = frozenset(
    "HOME LANG LANGUAGE LOGNAME PATH SHELL TEMP TMP TMPDIR TZ USER VIRTUAL_ENV".split()
)
_KEPT_PREFIXES = ("LC_", "LD_", "OMP_", "MKL_", "OPENBLAS_", "PYTHON", "TORCH", "CUDA", "NVIDIA_")
"""The variables of a clean environment: they say how programs run, and hold no secrets."""
_SIZE = re.compile(
    r"(?P<digits>[0-9]+(\.[0-9]+)?)\s*(?P<unit>[KMGT])?(?P<binary>i?)B?", re.IGNORECASE
)
LEAST_MEMORY = 1 << 20
"""Less lets no network run, in bytes."""


class Surroundings(msgspec.Struct, frozen=True):
    """The memory in bytes that a job may take beyond what Python and torch have, 0 for any amount;
    and whether its environment is a clean one, without what the caller's holds."""

    memory: int = 0
    clean_env: bool = False

    def environment(self) -> dict[str, str]:
        """The environment of the process. Archcheck's own variables are never passed on."""
        return {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(OWN_VARIABLES)
            and (not self.clean_env or name in _KEPT or name.startswith(_KEPT_PREFIXES))
        }


def memory_of(text: str) -> int:
    """A limit on memory in bytes: ``2GB`` (10⁹ bytes each), ``512 MiB`` (2²⁰).

    Raises:
        ValueError: with the reason if it is none, or cannot be set on this system.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError("write it like 2GB, 512MB or 1.5GiB")
    base = 1024 if match["binary"] else 1000
    size = float(match["digits"]) * base ** " KMGT".index((match["unit"] or " ").upper())
    if not LEAST_MEMORY <= size < 1 << 62:
        raise ValueError("the least is 1MiB, and it has to be a number of bytes")
    if sys.platform != "linux":
        raise ValueError("memory can be limited on Linux only")
    return int(size)


def limit_memory(memory: int) -> None:
    """Let this process take at most so many bytes more, for good; 0 for no limit (Linux).

    What counts is memory of its own that it can write (``RLIMIT_DATA``), touched or not, and not
    that of a GPU. Its children have the same limit each.
    """
    if memory:
        import resource

        limit = _data_size() + memory
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


@contextmanager
def memory_bounded(memory: int) -> Iterator[None]:
    """Meanwhile this process can take at most so many bytes more (Linux; elsewhere any)."""
    if sys.platform != "linux":
        yield
        return
    import resource

    before = resource.getrlimit(resource.RLIMIT_DATA)
    limit = _data_size() + memory
    with contextlib.suppress(ValueError):  # the limit is a lower one already
        resource.setrlimit(resource.RLIMIT_DATA, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


def _data_size() -> int:
    """The bytes that ``RLIMIT_DATA`` counts at the moment."""
    status = Path("/proc/self/status").read_text()
    (kilobytes,) = re.findall(r"^VmData:\s*(\d+) kB", status, re.MULTILINE)
    return int(kilobytes) * 1024
