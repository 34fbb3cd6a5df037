"""What rules propose for a spec that is made from a network: entries that it holds as it is."""

from __future__ import annotations

from typing import Any

from archcheck.rules.base import Baseline, Proposal, Rule, Subject, Verdict
from archcheck.rules.options import SHORT


def judged(rule: Rule, subject: Subject, options: dict[str, Any] | str) -> Verdict:
    """A rule's verdict under options as a spec writes them."""
    written = SHORT[options] if isinstance(options, str) else options
    return rule.check(subject, rule.Options.model_validate(written))


def proposed(
    rule: Rule, subject: Subject, options: dict[str, Any] | str, comment: str = ""
) -> Baseline:
    """Options as a proposal if the network holds them."""
    verdict = judged(rule, subject, options)
    if verdict.status == "passed":
        return Proposal(options, comment)
    return verdict.message if verdict.status == "not-verified" else None


def at_most(rule: Rule, subject: Subject) -> Baseline:
    """No more than now."""
    now = judged(rule, subject, {"at_least": 0})
    if now.status != "passed":
        return now.message
    return proposed(rule, subject, {"at_most": now.found}, f"{now.found_text} now")


def at_least(rule: Rule, subject: Subject) -> Baseline:
    """No fewer than now; nothing where there are none."""
    count = judged(rule, subject, {"at_least": 0}).found
    if not count:
        return None
    where = judged(rule, subject, {"at_least": count}).note
    return proposed(rule, subject, {"at_least": count}, where)


def exactly(rule: Rule, subject: Subject) -> Baseline:
    """As many as now; nothing where there are none."""
    count = judged(rule, subject, {"at_least": 0}).found
    return proposed(rule, subject, {"exactly": count}) if count else None


def forbidden(rule: Rule, subject: Subject) -> Baseline:
    """None, where there are none now."""
    return proposed(rule, subject, "forbidden", "it has none")
