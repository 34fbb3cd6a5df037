"""What the other tools said of the networks, as data that is kept."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from benchmarks.lint.catalogue import FAULTY, FIXED, NET, Case, Report
from benchmarks.lint.other_tools import Ask, Said, names

KEPT = Path(__file__).with_name("found.json")
"""The run that docs/lint.md shows."""


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one tool said of one case.

    Attributes:
        check: what named the fault; empty where nothing did.
        line: the line that it gave, if that is one of those at fault.
        errors, warnings: how many it gave on the sound network.
        raised: what it raised instead.
    """

    check: str = ""
    line: int | None = None
    errors: int = 0
    warnings: int = 0
    raised: str = ""


class Run(msgspec.Struct, frozen=True):
    """A run of all tools over all cases, by tool and by the case's name."""

    date: str
    versions: dict[str, str]
    answers: dict[str, dict[str, Answer]]

    def save(self, file: Path) -> None:
        """Write it as JSON, an answer a line."""
        data = json.loads(msgspec.json.encode(self))
        answers = data.pop("answers")
        head = json.dumps(data, indent=1, ensure_ascii=False).removesuffix("\n}")
        tools = ",\n".join(f'  "{tool}": {{\n{_lines(answers[tool])}\n  }}' for tool in answers)
        file.write_text(f'{head},\n "answers": {{\n{tools}\n }}\n}}\n', encoding="utf-8")


def load(file: Path) -> Run:
    """Read what :meth:`Run.save` wrote."""
    return msgspec.json.decode(file.read_bytes(), type=Run)


def today(versions: dict[str, str], answers: dict[str, dict[str, Answer]]) -> Run:
    """A run of today."""
    return Run(datetime.now(UTC).date().isoformat(), versions, answers)


def answer_of(tool: str, ask: Ask, case: Case) -> Answer:
    """What a tool says of a report or of a trap."""
    if not isinstance(case, Report):
        return _on_sound(_asked(ask, case, NET))
    faulty, fixed = _asked(ask, case, FAULTY), _asked(ask, case, FIXED)
    answer = _on_sound(fixed)
    if isinstance(faulty, str):
        return msgspec.structs.replace(answer, raised=faulty)
    rules = frozenset(rule for mark in case.marks for rule in mark.rules)
    usual = {(each.check, each.text) for each in fixed} if isinstance(fixed, list) else set()
    naming = [
        each for each in faulty if names(tool, rules, each) and (each.check, each.text) not in usual
    ]
    if not naming:
        return answer
    lines = {line for mark in case.marks for line in (mark.line, *mark.others)}
    line = next((each.line for each in naming if each.line in lines), None)
    return msgspec.structs.replace(answer, check=naming[0].check, line=line)


def _on_sound(said: list[Said] | str) -> Answer:
    if isinstance(said, str):
        return Answer(errors=1)
    levels = [each.level for each in said]
    return Answer(errors=levels.count("error"), warnings=levels.count("warning"))


def _asked(ask: Ask, case: Case, name: str) -> list[Said] | str:
    """What a tool says of a network, or what was raised: on a sound network that is an error."""
    try:
        return ask(case, name)
    except Exception as error:
        return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"


def _lines(answers: dict[str, object]) -> str:
    return ",\n".join(
        f'   "{name}": {json.dumps(answer, ensure_ascii=False)}' for name, answer in answers.items()
    )
