"""Progress bars in a terminal."""

from __future__ import annotations

import sys
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
