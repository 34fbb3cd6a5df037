"""Ask all linters about all networks: ``python -m benchmarks.lint [--update-docs] [NAME ...]``."""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError

import torch

from benchmarks.kept import named
from benchmarks.lint.catalogue import FIXED, NET, Case, Report, Trap, reports, traps
from benchmarks.lint.linting import Finding, answer, findings
from benchmarks.lint.other_tools import TOOLS, versions
from benchmarks.lint.page import with_scoreboard
from benchmarks.lint.results import KEPT, Answer, answer_of, load, today
from benchmarks.processes import ROOT

PAGE = ROOT / "docs" / "lint.md"


def main(arguments: list[str]) -> int:
    """Check what the command line names; 1 if archcheck says something else than is expected."""
    parser = _parser()
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    cases: list[Case] = [*reports(), *traps()]
    chosen = [case for case in cases if named(case.name, options.names)]
    wrong = [case for case in chosen if not _told(case)]
    if options.update_docs:
        try:
            installed = versions()
        except PackageNotFoundError as error:
            parser.error(f"{error.name} is not installed: install the extra 'bench'")
        run = today(installed, {tool: _answers(tool, cases, chosen) for tool in TOOLS})
        run.save(KEPT)
        PAGE.write_text(with_scoreboard(PAGE.read_text("utf-8"), run), encoding="utf-8")
    return 1 if wrong else 0


def _told(case: Case) -> bool:
    """Whether archcheck says what it is to say; what it says is printed."""
    if isinstance(case, Trap):
        found = findings(case, NET)
        _say(case.name, "silent" if not found else "", found)
        return not found
    assert isinstance(case, Report)
    unnamed, others = answer(case)
    alarms = findings(case, FIXED)
    lines = ", ".join(str(mark.line) for mark in unnamed)
    _say(case.name, f"missed at {lines}" if unnamed else "found", others)
    _say(f"{case.name}, fixed", "", alarms)
    return bool(case.misses) == bool(unnamed) and not others and not alarms


def _say(name: str, verdict: str, found: Sequence[Finding]) -> None:
    told = [f"{each.level} {each.rule} at {each.line}" for each in found]
    if verdict or told:
        sys.stdout.write(f"{name}: {'; '.join(filter(None, [verdict, *told]))}\n")
        sys.stdout.flush()


def _answers(tool: str, cases: Sequence[Case], chosen: Sequence[Case]) -> dict[str, Answer]:
    """What a tool says now of those that were chosen, and what is kept of the others."""
    sys.stdout.write(f"asking {tool}\n")
    sys.stdout.flush()
    known = load(KEPT).answers.get(tool, {}) if KEPT.exists() else {}
    known |= {case.name: answer_of(tool, TOOLS[tool], case) for case in chosen}
    return {case.name: known[case.name] for case in cases if case.name in known}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.lint",
        description="Lint networks with the faults of published reports, their fixed twins and "
        "sound networks that look like faults. Exit code 1: archcheck says something else than is "
        "expected.",
    )
    add = parser.add_argument
    add("names", nargs="*", metavar="NAME", help="networks, or patterns such as 'unsupervised_*'")
    add(
        "--update-docs",
        action="store_true",
        help="ask the other tools, too, keep what was kept of other networks, and write the "
        "scoreboard in docs/lint.md",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
