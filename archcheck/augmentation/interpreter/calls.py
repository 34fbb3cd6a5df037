"""What calls return: functions and classes of the submission, transforms of the library."""

from __future__ import annotations

import ast
from typing import Literal

from archcheck.augmentation.interpreter.arithmetic import NotKnown
from archcheck.augmentation.interpreter.builtin_calls import BuiltinCalls
from archcheck.augmentation.interpreter.values import (
    Assumed,
    Bound,
    Class,
    Function,
    Given,
    Instance,
    Items,
    Left,
    Method,
    Named,
    Partial,
    Passed,
    Rest,
    Scope,
    Super,
    Table,
    Transformed,
    Value,
    bare,
    text_of,
)
from archcheck.augmentation.library import (
    ABSTRACT,
    COMPOSITIONS,
    class_of,
    reads_a_pipeline,
)
from archcheck.evidence.augmentation import Unknown

DEEPEST_CALL = 40
"""Functions are followed through no more calls than this."""
HARMLESS = frozenset(
    "__init__ __repr__ __str__ __len__ get_transform_init_args_names get_transform_init_args "
    "get_class_fullname apply_to_bbox apply_to_bboxes apply_to_keypoint apply_to_keypoints "
    "apply_to_mask apply_to_masks".split()
)
"""What a class derived from a transform may define without another effect on images."""


class Returned(Left):
    """A return statement was met."""

    def __init__(self, value: Value) -> None:
        super().__init__()
        self.value = value


class Calls(BuiltinCalls):
    """Calls functions."""

    def call(self, function: Value, given: Given, node: ast.expr, scope: Scope) -> Value:
        self.step()
        match function:
            case Assumed():
                return self.call(function.value, given, node, scope)
            case Function():
                return self.run_function(function, given)
            case Bound():
                return self.run_function(function.function, given, receiver=function.receiver)
            case Class():
                return self.instance(function, given, node, scope)
            case Named():
                return self._named_call(function, given, node, scope)
            case Partial():
                passed = [*function.given.passed, *given.passed]
                later = {one.name for one in given.passed if one.name}
                kept = [
                    one
                    for number, one in enumerate(passed)
                    if one.name not in later or number >= len(function.given.passed)
                ]
                both = Given(kept, given.rest or function.given.rest)
                return self.call(function.function, both, node, scope)
            case Method():
                return self.method_call(function, given, node, scope)
            case Instance() if isinstance(function.of, Class):
                own = function.of.find("__call__")
                if isinstance(own, Function):
                    return self.run_function(own, given, receiver=function)
        self._hand_over(function, given, node)
        raise NotKnown

    def _hand_over(self, function: Value, given: Given, node: ast.expr) -> None:
        """What a function that is not known is given may be changed by it."""
        if isinstance(function, Unknown):
            for one in given.passed:
                self.may_change(bare(one.value), f"{text_of(node)} may change it")

    # -- functions --------------------------------------------------------------------------

    def run_function(
        self,
        function: Function,
        given: Given,
        receiver: Value = None,
        assumes: Literal["nothing", "defaults"] = "nothing",
    ) -> Value:
        node = function.node
        if len(self.stack) > DEEPEST_CALL or self.stack.count(node) > 2:
            raise NotKnown
        self.entered.add(id(node))
        inner = Scope(
            function.scope.file,
            parent=function.scope,
            kind="function",
            owner=function.owner or function.scope.owner,
            function=function.name or function.scope.function,
        )
        self._bind(function, given, receiver, inner, assumes)
        was_relevant = self.is_relevant
        self.stack.append(node)
        try:
            if isinstance(node, ast.Lambda):
                return self.evaluate(node.body, inner)
            parts = _own_nodes(node)
            if any(isinstance(part, (ast.Yield, ast.YieldFrom)) for part in parts):
                raise NotKnown
            inner.own = _own_names(parts)
            self.execute(node.body, inner)
        except Returned as returned:
            return returned.value
        finally:
            self.stack.pop()
            self.is_relevant = was_relevant
        return None

    def _bind(
        self,
        function: Function,
        given: Given,
        receiver: Value,
        inner: Scope,
        assumes: Literal["nothing", "defaults"],
    ) -> None:
        """Give a function's parameters their values."""
        parameters = function.node.args
        plain = [part.arg for part in (*parameters.posonlyargs, *parameters.args)]
        values = given.values if receiver is None else [receiver, *given.values]
        names = inner.names
        names.update(zip(plain, values, strict=False))
        for one in given.passed:
            if one.name and one.name in [*plain, *(part.arg for part in parameters.kwonlyargs)]:
                names[one.name] = one.value
        for name in [*plain, *(part.arg for part in parameters.kwonlyargs)]:
            if name not in names:
                names[name] = self._parameter(function, name, given, assumes)
        if parameters.vararg is not None:
            rest = values[len(plain) :]
            assumed = assumes == "defaults" or given.rest is not None
            reason = f"{parameters.vararg.arg} is a parameter of {function.name or 'a lambda'}"
            names[parameters.vararg.arg] = (
                Items([*rest, Rest(self.unknown(reason))]) if assumed else tuple(rest)
            )
        if parameters.kwarg is not None:
            taken = {*plain, *(part.arg for part in parameters.kwonlyargs)}
            table = Table({p.name: p.value for p in given.passed if p.name and p.name not in taken})
            if assumes == "defaults" or given.rest is not None:
                reason = f"{parameters.kwarg.arg} is a parameter of {function.name}"
                table.rest = given.rest or self.unknown(reason)
            names[parameters.kwarg.arg] = table

    def _parameter(
        self, function: Function, name: str, given: Given, assumes: Literal["nothing", "defaults"]
    ) -> Value:
        """The value of a parameter that is not passed."""
        said = function.name or "a lambda"
        if given.rest is not None and name in function.defaults:
            return self.unknown(f"{name} may be passed to {said} by what is not known")
        if name in function.defaults:
            default = function.defaults[name]
            if assumes == "defaults":
                self.symbols += 1
                return Assumed(bare(default), f"#{self.symbols}")
            return default
        if function.owner is not None and said == "__init__":
            said = function.owner.node.name
        reason = f"{name} is a parameter of {said}: a default or a call in this file would tell it"
        return self.unknown(reason)

    # -- classes ----------------------------------------------------------------------------

    def instance(
        self,
        of: Class,
        given: Given,
        node: ast.expr,
        scope: Scope,
        assumes: Literal["nothing", "defaults"] = "nothing",
    ) -> Value:
        """An object of a class of the submission."""
        self.entered.add(id(of.node))
        library = next(
            (name for base in of.lineage() if (name := _library_class(base)) is not None), ""
        )
        made = Instance(of)
        self.instances.append(made)
        own = of.find("__init__")
        if isinstance(own, Function):
            self.run_function(own, given, receiver=made, assumes=assumes)
            if not library:
                return made
        elif library:
            made.made = self._transform(library, given, node, scope)
        elif of.is_dataclass or any(base == Named("typing.NamedTuple") for base in of.lineage()):
            self._fill_fields(made, of, given)
        return self._as_transform(made, of, library, node, scope) if library else made

    def _as_transform(
        self, made: Instance, of: Class, library: str, node: ast.expr, scope: Scope
    ) -> Transformed:
        """An object whose class is derived from the library's."""
        transform = made.made or Transformed(library, node, scope.file)
        if made.made is None:
            transform.altered = (
                f"{of.node.name} is not given to {library} in a way that is followed"
            )
        transform.node, transform.file = node, scope.file
        if library in ABSTRACT:
            transform.name, transform.own = of.node.name, True
            return transform
        for part in of.lineage():
            changed = set(part.scope.names) - HARMLESS if isinstance(part, Class) else set()
            changed = {name for name in changed if isinstance(part.scope.names[name], Function)}
            if changed:
                transform.altered = f"{of.node.name} has its own {', '.join(sorted(changed))}"
        return transform

    def _fill_fields(self, made: Instance, of: Class, given: Given) -> None:
        """The fields of a dataclass."""
        fields = [
            part.target.id
            for base in reversed(of.lineage())
            if isinstance(base, Class)
            for part in base.node.body
            if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name)
        ]
        made.attributes.update(zip(fields, given.values, strict=False))
        for one in given.passed:
            if one.name:
                made.attributes[one.name] = one.value
        for name in fields:
            default = of.find(name)
            if name in made.attributes:
                continue
            if given.rest is not None:
                made.attributes[name] = self.unknown(f"{name} may be given to {of.node.name}")
            elif isinstance(default, Instance) and default.of == Named("dataclasses.field"):
                made.attributes[name] = self._field(default, of.node)

    def _field(self, field: Instance, node: ast.ClassDef) -> Value:
        """The default of ``field(default=..., default_factory=...)``."""
        if "default" in field.attributes:
            return field.attributes["default"]
        factory = field.attributes.get("default_factory")
        expression = ast.Name(node.name, lineno=node.lineno, col_offset=node.col_offset)
        try:
            return self.call(factory, Given(), expression, Scope(""))
        except NotKnown:
            return self.unknown(f"a default of {node.name} is worked out when the script runs")

    # -- the library's ----------------------------------------------------------------------

    def _named_call(self, function: Named, given: Given, node: ast.expr, scope: Scope) -> Value:
        dotted = function.dotted
        if reads_a_pipeline(dotted):
            made = self.new_transform("Compose", node, scope)
            made.is_composition = True
            made.children = [Rest(self.unknown(f"{text_of(node)} is read when the script runs"))]
            made.children_nodes = [node]
            return made
        name = class_of(dotted)
        if name:
            return self._transform(name, given, node, scope)
        if dotted == "builtins.super":
            return self._super(given, scope)
        if dotted in ("dataclasses.field", "field"):
            values = {one.name: one.value for one in given.passed if one.name}
            return Instance(Named("dataclasses.field"), values)
        if dotted == "functools.partial" and given.passed and not given.passed[0].name:
            return Partial(given.passed[0].value, Given(given.passed[1:], given.rest))
        return self.builtin_call(dotted, given, node, scope)

    def _super(self, given: Given, scope: Scope) -> Value:
        inner: Scope | None = scope
        while inner is not None and inner.owner is None:
            inner = inner.parent
        first = next(iter(inner.names.values()), None) if inner is not None else None
        if inner is None or inner.owner is None or first is None:
            raise NotKnown
        return Super(first, inner.owner)

    def super_call(
        self, receiver: Super, name: str, given: Given, node: ast.expr, scope: Scope
    ) -> Value:
        """A method of what another project's class has: of a transform, its constructor."""
        lineage = receiver.after.lineage()
        library = next(
            (found for base in lineage if (found := _library_class(base)) is not None), ""
        )
        instance = receiver.instance
        if name == "__init__" and library and isinstance(instance, Instance):
            instance.made = self._transform(library, given, node, scope)
            return None
        if name == "__init__":
            return None
        raise NotKnown

    def _transform(self, name: str, given: Given, node: ast.expr, scope: Scope) -> Transformed:
        made = self.new_transform(name, node, scope)
        made.incomplete = given.rest.reason if given.rest is not None else ""
        listed = {"OneOrOther": 2}.get(name, 1) if name in COMPOSITIONS else 0
        wanted = ("first", "second", "transforms") if name == "OneOrOther" else ("transforms",)
        by_position = [one for one in given.passed if not one.name]
        lists = by_position[:listed]
        for one in given.passed:
            if listed and one.name in wanted:
                lists.append(one)
            elif one not in lists:
                made.arguments.append(one)
        if listed:
            made.is_composition = True
            self._fill(made, lists, node, name)
        return made

    def _fill(self, made: Transformed, lists: list[Passed], node: ast.expr, name: str) -> None:
        """Put the transforms into a composition."""
        if name == "OneOrOther" and len(lists) == 2:
            made.children = [one.value for one in lists]
            made.children_nodes = [one.node for one in lists]
            return
        if len(lists) != 1 or made.incomplete:
            reason = made.incomplete or f"{text_of(node)} is put together when the script runs"
            made.children, made.children_nodes = [Rest(self.unknown(reason))], [node]
            made.incomplete = ""
            return
        (one,) = lists
        value = bare(one.value)
        if isinstance(value, Transformed):
            value = (value,)  # one transform in place of a list
        if isinstance(value, Items):
            made.held, made.held_changes = value, value.changes
            made.unordered = value.kind == "set"
            made.children = list(value.items)
        else:
            made.children = self.spread(value, one.node)
        nodes = one.node.elts if isinstance(one.node, (ast.List, ast.Tuple, ast.Set)) else []
        same = len(nodes) == len(made.children)
        made.children_nodes = list(nodes) if same else [one.node] * len(made.children)

    def change_of(self, made: Transformed, node: ast.expr) -> None:
        """Note that an attribute of a transform is given a value."""
        made.altered = f"{text_of(node)} is changed after {made.name} was made"


def _library_class(value: Value) -> str | None:
    name = class_of(value.dotted) if isinstance(value, Named) else ""
    return name or None


def _own_names(parts: list[ast.AST]) -> frozenset[str]:
    """The names that a function gives values to by assignments of its own."""
    stored = {
        part.id for part in parts if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
    }
    scoped = [part for part in parts if isinstance(part, (ast.Global, ast.Nonlocal))]
    declared = {name for part in scoped for name in part.names}
    looped = {
        name.id
        for part in parts
        if isinstance(part, ast.comprehension)
        for name in ast.walk(part.target)
        if isinstance(name, ast.Name)
    }
    return frozenset(stored - declared - looped)


def _own_nodes(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.AST]:
    """What stands in a function, without the functions in it."""
    found: list[ast.AST] = []
    waiting: list[ast.AST] = list(node.body)
    while waiting:
        part = waiting.pop()
        found.append(part)
        if not isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            waiting += ast.iter_child_nodes(part)
    return found
