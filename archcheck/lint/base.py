"""What a lint rule is: a name, a severity, a documentation, and networks that prove it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from archcheck.lint.linted import Linted
from archcheck.network import Op, Place
from archcheck.rules.base import Location, import_files, location

Severity = Literal["error", "warning", "info"]
"""What a finding means: the network does not do what it was written for; it may not; a fact that is
worth knowing."""


@dataclass(frozen=True)
class Fault:
    """A finding of a rule.

    Attributes:
        message: what is wrong and what the passes showed, in a sentence.
        locations: the lines at fault, the first one first.
        remedy: what to do about it.
        severity: what it means, where that is not the rule's severity.
        lines: the other lines on which a comment may suppress it.
    """

    message: str
    locations: tuple[Location, ...] = ()
    remedy: str = ""
    severity: Severity | None = None
    lines: tuple[Place, ...] = ()


@dataclass(frozen=True)
class Unknown:
    """Why a rule cannot tell, and the lines that are the reason."""

    reason: str
    locations: tuple[Location, ...] = ()


Findings = Iterable[Fault | Unknown]


@dataclass(frozen=True)
class Sample:
    """A file with a network ``Net``, on which a rule finds something or does not.

    The lines at fault end with ``# <-``. ``torch``, ``nn`` and ``F`` are imported before the first
    line; an expression stands for a network of one line. ``loss`` is the one that it is trained
    with.
    """

    network: str
    input: tuple[int, ...] | tuple[tuple[int, ...], ...] = (3, 32, 32)
    loss: str = ""


class LintRule:
    """A kind of fault. One file of :mod:`archcheck.lint.rules` holds one rule.

    The docstring of a rule is its documentation, under the headings *What it finds*, *Why it
    matters*, *Example* and *When to ignore it*.
    """

    name: ClassVar[str]
    severity: ClassVar[Severity]
    summary: ClassVar[str]
    faulty: ClassVar[Sequence[Sample]] = ()
    sound: ClassVar[Sequence[Sample]] = ()

    def find(self, linted: Linted) -> Findings:
        """The faults of a network, in the order in which they ran."""
        raise TypeError(f"{type(self).__name__} finds nothing")


def fault_of(
    op: Op, message: str, remedy: str = "", *, label: str = "", severity: Severity | None = None
) -> Fault:
    """A fault of an operation: at the line where its layer was built, of a function where it was
    called."""
    lines = tuple(place for place in (op.built, op.called) if place is not None)
    return Fault(message, (location(op, label),), remedy, severity, lines)


_RULES: dict[str, LintRule] = {}


def register(rule: type[LintRule]) -> type[LintRule]:
    """Make a rule known under its name."""
    _RULES[rule.name] = rule()
    return rule


def all_lint_rules() -> dict[str, LintRule]:
    """All lint rules by name, in alphabetical order."""
    import_files("archcheck.lint.rules")
    return dict(sorted(_RULES.items()))
