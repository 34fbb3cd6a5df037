"""Inside the child process: what a script constructs of albumentations while it is imported.

Every transform and composition is written down as it is constructed, with the arguments it was
given, the installed version's defaults and the line. So a script that fails later on, or drops
what it built, has said it all the same.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from archcheck.augmentation.library import ABSTRACT, is_ours
from archcheck.augmentation.offline import MESSAGE, GoesOut, Offline, offline
from archcheck.augmentation.recorded import (
    RecordedObject,
    RecordedScript,
    ScriptRequest,
    Signature,
)
from archcheck.network import Place
from archcheck.worker.failures import NetworkError, describe
from archcheck.worker.fresh_sources import FreshLoader
from archcheck.worker.loading import imported
from archcheck.worker.session import Session
from archcheck.worker.source_locations import frame_place

MOST_OBJECTS = 10_000
"""How many objects are written down."""
LONGEST_SEQUENCE = 1000
"""No argument of a pipeline is a longer sequence."""


def read(request: ScriptRequest, session: Session) -> RecordedScript:
    """Import a script and return what it constructed; and what the library takes."""
    try:
        library = importlib.import_module("albumentations")
        recorder = Recorder(library)
    except BaseException as error:  # what is installed may be broken in any way
        return RecordedScript(failure=describe(error))
    version = str(getattr(library, "__version__", "unknown"))
    signatures = {name: found for name in request.names if (found := signature(library, name))}
    if not request.runs:
        return RecordedScript(version, signatures=signatures)
    session.enter("imports")
    names, failure, place = _run(request, recorder)
    return RecordedScript(version, recorder.objects(), names, failure, place, signatures)


def _run(request: ScriptRequest, recorder: Recorder) -> tuple[dict[str, int], str, Place | None]:
    """Import a script: the numbers of its compositions by name, what it raised, and where."""
    names: dict[str, int] = {}

    def loader(name: str, path: str) -> FreshLoader:
        return FreshLoader(name, path, request.until if path == request.script.file else 0)

    with offline(request.script.file) as guard:
        recorder.guard = guard
        try:
            with imported(request.script, loader) as module:
                names = _names(module, recorder)
                for name in request.makers:
                    _call(module, name)
        except NetworkError as error:
            if not guard.went_out:
                return names, error.message, error.place
    return names, MESSAGE if guard.went_out else "", guard.place


def signature(library: ModuleType, name: str) -> Signature | None:
    """The arguments that a transform takes; None if the version has no such transform."""
    places = (library, getattr(library, "pytorch", None))
    kind: Any = next((found for place in places if (found := getattr(place, name, None))), None)
    if not inspect.isclass(kind):
        return None
    parameters = list(inspect.signature(kind.__init__).parameters.values())[1:]
    own = {"transforms", "first", "second"}
    return Signature(
        tuple(p.name for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)),
        {
            p.name: plain(p.default)
            for p in parameters
            if p.default is not p.empty and p.name not in own
        },
        any(p.kind is p.VAR_KEYWORD for p in parameters),
    )


def _call(module: ModuleType, name: str) -> None:
    function = getattr(module, name, None)
    if inspect.isfunction(function):
        try:
            function()
        except (Exception, GoesOut):  # what it constructed until then is written down
            return


@dataclass
class _Record:
    """One object: the class, the line that constructed it, and its arguments."""

    made: Any
    name: str
    file: str
    line: int
    column: int
    given: list[tuple[str, Any]] = field(default_factory=list)
    effective: dict[str, Any] = field(default_factory=dict)
    dropped: list[str] = field(default_factory=list)
    own: bool = False
    altered: str = ""


def _derive(record: _Record, cls: Any) -> None:
    """Say what a class of the submission's is derived from."""
    if is_ours(cls.__module__):
        return
    library = next(kind for kind in cls.__mro__ if is_ours(kind.__module__))
    if library.__name__ in ABSTRACT:
        record.own = True
        return
    record.name = library.__name__
    record.altered = f"{cls.__name__} is derived from {library.__name__}"


class Recorder:
    """Writes down what is constructed of albumentations from now on."""

    def __init__(self, library: ModuleType) -> None:
        self.composition: Any = getattr(library, "BaseCompose", library.Compose)
        metaclass: Any = next(
            kind for kind in type(library.Compose).__mro__ if kind.__name__ == "SerializableMeta"
        )
        self.guard: Offline | None = None
        self.records: list[_Record] = []
        self.numbers: dict[int, int] = {}
        recorder = self

        def construct(cls: Any, *args: Any, **kwargs: Any) -> Any:
            made = type.__call__(cls, *args, **kwargs)
            recorder.write_down(made, cls, args, kwargs)
            return made

        metaclass.__call__ = construct

    def write_down(
        self, made: Any, cls: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        """Keep what is known of an object: its own attributes may change later."""
        if len(self.records) >= MOST_OBJECTS or (self.guard and self.guard.went_out):
            return  # what is constructed behind a download that failed is not what is trained with
        place = frame_place(sys._getframe(2))
        record = _Record(made, cls.__name__, place.file, place.line, place.column or 0)
        _derive(record, cls)
        parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
        positional = [p.name for p in parameters if p.kind is not p.VAR_KEYWORD]
        bound = [*zip(positional, args, strict=False), *kwargs.items()]
        is_list = isinstance(made, self.composition)
        own = {"transforms", "first", "second"} if is_list else set()
        record.given = [(name, plain(value)) for name, value in bound if name not in own]
        takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters)
        names = {p.name for p in parameters} | {"strict"}
        record.dropped = [name for name in kwargs if name not in names and not takes_any]
        defaults = {
            p.name: plain(p.default)
            for p in parameters
            if p.default is not p.empty and p.name not in own
        }
        kept = {name: value for name, value in record.given if name not in record.dropped}
        record.effective = {**defaults, **kept}
        self.numbers[id(made)] = len(self.records)
        self.records.append(record)  # which keeps the object, so that its identity stays its own

    def number(self, made: Any) -> int | None:
        """The number of an object, None if it was not written down."""
        return self.numbers.get(id(made))

    def objects(self) -> tuple[RecordedObject, ...]:
        """All that was written down."""
        objects = []
        for record in self.records:
            is_list = isinstance(record.made, self.composition)
            inner = getattr(record.made, "transforms", ()) if is_list else ()
            numbers = [self.number(child) for child in inner]
            objects.append(
                RecordedObject(
                    record.name,
                    record.file,
                    record.line,
                    record.column,
                    tuple(record.given),
                    record.effective,
                    tuple(record.dropped),
                    is_list,
                    tuple(-1 if number is None else number for number in numbers),
                    record.own,
                    record.altered,
                )
            )
        return tuple(objects)


def _names(module: ModuleType, recorder: Recorder) -> dict[str, int]:
    """The module's compositions by name, those in dictionaries and classes included."""
    numbers: dict[str, int] = {}

    def look(name: str, value: Any, deeper: bool) -> None:
        if isinstance(value, recorder.composition):
            number = recorder.number(value)
            if number is not None:
                numbers.setdefault(name, number)
        elif deeper and type(value) is dict:
            for key, item in list(value.items())[:LONGEST_SEQUENCE]:
                if isinstance(key, (str, int)):
                    look(f"{name}.{key}", item, False)
        elif deeper and isinstance(value, type) and value.__module__ == module.__name__:
            for key, item in list(vars(value).items()):
                look(f"{name}.{key}", item, False)

    for name, value in list(vars(module).items()):
        if not name.startswith("__"):
            look(name, value, True)
    return numbers


def plain(value: Any, depth: int = 0) -> Any:
    """A value as data that crosses processes; ``{"?": class}`` for one that is not data."""
    if value is None or type(value) in (bool, str, float):
        return value
    if type(value) is int and abs(value) < 1 << 60:
        return value
    try:
        if isinstance(value, (int, float, str)) and depth < 5:  # an enumeration's, numpy's own
            return plain(next(k for k in (bool, int, float, str) if isinstance(value, k))(value), 5)
        if isinstance(value, (list, tuple)) and len(value) <= LONGEST_SEQUENCE and depth < 5:
            return [plain(item, depth + 1) for item in value]
        if isinstance(value, dict) and len(value) <= LONGEST_SEQUENCE and depth < 5:
            return {str(key): plain(item, depth + 1) for key, item in value.items()}
        if _is_of_numbers(value) and depth < 5:
            return plain(value.tolist(), depth + 1)
    except Exception:  # what raises when it is looked at is no data
        return {"?": type(value).__name__}
    return {"?": type(value).__name__}


def _is_of_numbers(value: Any) -> bool:
    """Whether it is a small array or tensor, or a number of numpy's."""
    kind = type(value).__module__.partition(".")[0]
    if kind not in ("numpy", "torch") or not hasattr(value, "tolist"):
        return False
    shape = tuple(getattr(value, "shape", ()))
    return len(shape) <= 2 and all(side <= LONGEST_SEQUENCE for side in shape)
