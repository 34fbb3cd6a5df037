"""What is known of a submission beside its Network: plain data that rules judge.

The shell gathers it, and only what a spec asks for; a field that is None was not gathered.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Evidence:
    """All that was gathered."""


__all__ = ["Evidence"]
