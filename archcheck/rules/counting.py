"""Rules that count operations, and their verdict."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from archcheck.network import Op
from archcheck.phrases import some_of
from archcheck.rules.base import (
    Baseline,
    Location,
    Rule,
    Subject,
    Verdict,
    call_location,
    location,
)
from archcheck.rules.baseline import exactly
from archcheck.rules.options import CountOptions


class CountingRule(Rule):
    """A rule that asks how many of something there are. It proposes as many as there are, where
    there are any, unless it says something else."""

    Options: ClassVar[type[CountOptions]] = CountOptions
    unverified = ({"exactly": 0}, {"at_least": 1}, {"at_most": 10**12})

    def baseline(self, subject: Subject) -> Baseline:
        return exactly(self, subject)


@dataclass(frozen=True)
class NearMiss:
    """An operation that almost counts; ``why`` it does not, as in ``has a kernel of 1×1``."""

    op: Op
    why: str

    @property
    def text(self) -> str:
        """The operation by its name, and why it does not count."""
        return f"{name_of(self.op)} {self.why}"


def counted(
    subject: Subject,
    ops: Sequence[Op],
    options: Any,
    *,
    noun: str,
    labels: Sequence[str] = (),
    note: str | None = None,
    unseen: Sequence[Location] = (),
    near: Sequence[NearMiss] = (),
) -> Verdict:
    """The verdict on how many operations of some sort there are that an output depends on.

    Where parts of the network could not be seen there may be more: then only an answer that more
    of them would not change is given. ``unseen`` adds places that this rule could not follow.
    ``near`` are told where fewer count than have to.
    """
    reach = subject.reach
    names = dict(zip([id(op) for op in ops], labels or map(name_of, ops), strict=True))
    certain = subject.reaching(ops)
    doubtful = [op for op in ops if reach.doubtful(op)]
    count, required = len(certain), options.describe()
    locations = tuple(location(op, names[id(op)]) for op in certain)
    verdict = Verdict(
        status="passed" if options.holds(count) else "failed",
        found=count,
        found_text=f"{count:,}" if count else "none",
        required=required,
        message=f"{_count(count, noun)}; {options.demand(_plural(noun))}",
        locations=locations,
        note=several([names[id(op)] for op in certain]) if note is None else note,
    )
    opaque = (*subject.opaque, *subject.unknown, *unseen)
    if opaque and not options.settled_from(count):
        what = f"what is done at {opaque[0].label or 'a part of the network'}"
        return _not_known(verdict, _count(count, noun), what, opaque)
    if len({options.holds(number) for number in range(count, count + len(doubtful) + 1)}) > 1:
        what = f"whether {names[id(doubtful[0])]} reaches an output"
        return _not_known(verdict, _count(count, noun), what, list(map(call_location, doubtful)))
    dead = [NearMiss(op, "reaches no output") for op in ops if not reach.possible(op)]
    if verdict.status == "failed" and count < (options.least() or 0):
        return _with_near_misses(verdict, [*dead, *near])
    return verdict


def _not_known(verdict: Verdict, count: str, what: str, where: Sequence[Location]) -> Verdict:
    return replace(
        verdict,
        status="not-verified",
        message=f"{count} found, but it is not known {what}",
        locations=(*verdict.locations, *where),
    )


def _with_near_misses(verdict: Verdict, near: Sequence[NearMiss]) -> Verdict:
    """A verdict on too few of something, with what almost counts."""
    if not near:
        return verdict
    more = f" (and {len(near) - 1} more)" if len(near) > 1 else ""
    return replace(
        verdict,
        message=f"{verdict.message}; {near[0].text}{more}",
        locations=(*verdict.locations, *(location(miss.op, miss.text) for miss in near)),
        note=verdict.note or near[0].text,
    )


def name_of(op: Op) -> str:
    """What an operation is called in messages: its module, else its kind."""
    return op.module or op.kind


def several(names: Iterable[str]) -> str:
    """``conv1 and 5 more``."""
    return some_of(list(dict.fromkeys(names)), 1)


def _count(count: int, noun: str) -> str:
    return (
        f"{count:,} {noun}" if count == 1 else f"{f'{count:,}' if count else 'no'} {_plural(noun)}"
    )


def _plural(noun: str) -> str:
    return {"maximum": "maxima", "layer with holes": "layers with holes"}.get(noun, f"{noun}s")
