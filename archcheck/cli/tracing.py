"""Tracing as the options about the cache say."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from archcheck.cache import BadFolder, CachedTracing, clean, find_folder, open_store
from archcheck.cli.errors import UsageError
from archcheck.tracing.reference import Reference


@contextmanager
def tracing(
    reference: Reference, no_cache: bool, cache_dir: Path | None, verbose: bool
) -> Iterator[CachedTracing]:
    """A network to trace, its cache opened; no process is left behind.

    Raises:
        UsageError: if the folder of the cache is a file.
    """
    try:
        store = None if no_cache else open_store(cache_dir)
    except BadFolder as error:
        raise UsageError(str(error)) from None
    with CachedTracing(reference, store) as traced:
        yield traced
        if verbose:
            sys.stderr.write(f"{traced.remark}\n")


def remove_cache(cache_dir: Path | None) -> str:
    """Remove the cache, and say what was removed.

    Raises:
        UsageError: if the folder of the cache is a file.
        OSError: if something cannot be removed.
    """
    try:
        folder = find_folder(cache_dir)
    except BadFolder as error:
        raise UsageError(str(error)) from None
    was_there = folder.is_dir()
    networks, size, left = clean(folder)
    if not was_there:
        return f"there is no cache at {folder}"
    what = f"{networks:,} network{'' if networks == 1 else 's'} ({size:,} bytes)"
    if not left:
        return f"removed {folder}: {what}"
    shown = ", ".join(left[:3]) + (f" and {len(left) - 3} more" if len(left) > 3 else "")
    return f"removed {what} from {folder}; left what is not the cache's: {shown}"
