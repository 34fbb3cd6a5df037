"""What comes of checking a network against a spec, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from archcheck.errors import UnknownKey, closest
from archcheck.network import Network, Remark
from archcheck.network.input_language import input_data
from archcheck.network.inputs import tensors_of
from archcheck.plain_text import in_one_line, inert
from archcheck.project import in_project
from archcheck.rules import Location, Verdict
from archcheck.rules.base import Level
from archcheck.rules.options import CommonOptions
from archcheck.shipped_specs import shipped_name
from archcheck.spec.model import Spec
from archcheck.spec.points import Points, added

VERSION = 1
"""Of the report as data."""
OUTCOMES = {
    **dict.fromkeys(("imports", "builds", "runs"), "the network could not be run"),
    "unchanged": "the network changed while it was checked",
}
"""The findings beside the rules, and what they mean for all rules."""


class UnknownFinding(UnknownKey):
    """A report has no such finding; the message says which it has."""


@dataclass(frozen=True, repr=False)
class Finding:
    """The answer to one requirement. ``fails`` says whether it fails the run."""

    rule: str
    verdict: Verdict
    options: CommonOptions
    noticed: Level | None = None
    """What it means, where it was noticed beside a rule's answer, which is another finding."""

    def __repr__(self) -> str:
        return f"<Finding {in_one_line(self.name)} {in_one_line(self.verdict.figures)}>"

    @property
    def name(self) -> str:
        """The name of the entry, the rule's if it has none of its own."""
        return self.options.name or self.rule

    @property
    def aside(self) -> bool:
        """Whether it was noticed beside a rule's answer."""
        return self.noticed is not None

    @property
    def level(self) -> Level:
        """What it means if the rule does not hold: an error fails the run, a warning advises, a
        note says that a bonus was not earned, or informs."""
        if self.noticed is not None:
            return self.noticed
        if self.options.only_bonus:
            return "note"
        if self.verdict.status == "not-verified" and self.options.when_unverified == "warn":
            return "warning"
        return self.options.severity

    @property
    def fails(self) -> bool:
        """Whether this finding makes the run fail."""
        return self.level == "error" and self.verdict.status != "passed"

    @property
    def points(self) -> Points:
        """What the rule gives: nothing unless it holds."""
        points, bonus = self.options.points or 0, self.options.bonus or 0
        if self.verdict.status == "passed":
            return Points(points, points, bonus, bonus)
        return Points(0, points, 0, bonus)

    @property
    def message(self) -> str:
        """The reason, in the spec's own words where it has some."""
        custom = self.options.message
        return custom if custom and self.verdict.status == "failed" else self.verdict.message


@dataclass(frozen=True, repr=False)
class Report:
    """All findings on one network. ``network`` is None where it could not be run at all."""

    name: str
    file: str
    spec: Spec
    findings: tuple[Finding, ...]
    network: Network | None
    seconds: float = 0.0
    remarks: tuple[Remark, ...] = ()
    """What is told beside the findings: it fails nothing."""
    output: str = ""
    """The end of what a network printed that could not be run."""
    variants: tuple[tuple[str, Network], ...] = ()
    """The network with the other inputs of the spec, by name."""

    def __repr__(self) -> str:
        statuses = [finding.verdict.status for finding in self.findings]
        counts = [f"{statuses.count(each)} {each}" for each in dict.fromkeys(statuses)]
        return f"<Report on {in_one_line(self._head)}: {', '.join(counts) or 'no rules'}>"

    @property
    def _head(self) -> str:
        """The verdict in a few words."""
        points = f", {self.points}" if self.points else ""
        name = self.name or in_project(self.file)
        return f"{name}: {'passed' if self.passed else 'failed'}{points}"

    @property
    def outcome(self) -> str:
        """Why nothing could be verified, where there is no network."""
        return OUTCOMES[self.findings[0].rule]

    @property
    def passed(self) -> bool:
        """Whether nothing fails."""
        return not any(finding.fails for finding in self.findings)

    @property
    def points(self) -> Points:
        """What the network earns: each rule that holds gives its points, a network that cannot
        be run gets none."""
        return added(finding.points for finding in self.findings)

    def __str__(self) -> str:
        """One line a finding: its status, its rule and its reason."""
        lines = [f"{f.verdict.status}: {f.name}: {f.message}" for f in self.findings]
        remarks = [f"remark: {remark}" for remark in self.remarks]
        return inert(
            "\n".join(in_one_line(line.strip()) for line in [self._head, *lines, *remarks])
        )

    def finding(self, rule: str) -> Finding:
        """The first finding of a rule, or of an entry by its own name.

        Raises:
            UnknownFinding: (a KeyError) if the spec does not ask for it.
        """
        for finding in self.findings:
            if rule in (finding.rule, finding.name):
                return finding
        asked = dict.fromkeys(
            name for finding in self.findings for name in (finding.rule, finding.name)
        )
        named = ", ".join(asked) or "none"
        raise UnknownFinding(
            f"the spec asks for no rule {rule!r}{closest(rule, asked)}; its rules: {named}"
        )

    def as_dict(self) -> dict[str, Any]:
        """The report as plain data, as ``--output-format json`` prints it."""
        network = self.network
        given = self.spec.inputs or ()
        if network is not None:  # which was perhaps given another input than the spec's
            given = network.given or network.given_tensors
        shapes = [list(each.shape) for each in tensors_of(given)]
        return {
            "version": VERSION,
            "passed": self.passed,
            "network": ":".join(part for part in (in_project(self.file), self.name) if part),
            "spec": _spec(self.spec),
            "input": shapes[0] if len(shapes) == 1 else shapes,
            "inputs": input_data(given),
            "variants": {name: input_data(other.given) for name, other in self.variants},
            "parameters": network.num_parameters if network else None,
            "macs": network.macs if network else None,
            "constant_macs": network.constant_macs if network else None,
            "points": self.points.as_dict() if self.points else None,
            "rules": [
                {
                    "rule": finding.rule,
                    "name": finding.name,
                    "status": finding.verdict.status,
                    "severity": finding.level,
                    "found": finding.verdict.found,
                    "required": finding.verdict.required,
                    "message": finding.message,
                    "points": finding.points.as_dict() if finding.points else None,
                    "locations": [_location(where) for where in finding.verdict.locations],
                }
                for finding in self.findings
            ],
            "skipped": list(self.spec.skipped),
            "remarks": [
                {"message": remark.text, **_location(Location(remark.place, ""))}
                for remark in self.remarks
            ],
            "notes": list(map(str, self.remarks)),
        }


@dataclass(frozen=True)
class Failure:
    """Why a network could not be verified: a finding of ``OUTCOMES``."""

    stage: str
    message: str
    locations: tuple[Location, ...] = ()
    hint: str = ""
    required: str = "a network that runs"


def _spec(spec: Spec) -> str:
    """A shipped spec by its name, others by their file."""
    return shipped_name(spec.file) or in_project(spec.file) or spec.title


def _location(where: Location) -> dict[str, Any]:
    place = where.place
    return {
        "file": in_project(place.file) if place else None,
        "line": place.file_lines[0] if place else None,
        "column": place.column if place else None,
        "end_line": place.file_lines[1] if place else None,
        "end_column": place.end_column if place else None,
        "module": where.module,
        **(
            {"cell": place.cell.number, "cell_line": place.cell.line}
            if place and place.cell
            else {}
        ),
    }
