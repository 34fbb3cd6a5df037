"""What this process and its networks read: while all of it is unchanged, so is the output.

There is one watch in a process, because audit events belong to the process as a whole.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from archcheck.worker.dependencies.recorder import DependencyRecorder
    from archcheck.worker.dependencies.states import Dependencies


class Watch:
    """Records what this process reads, from :meth:`begin` on."""

    def __init__(self) -> None:
        self._recorder: DependencyRecorder | None = None
        self._networks: list[Dependencies | None] = []

    def begin(self) -> None:
        """Record what is read from now on."""
        from archcheck.worker.dependencies.recorder import start_recording

        self._recorder = start_recording(own=True)

    def paused(self) -> AbstractContextManager[None]:
        """Record nothing meanwhile: neither what the cache reads nor that a network is traced.

        :meth:`add` records what the network read.
        """
        return self._recorder.paused() if self._recorder is not None else nullcontext()

    def add(self, reads: Dependencies | None) -> None:
        """Record what a network read; None if that is not known."""
        if self._recorder is not None:
            self._networks.append(reads)

    def end(self, cache: Path) -> tuple[Dependencies, ...] | None:
        """All that was read, first by this process, then by each network.

        None if something is not known, or the process also wrote. Whether the folder ``cache``
        exists does not count.
        """
        if self._recorder is None or self._recorder.wrote:
            return None
        self._recorder.forget(str(cache))
        parts = [self._recorder.finish(), *self._networks]
        complete = tuple(part for part in parts if part is not None and not part.unseen)
        return complete if len(complete) == len(parts) else None


watch = Watch()
"""The watch of this process."""
