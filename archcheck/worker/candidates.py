"""Which network of a file is checked if the reference names none."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from torch import nn
from torch.nn.parameter import is_lazy

from archcheck.worker.failures import InputError
from archcheck.worker.reference import Reference


def only_network(module: ModuleType, reference: Reference, with_arguments: bool) -> str:
    """The name of the one network in a module that no other network there contains.

    A class counts as contained if another's code names it, directly or through a function of the
    module. If no class is left, an instance at module level is taken.

    Raises:
        InputError: if there is none, or more than one.
    """
    own = {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, type)
        and issubclass(value, nn.Module)
        and value.__module__ == module.__name__
        and value.__name__ == name
    }
    instances = {
        name: value for name, value in vars(module).items() if isinstance(value, nn.Module)
    }
    classes = {value: name for name, value in own.items()}
    contained = {
        classes[kind]
        for value in own.values()
        for used in _used_by(value, module)
        if used in classes and used is not value
        for kind in used.__mro__
        if kind in classes and kind is not value
    }
    outer = [name for name in own if name not in contained]
    if not outer and own:
        outer = list(own)  # they contain each other
    if len(outer) == 1:
        name = outer[0]
        built = [n for n, value in instances.items() if type(value) is own[name]]
        if not with_arguments and _wants_arguments(own[name]) and len(built) == 1:
            return built[0]
        return name
    if not outer and len(instances) == 1:
        return next(iter(instances))
    where = reference.module or Path(reference.file).name
    if not outer and not instances:
        makers = [
            n
            for n, v in vars(module).items()
            if inspect.isfunction(v) and v.__module__ == module.__name__ and not n.startswith("_")
        ]
        hint = f"; name the function that makes one, as in {where}:{makers[0]}" if makers else ""
        raise InputError(f"{reference}: no nn.Module is defined here{hint}", says_where=True)
    names = outer or list(instances)
    raise InputError(
        f"{reference} holds {len(names)} networks: {', '.join(names)}; "
        f"name one, as in {where}:{names[-1]}",
        says_where=True,
    )


def _wants_arguments(target: Any) -> bool:
    try:
        parameters = list(inspect.signature(target).parameters.values())
    except (TypeError, ValueError):
        return False
    return any(
        p.default is p.empty and p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
        for p in parameters
    )


_NO_FORWARD = (None, nn.Module.forward)


def _used_by(target: type, module: ModuleType) -> set[type]:
    """The classes that a class's code uses: by name, through functions and containers of the
    module, as defaults and class attributes; and its abstract bases."""
    # A base class without a forward of its own is not a network; one with it is another network.
    classes = {base for base in target.__mro__[1:] if getattr(base, "forward", None) in _NO_FORWARD}
    waiting: list[Any] = [target]
    seen: set[int] = set()
    while waiting:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        for used in _leads_to(value, vars(module)):
            if isinstance(used, type):
                classes.add(used)
            else:
                waiting.append(used)
    return classes


def _leads_to(value: Any, names: dict[str, Any]) -> Iterator[Any]:
    """The classes, functions and containers that a value's code or content mentions."""
    if isinstance(value, type):
        mentioned = [inspect.unwrap(getattr(m, "__func__", m)) for m in vars(value).values() if m]
    elif isinstance(value, FunctionType):
        mentioned = [names[name] for name in _code_names(value.__code__) if name in names]
        mentioned += [*(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values()]
    elif isinstance(value, dict):
        mentioned = list(value.values())
    else:
        mentioned = list(value)
    for item in mentioned:
        if isinstance(item, (type, FunctionType, dict, list, tuple)):
            yield item


def _code_names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _code_names(constant)


def duplicate_classes(file: str) -> list[str]:
    """A note for every class that the file defines more than once: Python keeps the last one."""
    try:
        tree = ast.parse(Path(file).read_bytes())
    except (SyntaxError, ValueError, OSError):
        return []
    lines: dict[str, list[int]] = {}
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            lines.setdefault(node.name, []).append(node.lineno)
    return [
        f"{name} is defined {len(at)} times (lines {', '.join(map(str, at))}); the last one counts"
        for name, at in lines.items()
        if len(at) > 1
    ]


def other_instances(module: ModuleType, reference: Reference, model: nn.Module) -> list[str]:
    """A note for every instance in the module whose sizes differ from the class's defaults."""
    where = reference.module or Path(reference.file).name
    return [
        f"{name}, which the file builds, has other sizes than {type(model).__name__}() by "
        f"default: name it to check it, {where}:{name}"
        for name, value in vars(module).items()
        if type(value) is type(model) and _sizes(value) != _sizes(model)
    ]


def _sizes(model: nn.Module) -> list[tuple[str, tuple[int, ...]]]:
    return [
        (name, tuple(parameter.shape))
        for name, parameter in model.named_parameters()
        if not is_lazy(parameter)
    ]
