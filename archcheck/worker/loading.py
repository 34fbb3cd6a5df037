"""From a reference to a live module, leaving nothing of the submission behind."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

from torch import nn

from archcheck.errors import closest
from archcheck.network import Place
from archcheck.worker.candidates import duplicate_classes, only_network, other_instances
from archcheck.worker.construction import built_at, constructions_recorded
from archcheck.worker.failures import (
    BuildError,
    ImportFailure,
    InputError,
    Stage,
    advice_on,
    describe,
)
from archcheck.worker.fresh_sources import FreshLoader, fresh_sources
from archcheck.worker.reference import Reference
from archcheck.worker.source_locations import is_user_code

Construct = Callable[[Callable[[], Any]], Any]
"""How a constructor is called."""


class Loaded:
    """A live network with its source."""

    def __init__(self, model: nn.Module, name: str, source: Place | None, notes: list[str]) -> None:
        self.model = model
        self.name = name
        self.source = source
        self.notes = notes


@contextmanager
def loaded(
    reference: Reference,
    arguments: Mapping[str, Any],
    enter: Callable[[Stage], None] = lambda stage: None,
    construct: Construct = lambda make: make(),
) -> Iterator[Loaded]:
    """Import a file or module, build its network, and clean up on the way out.

    ``enter`` is called before the network is built; ``construct`` calls its constructor.

    While this is entered the submission's folder is on ``sys.path``, so that lazy imports in
    ``forward`` work. Afterwards ``sys.path`` and the working directory are as before and the
    submission's own modules are gone from ``sys.modules``.

    Raises:
        InputError: if the name does not exist or is not a network, if there are several to choose
            from, or if an argument is not one of the constructor's.
        ImportFailure: if the import raises.
        BuildError: if the constructor raises, or needs arguments.
    """
    with imported(reference) as module:
        enter("builds")
        yield _build(module, reference, arguments, construct)


@contextmanager
def imported(reference: Reference, until: int = 0) -> Iterator[ModuleType]:
    """Import a file or module, and clean up on the way out, as :func:`loaded` does.

    With ``until`` only the statements of the file that begin before or in that line are run.

    Raises:
        InputError: if there is no such module.
        ImportFailure: if the import raises.
    """
    path, directory = list(sys.path), os.getcwd()
    before = dict(sys.modules)
    roots: list[Path] = []
    try:
        with constructions_recorded(), fresh_sources(roots):
            yield _import(reference, roots, until)
    finally:
        sys.path[:] = path
        if os.path.isdir(directory):
            os.chdir(directory)
        fresh = [name for name in sys.modules if name not in before]
        for name in [name for name in fresh if _belongs(sys.modules[name], roots)]:
            del sys.modules[name]
        for name, module in before.items():
            if sys.modules.get(name) is not module:
                sys.modules[name] = module


def _belongs(module: ModuleType, roots: list[Path]) -> bool:
    file = getattr(module, "__file__", None)
    if file is None:  # a namespace package: look at its folders
        places = [Path(p) for p in getattr(module, "__path__", [])]
    else:
        places = [Path(file)]
    return any(
        place.is_relative_to(root) and "site-packages" not in place.parts
        for place in places
        for root in roots
    )


def _import(reference: Reference, roots: list[Path], until: int) -> ModuleType:
    if reference.module:
        return _import_module(reference, roots)
    file = Path(reference.file)
    root, parts = file.parent, [file.stem]
    while (root / "__init__.py").is_file() and root.name.isidentifier():
        parts.insert(0, root.name)
        root = root.parent
    name = ".".join(parts)
    roots.append(root)
    sys.path.insert(0, str(root))
    if len(parts) == 1 or not file.stem.isidentifier():
        name = file.stem if file.stem.isidentifier() else "submission"
        if name in sys.modules or name in sys.stdlib_module_names:
            name = f"submission_{name}"
    _forget_shadowed(root)
    try:
        if len(parts) > 1 and file.stem.isidentifier():
            return importlib.import_module(name)
        loader = FreshLoader(name, str(file), until)
        spec = importlib.util.spec_from_file_location(name, file, loader=loader)
        if spec is None or spec.loader is None:
            raise InputError(f"{file} cannot be read as a Python module", says_where=True)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        return module
    except InputError:
        raise
    except BaseException as error:
        raise _import_failure(error) from error


def _import_module(reference: Reference, roots: list[Path]) -> ModuleType:
    sys.path.insert(0, os.getcwd())
    top = reference.module.partition(".")[0]
    roots += [Path(os.getcwd()) / top, Path(os.getcwd()) / f"{top}.py"]
    sys.path_importer_cache.pop(os.getcwd(), None)
    try:
        return importlib.import_module(reference.module)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{reference.module}.".startswith(f"{error.name}."):
            raise InputError(f"there is no module {error.name}", input="reference") from error
        raise _import_failure(error) from error
    except BaseException as error:
        raise _import_failure(error) from error


def _forget_shadowed(root: Path) -> None:
    """Remove modules that shadow the submission's own, such as another submission's ``utils``."""
    own = {entry.stem for entry in root.glob("*.py")} | {
        entry.parent.name for entry in root.glob("*/__init__.py")
    }
    for name in list(sys.modules):
        top = name.partition(".")[0]
        if top not in own or top in sys.stdlib_module_names or top == "archcheck":
            continue
        file = getattr(sys.modules[name], "__file__", None)
        if file and "site-packages" not in file and not Path(file).is_relative_to(root):
            del sys.modules[name]


def _import_failure(error: BaseException) -> ImportFailure:
    if isinstance(error, SyntaxError) and error.filename:
        place = Place(error.filename, error.lineno or 1, error.offset, None, None)
        return ImportFailure(f"{type(error).__name__}: {error.msg}", place=place)
    line = error_place(error.__traceback__)
    if isinstance(error, ModuleNotFoundError) and error.name:
        message = f"the module {error.name!r} is not installed"
        return ImportFailure(message, place=line, missing=(error.name,))
    advice = "prompt" if isinstance(error, EOFError) else advice_on(error)
    return ImportFailure(describe(error), place=line, advice=advice)


def error_place(trace: TracebackType | None) -> Place | None:
    """The innermost line of user code in a traceback."""
    place = None
    for frame, line in traceback.walk_tb(trace):
        if is_user_code(frame.f_code.co_filename):
            place = Place(frame.f_code.co_filename, line)
    return place


# -- building -------------------------------------------------------------------------------


def _build(
    module: ModuleType,
    reference: Reference,
    arguments: Mapping[str, Any],
    construct: Construct,
) -> Loaded:
    notes = duplicate_classes(reference.file) if reference.file else []
    name = reference.name or only_network(module, reference, bool(arguments))
    target: Any = module
    for part in name.split("."):
        if not hasattr(target, part):
            raise InputError(_no_such_name(module, reference, name), says_where=True)
        target = getattr(target, part)
    source = _source(target)
    if source is None and isinstance(target, nn.Module):
        source = built_at(target)
    if isinstance(target, nn.Module):
        if arguments:
            raise InputError(
                f"{name} is an instance already; arguments cannot be given to it",
                input="arguments",
            )
        return Loaded(target, name, source, notes)
    if isinstance(target, type) and not issubclass(target, nn.Module):
        raise InputError(f"{name} in {reference} is not an nn.Module", says_where=True)
    if not callable(target):
        raise InputError(f"{name} is neither a network nor a function that returns one")
    if inspect.isfunction(target) and "self" in inspect.signature(target).parameters:
        raise InputError(f"{name} is a method; name the class, or a function")
    _check_arguments(target, name, arguments, source)
    try:
        model = construct(lambda: target(**arguments))
    except BaseException as error:
        place = error_place(error.__traceback__) or source
        message = f"{name}() raised {describe(error)}"
        raise BuildError(message, place=place, advice=advice_on(error)) from error
    if not isinstance(model, nn.Module):
        raise InputError(f"{name}() returned {type(model).__name__}, not an nn.Module")
    if not reference.name and not arguments:
        notes += other_instances(module, reference, model)
    return Loaded(model, name, source, notes)


def _check_arguments(
    target: Any, name: str, arguments: Mapping[str, Any], source: Place | None
) -> None:
    try:
        parameters = inspect.signature(target).parameters
    except (TypeError, ValueError):
        return
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    named = [p for p in parameters.values() if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    unknown = [key for key in arguments if not takes_any and key not in {p.name for p in named}]
    if unknown:
        takes = ", ".join(p.name for p in named) or "none"
        hint = closest(unknown[0], [p.name for p in named], quoted=False)
        raise InputError(
            f"{name} takes no argument {unknown[0]!r}; its arguments: {takes}{hint}",
            input="arguments",
        )
    missing = [p.name for p in named if p.default is p.empty and p.name not in arguments]
    if missing:
        raise BuildError(
            f"{name} needs arguments: {', '.join(missing)}", place=source, missing=tuple(missing)
        )


def _source(target: Any) -> Place | None:
    if isinstance(target, nn.Module):
        target = type(target)
    try:
        file = inspect.getsourcefile(target)
        _, line = inspect.getsourcelines(target)
    except (TypeError, OSError):
        return None
    return Place(file, line) if file and is_user_code(file) else None


def _no_such_name(module: ModuleType, reference: Reference, name: str) -> str:
    names = [
        n
        for n, value in vars(module).items()
        if isinstance(value, (type, nn.Module)) or inspect.isfunction(value)
        if not re.match("_", n)
    ]
    hint = closest(name, names, quoted=False)
    return f"there is no {name} in {reference.module or reference.file}{hint}"
