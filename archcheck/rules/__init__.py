"""The rules, one file each. What a new file here registers, specs and documentation know."""

from archcheck.rules.base import (
    Example,
    Location,
    Proposal,
    Rule,
    Subject,
    Verdict,
    all_rules,
    documentation,
)

__all__ = [
    "Example",
    "Location",
    "Proposal",
    "Rule",
    "Subject",
    "Verdict",
    "all_rules",
    "documentation",
]
