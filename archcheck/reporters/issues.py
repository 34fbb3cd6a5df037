"""What reports of every format share: what is wrong, how bad it is, and where."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from archcheck.network import Place
from archcheck.reporters.formatting import plain
from archcheck.spec import Finding, Report


@dataclass(frozen=True)
class Region:
    """A stretch of a file: lines and columns count characters from 1, the last one excluded."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int
    module: str = ""
    label: str = ""
    source: str = ""

    @property
    def path(self) -> str:
        """The file as :func:`relative` gives it."""
        return relative(self.file)


@dataclass(frozen=True)
class Issue:
    """A finding that does not hold, in words, at its places (none where nothing is known)."""

    finding: Finding
    name: str
    report: Report
    message: str
    regions: tuple[Region, ...]

    @property
    def path(self) -> str:
        """The file that is at fault: of the first place, else the network's, if it has one."""
        if self.regions:
            return self.regions[0].path
        return relative(self.report.file) if self.report.file.endswith(".py") else ""

    @property
    def line(self) -> int:
        """The line at fault, 1 where none is known."""
        return self.regions[0].line if self.regions else 1

    @property
    def details(self) -> tuple[str, ...]:
        """What else there is to say: the rule's own reason, where it reads on, the points."""
        verdict = self.finding.verdict
        own = verdict.message if verdict.message != self.finding.message else ""
        points = str(self.finding.points) if self.finding.points else ""
        return tuple(plain(text).strip() for text in (own, verdict.hint, points) if text)

    @property
    def text(self) -> str:
        """The message, which can stand alone, and the details."""
        return f"{self.message} ({'; '.join(self.details)})" if self.details else self.message


def issues(reports: Sequence[Report]) -> Iterator[Issue]:
    """All findings that do not hold. Of a network that cannot be run only that is told: every
    rule would say the same."""
    for report in reports:
        for name, finding in named(report):
            status = finding.verdict.status
            if status == "passed" or (report.network is None and status == "not-verified"):
                continue
            yield Issue(finding, name, report, reason(finding), regions(finding))


def named(report: Report) -> Iterator[tuple[str, Finding]]:
    """Findings with a name each, as :func:`numbered` gives them."""
    yield from zip(numbered(f.rule for f in report.findings), report.findings, strict=True)


def numbered(rules: Iterable[str]) -> Iterator[str]:
    """A name for each entry of a spec: the rule's, and ``rule[2]`` for its second entry."""
    seen: dict[str, int] = {}
    for rule in rules:
        count = seen[rule] = seen.get(rule, 0) + 1
        yield rule if count == 1 else f"{rule}[{count}]"


def reason(finding: Finding) -> str:
    """Why a finding does not hold, in a sentence."""
    text = finding.message
    if finding.verdict.status == "not-verified":
        text = f"not verified: {text}"
    return sentence(text)


def sentence(text: str) -> str:
    """A text that ends like a sentence."""
    text = plain(text).strip()
    return text if not text or text[-1] in ".!?" else f"{text}."


def regions(finding: Finding) -> tuple[Region, ...]:
    """The places of a finding, each line once."""
    found: dict[tuple[str, int], Region] = {}
    for where in finding.verdict.locations:
        if where.place is not None:
            region = _region(where.place, where.module, where.label)
            found.setdefault((region.file, region.line), region)
    return tuple(found.values())


def title(report: Report) -> str:
    """``examples/net004.py:Net``."""
    return ":".join(part for part in (relative(report.file), plain(report.name)) if part)


# -- places ----------------------------------------------------------------------------------


def repository_root() -> Path:
    """The nearest folder upward that git knows, else the working folder."""
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / ".git").exists()), here)


def relative(file: str) -> str:
    """A path relative to the repository's root with forward slashes; whole if it lies outside."""
    return plain(relative_path(file))


def relative_path(file: str) -> str:
    """As :func:`relative`, with every byte of a name that is no UTF-8 kept."""
    if not file or not Path(file).is_absolute():
        path = Path.cwd() / file
        if not file or not path.exists():
            return file
        file = str(path)
    try:
        return Path(file).resolve().relative_to(repository_root().resolve()).as_posix()
    except (ValueError, OSError):
        return Path(file).as_posix()


def _region(place: Place, module: str, label: str) -> Region:
    lines = _lines(place.file)
    end_line = place.end_line or place.line
    first, last = _line(lines, place.line), _line(lines, end_line)
    column = _characters(first, place.column) if place.column else 1
    if place.end_column:
        end_column = _characters(last, place.end_column)
    else:  # a Python that was told to keep no columns
        end_column = len(last.decode("utf-8", "replace").rstrip()) + 1
    if end_line == place.line:
        end_column = max(end_column, column + 1)
    source = plain(first.decode("utf-8", "replace").strip())
    return Region(
        place.file,
        place.line,
        column,
        end_line,
        end_column,
        plain(module),
        plain(label),
        source,
    )


def _line(lines: tuple[bytes, ...], number: int) -> bytes:
    return lines[number - 1] if 0 < number <= len(lines) else b""


def _characters(line: bytes, column: int) -> int:
    """Python counts columns in bytes of UTF-8."""
    if line.isascii():
        return column
    return len(line[: column - 1].decode("utf-8", "replace")) + 1


def _lines(file: str) -> tuple[bytes, ...]:
    try:
        return tuple(Path(file).read_bytes().splitlines())
    except (OSError, ValueError):
        return ()


def fingerprints(found: Sequence[Issue]) -> list[str]:
    """A fingerprint for each issue that other edits of the file do not change: of the rule, the
    network, the module and the text of the line at fault. Those that agree are counted."""
    seen: dict[str, int] = {}
    prints = []
    for issue in found:
        first = issue.regions[0] if issue.regions else None
        parts = (
            issue.name,
            title(issue.report),
            issue.path,
            first.module if first else "",
            " ".join(first.source.split()) if first else "",
        )
        digest = hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:32]
        count = seen[digest] = seen.get(digest, 0) + 1
        prints.append(f"{digest}:{count}")
    return prints
