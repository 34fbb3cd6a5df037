"""What a child process is asked of a script, and what it returns."""

from __future__ import annotations

from typing import Any

import msgspec

from archcheck.network import Place
from archcheck.worker.reference import Reference


class ScriptRequest(msgspec.Struct, frozen=True):
    """The script.

    Attributes:
        script: the file.
        runs: whether it is run; else only the signatures are looked up.
        until: its last line that has to run; 0 for all of it.
        makers: the functions that return a pipeline and can be called with nothing.
        names: the transforms whose signatures are wanted.
    """

    script: Reference
    runs: bool = True
    until: int = 0
    makers: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


class Signature(msgspec.Struct, frozen=True):
    """The arguments of a transform in the installed version.

    Attributes:
        parameters: their names, in order.
        defaults: of those that have one.
        takes_any: whether it takes others too.
    """

    parameters: tuple[str, ...]
    defaults: dict[str, Any] = {}
    takes_any: bool = False


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
        own: whether the submission says what the class does.
        altered: why it may do something else than albumentations' class.
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
    own: bool = False
    altered: str = ""


class RecordedScript(msgspec.Struct, frozen=True):
    """Everything that a script constructed, and what the library takes.

    Attributes:
        library: the version of albumentations; empty where it cannot be imported.
        objects: in the order in which they were constructed.
        names: the numbers of the module's compositions by their names.
        failure: what the script raised, or why the library cannot be imported.
        place: the line where it raised.
        signatures: of the transforms that were asked for, as far as the version has them.
    """

    library: str = ""
    objects: tuple[RecordedObject, ...] = ()
    names: dict[str, int] = {}
    failure: str = ""
    place: Place | None = None
    signatures: dict[str, Signature] = {}
