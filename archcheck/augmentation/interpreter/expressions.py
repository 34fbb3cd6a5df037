"""The values of expressions."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from archcheck.augmentation.interpreter.arithmetic import (
    EACH,
    SAME_NUMBERS,
    NotKnown,
    combined,
    compared,
    condition,
    is_plain,
    keeps_fractions,
    part_of,
    rounded,
    sequence_of,
)
from archcheck.augmentation.interpreter.names import Names
from archcheck.augmentation.interpreter.values import (
    LONGEST_SEQUENCE,
    Assumed,
    Function,
    Given,
    Items,
    Passed,
    Rest,
    Scope,
    Table,
    Transformed,
    Value,
    bare,
    text_of,
)
from archcheck.evidence.augmentation import Unknown


class Expressions(Names):
    """Evaluates expressions."""

    def evaluate(self, node: ast.expr, scope: Scope) -> Value:
        self.step()
        try:
            value = self._evaluated(node, scope)
            if not self.importing:
                self.use(value)
            return value
        except NotKnown:
            return self.unknown(f"{text_of(node)} is worked out when the script runs")

    def _evaluated(self, node: ast.expr, scope: Scope) -> Value:
        match node:
            case ast.Constant():
                if not is_plain(node.value):
                    raise NotKnown
                return node.value
            case ast.Name():
                return self.lookup(node.id, scope)
            case ast.Attribute():
                return self.attribute(self.evaluate(node.value, scope), node.attr, node)
            case ast.Call():
                return self._called(node, scope)
            case ast.Tuple() | ast.List() | ast.Set():
                return self._collected(node, scope)
            case ast.Dict():
                return self._dictionary(node, scope)
            case ast.UnaryOp():
                return self._unary(node, scope)
            case ast.BinOp():
                return self._binary(node, scope)
            case ast.BoolOp():
                return self._either(node, scope)
            case ast.Compare():
                return self._comparison(node, scope)
            case ast.IfExp():
                return self._conditional(node, scope)
            case ast.Subscript():
                return self.item(self.evaluate(node.value, scope), node.slice, node, scope)
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp():
                return self._comprehended(node, scope)
            case ast.DictComp():
                return self._comprehended_table(node, scope)
            case ast.Lambda():
                return Function(node, scope, defaults=self.defaults(node.args, scope))
            case ast.NamedExpr():
                value = self.evaluate(node.value, scope)
                self.assign(node.target, value, scope)
                return value
            case ast.Await():
                return self.evaluate(node.value, scope)
        raise NotKnown

    def _called(self, node: ast.Call, scope: Scope) -> Value:
        if isinstance(node.func, ast.Attribute):
            receiver = bare(self.evaluate(node.func.value, scope))
            if isinstance(receiver, Unknown) and node.func.attr in SAME_NUMBERS:
                return self.of_unknown(receiver, node.func.attr, self._given(node, scope))
            function = self.attribute(receiver, node.func.attr, node.func)
        else:
            function = self.evaluate(node.func, scope)
        return self.call(function, self._given(node, scope), node, scope)

    @staticmethod
    def of_unknown(receiver: Unknown, name: str, given: Given) -> Unknown:
        """What a method of an unknown value returns that leaves its numbers as they are."""
        if name == "astype" and not keeps_fractions(given):
            return rounded(receiver, 1.0)
        return receiver

    # -- collections ------------------------------------------------------------------------

    def _collected(self, node: ast.Tuple | ast.List | ast.Set, scope: Scope) -> Value:
        parts: list[Value] = []
        for part in node.elts:
            if isinstance(part, ast.Starred):
                parts += self.spread(self.evaluate(part.value, scope), part.value)
            else:
                parts.append(self.evaluate(part, scope))
        if len(parts) > LONGEST_SEQUENCE:
            raise NotKnown
        if isinstance(node, ast.Tuple):
            return tuple(parts)
        return Items(parts, "set" if isinstance(node, ast.Set) else "list")

    def spread(self, value: Value, node: ast.expr) -> list[Value]:
        """The items of a sequence, those that are not known as one :class:`Rest`."""
        value = bare(value)
        if isinstance(value, Items) and value.kind != "set":
            return list(value.items)
        if isinstance(value, (tuple, str)):
            return list(value)
        if isinstance(value, Table) and value.rest is None:
            return list(value.items)
        if isinstance(value, Transformed) and value.is_composition:
            return list(value.children)
        reason = f"{text_of(node)} is put together when the script runs"
        return [Rest(value if isinstance(value, Unknown) else self.unknown(reason))]

    def _dictionary(self, node: ast.Dict, scope: Scope) -> Table:
        table = Table({})
        for key, part in zip(node.keys, node.values, strict=True):
            value = self.evaluate(part, scope)
            if key is None:
                other = bare(value)
                if isinstance(other, Table):
                    table.items |= other.items
                    table.rest = table.rest or other.rest
                else:
                    table.rest = self._rest(part)
                continue
            said = bare(self.evaluate(key, scope))
            if is_plain(said):
                table.items[said] = value
            else:
                table.rest = self._rest(key)
        return table

    def _rest(self, node: ast.expr) -> Unknown:
        return self.unknown(f"{text_of(node)} is put together when the script runs")

    def item(self, value: Value, key_node: ast.expr, node: ast.expr, scope: Scope) -> Value:
        """One item of a collection, or some of them."""
        value = bare(value)
        if isinstance(key_node, ast.Slice):
            return self._slice(value, key_node, scope)
        key = bare(self.evaluate(key_node, scope))
        if isinstance(value, Unknown):
            if not is_plain(key) or (value.scale, value.offset) != (1, 0):
                if isinstance(key, int):
                    return part_of(value, f"[{key}]")
                raise NotKnown
            return part_of(value, f"[{key!r}]")
        if isinstance(value, Table) and is_plain(key):
            if key in value.items:
                return value.items[key]
            raise NotKnown
        if isinstance(value, Transformed) and value.is_composition:
            value = tuple(value.children) if value.held is None else value.held
        if isinstance(value, Items) and (not value.is_known or value.kind == "set"):
            raise NotKnown
        parts = value.items if isinstance(value, Items) else value
        is_place = isinstance(parts, (list, tuple, str)) and type(key) is int
        if is_place and -len(parts) <= key < len(parts):
            return parts[key]
        raise NotKnown

    def _slice(self, value: Value, node: ast.Slice, scope: Scope) -> Value:
        ends = [
            bare(self.evaluate(part, scope)) if part is not None else None
            for part in (node.lower, node.upper, node.step)
        ]
        known = all(end is None or type(end) is int for end in ends)
        if isinstance(value, Items) and not value.is_known:
            raise NotKnown
        if not known or not isinstance(value, (Items, tuple, str)) or ends[2] == 0:
            raise NotKnown
        if isinstance(value, Items):
            return Items(value.items[slice(*ends)], value.kind)
        return value[slice(*ends)]

    # -- operators --------------------------------------------------------------------------

    def _unary(self, node: ast.UnaryOp, scope: Scope) -> Value:
        value = self.evaluate(node.operand, scope)
        if isinstance(node.op, ast.Not):
            if isinstance(value, (Unknown, Assumed)) and value.symbol:
                return self._condition(f"not {value.symbol}", node)
            holds = self.truth(value)
            if holds is None:
                raise NotKnown
            return not holds
        if isinstance(node.op, ast.USub):
            return combined(ast.Mult(), value, -1)
        if isinstance(node.op, ast.UAdd):
            return value
        raise NotKnown

    def _condition(self, symbol: str, node: ast.expr) -> Unknown:
        while symbol.startswith("not not "):
            symbol = symbol.removeprefix("not not ")
        return Unknown(f"{text_of(node)} is only known when the script runs", symbol=symbol)

    def _binary(self, node: ast.BinOp, scope: Scope) -> Value:
        left, right = self.evaluate(node.left, scope), self.evaluate(node.right, scope)
        for side in (left, right):
            if isinstance(side, Transformed) and side.is_composition:
                return self.changed_composition(side, node, scope)
        return combined(node.op, left, right)

    def changed_composition(
        self, composition: Transformed, node: ast.expr, scope: Scope
    ) -> Transformed:
        """A composition that something not followed is made of."""
        reason = f"{text_of(node)} is put together when the script runs"
        made = self.new_transform(composition.name, node, scope)
        made.children = [composition, Rest(self.unknown(reason))]
        made.children_nodes, made.is_composition = [node, node], True
        return made

    def _either(self, node: ast.BoolOp, scope: Scope) -> Value:
        value: Value = None
        for part in node.values:
            value = self.evaluate(part, scope)
            holds = self.truth(value)
            if holds is None:
                raise NotKnown
            if holds == isinstance(node.op, ast.Or):
                return value
        return value

    def _comparison(self, node: ast.Compare, scope: Scope) -> Value:
        left = self.evaluate(node.left, scope)
        rights = [self.evaluate(part, scope) for part in node.comparators]
        if len(rights) == 1:
            try:
                return compared(node.ops[0], left, rights[0])
            except NotKnown:
                symbol = condition(node.ops[0], left, rights[0])
                self._note_assumption(symbol, node.ops[0], left, rights[0])
                return self._condition(symbol or self.unknown("").symbol, node)
        values = [left, *rights]
        return all(
            compared(op, values[number], values[number + 1]) for number, op in enumerate(node.ops)
        )

    def _note_assumption(self, symbol: str, op: ast.cmpop, left: Value, right: Value) -> None:
        """Remember what a default makes of a comparison."""
        assumed = next((side for side in (left, right) if isinstance(side, Assumed)), None)
        if assumed is None or not symbol:
            return
        try:
            by_default = compared(op, bare(left), bare(right))
        except NotKnown:
            return
        plain = symbol.removeprefix("not ")
        self.assumptions[plain] = (assumed, by_default == (plain == symbol))

    def _conditional(self, node: ast.IfExp, scope: Scope) -> Value:
        holds = self.truth(self.evaluate(node.test, scope))
        if holds is None:
            raise NotKnown
        return self.evaluate(node.body if holds else node.orelse, scope)

    # -- comprehensions ---------------------------------------------------------------------

    def _comprehended(
        self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp, scope: Scope
    ) -> Value:
        loop = node.generators[0]
        items = bare(self.evaluate(loop.iter, scope))
        if isinstance(items, Unknown) and len(node.generators) == 1 and not loop.ifs:
            return self.mapped(items, lambda item: self._with(node.elt, loop.target, item, scope))
        parts = [
            self.evaluate(node.elt, inner) for inner in self._looped(node.generators, scope, node)
        ]
        return Items(parts, "set" if isinstance(node, ast.SetComp) else "list")

    def _with(self, node: ast.expr, target: ast.expr, item: Value, scope: Scope) -> Value:
        inner = Scope(scope.file, parent=scope, kind="function", function=scope.function)
        self.assign(target, item, inner)
        return self.evaluate(node, inner)

    def mapped(self, items: Unknown, function: Callable[[Value], Value]) -> Unknown:
        """What becomes of an unknown sequence when something is done to each of its items.

        Raises:
            NotKnown: if that is not the same affine change of each.
        """
        found = sequence_of(bare(function(part_of(items, EACH))), items)
        if found is None:
            raise NotKnown
        return found

    def _comprehended_table(self, node: ast.DictComp, scope: Scope) -> Table:
        table = Table({})
        for inner in self._looped(node.generators, scope, node):
            key = bare(self.evaluate(node.key, inner))
            if not is_plain(key):
                raise NotKnown
            table.items[key] = self.evaluate(node.value, inner)
        return table

    def _looped(
        self, loops: list[ast.comprehension], scope: Scope, node: ast.expr
    ) -> Iterator[Scope]:
        loop, *others = loops
        for item in self.iterated(self.evaluate(loop.iter, scope)):
            self.step()
            inner = Scope(scope.file, parent=scope, kind="function", function=scope.function)
            inner.owner = scope.owner
            self.assign(loop.target, item, inner)
            if not all(self._holds(test, inner) for test in loop.ifs):
                continue
            if others:
                yield from self._looped(others, inner, node)
            else:
                yield inner

    def _holds(self, test: ast.expr, scope: Scope) -> bool:
        holds = self.truth(self.evaluate(test, scope))
        if holds is None:
            raise NotKnown
        return holds

    def iterated(self, value: Value) -> list[Value]:
        """The items that a loop goes through.

        Raises:
            NotKnown: if the source does not tell them, or their order.
        """
        value = bare(value)
        if isinstance(value, Table) and value.rest is None:
            return list(value.items)
        if isinstance(value, Items) and value.is_known and value.kind != "set":
            return list(value.items)
        if isinstance(value, (tuple, str)):
            return list(value)
        raise NotKnown

    # -- what functions and calls are given -------------------------------------------------

    def defaults(self, parameters: ast.arguments, scope: Scope) -> dict[str, Value]:
        """The defaults of a function, which are worked out where it is defined."""
        plain = [*parameters.posonlyargs, *parameters.args]
        last = plain[len(plain) - len(parameters.defaults) :]
        pairs = [*zip(last, parameters.defaults, strict=True)]
        pairs += [
            (name, default)
            for name, default in zip(parameters.kwonlyargs, parameters.kw_defaults, strict=True)
            if default is not None
        ]
        return {name.arg: self.evaluate(default, scope) for name, default in pairs}

    def _given(self, node: ast.Call, scope: Scope) -> Given:
        given = Given()
        for part in node.args:
            if not isinstance(part, ast.Starred):
                given.passed.append(Passed("", self.evaluate(part, scope), part, scope.file))
                continue
            for value in self.spread(self.evaluate(part.value, scope), part):
                if isinstance(value, Rest):
                    given.rest = value.unknown
                    break
                given.passed.append(Passed("", value, part.value, scope.file))
        for keyword in node.keywords:
            value = self.evaluate(keyword.value, scope)
            if keyword.arg is not None:
                given.passed.append(Passed(keyword.arg, value, keyword.value, scope.file))
                continue
            table = bare(value)
            if isinstance(table, Table):
                given.passed += [
                    Passed(str(name), item, keyword.value, scope.file)
                    for name, item in table.items.items()
                ]
                given.rest = given.rest or table.rest
            else:
                given.rest = self._rest(keyword.value)
        return given
