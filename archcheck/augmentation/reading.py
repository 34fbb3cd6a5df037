"""The pipelines of a script: its source, and beside it what a child process saw of it live."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from archcheck.augmentation.joining import LiveObjects, joined
from archcheck.augmentation.library import LIBRARY
from archcheck.augmentation.recorded import RecordedScript, ScriptRequest, line_in
from archcheck.augmentation.source import Source, Unreadable, read_source
from archcheck.evidence.augmentation import Augmentation
from archcheck.worker.failures import Failure, InputError, StartError, how_it_ended
from archcheck.worker.reference import Reference, file_and_name, python_file

if TYPE_CHECKING:  # with it comes subprocess, which a cached run needs not
    from archcheck.worker.process import Start

_READ = "archcheck.augmentation.live:read"


def parse_script(text: str) -> Reference:
    """Read ``FILE`` or ``FILE:NAME``, where the name is that of a pipeline in it.

    Raises:
        InputError: if there is no such Python file.
    """
    head, name = file_and_name(text)
    file = python_file(head, "builds the pipeline") if head else None
    if file is not None:
        return Reference(str(file), "", name)
    message = f"there is no file {head}; write --augmentation FILE or FILE:NAME"
    raise InputError(message, input="reference")


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
    reason = "" if pipelines else f"no {LIBRARY} pipeline was found in {name}"
    return Augmentation(
        file=script.file,
        pipelines=pipelines,
        chosen=script.name,
        library=library,
        notes=notes,
        reason=reason,
        absent=not pipelines and named and not source.mentions and not _own(source, script.file),
    )


def _live(
    script: Reference, source: Source, timeout: float, start_worker: Start
) -> tuple[LiveObjects, str, tuple[str, ...]]:
    """What the script constructs, the library's version, and why that is not all."""
    nothing = LiveObjects(RecordedScript(), script.file)
    if not _is_installed(LIBRARY):
        return nothing, "", (f"{LIBRARY} is not installed: the source alone is judged",)
    request = ScriptRequest(script, source.until, tuple(source.makers))
    with start_worker() as worker:
        try:
            recorded = worker.run(
                _READ, request, RecordedScript, script=script.file, timeout=timeout
            )
        except (InputError, StartError) as error:
            return nothing, "", (f"the source alone is judged: {error}",)
    name = Path(script.file).name
    if isinstance(recorded, Failure):
        line = line_in(script.file, recorded.place, recorded.called)
        where = f"{name}:{line}" if line else name
        return nothing, "", (f"the source alone is judged: {where} {how_it_ended(recorded)}",)
    if not recorded.library:
        return nothing, "", (f"the source alone is judged: {LIBRARY}: {recorded.failure}",)
    where = f"{name}:{recorded.line}" if recorded.line else name
    notes = (
        (f"{where} could not be run any further: {recorded.failure}",) if recorded.failure else ()
    )
    return LiveObjects(recorded, script.file), recorded.library, notes


def _own(source: Source, file: str) -> bool:
    """Whether the script imports what may be the submission's own code, or is not known."""
    folder = Path(file).parent
    return any(
        module == "."
        or (folder / f"{module}.py").exists()
        or (folder / module).is_dir()
        or (module not in sys.stdlib_module_names and not _is_installed(module))
        for module in source.imports
    )


def _is_installed(module: str) -> bool:
    # Found, not imported: only whether it is another project's.
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False
