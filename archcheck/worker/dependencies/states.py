"""What loading and tracing a network read, and whether it has changed. No torch here."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cache
from hashlib import blake2b

import msgspec

MOST_CONTENT_BYTES = 1 << 24
"""Larger files are compared by size and times, smaller ones by content."""
CACHE_NAME = ".archcheck_cache"
"""The cache's own folder: its appearance in a listing is not a change."""
ABSENT, FOLDER, SPECIAL, CLOSED = "absent", "folder", "special", "closed"
NO_LINK = "no link"
INSTALLATION = (".dist-info", ".egg-info", ".egg-link", ".pth")
"""Endings of the files that say which packages are installed in a folder, in which version."""
EVERY_VARIABLE = ""
"""Stands for the whole environment among the names of variables."""
OWN_VARIABLES = "ARCHCHECK_"
"""What the names of archcheck's own variables begin with. They say where the images are, say: a
worker does not get them."""

STANDARD_LIBRARY = os.path.dirname(os.path.abspath(os.__file__)) + os.sep
# The originals: a recorder replaces them.
_stat, _scandir, _readlink = os.stat, os.scandir, os.readlink


class Dependencies(msgspec.Struct, frozen=True):
    """Everything that a Network is known to depend on, each with its state.

    Attributes:
        contents: files that were read.
        presences: files and folders that were looked at and not read.
        listings: folders whose content was listed.
        searched: folders that modules were searched in.
        names: the modules that were searched, each without its package.
        variables: environment variables, as digests.
        links: files that were looked up as symbolic links, with where they lead.
        unseen: why something may have been read without being recorded; empty if nothing was.
    """

    contents: dict[str, str] = {}
    presences: dict[str, str] = {}
    listings: dict[str, str] = {}
    searched: dict[str, str] = {}
    names: tuple[str, ...] = ()
    variables: dict[str, str] = {}
    links: dict[str, str] = {}
    unseen: str = ""


def still_hold(*parts: Dependencies) -> bool:
    """Whether everything is still in the state in which it was read."""
    listed, read = cache(entries), cache(content)  # networks share most of what they read
    return all(_holds(reads, listed, read) for reads in parts)


def _holds(
    reads: Dependencies, entries: Callable[[str], list[str] | None], content: Callable[[str], str]
) -> bool:
    if reads.unseen:
        return False
    names = frozenset(reads.names)
    checks: tuple[tuple[Mapping[str, str], Callable[[str], str]], ...] = (
        (reads.variables, variable_state),
        (reads.links, link),
        (reads.presences, presence),
        (reads.contents, content),
        (reads.searched, lambda folder: candidates(entries(folder), names, folder)),
        (reads.listings, lambda folder: listing(entries(folder), folder)),
    )
    return all(
        state_of(name) == state for states, state_of in checks for name, state in states.items()
    )


def depends_on(reads: Dependencies, path: str) -> bool:
    """Whether a file is one of those that were read, looked at or listed. ``path`` is absolute."""
    folder, name = os.path.split(path)
    return (
        path in reads.contents
        or path in reads.presences
        or folder in reads.listings
        or (folder in reads.searched and name.partition(".")[0] in reads.names)
    )


def digest(data: bytes) -> str:
    """The fingerprint of some bytes."""
    return blake2b(data, digest_size=20).hexdigest()


def is_installed(path: str) -> bool:
    """Whether a file belongs to an installed package or to Python."""
    return (
        f"{os.sep}site-packages{os.sep}" in path
        or f"{os.sep}dist-packages{os.sep}" in path
        or path.startswith(STANDARD_LIBRARY)
    )


def content(path: str) -> str:
    """The state of a file that is read.

    The content of small files counts. Of installed files, which are many and change by
    installing, size and time do; of large ones also the device, the inode and the time of the last
    status change, which no program can set.
    """
    try:
        status = _stat(path)
        if stat.S_ISREG(status.st_mode) and not is_installed(path):
            if status.st_size > MOST_CONTENT_BYTES:
                marks = (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns)
                return f"{status.st_size}:{':'.join(map(str, marks))}"
            with open(path, "rb") as file:  # noqa: PTH123
                return digest(file.read())
    except OSError as error:
        return _failure(error)
    except ValueError:  # a null character in the path
        return ABSENT
    return _kind(status)


def presence(path: str) -> str:
    """The state of a file or folder that is looked at, without a folder's content."""
    try:
        return _kind(_stat(path))
    except OSError as error:
        return _failure(error)
    except ValueError:
        return ABSENT


def link(path: str) -> str:
    """The state of a symbolic link: where it leads; the same for all that are not links."""
    try:
        return digest(os.fsencode(_readlink(path)))
    except (OSError, ValueError):
        return NO_LINK


def _kind(status: os.stat_result) -> str:
    if stat.S_ISDIR(status.st_mode):
        return FOLDER
    if not stat.S_ISREG(status.st_mode):
        return SPECIAL
    return f"{status.st_size}:{status.st_mtime_ns}"


def _failure(error: OSError) -> str:
    return ABSENT if isinstance(error, (FileNotFoundError, NotADirectoryError)) else CLOSED


def entries(folder: str) -> list[str] | None:
    """The names in a folder, those of folders with a slash; None if it cannot be listed."""
    try:
        with _scandir(folder) as items:
            return [f"{item.name}/" if item.is_dir() else item.name for item in items]
    except OSError:
        return None


def listing(names: Iterable[str] | None, folder: str) -> str:
    """The state of a folder whose content is listed."""
    if names is None:
        return presence(folder)
    kept = sorted(name for name in names if name != f"{CACHE_NAME}/")
    return digest(os.fsencode("\0".join(kept)))


def candidates(names: Iterable[str] | None, modules: Collection[str], folder: str) -> str:
    """The state of a folder that modules are searched in: all names that could be one of them.

    It changes if a module appears that shadows another, and if a package is installed, upgraded or
    removed.
    """
    if names is None:
        return presence(folder)
    return listing(
        (
            name
            for name in names
            if name.partition(".")[0].rstrip("/") in modules
            or name.rstrip("/").endswith(INSTALLATION)
        ),
        folder,
    )


def variable_state(name: str) -> str:
    """The state of an environment variable. Its value, which may be a secret, is not kept."""
    if name == EVERY_VARIABLE:
        pairs = sorted(v for v in os.environ.items() if not v[0].startswith(OWN_VARIABLES))
        return digest(os.fsencode("\0".join(f"{key}={value}" for key, value in pairs)))
    value = os.environ.get(name)
    return ABSENT if value is None else digest(os.fsencode(value))
