"""Findings as reports of every format show them: what is wrong, how bad it is, and where."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from archcheck.lint import LINT
from archcheck.network import Remark
from archcheck.plain_text import in_one_line, plain
from archcheck.reporters.regions import Region, region, relative
from archcheck.rules import Location, Verdict
from archcheck.rules.base import Level, Status
from archcheck.rules.options import CommonOptions
from archcheck.spec import Finding, Points, Report
from archcheck.worker.reference import SUFFIXES

REMARK = "remark"
"""What stands in the place of a rule's name before a remark."""
KINDS: dict[Level, str] = {"error": "", "warning": "warning", "note": "bonus"}
"""The names of findings that do not fail the run."""
INFORMS = "info"
"""The name of a note that is no bonus."""
OUTCOMES: dict[Level, str] = {"error": "", "warning": "warning: ", "note": "bonus not earned: "}
"""The prefixes of their reasons."""


class _Placed(ABC):
    """What is about some stretches of files, in a report."""

    report: Report

    @property
    @abstractmethod
    def regions(self) -> tuple[Region, ...]:
        """The stretches of files that it is about, each line once."""

    @property
    def path(self) -> str:
        """The file that it is about: of the first region, else the network's, if it has one."""
        if self.regions:
            return self.regions[0].path
        return relative(self.report.file) if self.report.file.endswith(SUFFIXES) else ""

    @property
    def line(self) -> int:
        """The line that it is about, 1 if it is not known."""
        return self.regions[0].line if self.regions else 1


@dataclass(frozen=True)
class ShownFinding(_Placed):
    """A finding of a report. ``name`` is that of its entry in the spec, as :func:`numbered` gives
    it."""

    finding: Finding
    name: str
    report: Report

    @property
    def rule(self) -> str:
        """The rule's name."""
        return self.finding.rule

    @property
    def entry(self) -> str:
        """The name of its entry, the rule's if it has none of its own."""
        return self.finding.name

    @property
    def verdict(self) -> Verdict:
        """The rule's verdict."""
        return self.finding.verdict

    @property
    def status(self) -> Status:
        """The verdict's status."""
        return self.finding.verdict.status

    @property
    def holds(self) -> bool:
        """Whether the rule passed."""
        return self.status == "passed"

    @property
    def level(self) -> Level:
        """What it means if the rule does not hold."""
        return self.finding.level

    @property
    def kind(self) -> str:
        """``warning``, ``bonus`` or ``info`` for a finding that does not fail the run, else
        empty."""
        return INFORMS if self.informs else KINDS[self.level]

    @property
    def informs(self) -> bool:
        """Whether it is neither a rule's answer nor a fault."""
        return self.level == "note" and self.finding.aside

    @property
    def fails(self) -> bool:
        """Whether it makes the run fail."""
        return self.finding.fails

    @property
    def message(self) -> str:
        """The reason, in the spec's own words if it has some."""
        return self.finding.message

    @property
    def points(self) -> Points:
        """The points that the rule gives."""
        return self.finding.points

    @property
    def reason(self) -> str:
        """Why it does not hold, in a sentence."""
        text = self.message
        return sentence(f"not verified: {text}" if self.status == "not-verified" else text)

    @property
    def outcome(self) -> str:
        """The reason, with a prefix if the finding does not fail the run."""
        return self.reason if self.informs else OUTCOMES[self.level] + self.reason

    @property
    def own_reason(self) -> str:
        """The rule's own reason, if the spec replaces it by another."""
        return self.verdict.message if self.verdict.message != self.message else ""

    @property
    def locations(self) -> tuple[Location, ...]:
        """Its locations, each line once."""
        distinct: dict[tuple[str, int] | None, Location] = {}
        for where in self.verdict.locations:
            key = (where.place.file, where.place.line) if where.place else None
            distinct.setdefault(key, where)
        return tuple(distinct.values())

    @cached_property
    def regions(self) -> tuple[Region, ...]:
        """The stretches of files that it is about, each line once."""
        regions = (region(where) for where in self.locations)
        return tuple(each for each in regions if each is not None)

    @property
    def details(self) -> tuple[str, ...]:
        """Further details: the rule's own reason, where to read on, the points."""
        points = str(self.points) if self.points else ""
        parts = (self.own_reason, self.verdict.hint, points)
        return tuple(plain(text).strip() for text in parts if text)

    @property
    def text(self) -> str:
        """The reason, which can stand alone, and the details."""
        return f"{self.reason} ({'; '.join(self.details)})" if self.details else self.reason


@dataclass(frozen=True)
class ShownRemark(_Placed):
    """A remark of a report, which fails nothing."""

    remark: Remark
    report: Report
    name: str = REMARK

    @property
    def text(self) -> str:
        """The remark as a sentence."""
        return sentence(self.remark.text)

    @cached_property
    def regions(self) -> tuple[Region, ...]:
        """The stretch of a file that it is about, if that is known."""
        about = region(Location(self.remark.place, ""))
        return () if about is None else (about,)

    @property
    def line_text(self) -> str:
        """The remark and its line, in one line."""
        where = f" ({self.path}:{self.regions[0].at})" if self.regions else ""
        return in_one_line(" ".join((self.remark.text + where).split()))


def remarks(reports: Iterable[Report]) -> Iterator[ShownRemark]:
    """All remarks of some reports."""
    for report in reports:
        for remark in report.remarks:
            yield ShownRemark(remark, report)


def shown(report: Report) -> tuple[ShownFinding, ...]:
    """All findings of a report, in its order."""
    names = numbered((finding.rule, finding.options) for finding in report.findings)
    pairs = zip(names, report.findings, strict=True)
    return tuple(ShownFinding(finding, name, report) for name, finding in pairs)


def issues(reports: Iterable[Report]) -> Iterator[ShownFinding]:
    """All findings that do not hold. Of a network that cannot be run only that is shown: every
    rule would say the same."""
    for report in reports:
        for each in shown(report):
            unknown = report.network is None and each.status == "not-verified"
            if not each.holds and not unknown:
                yield each


def told(report: Report) -> Iterator[ShownFinding]:
    """The findings that are told to people: of a lint all that it found, and not that it did."""
    for each in issues([report]):
        found = each.rule == LINT.name and each.status == "failed"
        if report.network is None or not found:
            yield each


def numbered(entries: Iterable[tuple[str, CommonOptions]]) -> Iterator[str]:
    """A name for each entry of a spec, given by its rule and options: its own, else the rule's, and
    ``rule[2]`` for the second entry of that name."""
    seen: dict[str, int] = {}
    for rule, options in entries:
        name = options.name or rule
        count = seen[name] = seen.get(name, 0) + 1
        yield name if count == 1 else f"{name}[{count}]"


def sentence(text: str) -> str:
    """A text that ends like a sentence."""
    text = plain(text).strip()
    return text if not text or text[-1] in ".!?" else f"{text}."


def title(report: Report) -> str:
    """``examples/net004.py:Net``."""
    return ":".join(part for part in (relative(report.file), plain(report.name)) if part)


def fingerprints(findings: Sequence[ShownFinding | ShownRemark]) -> list[str]:
    """A fingerprint for each finding and remark that other edits of the file do not change: of the
    rule, the network, the module and the text of the line. Those that agree are counted."""
    seen: dict[str, int] = {}
    prints = []
    for shown in findings:
        first = shown.regions[0] if shown.regions else None
        parts = (
            shown.name,
            title(shown.report),
            shown.path,
            first.module if first else "",
            " ".join(first.source.split()) if first else "",
        )
        digest = hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:32]
        count = seen[digest] = seen.get(digest, 0) + 1
        prints.append(f"{digest}:{count}")
    return prints
