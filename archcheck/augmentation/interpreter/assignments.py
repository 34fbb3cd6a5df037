"""What assignments do, and changes in place."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from archcheck.augmentation.interpreter.arithmetic import NotKnown, combined, is_plain
from archcheck.augmentation.interpreter.calls import Calls
from archcheck.augmentation.interpreter.values import (
    Class,
    Instance,
    Items,
    Module,
    Named,
    Rest,
    Scope,
    Super,
    Table,
    Transformed,
    Value,
    bare,
    text_of,
)
from archcheck.evidence.augmentation import Unknown
from archcheck.rules.transforms.names import arguments_of


class Assignments(Calls):
    """Gives names, attributes and items their values."""

    def assign(self, target: ast.expr, value: Value, scope: Scope) -> None:
        match target:
            case ast.Name():
                if self.is_uncertain and target.id in scope.elsewhere:
                    value = self.unknown(f"{target.id} is given a value in a loop")
                self._scope_for(target.id, scope).names[target.id] = value
            case ast.Tuple() | ast.List():
                self._unpack(target.elts, bare(value), scope)
            case ast.Starred():
                self.assign(target.value, value, scope)
            case ast.Attribute():
                self._set_attribute(target, value, scope)
            case ast.Subscript():
                self._set_item(target, value, scope)

    def _scope_for(self, name: str, scope: Scope) -> Scope:
        if name not in scope.elsewhere:
            return scope
        outer = scope.parent
        while outer is not None and outer.parent is not None and name not in outer.names:
            outer = outer.parent
        return outer or scope

    def _unpack(self, targets: list[ast.expr], value: Value, scope: Scope) -> None:
        starred = any(isinstance(target, ast.Starred) for target in targets)
        try:
            values = self.iterated(value)
        except NotKnown:
            values = []
        if len(values) == len(targets) and not starred:
            for target, part in zip(targets, values, strict=True):
                self.assign(target, part, scope)
            return
        for number, target in enumerate(targets):
            reason = f"{text_of(target)} is only known when the script runs"
            unknown = self.unknown(reason)
            if isinstance(value, Unknown) and value.symbol and not starred:
                unknown = Unknown(reason, f"{value.symbol}[{number}]", value.scale, value.offset)
            self.assign(target, unknown, scope)

    def _set_attribute(self, target: ast.Attribute, value: Value, scope: Scope) -> None:
        owner = bare(self.evaluate(target.value, scope))
        if self.is_uncertain:
            value = self.unknown(f"{text_of(target)} is given a value in a loop")
        match owner:
            case Instance():
                owner.attributes[target.attr] = value
                if owner.made is not None and target.attr in arguments_of(owner.made.name):
                    self.change_of(owner.made, target)
            case Class():
                owner.scope.names[target.attr] = value
            case Module():
                owner.scope.names[target.attr] = value
            case Named():
                self.replaced[f"{owner.dotted}.{target.attr}"] = value
            case Transformed():
                self.change_of(owner, target)
            case Super():
                pass
            case _:
                self.forget([target.value], scope, f"{text_of(target)} is given a value")

    def _set_item(self, target: ast.Subscript, value: Value, scope: Scope) -> None:
        owner = bare(self.evaluate(target.value, scope))
        key = (
            None
            if isinstance(target.slice, ast.Slice)
            else bare(self.evaluate(target.slice, scope))
        )
        reason = f"{text_of(target)} is given a value"
        if isinstance(owner, Table) and not self.is_uncertain and key is not None and is_plain(key):
            owner.items[key] = value
        elif (
            isinstance(owner, Items)
            and owner.is_known
            and not self.is_uncertain
            and (type(key) is int and -len(owner.items) <= key < len(owner.items))
        ):
            owner.items[key] = value
            owner.changes += 1
        elif isinstance(owner, Items):
            owner.lose(self.unknown(reason))
        elif isinstance(owner, Table):
            self.may_change(owner, reason)
        elif isinstance(owner, Transformed):
            self.change_of(owner, target)
        else:
            self.forget([target.value], scope, reason)

    def forget(self, targets: Iterable[ast.expr], scope: Scope, reason: str) -> None:
        """The values of these are not known from here on."""
        for target in targets:
            if isinstance(target, ast.Name):
                self.assign(target, self.unknown(f"{target.id} is not known: {reason}"), scope)
            elif isinstance(target, ast.Subscript):
                self.may_change(bare(self.evaluate(target.value, scope)), reason)
            elif isinstance(target, ast.Attribute):
                owner = bare(self.evaluate(target.value, scope))
                if isinstance(owner, Instance):
                    owner.attributes[target.attr] = self.unknown(f"{text_of(target)}: {reason}")

    def changed(self, node: ast.AugAssign, scope: Scope) -> None:
        target = node.target
        before = bare(self.evaluate(target, scope))
        value = self.evaluate(node.value, scope)
        if isinstance(before, Items) and before.kind == "list" and isinstance(node.op, ast.Add):
            before.changes += 1
            if self.is_uncertain:
                before.items.append(Rest(self.unknown(f"{text_of(node)} is done in a loop")))
            else:
                before.items += self.spread(value, node.value)
            return
        try:
            if isinstance(before, (Unknown, Items)) or self.is_uncertain:
                raise NotKnown  # another name of an array is changed as well
            result = combined(node.op, before, value)
        except NotKnown:
            result = self.unknown(f"{text_of(node)} is worked out when the script runs")
            if isinstance(before, Items):
                result = self._changed_array(before, node, value)
        self.assign(target, result, scope)

    def _changed_array(self, before: Items, node: ast.AugAssign, value: Value) -> Value:
        """An array that is changed in place, under all of its names."""
        try:
            if before.kind != "array" or self.is_uncertain:
                raise NotKnown
            before.items[:] = combined(node.op, before, value).items
        except NotKnown:
            before.lose(self.unknown(f"{text_of(node)} changes it"))
        return before
