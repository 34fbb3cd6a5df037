"""The file of the findings of a lint that are known."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from archcheck.cli.errors import UsageError
from archcheck.cli.output import write_file
from archcheck.cli.streams import print_message
from archcheck.phrases import how_many
from archcheck.reporters.known import Baseline, found_in, parsed, shrunk, without_known, written
from archcheck.spec import Report

OPTION = "--baseline"


def quietened(
    reports: Sequence[Report], file: Path, rules: Collection[str], *, anew: bool
) -> list[Report]:
    """Reports without the findings that a file knows. What is found no longer is taken out of the
    file; with ``anew`` it is written with all that is found.

    Raises:
        UsageError: if the file is no baseline, or cannot be read or written.
    """
    if anew:
        baseline = found_in(reports)
        write_file(file, written(baseline), OPTION)
        number = how_many(baseline.total(), "finding")
        print_message(f"{file} has {number}: they are known from now on\n")
        return [without_known(report, baseline) for report in reports]
    baseline = _read(file)
    left = shrunk(baseline, reports, rules)
    if left != baseline:
        write_file(file, written(left), OPTION)
        gone = how_many((baseline - left).total(), "finding")
        print_message(f"{gone} less in {file}\n")
    return [without_known(report, baseline) for report in reports]


def _read(file: Path) -> Baseline:
    try:
        return parsed(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        hint = "write it with --write-baseline"
        raise UsageError(f"{OPTION} {file}: there is no such file; {hint}") from None
    except OSError as error:
        raise UsageError(f"{OPTION} {file} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise UsageError(f"{OPTION} {file}: {error}") from None
