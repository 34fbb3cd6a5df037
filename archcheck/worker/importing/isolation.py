"""A file that goes out to the network, or writes, while it is imported, is stopped there."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from archcheck.network import Place
from archcheck.worker.owners import Owner, owner
from archcheck.worker.source_locations import frame_place

_CONNECTS = frozenset(
    "socket.connect socket.sendto socket.getaddrinfo socket.gethostbyname".split()
)
STARTS = frozenset("subprocess.Popen os.system os.exec os.posix_spawn".split())
"""The events of Python that start another program."""
_WRITES = frozenset(
    """
    os.mkdir os.remove os.rename os.rmdir os.symlink os.link os.truncate shutil.copyfile
    shutil.copytree shutil.move shutil.rmtree shutil.make_archive shutil.unpack_archive
""".split()
)
_MODULE = "<module>"
_COMPILER = tuple(f"{os.sep}torch{os.sep}{name}{os.sep}" for name in ("_dynamo", "_inductor"))
"""The parts of torch that compile: they keep caches."""


class Stopped(BaseException):
    """The author's code was about to do something that an import must not do.

    No ``Exception``, so that what a file does about errors is not taken for what it does.
    """


class Isolation:
    """What the author's code was about to do outside of its own process.

    Attributes:
        doing: what that was, as the predicate of a sentence; empty for nothing.
        place: the author's line.
        writes: whether files may be written.
    """

    def __init__(self) -> None:
        self.doing = ""
        self.place: Place | None = None
        self.writes = False
        self._is_on = True

    def end(self) -> None:
        """From now on everything may be done."""
        self._is_on = False

    def hear(self, event: str, args: tuple[Any, ...]) -> None:
        """Look at what Python is about to do.

        Raises:
            Stopped: if the author's code goes out to the network, or writes.
        """
        if not self._is_on or not (event in _HEARD or event == "open"):
            return
        doing = self._doing(event, args)
        if not doing:
            return
        frame = _authors_frame(sys._getframe(1))
        if frame is None:
            return
        self._is_on = False  # to find the line, files are read
        self.doing, self.place = self.doing or doing, self.place or frame_place(frame)
        self._is_on = True
        raise Stopped(f"it {doing}")

    def _doing(self, event: str, args: tuple[Any, ...]) -> str:
        if connects(event, args):
            return "goes out to the network"
        if event in STARTS:
            return "starts another program"
        if self.writes:
            return ""
        return "writes" if event in _WRITES or _opens_to_write(args) else ""


_HEARD = _CONNECTS | STARTS | _WRITES


@contextmanager
def isolated() -> Iterator[Isolation]:
    """While this is entered, the author's code neither goes out to the network nor writes.

    Libraries may do so while they are imported: they keep caches.
    """
    isolation = Isolation()
    if not _hooked:
        sys.addaudithook(_hear)  # it stays, and is heard at every step of Python: one is enough
        _hooked.append(True)
    _hearing.append(isolation)
    try:
        yield isolation
    finally:
        isolation.end()
        _hearing.remove(isolation)


_hearing: list[Isolation] = []
_hooked: list[bool] = []


def _hear(event: str, args: tuple[Any, ...]) -> None:
    for isolation in _hearing:
        isolation.hear(event, args)


def _authors_frame(frame: FrameType | None) -> FrameType | None:
    """The author's frame that leads here; None if a library is being imported, if torch compiles,
    or if there is none."""
    while frame is not None:
        found = owner(frame.f_code.co_filename)
        if found is Owner.AUTHOR:
            return frame
        is_compiler = any(name in frame.f_code.co_filename for name in _COMPILER)
        if frame.f_code.co_name == _MODULE or is_compiler:
            return None
        frame = frame.f_back
    return None


def connects(event: str, args: tuple[Any, ...]) -> bool:
    """Whether an event is to go out to the network; sockets of this machine have no address."""
    if event not in ("socket.connect", "socket.sendto"):
        return event in _CONNECTS
    return len(args) > 1 and isinstance(args[1], tuple)


def _opens_to_write(args: tuple[Any, ...]) -> bool:
    if len(args) < 3 or not isinstance(args[2], int):
        return False
    path, _, flags = args
    if isinstance(path, int) or os.fspath(path) in (os.devnull, os.devnull.encode()):
        return False
    writes = flags & os.O_ACCMODE != os.O_RDONLY or flags & (os.O_CREAT | os.O_TRUNC)
    return bool(writes) and "__pycache__" not in Path(os.fsdecode(path)).parts
