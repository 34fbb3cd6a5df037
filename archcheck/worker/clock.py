"""The time that the user's code has taken, without archcheck's own work."""

from __future__ import annotations

import threading
import time


class Clock:
    """A stop watch that runs while the user's code does, stopped at first."""

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self._lock = threading.Lock()
        self._taken = 0.0
        self._since: float | None = None

    def start(self) -> None:
        """Run: the user's code goes on."""
        with self._lock:
            if self._since is None:
                self._since = time.monotonic()

    def stop(self) -> None:
        """Stand still: what follows is archcheck's own work."""
        with self._lock:
            if self._since is not None:
                self._taken += time.monotonic() - self._since
                self._since = None

    def reset(self) -> None:
        """Give the user's code all of its time again."""
        with self._lock:
            self._taken = 0.0
            if self._since is not None:
                self._since = time.monotonic()

    @property
    def left(self) -> float:
        """Seconds that are left; at most 0 when time is up."""
        with self._lock:
            running = time.monotonic() - self._since if self._since is not None else 0.0
            return self.limit - self._taken - running
