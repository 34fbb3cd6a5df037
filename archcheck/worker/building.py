"""Building the network that a reference names, out of its module."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from torch import nn

from archcheck.errors import closest
from archcheck.network import Place, Remark
from archcheck.worker.absent import hidden_class
from archcheck.worker.absent_devices import constructed
from archcheck.worker.candidates import (
    Candidate,
    Candidates,
    choose,
    has_parameters,
    name_one,
    other_instances,
    several,
)
from archcheck.worker.construction import built_at, constructions_recorded
from archcheck.worker.defined_twice import class_line, duplicate_definitions
from archcheck.worker.failures import BuildError, InputError, advice_on, describe
from archcheck.worker.faults import fault_of
from archcheck.worker.given_arguments import GivenArguments
from archcheck.worker.import_failures import file_hint
from archcheck.worker.ipython import command_notes
from archcheck.worker.reference import Reference
from archcheck.worker.scripts import placed
from archcheck.worker.signatures import missing, named, unknown
from archcheck.worker.source_locations import is_user_code

Construct = Callable[[Callable[[], Any]], Any]
"""How a constructor is called."""
MOST_BUILDERS = 8
"""The most ways to build a class that a message lists."""


class Loaded:
    """A live network with its source."""

    def __init__(
        self, model: nn.Module, name: str, source: Place | None, notes: list[Remark]
    ) -> None:
        self.model = model
        self.name = name
        self.source = source
        self.notes = notes


def build(
    module: ModuleType,
    reference: Reference,
    arguments: Mapping[str, Any],
    construct: Construct,
) -> Loaded:
    """Build the network that a reference names, by default the one of the module.

    Raises:
        InputError: if the name does not exist or is not a network, if there are several to choose
            from, or if an argument is not one of the constructor's.
        BuildError: if the constructor raises, or needs arguments.
    """
    notes = duplicate_definitions(reference.file, vars(module)) if reference.file else []
    notes += command_notes(reference.file)
    chosen = None if reference.name else choose(module, reference, arguments)
    name = chosen.name if chosen is not None else reference.name
    target = _target(module, reference, name)
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
    _check_arguments(target, name, arguments)
    given = constructed(lambda: GivenArguments(target, module, arguments))
    notes += given.notes
    model = _made(module, reference, name, target, given, source, construct)
    if chosen is not None and not has_parameters(model):
        _refuse_empty(module, reference, chosen)
    if not reference.name and not arguments:
        notes += other_instances(module, reference, model)
    return Loaded(model, name, source, notes)


def live(target: Any, arguments: Mapping[str, Any]) -> nn.Module:
    """A module of this process as it is; of a class an instance, whose modules know the lines that
    construct them.

    Raises:
        TypeError: if it is neither.
        InputError: if an argument is not one of the constructor's.
        BuildError: if the constructor raises, or needs arguments.
    """
    if isinstance(target, nn.Module):
        return target
    if not (isinstance(target, type) and issubclass(target, nn.Module)):
        raise TypeError(f"{target!r} is neither an nn.Module nor a class of them")
    name = target.__name__
    _check_arguments(target, name, arguments)
    module = sys.modules[target.__module__]
    given = GivenArguments(target, module, arguments)
    with constructions_recorded():
        return _made(module, None, name, target, given, _source(target), lambda make: make())


def _target(module: ModuleType, reference: Reference, name: str) -> Any:
    target: Any = module
    for part in name.split("."):
        if not hasattr(target, part):
            raise InputError(_no_such_name(module, reference, name), says_where=True)
        target = getattr(target, part)
    if isinstance(target, nn.Module):
        return target
    if isinstance(target, type) and not issubclass(target, nn.Module):
        raise InputError(f"{name} in {reference} is not an nn.Module", says_where=True)
    if not callable(target):
        raise InputError(f"{name} is neither a network nor a function that returns one")
    if inspect.isfunction(target) and "self" in inspect.signature(target).parameters:
        raise InputError(f"{name} is a method; name the class, or a function")
    return target


def _made(
    module: ModuleType,
    reference: Reference | None,
    name: str,
    target: Any,
    given: GivenArguments,
    source: Place | None,
    construct: Construct,
) -> nn.Module:
    lacking = tuple(missing(target, given.values))
    if lacking:
        raise BuildError(
            f"{name} needs arguments: {', '.join(lacking)}",
            place=source,
            missing=lacking,
            hint=_other_ways(module, reference, target),
        )
    try:
        model = construct(lambda: target(**given.values))
    except BaseException as error:
        fault = fault_of(error)
        raise BuildError(
            f"{name}() raised {describe(error)}",
            place=fault.place or source,
            advice=advice_on(error),
            hint=given.hint(error)
            or file_hint(error, fault.place)
            or _other_ways(module, reference, target),
        ) from error
    if not isinstance(model, nn.Module):
        raise InputError(f"{name}() returned {type(model).__name__}, not an nn.Module")
    return model


def _check_arguments(target: Any, name: str, arguments: Mapping[str, Any]) -> None:
    wrong = unknown(target, arguments)
    if wrong:
        names = [parameter.name for parameter in named(target)]
        hint = closest(wrong[0], names, quoted=False)
        raise InputError(
            f"{name} takes no argument {wrong[0]!r}; "
            f"its arguments: {', '.join(names) or 'none'}{hint}",
            input="arguments",
        )


def _other_ways(module: ModuleType, reference: Reference | None, target: Any) -> str:
    """What else of a referenced module builds a class, empty if nothing does."""
    if reference is None:
        return ""
    names = [each.name for each in Candidates(module).builders(target)]
    return name_one(reference, names[:MOST_BUILDERS]) if names else ""


def _refuse_empty(module: ModuleType, reference: Reference, chosen: Candidate) -> None:
    """Refuse to take a class without parameters for the network where there is something else."""
    others = Candidates(module).beside(chosen)
    if others:
        raise several(reference, [chosen, *others])


def _source(target: Any) -> Place | None:
    if isinstance(target, nn.Module):
        target = type(target)
    try:
        file = inspect.getsourcefile(target)
        line = class_line(target, file) if isinstance(target, type) and file else None
        line = line or inspect.getsourcelines(target)[1]
    except (TypeError, OSError, SyntaxError):
        return None
    return placed(Place(file, line)) if file and is_user_code(file) else None


def _no_such_name(module: ModuleType, reference: Reference, name: str) -> str:
    names = [
        n
        for n, value in vars(module).items()
        if isinstance(value, (type, nn.Module)) or inspect.isfunction(value)
        if not n.startswith("_")
    ]
    where = Reference(reference.file, reference.module, "")
    hint = hidden_class(module, name) or closest(name, names, quoted=False)
    return f"there is no {name} in {where}{hint}"
