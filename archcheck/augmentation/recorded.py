"""What a child process is asked of a script, and what it returns."""

from __future__ import annotations

from typing import Any

import msgspec

from archcheck.network import Place
from archcheck.worker.reference import Reference


class ScriptRequest(msgspec.Struct, frozen=True):
    """The script; ``until`` is its last line that has to run (0: all of it), ``makers`` are the
    functions that return a pipeline and can be called with nothing."""

    script: Reference
    until: int = 0
    makers: tuple[str, ...] = ()


class RecordedObject(msgspec.Struct, frozen=True):
    """An object that was constructed.

    Attributes:
        name: the class.
        file, line, column: the call that constructed it; column 0 where Python keeps none.
        given: the names and values of its arguments, without a composition's list.
        effective: what it was constructed with, the version's defaults included.
        dropped: names of arguments that its version does not take.
        composition: whether it holds others.
        children: the numbers of those, -1 for one that is not known.
    """

    name: str
    file: str
    line: int
    column: int
    given: tuple[tuple[str, Any], ...] = ()
    effective: dict[str, Any] = {}
    dropped: tuple[str, ...] = ()
    composition: bool = False
    children: tuple[int, ...] = ()


class RecordedScript(msgspec.Struct, frozen=True):
    """Everything that a script constructed.

    Attributes:
        library: the version of albumentations; empty where it cannot be imported.
        objects: in the order in which they were constructed.
        names: the numbers of the module's compositions by their names.
        failure: what the script raised, or why the library cannot be imported.
        line: of the script, where it raised; 0 if that is not known.
    """

    library: str = ""
    objects: tuple[RecordedObject, ...] = ()
    names: dict[str, int] = {}
    failure: str = ""
    line: int = 0


def line_in(file: str, *places: Place | None) -> int:
    """The line of the first place that lies in a file, 0 if none does."""
    return next((place.line for place in places if place and place.file == file), 0)
