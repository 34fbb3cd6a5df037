"""Progress bars in a terminal."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on standard error, as a function to call with the number done and the total.

    It appears with the first call and is cleared at the end. Nothing is written if standard error
    is not a terminal.
    """
    with ExitStack() as stack:
        drawn: list[tuple[Progress, TaskID]] = []

        def show(done: int, total: int) -> None:
            if not drawn and sys.stderr.isatty():
                bar = stack.enter_context(new_bar())
                drawn.append((bar, bar.add_task(label, total=total)))
            for bar, task in drawn:
                bar.update(task, completed=done, total=total)

        yield show


def new_bar() -> Progress:
    """A progress bar on standard error, not drawn yet, with a row for each task that is added."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)


BAR_DELAY = 1.0
"""Seconds until the progress bars of many networks are shown."""


class Bars:
    """What is drawn of a run's progress: nothing."""

    def advance(self) -> None:
        """One more network is done."""

    def images(self, done: int, total: int) -> None:
        """So many images of a network are classified, of those of this thread."""


class _Drawn(Bars):
    """A bar of networks, and one of the images of all that are measured at the moment."""

    def __init__(self, bar: Progress, total: int) -> None:
        self._bar = bar
        self._lock = threading.Lock()
        self._networks = bar.add_task("networks", total=total, visible=total > 1)
        self._images = bar.add_task("images", total=None, visible=False)
        self._measured: dict[int, tuple[int, int]] = {}

    def advance(self) -> None:
        self._bar.advance(self._networks)

    def images(self, done: int, total: int) -> None:
        with self._lock:
            self._measured[threading.get_ident()] = (done, total)
            if all(done >= total for done, total in self._measured.values()):
                self._measured.clear()
            done = sum(done for done, _ in self._measured.values())
            total = sum(total for _, total in self._measured.values())
            self._bar.update(self._images, completed=done, total=total, visible=done < total)


@contextmanager
def bars(total: int) -> Iterator[Bars]:
    """Progress bars of networks, and of images while accuracy is measured, on standard error.

    They are shown only in a terminal, and once the run has taken a while.
    """
    # pre-commit gives its hooks a pseudo-terminal, and shows their output afterwards.
    if not sys.stderr.isatty() or "PRE_COMMIT" in os.environ:
        yield Bars()
        return
    bar = new_bar()
    drawn = _Drawn(bar, total)
    late = threading.Timer(BAR_DELAY, bar.start)
    late.daemon = True
    late.start()
    try:
        yield drawn
    finally:
        late.cancel()
        late.join()
        bar.stop()
