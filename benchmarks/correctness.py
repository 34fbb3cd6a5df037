"""The receptive field by each tool that reports one, beside the one that gradients show."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import msgspec

from benchmarks.processes import ROOT, environment, reason
from benchmarks.ratios import Failed
from benchmarks.results import Answer, Case
from benchmarks.tools import FIELDS

SECONDS = 1800.0
"""The limit for all cases of a tool. The gradients take a minute or two."""


def compare(small: bool, log: Callable[[str], None]) -> tuple[tuple[Case, ...], dict[str, str]]:
    """Run every tool on every case.

    Returns:
        The cases, and why a tool could not be run at all.

    Raises:
        Failed: if the gradients cannot be measured.
    """
    names = _names(small)
    log("the receptive fields by gradients")
    truth = _answers("oracle", small)
    answers: dict[str, list[Answer]] = {}
    failed: dict[str, str] = {}
    for tool in FIELDS:
        log(f"the receptive fields by {tool}")
        try:
            answers[tool] = _answers(tool, small)
        except Failed as error:
            failed[tool] = str(error)
            log(f"{tool} failed: {error}")
    cases = []
    for index, (name, expected) in enumerate(zip(names, truth, strict=True)):
        if expected.size is None:
            raise Failed(f"the gradients of {name!r}: {expected.why_not}")
        of_case = {tool: of_tool[index] for tool, of_tool in answers.items()}
        cases.append(Case(name, expected.size, of_case))
    return tuple(cases), failed


def _names(small: bool) -> list[str]:
    return msgspec.json.decode(_output("names", small), type=list[str])


def _answers(tool: str, small: bool) -> list[Answer]:
    return msgspec.json.decode(_output(tool, small), type=list[Answer])


def _output(tool: str, small: bool) -> str:
    command = [sys.executable, "-m", "benchmarks.answers", tool, *(["--small"] if small else [])]
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=environment(0),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise Failed(f"took longer than {SECONDS:g} seconds") from None
    if done.returncode != 0:
        raise Failed(f"exit code {done.returncode}: {reason(done.stderr, done.stdout)}")
    return done.stdout.splitlines()[-1]
