"""What is known of a submission beside its Network: plain data that rules judge.

The shell gathers it, and only what a spec asks for; what was not gathered is None or empty.
"""

from __future__ import annotations

from dataclasses import dataclass

from archcheck.evidence.accuracy import Accuracy


@dataclass(frozen=True)
class Evidence:
    """All that was gathered. ``accuracy`` has one entry for each data set, with its normalisation,
    that the spec names."""

    accuracy: tuple[Accuracy, ...] = ()


__all__ = ["Evidence"]
