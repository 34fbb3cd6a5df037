"""JUnit XML, as build servers and GitLab read it: a suite a network, a case a rule.

https://github.com/testmoapp/junitxml
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from xml.etree import ElementTree

from archcheck.plain_text import inert, plain
from archcheck.reporters.findings import ShownFinding, remarks, sentence, shown, title
from archcheck.reporters.regions import relative
from archcheck.spec import Report
from archcheck.spec.points import Points, added

_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 does not allow."""


def render(reports: Sequence[Report]) -> str:
    """One XML document.

    A rule that fails is a failure, one that cannot be verified (and has to be) an error. What
    does not fail the run is not a failure: a warning passes with its reason as output; a bonus
    that was not earned, a rule whose answer may be unknown and the rules of a network that cannot
    be run are skipped.
    """
    suites = [_suite(report) for report in reports]
    root = ElementTree.Element("testsuites", {"name": "archcheck"})
    for count in ("tests", "failures", "errors", "skipped"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in suites)))
    root.set("time", f"{sum(report.seconds for report in reports):.3f}")
    _properties(root, {}, added(report.points for report in reports))
    root.extend(suites)
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode")
    text = inert(text, lambda character: f"&#{ord(character)};")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'


def _suite(report: Report) -> ElementTree.Element:
    cases = [_case(finding) for finding in shown(report)]
    tags = Counter(child.tag for case in cases for child in case)
    suite = ElementTree.Element("testsuite", {"name": _text(title(report))})
    counts = {
        "tests": len(cases),
        "failures": tags["failure"],
        "errors": tags["error"],
        "skipped": tags["skipped"],
    }
    for key, count in counts.items():
        suite.set(key, str(count))
    suite.set("time", f"{report.seconds:.3f}")
    if report.file:
        suite.set("file", _text(relative(report.file)))
    spec = relative(report.spec.file) or report.spec.title
    _properties(suite, {"spec": spec, "passed": str(report.passed).lower()}, report.points)
    suite.extend(cases)
    noticed = [f"{each.name}: {each.line_text}" for each in remarks([report])]
    if noticed:
        ElementTree.SubElement(suite, "system-out").text = _text("\n".join(noticed))
    return suite


def _case(finding: ShownFinding) -> ElementTree.Element:
    report = finding.report
    path = relative(report.file)
    owner = ".".join(
        part for part in path.removesuffix(".py").removesuffix(".ipynb").split("/") if part
    )
    case = ElementTree.Element(
        "testcase", {"name": finding.name, "classname": _text(owner or report.name)}
    )
    case.set("time", "0.000")
    places = finding.regions
    if places or path:
        case.set("file", _text(places[0].path if places else path))
        case.set("line", str(places[0].line if places else 1))
    _properties(case, {}, finding.points)
    if not finding.holds:
        case.append(_outcome(finding))
    return case


def _outcome(finding: ShownFinding) -> ElementTree.Element:
    status, text = finding.status, _text(finding.outcome)
    if finding.level == "note" and not finding.informs:
        return ElementTree.Element("skipped", {"message": text})
    if status == "not-verified" and (finding.report.network is None or not finding.fails):
        return ElementTree.Element("skipped", {"message": _text(finding.reason)})
    if not finding.fails:
        output = ElementTree.Element("system-out")
        output.text = f"{text}\n{_details(finding)}"
        return output
    tag = "error" if status == "not-verified" else "failure"
    kind = status if status == "not-verified" else finding.rule
    outcome = ElementTree.Element(tag, {"type": kind, "message": text})
    outcome.text = _details(finding)
    return outcome


def _details(finding: ShownFinding) -> str:
    verdict = finding.verdict
    lines = [f"found {verdict.found_text}"]
    if verdict.required:
        lines[0] += f", required: {verdict.required}"
    if finding.own_reason:
        lines.append(sentence(finding.own_reason))
    lines += [verdict.hint] if verdict.hint else []
    lines += [f"{place.path}:{place.at}: {place.source}" for place in finding.regions]
    return _text("\n".join(lines))


def _properties(element: ElementTree.Element, facts: Mapping[str, str], points: Points) -> None:
    values = {name: value for name, value in facts.items() if value}
    if points.possible:
        values |= {"points": str(points.earned), "points_possible": str(points.possible)}
    if points.bonus_possible:
        values |= {"bonus": str(points.bonus), "bonus_possible": str(points.bonus_possible)}
    if values:
        listed = ElementTree.SubElement(element, "properties")
        for name, value in values.items():
            ElementTree.SubElement(listed, "property", {"name": name, "value": _text(value)})


def _text(text: str) -> str:
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", plain(text))
