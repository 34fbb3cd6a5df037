"""Checking a network against a spec."""

from __future__ import annotations

from collections.abc import Iterator

from archcheck.evidence import Evidence
from archcheck.network import Network, Remark
from archcheck.network.remarks import remarks_on
from archcheck.rules import Subject, Verdict
from archcheck.rules.options import CommonOptions
from archcheck.spec.model import Spec
from archcheck.spec.report import OUTCOMES, Failure, Finding, Report


def check(
    network: Network,
    spec: Spec,
    evidence: Evidence | None = None,
    *,
    file: str = "",
    seconds: float = 0.0,
) -> Report:
    """Judge a traced network, and the evidence beside it, by every requirement of a spec.

    The findings are the answers, in the order of the spec, and behind them what else was noticed.
    """
    subject = Subject(network, evidence)
    answers = [
        Finding(r.rule.name, r.rule.check(subject, r.options), r.options) for r in spec.requirements
    ]
    asides = [
        Finding(answer.rule, aside, CommonOptions(severity="warning"), aside=True)
        for answer in answers
        for aside in answer.verdict.asides
    ]
    source = network.source.file if network.source else ""
    noticed = (*remarks_on(network), *map(Remark, subject.evidence.notes), *left_out(spec))
    once = tuple(dict.fromkeys(noticed))
    findings = (*answers, *asides)
    return Report(network.name, file or source, spec, findings, network, seconds, once)


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
