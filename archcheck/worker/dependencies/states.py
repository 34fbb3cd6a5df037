"""What loading and tracing a network read, and whether it has changed. No torch here."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cache
from hashlib import blake2b

import msgspec

from archcheck.project import in_project

MOST_CONTENT_BYTES = 1 << 24
"""The contents of larger files are compared only where their marks differ."""
SETTLED_SECONDS = 2.0
"""The age from which the marks of a file show whether it changed."""
CACHE_NAME = ".archcheck_cache"
"""The cache's own folder: its appearance in a listing is not a change."""
ABSENT, FOLDER, SPECIAL, CLOSED = "absent", "folder", "special", "closed"
FILE = "file"
"""The state of a file of which it was only asked whether it is there."""
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
    return not what_changed(*parts)


def what_changed(*parts: Dependencies) -> str:
    """The first thing that is not in the state any more in which it was read, in a sentence such as
    "parts.py has changed"; empty if there is none."""
    listed, read = cache(entries), cache(fingerprint)  # networks share most of what they read
    return next(filter(None, (_change(reads, listed, read) for reads in parts)), "")


def _change(
    reads: Dependencies,
    entries: Callable[[str], list[str] | None],
    read: Callable[[str], str],
) -> str:
    if reads.unseen:
        return reads.unseen
    names = frozenset(reads.names)

    def same_variable(name: str, state: str) -> bool:
        return variable_state(name) == state

    def same_link(path: str, state: str) -> bool:
        return link(path) == state

    def same_content(path: str, state: str) -> bool:
        marks, _, expected = state.rpartition(" ")
        return (marks != "" and marks == _marks_of(path)) or read(path) == expected

    def same_modules(folder: str, state: str) -> bool:
        return candidates(entries(folder), names, folder) == state

    def same_names(folder: str, state: str) -> bool:
        return listing(entries(folder), folder) == state

    checks: tuple[tuple[Mapping[str, str], Callable[[str, str], bool], str], ...] = (
        (reads.variables, same_variable, "the environment variable {} has changed"),
        (reads.links, same_link, "the link {} leads elsewhere"),
        (reads.presences, same_presence, "{} was {}, and is {}"),
        (reads.contents, same_content, "{} has changed"),
        (reads.searched, same_modules, "the modules or packages in {} are others"),
        (reads.listings, same_names, "the files in {} are others"),
    )
    for states, is_same, words in checks:
        for name, state in states.items():
            if not is_same(name, state):
                return _sentence(words, name, state)
    return ""


def _sentence(words: str, name: str, state: str) -> str:
    if "variable" in words:
        return words.format(name) if name else "the environment has changed"
    if "was" not in words:
        return words.format(in_project(name) or ".")
    was, now = (
        "a file" if ":" in each else _NAMES.get(each, each) for each in (state, presence(name))
    )
    if was == now:
        return f"the time or size of {in_project(name)} has changed"
    return words.format(in_project(name), was, now)


_NAMES = {
    ABSENT: "not there",
    FOLDER: "a folder",
    FILE: "a file",
    SPECIAL: "no plain file",
    CLOSED: "closed to you",
}


def same_presence(path: str, state: str) -> bool:
    """Whether a file or folder that was looked at is in that state."""
    now = presence(path)
    return now == state or (state == FILE and ":" in now)


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


def content(path: str, *, hashed: bool = True) -> str:
    """The state of a file that is read: the fingerprint of its content.

    That of an installed file, which are many and change by installing, and of a large one has its
    marks in front of it: while these hold, the content is not read again. Unless it is ``hashed``
    such a state has no fingerprint, and is empty if the file has just been written.
    """
    marks = _marks_of(path)
    is_small = not marks or int(marks.partition(":")[0]) <= MOST_CONTENT_BYTES
    if not marks or (is_small and not is_installed(path)):
        return fingerprint(path)
    if time.time() - int(marks.rpartition(":")[2]) / 1e9 < SETTLED_SECONDS:
        marks = ""
    if hashed:
        return f"{marks} {fingerprint(path)}".strip()
    return marks and f"{marks} "


def fingerprint(path: str) -> str:
    """The fingerprint of a file's content; what else it is if it is no file that can be read."""
    try:
        status = _stat(path)
        if not stat.S_ISREG(status.st_mode):
            return _kind(status)
        with open(path, "rb") as file:  # noqa: PTH123
            if status.st_size <= MOST_CONTENT_BYTES:
                return digest(file.read())
            whole = blake2b(digest_size=20)
            while part := file.read(1 << 20):
                whole.update(part)
            return whole.hexdigest()
    except OSError as error:
        return _failure(error)
    except ValueError:  # a null character in the path
        return ABSENT


def _marks_of(path: str) -> str:
    """The size, device, inode, time and time of the last status change of a file, which no program
    can set; empty for what is no file."""
    try:
        status = _stat(path)
    except (OSError, ValueError):
        return ""
    if not stat.S_ISREG(status.st_mode):
        return ""
    marks = (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns)
    return f"{status.st_size}:{':'.join(map(str, marks))}"


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
