"""The scoreboard in docs/lint.md: who finds the faults, and who is silent on sound networks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks.lint.catalogue import Report, beyond, reports, traps
from benchmarks.lint.results import Answer, Run
from benchmarks.table import table, with_section

BEGIN, END = "<!-- scoreboard -->", "<!-- end of scoreboard -->"
COMMAND = """\
.venv/bin/pip install -q -c constraints.txt -e '.[bench]'
.venv/bin/python -m benchmarks.lint --update-docs"""


def with_scoreboard(document: str, run: Run) -> str:
    """A document with the scoreboard between its markers replaced."""
    return with_section(document, scoreboard(run), BEGIN, END)


def scoreboard(run: Run) -> str:
    """The whole section."""
    versions = ", ".join(f"{name} {version}" for name, version in run.versions.items())
    listed, sound = reports(), traps()
    blocks = [
        f"{len(listed)} faults of published reports, each rewritten as a small network with it and "
        f"one without, and {len(sound)} sound networks that look like faults. A fault is found "
        "where a finding names its cause; archcheck has to name all lines at fault, and nothing "
        "that is not true. Its column is proven by the tests.",
        _totals(listed, len(sound), run),
        f"The other tools ran on {run.date}, each as its documentation says: {versions}. They were "
        "given a batch, a loss and an optimizer, torch-preflight a training loop around the "
        "network. On sound networks are the fixed ones and those that look like faults. Which of "
        "their checks counts for which fault is said in `benchmarks/lint/other_tools.py`. "
        "torchtest2's check that a batch is learned by heart is left out: the targets are random.",
        "### The faults",
        _faults(listed, run),
        *_missed(listed),
        "### Beyond any trace",
        "\n".join(
            f"- [{each.repository}#{each.report}](https://github.com/{each.repository}/issues/"
            f"{each.report}): {each.about} {each.why}"
            for each in beyond()
        ),
        "### Sound networks that look like faults",
        "archcheck finds nothing in them.",
        "\n".join(f"- `{trap.name}`: {trap.about}" for trap in sound),
        "The networks are in `benchmarks/lint/reports` and `benchmarks/lint/traps`. The answers of "
        f"the other tools are made anew with\n\n```sh\n{COMMAND}\n```",
    ]
    return "\n\n".join(blocks)


def _totals(listed: Sequence[Report], sound: int, run: Run) -> str:
    found = sum(not report.misses for report in listed)
    titles = ("", "faults found", "at their line", "errors on sound networks", "warnings on them")
    rows = [("archcheck", f"{found} of {len(listed)}", str(found), "0", "0")]
    for tool, answers in run.answers.items():
        named = [answer for name in answers if (answer := answers[name]).check]
        rows.append(
            (
                tool,
                f"{len(named)} of {len(listed)}",
                str(sum(answer.line is not None for answer in named)),
                _sum(answers.values(), "errors", len(listed) + sound),
                _sum(answers.values(), "warnings", len(listed) + sound),
            )
        )
    return table(titles, rows)


def _sum(answers: Iterable[Answer], level: str, networks: int) -> str:
    counts = [getattr(answer, level) for answer in answers]
    touched = sum(count > 0 for count in counts)
    return f"{sum(counts)} on {touched} of {networks}" if touched else "0"


def _faults(listed: Sequence[Report], run: Run) -> str:
    rows = []
    for report in listed:
        lines = [str(mark.line) for mark in report.marks if mark.due]
        own = "–" if report.misses else f"line {', '.join(lines)}"
        others = [_cell(answers.get(report.name)) for answers in run.answers.values()]
        link = f"[{report.title}]({report.url})"
        rules = ", ".join(f"`{rule}`" for rule in report.rules)
        rows.append((link, report.about, rules, own, *others))
    return table(("report", "fault", "rule", "archcheck", *run.answers), rows)


def _cell(answer: Answer | None) -> str:
    if answer is None or not answer.check:
        return "–"
    return f"line {answer.line}" if answer.line is not None else "without a line"


def _missed(listed: Sequence[Report]) -> list[str]:
    """Why archcheck misses what it misses."""
    reasons = [f"- {each.title}: {each.misses}" for each in listed if each.misses]
    return ["archcheck misses", "\n".join(reasons)] if reasons else []
