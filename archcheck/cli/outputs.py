"""Which report goes where: several formats, files, standard output, GitHub's job summary."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from archcheck.cli.errors import UsageError
from archcheck.cli.output import encodable, render_brief, render_overview, render_text, write_file
from archcheck.cli.streams import print_message, print_text
from archcheck.reporters.formats import JSON_FORMATS, MACHINE_FORMATS, render
from archcheck.spec import Report, Spec

STANDARD_OUTPUT = "-"


@dataclass(frozen=True)
class Destination:
    """A format and its file (None: standard output)."""

    format: str
    file: Path | None


def destinations(
    formats: Sequence[str] | None, files: Sequence[Path] | None
) -> tuple[Destination, ...]:
    """Pair formats with files: the first ``-o`` is the first format's, and so on.

    Raises:
        UsageError: if there are not as many formats as files (a single format without a file
            goes to standard output), or two reports would go to one place.
    """
    names, places = list(formats or ["full"]), list(files or [])
    if not places and len(names) == 1:
        return (Destination(names[0], None),)
    if len(names) != len(places):
        raise UsageError(
            f"{len(names)} --output-format and {len(places)} --output-file: give each format its "
            "-o, in the same order; `-o -` is standard output"
        )
    paired = tuple(
        Destination(name, None if str(file) == STANDARD_OUTPUT else file)
        for name, file in zip(names, places, strict=True)
    )
    targets = [None if d.file is None else os.path.abspath(d.file) for d in paired]
    twice = next((d for d, t in zip(paired, targets, strict=True) if targets.count(t) > 1), None)
    if twice is not None:
        where = "standard output" if twice.file is None else str(twice.file)
        raise UsageError(f"two reports cannot go to {where}; give each format its own -o")
    return paired


def deliver(reports: Sequence[Report], places: Sequence[Destination]) -> None:
    """Write every report to its place, and annotations inside GitHub Actions.

    Raises:
        UsageError: if a file cannot be written.
    """
    for place in sorted(places, key=lambda place: place.file is None):
        _put(place, _rendered(place, reports))
    if _inside_github():
        _annotate(reports, places)


def repeatable(reports: Sequence[Report], places: Sequence[Destination]) -> str | None:
    """The text that may be printed when the same run is repeated.

    The seconds of the first run are left out. None if the format contains them all the same, or
    if a report goes anywhere but to standard output.
    """
    if _inside_github() or [place.file for place in places] != [None]:
        return None
    timeless = [replace(report, seconds=0.0) for report in reports]
    text = _rendered(places[0], timeless)
    if places[0].format in MACHINE_FORMATS and text != _rendered(places[0], reports):
        return None
    return _printable(places[0], text)


def leave_unrun(
    error: Exception, net: str, formats: Sequence[str], files: Sequence[Path] | None
) -> None:
    """Write down that nothing could be verified, for whoever reads reports and no messages.

    Gradescope shows without a result only that the autograder failed. Other files and documents
    say it of an input that is wrong, a file that is not there, say.
    """
    from archcheck.reporters.gradescope import render_crash
    from archcheck.verification.wording import not_run
    from archcheck.worker.failures import InputError

    with contextlib.suppress(UsageError):
        for place in destinations(formats, files):
            if place.format == "gradescope":
                _put(place, render_crash(str(error) or type(error).__name__))
            elif isinstance(error, InputError) and (place.file or place.format in MACHINE_FORMATS):
                _put(place, _rendered(place, [not_run(error, Spec(()), file=net)]))


def _rendered(place: Destination, reports: Sequence[Report]) -> str:
    if place.format in MACHINE_FORMATS:
        return render(place.format, reports)
    for_file = place.file is not None
    if place.format == "brief":
        text = render_brief(reports, for_file=for_file)
    else:
        texts = [render_text(report, place.format, for_file=for_file) for report in reports]
        if place.format == "full" and len(reports) > 1:
            texts.append(render_overview(reports, for_file=for_file))
        text = ("\n" if place.format == "full" else "").join(texts)
    return text


def _put(place: Destination, text: str) -> None:
    if place.file is None:
        print_text(_printable(place, text))
    else:
        write_file(place.file, text)


def _printable(place: Destination, text: str) -> str:
    return encodable(text) if place.format in JSON_FORMATS else text


def _inside_github() -> bool:
    return os.environ.get("GITHUB_ACTIONS") == "true"


def _annotate(reports: Sequence[Report], places: Sequence[Destination]) -> None:
    """Write annotations and the job summary.

    Annotations follow text on standard output; if a document for programs goes there they go to
    standard error, which GitHub reads as well.
    """
    if not any(place.format == "github" for place in places):
        document = any(p.file is None and p.format in MACHINE_FORMATS for p in places)
        stream = sys.stderr if document else sys.stdout
        stream.write(render("github", reports))
        stream.flush()
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary:
        try:
            with Path(summary).open("a", encoding="utf-8") as file:
                file.write(render("markdown", reports) + "\n")
        except OSError as error:
            reason = error.strerror or error
            print_message(f"warning: the job summary cannot be written: {reason}\n")
