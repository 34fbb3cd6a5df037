"""The code of the author's that a forward pass may run, with what its names stand for.

A name is followed as far as it needs no code to be run: through modules, classes, closures and the
attributes of the network itself.
"""

from __future__ import annotations

import ast
import builtins
import functools
import importlib
import inspect
import os
import random
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from torch import nn

from archcheck.worker.defined_twice import first_line
from archcheck.worker.owners import Owner, owner
from archcheck.worker.scripts import Script, read_script

UNKNOWN = object()
"""What a name stands for that cannot be followed."""
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_CONTAINERS = (list, tuple, dict)
_LARGE = 1000
"""A container of more than these is none of functions."""
Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass(frozen=True, eq=False)
class Code:
    """A function of the author's: the live one, its source, and what it is a method of."""

    function: FunctionType
    node: Function
    script: Script
    instance: Any = UNKNOWN

    @cached_property
    def _stored(self) -> set[str]:
        """The names of its variables and of those of functions in it."""
        names = set(filter(None, map(_stored_name, ast.walk(self.node))))
        shared = (n for n in ast.walk(self.node) if isinstance(n, (ast.Global, ast.Nonlocal)))
        return names - {name for node in shared for name in node.names}

    @cached_property
    def _imports(self) -> dict[str, Any]:
        imports = (n for n in ast.walk(self.node) if isinstance(n, (ast.Import, ast.ImportFrom)))
        return {name: thing for node in imports for name, thing in _imported(node)}

    @cached_property
    def _closure(self) -> dict[str, Any]:
        names = self.function.__code__.co_freevars
        cells = zip(names, self.function.__closure__ or (), strict=True)
        return {name: _content(cell) for name, cell in cells}

    def thing(self, node: ast.expr) -> Any:
        """What an expression stands for, ``UNKNOWN`` if it cannot be followed."""
        if isinstance(node, ast.Name):
            return self._named(node.id)
        if isinstance(node, ast.Attribute):
            return attribute(self.thing(node.value), node.attr)
        if isinstance(node, ast.Call):
            return self._returned(node)
        return UNKNOWN

    def _named(self, name: str) -> Any:
        if name in self._imports:
            return self._imports[name]
        names = self.function.__code__.co_varnames[: self.function.__code__.co_argcount]
        if self.instance is not UNKNOWN and names[:1] == (name,):
            return self.instance
        if name in self._closure:
            return self._closure[name]
        if name in self._stored:
            return UNKNOWN
        return self.function.__globals__.get(name, getattr(builtins, name, UNKNOWN))

    def _returned(self, call: ast.Call) -> Any:
        """What ``getattr(x, "name")`` and ``__import__("name")`` give."""
        texts = [str(each.value) for each in call.args if isinstance(each, ast.Constant)]
        function = self.thing(call.func) if texts else UNKNOWN
        if function is getattr and len(call.args) > 1:
            return attribute(self.thing(call.args[0]), texts[0])
        imports = function is __import__ or function is importlib.import_module
        return sys.modules.get(texts[0], UNKNOWN) if imports else UNKNOWN


def reachable(modules: Iterable[nn.Module]) -> list[Code]:
    """The functions that a pass through some modules may run, without those of libraries.

    A module that is alive has no submission below whose root its code could lie.
    """
    found: list[Code] = []
    seen: set[tuple[CodeType, int]] = set()
    waiting = [start for module in modules for start in _starts(module)]
    while waiting:
        function, instance = _unwrapped(*waiting.pop())
        if not isinstance(function, FunctionType):
            continue
        key = function.__code__, id(type(instance))
        if key in seen or owner(function.__code__.co_filename) < Owner.OTHER:
            continue
        seen.add(key)
        for code in _codes(function, instance):
            found.append(code)
            waiting += _called(code)
    return found


_Start = tuple[Any, Any]
"""Something that is called, and what it is a method of."""


def _starts(module: nn.Module) -> Iterator[_Start]:
    own = vars(module)
    yield own.get("forward", getattr(type(module), "forward", None)), module
    for hooks in ("_forward_hooks", "_forward_pre_hooks"):
        yield from ((hook, UNKNOWN) for hook in own.get(hooks, {}).values())


def _unwrapped(function: Any, instance: Any) -> _Start:
    while True:
        if isinstance(function, MethodType):
            function, instance = function.__func__, function.__self__
        elif isinstance(function, functools.partial):
            function = function.func
        elif isinstance(function, FunctionType) and hasattr(function, "__wrapped__"):
            function = inspect.unwrap(function)
        else:
            return function, instance


def _codes(function: FunctionType, instance: Any) -> Iterator[Code]:
    """A function with its source; of several lambdas in one line each may be it."""
    code = function.__code__
    try:
        script = read_script(code.co_filename)
    except (OSError, SyntaxError, ValueError, RecursionError):
        return
    for node in ast.walk(script.tree):
        if not isinstance(node, _FUNCTIONS) or first_line(node) != code.co_firstlineno:
            continue
        if getattr(node, "name", "<lambda>") == code.co_name:
            yield Code(function, node, script, instance)


def _called(code: Code) -> Iterator[_Start]:
    """What a function names that may be called."""
    for node in ast.walk(code.node):
        if not isinstance(node, (ast.Name, ast.Attribute, ast.Call)):
            continue
        thing = code.thing(node)
        for each in _inside(thing):
            yield from _calls(each)


def _inside(thing: Any) -> Iterable[Any]:
    """What a small container holds, or the thing itself."""
    if type(thing) not in _CONTAINERS or len(thing) > _LARGE:
        return [thing]
    return list(thing.values() if type(thing) is dict else thing)


def _calls(thing: Any) -> Iterator[_Start]:
    if isinstance(thing, property):
        yield thing.fget, UNKNOWN
    elif isinstance(thing, (FunctionType, MethodType, functools.partial)):
        yield thing, UNKNOWN
    elif isinstance(thing, type):
        if not issubclass(thing, nn.Module):
            yield from ((vars(thing).get(name), UNKNOWN) for name in ("__init__", "__call__"))
    elif not isinstance(thing, nn.Module):
        yield inspect.getattr_static(type(thing), "__call__", None), thing


_FOLLOWED = (ModuleType, type, random.Random, type(os.environ))


def attribute(thing: Any, name: str) -> Any:
    """An attribute of something, where no code of its own has to run for it."""
    if thing is UNKNOWN:
        return UNKNOWN
    if isinstance(thing, _FOLLOWED) or type(thing).__module__.startswith("numpy.random"):
        try:
            return getattr(thing, name, UNKNOWN)
        except Exception:  # a module that loads its names late may fail to
            return UNKNOWN
    own = getattr(thing, "__dict__", {})
    if name in own:
        return own[name]
    if isinstance(thing, nn.Module) and name in own.get("_modules", {}):
        return own["_modules"][name]
    found = inspect.getattr_static(type(thing), name, UNKNOWN)
    if isinstance(found, FunctionType):
        return MethodType(found, thing)
    return found.__func__ if isinstance(found, (staticmethod, classmethod)) else found


def _stored_name(node: ast.AST) -> str:
    """The name that a node gives to something inside of its function, empty if none."""
    if isinstance(node, ast.Name):
        return node.id if isinstance(node.ctx, ast.Store) else ""
    if isinstance(node, ast.arg):
        return node.arg
    return node.name if isinstance(node, (ast.FunctionDef, ast.ClassDef)) else ""


def _imported(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, Any]]:
    for alias in node.names:
        if isinstance(node, ast.ImportFrom):
            module = sys.modules.get(node.module or "")
            yield alias.asname or alias.name, getattr(module, alias.name, UNKNOWN)
        else:
            whole = alias.name if alias.asname else alias.name.partition(".")[0]
            yield alias.asname or whole, sys.modules.get(whole, UNKNOWN)


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # nothing was put into it yet
        return UNKNOWN
