"""The equations of einsum."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_letters


def explicit(equation: str, ranks: Sequence[int]) -> tuple[list[str], str]:
    """The letters of every operand and of the result, all of them written out.

    ``ranks`` has the number of dimensions of each operand; an ellipsis becomes as many letters as
    it stands for.

    >>> explicit("...ij,jk", [3, 2])
    (['Zij', 'jk'], 'Zik')

    Raises:
        ValueError: if the equation does not fit the operands.
    """
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    unused = [letter for letter in reversed(ascii_letters) if letter not in equation]
    missing = [
        rank - len(term.replace("...", "")) if "..." in term else 0
        for term, rank in zip(terms, ranks, strict=True)
    ]
    extra = "".join(reversed(unused[: max(missing)]))
    spelt = [
        term.replace("...", extra[len(extra) - count :])
        for term, count in zip(terms, missing, strict=True)
    ]
    if any(len(term) != rank for term, rank in zip(spelt, ranks, strict=True)):
        raise ValueError(f"{equation} does not fit operands of {list(ranks)} dimensions")
    if arrow:
        return spelt, right.replace("...", extra)
    flat = left.replace(".", "").replace(",", "")
    once = "".join(sorted(letter for letter in set(flat) if flat.count(letter) == 1))
    return spelt, extra + once
