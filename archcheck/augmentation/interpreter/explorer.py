"""Every way through a script, and the pipelines that are built on it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from archcheck.augmentation.interpreter.arithmetic import NotKnown
from archcheck.augmentation.interpreter.project import Project
from archcheck.augmentation.interpreter.relevance import Relevance, relevance_in
from archcheck.augmentation.interpreter.statements import Interpreter
from archcheck.augmentation.interpreter.values import (
    Class,
    Function,
    Given,
    Instance,
    Items,
    Left,
    Module,
    Raised,
    Scope,
    Table,
    TooMuch,
    Transformed,
    Value,
    bare,
)
from archcheck.evidence.augmentation import Unknown

MOST_STEPS = 60_000
"""So much is followed of one script on all ways together, and no more."""
MOST_WAYS = 256
"""So many ways through a script are followed, and no more."""
MOST_INSTANCES = 4
"""On so many objects of a class a method is tried that the script itself does not call."""


@dataclass
class Way:
    """What one way through the script builds."""

    made: list[Transformed]
    entered: set[int]
    """Functions and classes that were called, by their nodes."""
    names: dict[int, list[str]] = field(default_factory=dict)
    """The names of compositions, by their identity."""


@dataclass
class Explored:
    """The ways through a script.

    Attributes:
        ways: each with what it builds.
        hidden: why there may be pipelines that are not seen; None if there are none.
    """

    ways: list[Way]
    hidden: Unknown | None = None


def explore(project: Project) -> Explored:
    """Follow every way through a script."""
    relevance = relevance_in(tree for tree in project.trees.values() if tree is not None)
    steps = [MOST_STEPS]
    found = Explored([])
    choices: list[bool] = []
    while len(found.ways) < MOST_WAYS:
        run = Interpreter(project, relevance, choices, steps)
        try:
            way = _followed(run, relevance)
        except (TooMuch, NotKnown, Raised, Left, RecursionError):
            found.hidden = Unknown("the script cannot be followed to its end")
            return found
        found.ways.append(way)
        found.hidden = found.hidden or run.hidden
        choices = choices[: run.asked]
        while choices and not choices[-1]:
            choices.pop()
        if not choices:
            return found
        choices[-1] = False
    found.hidden = Unknown("it depends on more conditions than are followed")
    return found


def _followed(run: Interpreter, relevance: Relevance) -> Way:
    module = run.imported(run.project.script)
    _forget_globals(run, module.scope)
    for wants_lone in (True, False):
        for value in _own_definitions(module.scope):
            if not _makes(value, relevance):
                continue
            if not (wants_lone and _is_used(value, module.scope, run)):
                _enter(run, value, relevance)
    way = Way(run.made, run.entered)
    for name, value in module.scope.names.items():
        _name(way, name, value, True)
    return way


def _forget_globals(run: Interpreter, scope: Scope) -> None:
    """Names of the script that functions set which it does not call: they may be called first."""
    tree = run.project.trees[run.project.script]
    for node in ast.walk(tree) if tree is not None else ():
        is_function = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        if is_function and id(node) not in run.entered:
            parts = list(ast.walk(node))
            declared = {name for p in parts if isinstance(p, ast.Global) for name in p.names}
            stored = {
                p.id for p in parts if isinstance(p, ast.Name) and isinstance(p.ctx, ast.Store)
            }
            for name in declared & stored & scope.names.keys():
                scope.names[name] = run.unknown(f"{name} is set by a function")


def _own_definitions(scope: Scope) -> Iterator[Function | Class]:
    """The functions and classes of the project that a file defines or imports."""
    for value in list(scope.names.values()):
        if isinstance(value, (Function, Class)):
            yield value


def _makes(value: Function | Class, relevance: Relevance) -> bool:
    name = value.node.name if isinstance(value, Class) else value.name
    return name in relevance.makers


def _is_used(value: Function | Class, scope: Scope, run: Interpreter) -> bool:
    """Whether another function or class of the file uses it."""
    tree = run.project.trees[scope.file]
    name = value.node.name if isinstance(value, Class) else value.name
    return any(
        isinstance(part, ast.Name) and part.id == name
        for other in (tree.body if tree is not None else ())
        if isinstance(other, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        and other is not value.node
        for part in ast.walk(other)
    )


def _enter(run: Interpreter, value: Function | Class, relevance: Relevance) -> None:
    """Call what the script itself does not call, as anyone might."""
    run.is_relevant = True
    if isinstance(value, Function):
        if id(value.node) not in run.entered:
            _call(run, value, None)
        return
    instances = [made for made in run.instances if _is_of(made, value)]
    if not instances and id(value.node) not in run.entered:
        instances = [_any_instance(run, value)]
    contested = _contested(value) if instances else {}
    for name, method in list(value.scope.names.items()):
        if not isinstance(method, Function) or name not in relevance.makers:
            continue
        if id(method.node) not in run.entered:
            for made in instances[:MOST_INSTANCES]:
                for attribute, reason in contested.items():
                    made.attributes[attribute] = run.unknown(reason)
                _call(run, method, made if _takes_itself(method) else None)


def _takes_itself(method: Function) -> bool:
    """Whether a method's first argument is its object; else it can only be meant for the class."""
    parameters = method.node.args.posonlyargs + method.node.args.args
    names = [parameter.arg for parameter in parameters[:1]]
    return method.binds != "nothing" and names in (["self"], ["cls"], ["this"], ["_"])


def _is_of(made: Instance, value: Class) -> bool:
    return isinstance(made.of, Class) and value in made.of.lineage()


def _any_instance(run: Interpreter, value: Class) -> Instance:
    node = ast.copy_location(ast.Name(value.node.name), value.node)
    try:
        made = run.instance(value, Given(), node, value.scope, assumes="defaults")
    except (NotKnown, Raised):
        made = None
    return made if isinstance(made, Instance) else Instance(value)


def _contested(value: Class) -> dict[str, str]:
    """Attributes that several methods set, in an order that is not known, and why."""
    setting: dict[str, set[str]] = {}
    for base in value.lineage():
        for part in base.node.body if isinstance(base, Class) else ():
            if isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef)):
                for node in ast.walk(part):
                    if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                        setting.setdefault(node.attr, set()).add(part.name)
    return {
        name: f"{name} is set by {' and '.join(sorted(methods))}"
        for name, methods in setting.items()
        if len(methods) > 1
    }


def _call(run: Interpreter, function: Function, receiver: Value) -> None:
    try:
        run.run_function(function, Given(), receiver=receiver, assumes="defaults")
    except (NotKnown, Raised, Left):
        return


def _name(way: Way, name: str, value: Value, deeper: bool) -> None:
    """Write down the names of compositions, those in dictionaries and objects included."""
    value = bare(value)
    if isinstance(value, Transformed):
        if value.is_composition:
            way.names.setdefault(id(value), []).append(name)
        return
    parts: dict[str, Value] = {}
    if not deeper or isinstance(value, Module):
        return
    if isinstance(value, Table):
        parts = {str(key): item for key, item in value.items.items()}
    elif isinstance(value, Instance):
        parts = value.attributes
    elif isinstance(value, Class):
        parts = value.scope.names
    elif isinstance(value, (Items, tuple)):
        items = value.items if isinstance(value, Items) else value
        parts = {str(number): item for number, item in enumerate(items)}
    for key, item in parts.items():
        _name(way, f"{name}.{key}", item, False)
