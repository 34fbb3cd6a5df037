"""Checking a network against a spec."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from archcheck.evidence import Evidence
from archcheck.network import Network, Remark
from archcheck.network.remarks import remarks_on
from archcheck.rules import Subject, Verdict
from archcheck.rules.base import Status
from archcheck.rules.options import CommonOptions
from archcheck.spec.model import Requirement, Spec
from archcheck.spec.report import OUTCOMES, Failure, Finding, Report


def check(
    network: Network,
    spec: Spec,
    evidence: Evidence | None = None,
    *,
    file: str = "",
    seconds: float = 0.0,
    variants: Sequence[tuple[str, Network]] = (),
) -> Report:
    """Judge a traced network, and the evidence beside it, by every requirement of a spec.

    The findings are the answers, in the order of the spec, and behind them what else was noticed.
    ``variants`` are the same network with other inputs, by name: of each rule the worst answer
    counts.
    """
    subject = Subject(network, evidence)
    others = [(name, Subject(other, evidence)) for name, other in variants]
    answers = [
        Finding(r.rule.name, _worst(subject, others, r), r.options) for r in spec.requirements
    ]
    asides = [
        Finding(aside.rule or answer.rule, aside.verdict, CommonOptions(), aside.level)
        for answer in answers
        for aside in answer.verdict.asides
    ]
    source = network.source.file if network.source else ""
    told = [
        remark
        for each in (network, *(other for _, other in variants))
        for remark in remarks_on(each)
    ]
    noticed = (*told, *subject.evidence.remarks, *left_out(spec))
    once = tuple(dict.fromkeys(noticed))
    findings = (*answers, *asides)
    name = network.name
    given = tuple(variants)
    return Report(name, file or source, spec, findings, network, seconds, once, variants=given)


_ORDER: tuple[Status, ...] = ("passed", "not-verified", "failed")
"""Answers, the worst last."""


def _worst(subject: Subject, others: Sequence[tuple[str, Subject]], asked: Requirement) -> Verdict:
    """The worst answer of a rule, with the name of the variant that it is about."""
    worst = asked.rule.check(subject, asked.options)
    for name, other in others:
        verdict = asked.rule.check(other, asked.options)
        if _ORDER.index(verdict.status) > _ORDER.index(worst.status):
            note = ", ".join(part for part in (f"with {name}", verdict.note) if part)
            worst = replace(verdict, message=f"with {name}: {verdict.message}", note=note)
    return worst


def failed_to_run(
    failure: Failure, spec: Spec, *, name: str, file: str, seconds: float = 0.0, output: str = ""
) -> Report:
    """The report on a network that could not be run, or not to the end: no rule is verified."""
    verdict = Verdict(
        "failed",
        None,
        "no",
        failure.required,
        failure.message,
        failure.locations,
        hint=failure.hint,
    )
    findings = [Finding(failure.stage, verdict, CommonOptions())]
    for requirement in spec.requirements:
        describe = getattr(requirement.options, "describe", None)
        unknown = Verdict(
            "not-verified",
            None,
            "–",
            describe() if describe and getattr(requirement.options, "given", None) else "",
            OUTCOMES[failure.stage],
            note=OUTCOMES[failure.stage],
        )
        findings.append(Finding(requirement.rule.name, unknown, requirement.options))
    remarks = tuple(left_out(spec))
    return Report(name, file, spec, tuple(findings), None, seconds, remarks, output)


def left_out(spec: Spec) -> Iterator[Remark]:
    """A remark on the rules of a spec that are not checked."""
    if spec.skipped:
        yield Remark(f"left out, not checked: {', '.join(spec.skipped)}")
