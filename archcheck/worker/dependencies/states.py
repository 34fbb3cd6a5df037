"""What loading and tracing a network read, and whether all of it is still so. No torch here."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cache
from hashlib import blake2b

import msgspec

LARGE = 1 << 24
"""Files of more bytes are told by what the file system says of them, smaller ones by content."""
CACHE_NAME = ".archcheck_cache"
"""The cache's own folder: that it appears in a listing is no change."""
ABSENT, FOLDER, SPECIAL, CLOSED = "absent", "folder", "special", "closed"
NO_LINK = "no link"
INSTALLATION = (".dist-info", ".egg-info", ".egg-link", ".pth")
"""Endings of what tells which packages, in which version, a folder of installed ones holds."""
EVERY_VARIABLE = ""
"""Stands for the whole environment among the names of variables."""

STANDARD_LIBRARY = os.path.dirname(os.path.abspath(os.__file__)) + os.sep
# A recorder puts its own in their place.
_stat, _scandir, _readlink = os.stat, os.scandir, os.readlink


class Dependencies(msgspec.Struct, frozen=True):
    """Everything that was seen to have a say in a Network, each with the state it was in.

    Attributes:
        contents: files that were read.
        presences: files and folders that were looked at and not read.
        listings: folders whose content was listed.
        searched: folders that modules were looked for in.
        names: the modules that were looked for, each without its package.
        variables: environment variables, as digests.
        links: files of which was asked whether they are symbolic links, with where they lead.
        unseen: why something may have been read that was not seen; empty if nothing was.
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
    """Whether everything is in the state that it was read in."""
    listed, read = cache(entries), cache(content)  # several networks read much the same
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
    installing, size and time do; of large ones also the inode and the time of its last change,
    which no program can set.
    """
    try:
        about = _stat(path)
        if stat.S_ISREG(about.st_mode) and not is_installed(path):
            if about.st_size > LARGE:
                marks = (about.st_dev, about.st_ino, about.st_mtime_ns, about.st_ctime_ns)
                return f"{about.st_size}:{':'.join(map(str, marks))}"
            with open(path, "rb") as file:  # noqa: PTH123
                return digest(file.read())
    except OSError as error:
        return _failure(error)
    except ValueError:  # a null character in the path
        return ABSENT
    return _kind(about)


def presence(path: str) -> str:
    """The state of a file or folder that is looked at: a folder's content does not count."""
    try:
        return _kind(_stat(path))
    except OSError as error:
        return _failure(error)
    except ValueError:
        return ABSENT


def link(path: str) -> str:
    """Where a symbolic link leads; the same for whatever is none."""
    try:
        return digest(os.fsencode(_readlink(path)))
    except (OSError, ValueError):
        return NO_LINK


def _kind(about: os.stat_result) -> str:
    if stat.S_ISDIR(about.st_mode):
        return FOLDER
    if not stat.S_ISREG(about.st_mode):
        return SPECIAL
    return f"{about.st_size}:{about.st_mtime_ns}"


def _failure(error: OSError) -> str:
    return ABSENT if isinstance(error, (FileNotFoundError, NotADirectoryError)) else CLOSED


def entries(folder: str) -> list[str] | None:
    """The names in a folder, those of folders with a slash behind; None where there is none."""
    try:
        with _scandir(folder) as found:
            return [f"{entry.name}/" if entry.is_dir() else entry.name for entry in found]
    except OSError:
        return None


def listing(names: Iterable[str] | None, folder: str) -> str:
    """The state of a folder whose content is listed."""
    if names is None:
        return presence(folder)
    kept = sorted(name for name in names if name != f"{CACHE_NAME}/")
    return digest(os.fsencode("\0".join(kept)))


def candidates(names: Iterable[str] | None, wanted: Collection[str], folder: str) -> str:
    """The state of a folder that modules are looked for in: all that could be one of them.

    A module that appears in front of another changes it, as does a package that is installed,
    upgraded or taken away.
    """
    if names is None:
        return presence(folder)
    return listing(
        (
            name
            for name in names
            if name.partition(".")[0].rstrip("/") in wanted
            or name.rstrip("/").endswith(INSTALLATION)
        ),
        folder,
    )


def variable_state(name: str) -> str:
    """The state of an environment variable. Its value, which may be a secret, is not kept."""
    if name == EVERY_VARIABLE:
        pairs = sorted(os.environ.items())
        return digest(os.fsencode("\0".join(f"{key}={value}" for key, value in pairs)))
    value = os.environ.get(name)
    return ABSENT if value is None else digest(os.fsencode(value))
