"""The pipelines of a script: its source, and beside it what a child process saw of it live."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from archcheck.augmentation.joining import LiveObjects, joined
from archcheck.augmentation.library import LIBRARY, is_installed
from archcheck.augmentation.recorded import RecordedScript, ScriptRequest
from archcheck.augmentation.source import Source, Unreadable, read_source
from archcheck.evidence.augmentation import Augmentation, Unknown
from archcheck.network import Place
from archcheck.worker.failures import Failure, InputError, StartError, how_it_ended
from archcheck.worker.reference import Reference
from archcheck.worker.scripts import placed

if TYPE_CHECKING:  # with it comes subprocess, which a cached run needs not
    from archcheck.worker.process import Start

_READ = "archcheck.augmentation.live:read"


def read_pipelines(
    script: Reference, start_worker: Start, *, named: bool = True, timeout: float = 60.0
) -> Augmentation | None:
    """The pipelines that a script builds.

    Args:
        script: the file, and the name of the pipeline to judge, empty for none.
        start_worker: makes the process that runs it.
        named: whether this file was named as the script. One that was not only counts (else the
            result is None) if it imports albumentations.
        timeout: seconds until a script that does not return is given up.
    """
    name = Path(script.file).name
    try:
        source = read_source(script.file)
    except Unreadable as error:
        return Augmentation(script.file, chosen=script.name, reason=str(error)) if named else None
    if not source.mentions and not named:
        return None
    live, library, notes = _live(script, source, timeout, start_worker)
    pipelines = joined(source, live)
    return Augmentation(
        file=script.file,
        pipelines=pipelines,
        loose=source.loose,
        chosen=script.name,
        library=library,
        notes=notes,
        reason="" if pipelines else _nothing(name, source),
        place=placed(Place(script.file, source.other[1]))
        if source.other and not pipelines
        else None,
        absent=not pipelines and named and not source.mentions and not source.missing,
    )


def _nothing(name: str, source: Source) -> str:
    """Why there is no pipeline."""
    if source.other is not None and not source.mentions:
        library, line = source.other
        return (
            f"{name} transforms its images with {library} (line {line}), and builds no pipeline of "
            f"{LIBRARY}, whose transforms are asked for"
        )
    missing = ", ".join(source.missing)
    reason = f"no {LIBRARY} pipeline was found in {name}"
    return f"{reason}, and what it imports from {missing} is not there" if missing else reason


def _live(
    script: Reference, source: Source, timeout: float, start_worker: Start
) -> tuple[LiveObjects, str, tuple[str, ...]]:
    """What the script constructs, the library's version, and why that is not all."""
    nothing = LiveObjects(RecordedScript())
    if not source.mentions and not source.missing:
        return nothing, "", ()
    if not is_installed(LIBRARY):
        return nothing, "", (f"{LIBRARY} is not installed: the source alone is judged",)
    request = ScriptRequest(
        script, _has_to_run(source), source.until, source.makers, _names(source)
    )
    with start_worker() as worker:
        try:
            recorded = worker.run(
                _READ, request, RecordedScript, script=script.file, timeout=timeout
            )
        except (InputError, StartError) as error:
            return nothing, "", (f"the source alone is judged: {error}",)
    name = Path(script.file).name
    if isinstance(recorded, Failure):
        where = _where(name, recorded.place)
        return nothing, "", (f"the source alone is judged: {where} {how_it_ended(recorded)}",)
    if not recorded.library:
        return nothing, "", (f"the source alone is judged: {LIBRARY}: {recorded.failure}",)
    where = _where(name, recorded.place)
    notes = (
        (f"{where} could not be run any further: {recorded.failure}",) if recorded.failure else ()
    )
    return LiveObjects(recorded), recorded.library, notes


def _where(name: str, place: Place | None) -> str:
    return str(place) if place else name


def _names(source: Source) -> tuple[str, ...]:
    """The transforms of the library that the source makes."""
    walked = (part for pipeline in source.pipelines for part in pipeline.root.walk())
    return tuple(sorted({part.name for part in walked if part.name and not part.own}))


def _has_to_run(source: Source) -> bool:
    """Whether the source leaves open what a pipeline holds."""
    return not source.pipelines or any(
        not part.name or part.incomplete or any(_is_open(a.value) for a in part.arguments)
        for pipeline in source.pipelines
        for part in pipeline.root.walk()
    )


def _is_open(value: Any) -> bool:
    if isinstance(value, tuple):
        return any(map(_is_open, value))
    return isinstance(value, Unknown) and value.is_open
