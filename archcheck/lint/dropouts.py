"""The dropouts of a network."""

from __future__ import annotations

from archcheck.network import Op


def dropout_rate(op: Op) -> float | None:
    """The share of its values that a dropout drops; None if a tensor says it."""
    rate = op.arguments.get("p", 0.5)
    return rate if isinstance(rate, (int, float)) else None
