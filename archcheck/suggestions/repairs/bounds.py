"""How far a finding's number is from its bounds."""

from __future__ import annotations

from typing import Any

from archcheck.rules.options import Bounds
from archcheck.spec.report import Finding


def numbers(found: Any) -> list[float]:
    """The numbers that were found: one, or one for each axis."""
    values = found if isinstance(found, (list, tuple)) else [found]
    return [value for value in values if isinstance(value, (int, float))]


def most(options: Any) -> int | None:
    """The largest whole number that the upper bounds allow; None without one."""
    return options.most() if isinstance(options, Bounds) else None


def least(options: Any) -> int | None:
    """The smallest that the lower bounds allow; None without one."""
    return options.least() if isinstance(options, Bounds) else None


def lacking(finding: Finding) -> int:
    """How many more are needed, of what is counted; 0 if there are enough."""
    low, found = least(finding.options), numbers(finding.verdict.found)
    return max(int(low - min(found)), 0) if low is not None and found else 0


def exceeding(finding: Finding) -> int:
    """How many there are too many; 0 if that is not what is wrong."""
    high, found = most(finding.options), numbers(finding.verdict.found)
    return max(int(max(found) - high), 0) if high is not None and found else 0


def distance(finding: Finding) -> float:
    """How far a rule that fails is from holding: 0 next to it, at most 1."""
    if finding.verdict.status == "not-verified":
        return 1.0
    off = lacking(finding) or exceeding(finding)
    found = max(map(abs, numbers(finding.verdict.found)), default=0)
    return off / (off + found) if off else 1.0
