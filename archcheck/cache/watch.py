"""What this process reads, its networks included: as long as all of that holds, so does what it
printed.

There is one watch in a process, because what it hears of happens to the process as a whole.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from archcheck.worker.dependencies.recorder import DependencyRecorder
    from archcheck.worker.dependencies.states import Dependencies


class Watch:
    """Sees what this process reads, from when it begins. Idle until then."""

    def __init__(self) -> None:
        self._recorder: DependencyRecorder | None = None
        self._networks: list[Dependencies | None] = []

    def begin(self) -> None:
        """Write down what is read from now on."""
        from archcheck.worker.dependencies.recorder import start_recording

        self._recorder = start_recording(own=True)

    def paused(self) -> AbstractContextManager[None]:
        """Write down nothing meanwhile: not what the cache reads, nor that a network is traced.
        :meth:`add` tells of these."""
        return self._recorder.paused() if self._recorder is not None else nullcontext()

    def add(self, reads: Dependencies | None) -> None:
        """Note what a network read; None if that is not known."""
        if self._recorder is not None:
            self._networks.append(reads)

    def end(self, cache: Path) -> tuple[Dependencies, ...] | None:
        """All that was read, by this process first and then by each network. None if something is
        not known, or the process did more than read. Whether the folder of the ``cache`` is there
        does not count."""
        if self._recorder is None or self._recorder.wrote:
            return None
        self._recorder.forget(str(cache))
        parts = [self._recorder.finish(), *self._networks]
        known = tuple(part for part in parts if part is not None and not part.unseen)
        return known if len(known) == len(parts) else None


watch = Watch()
"""That of this process."""
