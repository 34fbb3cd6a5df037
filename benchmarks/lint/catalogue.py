"""The networks of published reports and the traps, with what a linter is to say of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import yaml
from torch import nn

from archcheck.network.input_language import read_input
from archcheck.network.inputs import Inputs
from archcheck.worker.loading import loaded
from archcheck.worker.notebooks import SUFFIX, code_cells
from archcheck.worker.reference import parse_reference

HERE = Path(__file__).parent
FAULTY, FIXED, NET = "Faulty", "Fixed", "Net"
"""The two networks of a report's file, and that of a trap's."""
_MARK = re.compile(r"# (fault|or|also): ([\w-]+(?:, [\w-]+)*)$")


class Marked(msgspec.Struct, frozen=True):
    """A line that a finding has to name, and the rules of which one has to find it.

    ``others`` are lines that it may name instead. Where another rule is right, too, no finding is
    ``due``.
    """

    line: int
    rules: tuple[str, ...]
    others: tuple[int, ...] = ()
    due: bool = True


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """A file of networks, and what they are given.

    Attributes:
        input: what a sample is, as a spec says it.
        loss: what the networks are trained with: ``cross-entropy``, or a squared error.
    """

    name: str
    about: str
    input: Any
    loss: str = ""

    @property
    def file(self) -> Path:
        """The file of its networks, a notebook where the report's was one."""
        raise NotImplementedError

    @property
    def inputs(self) -> Inputs:
        """What the networks are given."""
        return read_input(self.input)

    @property
    def source(self) -> str:
        """The code of the file; a notebook's lines are counted through its code cells."""
        if self.file.suffix != SUFFIX:
            return self.file.read_text(encoding="utf-8")
        cells = code_cells(self.file.read_bytes())
        return "".join(f"{line.text}\n" for cell in cells for line in cell.lines)

    @contextmanager
    def built(self, name: str) -> Iterator[nn.Module]:
        """One of its networks; where its layers were built is known to archcheck."""
        with loaded(parse_reference(f"{self.file}:{name}"), {}) as network:
            yield network.model


class Report(Case, frozen=True, kw_only=True):
    """A published report: its network with the fault, and without.

    Attributes:
        report: the number of the issue, ``PR 2``, or the start of the commit that mended it.
        misses: why archcheck does not find the fault; empty where it does.
    """

    repository: str
    report: int | str
    misses: str = ""

    @property
    def file(self) -> Path:
        found = HERE / "reports" / f"{self.name}.py"
        return found if found.exists() else found.with_suffix(SUFFIX)

    @property
    def title(self) -> str:
        """``owner/name#4``, or ``owner/name@c0ffee`` for a commit."""
        kind, number = self._place
        return f"{self.repository}{'@' if kind == 'commit' else '#'}{number}"

    @property
    def url(self) -> str:
        """Where the report is published."""
        return f"https://github.com/{self.repository}/{'/'.join(self._place)}"

    @property
    def marks(self) -> list[Marked]:
        """What its file marks, in the order of the lines."""
        found: list[Marked] = []
        for number, line in enumerate(self.source.splitlines(), 1):
            match = _MARK.search(line)
            if match is None:
                continue
            word, rules = match[1], tuple(match[2].split(", "))
            if word == "or":
                last = found.pop()
                found.append(msgspec.structs.replace(last, others=(*last.others, number)))
            else:
                found.append(Marked(number, rules, due=word == "fault"))
        return found

    @property
    def rules(self) -> list[str]:
        """The rules that find the fault, each once."""
        return list(dict.fromkeys(mark.rules[0] for mark in self.marks if mark.due))

    @property
    def _place(self) -> tuple[str, str]:
        if isinstance(self.report, int):
            return "issues", str(self.report)
        if self.report.startswith("PR "):
            return "pull", self.report.removeprefix("PR ")
        return "commit", self.report


class Trap(Case, frozen=True, kw_only=True):
    """A sound network, ``Net``, that looks like a fault.

    ``suppressed`` is the rule that a comment in the file keeps quiet.
    """

    suppressed: str = ""

    @property
    def file(self) -> Path:
        return HERE / "traps" / f"{self.name}.py"


class Beyond(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A report that no trace can answer, and why."""

    repository: str
    report: int
    about: str
    why: str


def reports() -> list[Report]:
    """The reports of ``reports.yaml``, in its order."""
    return [msgspec.convert(table, Report) for table in _tables("reports.yaml")]


def traps() -> list[Trap]:
    """The traps of ``traps.yaml``, in its order."""
    return [msgspec.convert(table, Trap) for table in _tables("traps.yaml")]


def beyond() -> list[Beyond]:
    """The reports of ``beyond.yaml``, in its order."""
    return msgspec.convert(_read("beyond.yaml"), list[Beyond])


def _tables(name: str) -> list[Mapping[str, Any]]:
    return [{"name": key, **table} for key, table in _read(name).items()]


def _read(name: str) -> Any:
    return yaml.safe_load((HERE / name).read_text(encoding="utf-8"))
