"""How work that takes long reports how far it has come."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int, int], None]
"""Called with how many steps are done and how many there are in all."""
