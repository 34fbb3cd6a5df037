"""Inside the child process: a script that goes out to the network is stopped there."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from archcheck.network import Place
from archcheck.worker.importing.isolation import STARTS, connects
from archcheck.worker.source_locations import frame_place

MESSAGE = "it goes out to the network here, which is not done while a pipeline is read"
_DOWNLOADERS = frozenset("wget curl gdown kaggle aria2c git pip pip3 scp rsync aws gsutil".split())


class GoesOut(BaseException):
    """A script goes out to the network.

    No ``Exception``, so that what a script does about one that it cannot reach is not taken for
    what it does.
    """


class Offline:
    """Where a script tried to go out to the network.

    Attributes:
        folder: the script's; lines of other folders are not the author's.
        place: the author's line; None if it did not, or not from there.
        went_out: whether it tried.
    """

    def __init__(self, script: str) -> None:
        self.folder = Path(script).parent
        self.place: Place | None = None
        self.went_out = False
        self.is_on = False

    def hear(self, event: str, args: tuple[Any, ...]) -> None:
        """Look at what Python is about to do.

        Raises:
            GoesOut: if that is to go out to the network.
        """
        if not self.is_on or not _goes_out(event, args):
            return
        self.went_out = True
        frame: Any = sys._getframe(1)
        while frame is not None and not self._is_authors(frame.f_code.co_filename):
            frame = frame.f_back
        if frame is not None:
            self.place = frame_place(frame)
        raise GoesOut(MESSAGE)

    def _is_authors(self, file: str) -> bool:
        return Path(file).is_relative_to(self.folder) and "site-packages" not in file


@contextmanager
def offline(script: str) -> Iterator[Offline]:
    """While this is entered, going out to the network raises :class:`GoesOut`."""
    guard = Offline(script)
    sys.addaudithook(guard.hear)  # it stays, but does nothing any more
    guard.is_on = True
    try:
        yield guard
    finally:
        guard.is_on = False


def _goes_out(event: str, args: tuple[Any, ...]) -> bool:
    return connects(event, args) or (event in STARTS and _downloads(args))


def _downloads(args: tuple[Any, ...]) -> bool:
    words: list[str] = []
    for part in args[:2]:
        for item in part if isinstance(part, (list, tuple)) else [part]:
            if isinstance(item, (str, bytes, os.PathLike)):
                words += os.fsdecode(item).split()
    return any(Path(word).name in _DOWNLOADERS for word in words)
