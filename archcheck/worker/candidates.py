"""Which network of a file is checked if the reference names none."""

from __future__ import annotations

import ast
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from archcheck.network import Remark
from archcheck.worker.absent import why_no_network
from archcheck.worker.absent_devices import constructed
from archcheck.worker.construction import built_at
from archcheck.worker.factories import WRAPPERS, Made, factories, tree_of
from archcheck.worker.failures import InputError
from archcheck.worker.mentions import abstract_bases, mentioned_by
from archcheck.worker.reference import Reference
from archcheck.worker.registered import modules_of, own_attributes, parameters_of
from archcheck.worker.signatures import is_open, missing, unknown

DEEPEST_ATTRIBUTE = 4
"""How deep containers are looked into."""


@dataclass(frozen=True)
class Candidate:
    """A class, a function or an instance of a module that may be its network.

    Attributes:
        name, value: its name in the module, and what it is.
        made: the classes of the network that it is or returns.
        uses: the classes, functions and instances that its code or content mentions, by id.
    """

    name: str
    value: Any
    made: frozenset[Made]
    uses: Mapping[int, Any]

    @property
    def is_instance(self) -> bool:
        """Whether it is built already."""
        return isinstance(self.value, nn.Module)

    def is_a(self, kind: Any) -> bool:
        """Whether the network that it is or returns is of a class."""
        return any(made.kind is kind for made in self.made)

    def has_to_do_with(self, other: Candidate) -> bool:
        """Whether one of the two is a part of the other, or a way to build it."""
        return (
            id(other.value) in self.uses
            or id(self.value) in other.uses
            or any(self.is_a(made.kind) for made in other.made)
        )

    def ready(self, arguments: Collection[str]) -> bool:
        """Whether it can be built with just these arguments."""
        if self.is_instance:
            return not arguments
        return not missing(self.value, arguments) and not unknown(self.value, arguments)

    def has_parameters(self) -> bool:
        """Whether a network has parameters, which is built to find out."""
        try:
            return has_parameters(self.value if self.is_instance else constructed(self.value))
        except Exception:  # it cannot be built, or makes something else
            return False


class Candidates:
    """The candidates of a module.

    A class is a helper if another class, a function that makes a network, or an instance is made
    of it. A function that returns an instance of a class is no more than a way to build it.
    """

    def __init__(self, module: ModuleType, arguments: Collection[str] = ()) -> None:
        self._arguments = arguments
        self._names, self._tree = vars(module), tree_of(module)
        self.classes = [
            self._candidate(name, {Made(value, False)})
            for name, value in self._names.items()
            if isinstance(value, type)
            and issubclass(value, nn.Module)
            and _is_own(value, module)
            and value.__name__ == name
        ]
        self.functions = [
            self._candidate(name, made)
            for name, made in factories(module, self._tree).items()
            if not name.startswith("_")
        ]
        self.instances = self._instances()

    def obvious(self) -> Candidate | None:
        """The network of the module; None if there is none, or a choice."""
        classes, others = self._outer_classes, self._outermost(self._built)
        if len(classes) == 1:
            return self._way_to(classes[0], others)
        if classes:
            ready = [each for each in classes if each.ready(self._arguments)]
            if self._arguments and len(ready) == 1:  # no other class takes what is given
                return self._way_to(ready[0], others)
            return None if ready else _only(others)
        others = others or self._outermost(self.functions) or self.instances
        return _only(others) or _only([each for each in others if each.has_parameters()])

    def shown(self) -> list[Candidate]:
        """What can be named: all that can be built, and if that is nothing, the classes."""
        ready = [each for each in self._outer_classes if each.ready(self._arguments)]
        found = [*ready, *self._built]
        return found or self._outer_classes or self.functions or self.instances

    def builders(self, kind: Any) -> list[Candidate]:
        """The instances and functions that build a class as it can be built without arguments."""
        return [each for each in self._built if each.is_a(kind) and each.value is not kind]

    def beside(self, chosen: Candidate) -> list[Candidate]:
        """What is no part of a candidate, and more than a call of it without arguments."""
        same = {Made(made.kind, False) for made in chosen.made}
        return [
            each
            for each in (*self._outer_classes, *self.functions, *self._networks)
            if each is not chosen and id(each.value) not in chosen.uses and each.made - same
        ]

    def _candidate(self, name: str, made: Iterable[Made]) -> Candidate:
        value = self._names[name]
        return Candidate(name, value, frozenset(made), mentioned_by(value, self._names))

    def _instances(self) -> list[Candidate]:
        assigned = _assigned(self._tree)
        found: dict[int, Candidate] = {}
        for name, value in self._names.items():
            if isinstance(value, nn.Module):
                inner = unwrapped(value)
                named = [self._names[n] for n in assigned.get(name, ()) if n in self._names]
                uses = {**mentioned_by(inner, self._names), **{id(item): item for item in named}}
                made = frozenset({Made(type(inner), True)})
                found.setdefault(id(inner), Candidate(name, value, made, uses))
        return list(found.values())

    @cached_property
    def _networks(self) -> list[Candidate]:
        """The instances with parameters: losses and activations are none."""
        return [
            each
            for each in self.instances
            if has_parameters(each.value) and not isinstance(each.value, torch.jit.ScriptModule)
        ]

    @cached_property
    def _built(self) -> list[Candidate]:
        """The functions and instances that can be had with the arguments that are given."""
        return [each for each in (*self.functions, *self._networks) if each.ready(self._arguments)]

    @cached_property
    def _outer_classes(self) -> list[Candidate]:
        """The classes that are no helpers."""
        own = {each.value for each in self.classes}
        helpers = {
            kind
            for user in (*self.classes, *self._built)
            for used in (*user.uses.values(), *self._bases(user))
            for kind in (used.__mro__ if isinstance(used, type) else ())
            if kind in own and not user.is_a(kind) and used in own
        }
        outer = [each for each in self.classes if each.value not in helpers]
        return outer if outer or self._built else self.classes  # they contain each other

    def _bases(self, user: Candidate) -> Iterator[type]:
        """The bases of a class that cannot be networks: abstract ones, and those that cannot be
        built alone."""
        if isinstance(user.value, type):
            yield from abstract_bases(user.value)
            for each in self.classes:
                if each.value in user.value.__mro__[1:] and not each.ready(self._arguments):
                    yield each.value

    def _outermost(self, candidates: Iterable[Candidate]) -> list[Candidate]:
        """Those that no other one is made of."""
        candidates = list(candidates)
        return [
            each
            for each in candidates
            if not any(id(each.value) in other.uses for other in candidates if other is not each)
        ]

    def _way_to(self, only: Candidate, others: list[Candidate]) -> Candidate | None:
        """How the only outer class is built; None if something else is as good a network."""
        if any(not each.has_to_do_with(only) and each.has_parameters() for each in others):
            return None
        ways = [each for each in others if each.is_a(only.value)]
        instances = [each for each in ways if each.is_instance]
        if only.ready(self._arguments) and not (ways and is_open(only.value)):
            return only
        return _only(instances or ways) if ways else only


def _is_own(kind: type, module: ModuleType) -> bool:
    """Whether a class is defined in a module's file: a notebook may write other modules."""
    owner = sys.modules.get(kind.__module__)
    file = getattr(module, "__file__", None)
    written = file is not None and getattr(owner, "__file__", None) == file
    return written or kind.__module__ == module.__name__


def _only(candidates: Sequence[Candidate]) -> Candidate | None:
    return candidates[0] if len(candidates) == 1 else None


def choose(module: ModuleType, reference: Reference, arguments: Collection[str]) -> Candidate:
    """The one network in a module.

    It is the only class that is no helper, or if that needs arguments, the only function or
    instance that builds it; without classes the only function that returns a network, or the only
    instance.

    Raises:
        InputError: if there is none, or a choice.
    """
    candidates = Candidates(module, arguments)
    chosen = candidates.obvious()
    if chosen is not None:
        return chosen
    shown = candidates.shown()
    if not shown:
        raise InputError(f"{reference}{why_no_network(module)}", says_where=True)
    raise several(reference, shown)


def several(reference: Reference, shown: Iterable[Candidate]) -> InputError:
    """The error that a file holds more than one network."""
    names = [each.name for each in shown]
    count = f"{len(names)} networks" if len(names) > 1 else "more than one network"
    message = f"{reference} holds {count}; {name_one(reference, names)}"
    return InputError(message, says_where=True, choices=tuple(names))


def name_one(reference: Reference, names: Iterable[str]) -> str:
    """The advice to name one of some networks."""
    where = reference.module or Path(reference.file).name
    return "name one: " + ", ".join(f"{where}:{name}" for name in names)


def unwrapped(model: nn.Module) -> nn.Module:
    """A model without the wrappers that run it as it is."""
    while isinstance(model, WRAPPERS) or "_orig_mod" in model._modules:
        inner = model._modules.get("_orig_mod") or model._modules.get("module")
        if inner is None:
            break
        model = inner
    return model


def has_parameters(model: Any) -> bool:
    """Whether a model has parameters, or holds layers or weights that it does not register."""
    if not isinstance(model, nn.Module):
        return False
    if any(is_lazy(parameter) or parameter.numel() for _, parameter in parameters_of(model)):
        return True
    own = (own_attributes(module).items() for module in modules_of(model))
    return any(_weighs(value) for items in own for key, value in items if key not in _OF_ALL)


_OF_ALL = frozenset(vars(nn.Module()))
"""The attributes of every module."""


def _weighs(value: Any, depth: int = 0) -> bool:
    """Whether an attribute is a tensor or a layer, or a container that holds some."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)) and depth < DEEPEST_ATTRIBUTE:
        return any(_weighs(item, depth + 1) for item in value)
    return isinstance(value, torch.Tensor) or (
        isinstance(value, nn.Module) and any(True for _ in parameters_of(value))
    )


def _assigned(tree: ast.Module) -> dict[str, set[str]]:
    """The names that the value of each name is made of, as the file's own statements say."""
    names: dict[str, set[str]] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign):
            read = {n.id for n in ast.walk(node.value) if isinstance(n, ast.Name)}
            for target in node.targets:
                if isinstance(target, ast.Name):
                    names.setdefault(target.id, set()).update(read - {target.id})
    return names


def other_instances(module: ModuleType, reference: Reference, model: nn.Module) -> list[Remark]:
    """A note for every instance in the module whose sizes differ from the class's defaults."""
    where = reference.module or Path(reference.file).name
    return [
        Remark(
            f"{name}, which the file builds, has other sizes than {type(model).__name__}() by "
            f"default: name it to check it, {where}:{name}",
            built_at(value),
        )
        for name, value in vars(module).items()
        if type(value) is type(model) and _sizes(value) != _sizes(model)
    ]


def _sizes(model: nn.Module) -> list[tuple[str, tuple[int, ...]]]:
    return [
        (name, tuple(parameter.shape))
        for name, parameter in parameters_of(model)
        if not is_lazy(parameter)
    ]
