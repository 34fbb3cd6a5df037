"""Rules that count operations, and their verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

from archcheck.network import Op
from archcheck.phrases import some_of
from archcheck.rules.base import Baseline, Location, Rule, Subject, Verdict, location
from archcheck.rules.baseline import exactly
from archcheck.rules.options import CountOptions


class CountingRule(Rule):
    """A rule that asks how many of something there are. It proposes as many as there are, where
    there are any, unless it says something else."""

    Options: ClassVar[type[CountOptions]] = CountOptions
    unverified = ({"exactly": 0}, {"at_least": 1}, {"at_most": 10**12})

    def baseline(self, subject: Subject) -> Baseline:
        return exactly(self, subject)


def counted(
    subject: Subject,
    ops: Sequence[Op],
    options: Any,
    *,
    noun: str,
    labels: Sequence[str] = (),
    note: str | None = None,
    unseen: Sequence[Location] = (),
) -> Verdict:
    """The verdict on how many operations of some sort there are.

    Where parts of the network could not be seen there may be more: then only an answer that more
    of them would not change is given. ``unseen`` adds places that this rule could not follow.
    """
    count = len(ops)
    names = list(labels) or [op.module or op.kind for op in ops]
    locations = tuple(location(op, name) for op, name in zip(ops, names, strict=True))
    verdict = Verdict(
        status="passed" if options.holds(count) else "failed",
        found=count,
        found_text=f"{count:,}" if count else "none",
        required=options.describe(),
        message=_sentence(count, noun, options.describe()),
        locations=locations,
        note=note if note is not None else several(names),
    )
    opaque = (*subject.opaque, *subject.unknown, *unseen)
    if opaque and not options.settled_from(count):
        return replace(
            verdict,
            status="not-verified",
            message=f"{_count(count, noun)} found, but it is not known what is done at "
            f"{opaque[0].label or 'a part of the network'}",
            locations=(*locations, *opaque),
        )
    return verdict


def several(names: Sequence[str]) -> str:
    """``conv1 and 5 more``."""
    return some_of(list(dict.fromkeys(names)), 1)


def _sentence(count: int, noun: str, required: str) -> str:
    return f"{_count(count, noun)}, required: {required}"


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count or 'no'} {noun}s"
