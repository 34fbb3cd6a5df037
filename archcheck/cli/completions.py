"""What a shell proposes for words that are begun. Where nothing fits the shell proposes files."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum


def spec_names(incomplete: str) -> list[str]:
    """The shipped specs whose names begin like that."""
    from archcheck.shipped_specs import shipped_specs

    return _begun(incomplete, shipped_specs())


def rule_names(incomplete: str) -> list[str]:
    """The rules whose names begin like that."""
    from archcheck.rules import all_rules

    return _begun(incomplete, all_rules())


def lint_rule_names(incomplete: str) -> list[str]:
    """The lint rules whose names begin like that."""
    from archcheck.lint import all_lint_rules

    return _begun(incomplete, ["all", *all_lint_rules()])


def words_of(kind: type[StrEnum]) -> Callable[[str], list[str]]:
    """What proposes the words that an option has to be one of."""

    def words(incomplete: str) -> list[str]:
        return _begun(incomplete, [each.value for each in kind])

    return words


def _begun(incomplete: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]
