"""What names and attributes stand for."""

from __future__ import annotations

import ast
import builtins

from archcheck.augmentation.interpreter.arithmetic import NotKnown, part_of
from archcheck.augmentation.interpreter.machine import Machine
from archcheck.augmentation.interpreter.values import (
    UNREAD,
    Assumed,
    Bound,
    Class,
    Function,
    Given,
    Instance,
    Method,
    Module,
    Named,
    Raised,
    Scope,
    Super,
    Transformed,
    Value,
    text_of,
)
from archcheck.augmentation.library import COMPOSITIONS, is_ours
from archcheck.evidence.augmentation import Unknown
from archcheck.rules.transforms.names import NAMES

PARSER = Named("argparse.ArgumentParser")


class Names(Machine):
    """Looks names and attributes up."""

    def lookup(self, name: str, scope: Scope) -> Value:
        """What a name stands for."""
        inner: Scope | None = scope
        while inner is not None:
            if name in inner.names and (inner is scope or inner.kind != "class"):
                return inner.names[name]
            if name in inner.own:
                raise Raised  # it has no value on this way
            inner = inner.parent
        everything_of = scope.module.everything_of
        if everything_of and (name[:1].isupper() or not hasattr(builtins, name)):
            return self._imported_with_all(name, everything_of)
        if hasattr(builtins, name):
            return Named(f"builtins.{name}")
        raise NotKnown

    def _imported_with_all(self, name: str, modules: list[str]) -> Value:
        """A name that comes from one of the modules of which every name was imported."""
        ours = [module for module in modules if is_ours(module)]
        if ours and (name in NAMES or name in COMPOSITIONS) and ours[-1] == modules[-1]:
            return self.named(f"{ours[-1]}.{name}")
        if len(modules) == 1 and modules != [UNREAD]:
            return self.named(f"{modules[0]}.{name}")
        raise NotKnown

    def named(self, dotted: str) -> Value:
        """What another project's module holds, unless the submission puts something in its
        place."""
        return self.replaced.get(dotted, Named(dotted))

    def attribute(self, value: Value, name: str, node: ast.expr) -> Value:
        match value:
            case Assumed():
                return self.attribute(value.value, name, node)
            case Named():
                return self.named(f"{value.dotted}.{name}")
            case Module():
                return self.member(value, name)
            case Class():
                found = value.find(name)
                if isinstance(found, Function) and found.binds == "class":
                    return Bound(found, value)
                if found is not None or name in value.scope.names:
                    return found
                raise NotKnown
            case Instance():
                return self._attribute_of_instance(value, name, node)
            case Super():
                return self._attribute_of_super(value, name)
            case Unknown():
                return part_of(value, f".{name}")
            case Transformed() if name == "transforms":
                return value.held if value.held is not None else tuple(value.children)
        return Method(value, name)

    def member(self, module: Module, name: str) -> Value:
        """A name of a file of the project."""
        if name in module.scope.names:
            return module.scope.names[name]
        file = self.project.find(name, 1, module.scope.file)
        if file and file != module.scope.file:
            return self.imported(file)
        return self.lookup(name, module.scope)

    def _attribute_of_instance(self, instance: Instance, name: str, node: ast.expr) -> Value:
        if name in instance.attributes:
            return instance.attributes[name]
        if name == "__class__":
            return instance.of
        found = instance.of.find(name) if isinstance(instance.of, Class) else None
        if isinstance(found, Function):
            if found.is_property:
                return self.run_function(found, Given(), receiver=instance)
            receiver = instance if found.binds == "instance" else instance.of
            return found if found.binds == "nothing" else Bound(found, receiver)
        if found is not None or (
            isinstance(instance.of, Class) and name in instance.of.scope.names
        ):
            return found
        if instance.of == PARSER:
            return Method(instance, name)
        unknown = self.unknown(f"{text_of(node)} is only known when the script runs")
        instance.attributes[name] = unknown
        return unknown

    def _attribute_of_super(self, value: Super, name: str) -> Value:
        instance = value.instance
        of = instance.of if isinstance(instance, Instance) else instance
        found = of.find(name, value.after) if isinstance(of, Class) else None
        if isinstance(found, Function):
            return Bound(found, instance)
        return Method(value, name)
