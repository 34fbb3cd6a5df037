"""What methods of lists, dictionaries, arrays and argument parsers do and return."""

from __future__ import annotations

import ast
from abc import abstractmethod
from collections.abc import Callable
from typing import Any

from archcheck.augmentation.interpreter.arithmetic import (
    SAME_NUMBERS,
    NotKnown,
    checked,
    is_plain,
    keeps_fractions,
    rounded,
)
from archcheck.augmentation.interpreter.expressions import Expressions
from archcheck.augmentation.interpreter.names import PARSER
from archcheck.augmentation.interpreter.values import (
    LONGEST_SEQUENCE,
    Assumed,
    Given,
    Instance,
    Items,
    Method,
    Named,
    Rest,
    Scope,
    Super,
    Table,
    Value,
    bare,
    text_of,
)
from archcheck.evidence.augmentation import Unknown


class Methods(Expressions):
    """Calls methods of what is not the submission's."""

    def method_call(self, method: Method, given: Given, node: ast.expr, scope: Scope) -> Value:
        """What a method of a value returns, which may be changed by it."""
        receiver, name = bare(method.receiver), method.name
        match receiver:
            case Super():
                return self.super_call(receiver, name, given, node, scope)
            case Items() if receiver.kind == "array":
                return self._of_array(receiver, name, given)
            case Items():
                return self._of_list(receiver, name, given, node)
            case Table():
                return self._of_table(receiver, name, given, node)
            case Instance() if receiver.of == PARSER:
                return self._of_parser(receiver, name, given)
            case str() if name in ("lower", "upper", "strip") and not given.passed:
                return str(getattr(receiver, name)())
        raise NotKnown

    @abstractmethod
    def super_call(
        self, receiver: Super, name: str, given: Given, node: ast.expr, scope: Scope
    ) -> Value:
        """A method of what another project's class has."""

    def _of_array(self, receiver: Items, name: str, given: Given) -> Value:
        if name not in SAME_NUMBERS:
            raise NotKnown
        items = list(receiver.items)
        if name == "astype" and not keeps_fractions(given):
            items = [self.number(item, int) for item in items]
        if name == "item" and len(items) == 1:
            return items[0]
        return Items(items, "list" if name == "tolist" else "array")

    def _of_list(self, receiver: Items, name: str, given: Given, node: ast.expr) -> Value:
        if name == "copy" and not given.passed:
            return Items(list(receiver.items), receiver.kind)
        if name in ("index", "count"):
            raise NotKnown
        values = given.values
        known = len(values) == len(given.passed) and given.rest is None
        receiver.changes += 1
        if known and name in ("append", "add") and len(values) == 1:
            self._put(receiver, values, len(receiver.items), node)
        elif known and name in ("extend", "update") and len(values) == 1:
            self._put(receiver, self.spread(values[0], node), len(receiver.items), node)
        elif known and name == "insert" and len(values) == 2 and type(values[0]) is int:
            self._put(receiver, values[1:], values[0], node)
        elif known and name == "pop" and len(values) < 2 and not self.is_uncertain:
            return self._popped(receiver, values, node)
        elif known and name == "reverse" and not values and not self.is_uncertain:
            receiver.items.reverse()
        elif known and name == "clear" and not values and not self.is_uncertain:
            receiver.items.clear()
        else:
            receiver.lose(self.unknown(f"{text_of(node)} changes it"))
        return None

    def _put(self, receiver: Items, values: list[Value], where: int, node: ast.expr) -> None:
        if self.is_uncertain or (where != len(receiver.items) and not receiver.is_known):
            reason = f"{text_of(node)} is done when the script runs"
            receiver.items.append(Rest(self.unknown(reason)))
            return
        receiver.items[where:where] = values
        if len(receiver.items) > LONGEST_SEQUENCE:
            receiver.lose(self.unknown(f"{text_of(node)} makes it too long"))

    def _popped(self, receiver: Items, values: list[Value], node: ast.expr) -> Value:
        where = values[0] if values else -1
        inside = type(where) is int and -len(receiver.items) <= where < len(receiver.items)
        if not receiver.is_known or not inside or receiver.kind == "set":
            receiver.lose(self.unknown(f"{text_of(node)} changes it"))
            raise NotKnown
        return receiver.items.pop(where)

    def _of_table(self, receiver: Table, name: str, given: Given, node: ast.expr) -> Value:
        values = [bare(value) for value in given.values]
        if name == "get" and values and is_plain(values[0]) and receiver.rest is None:
            default = given.values[1] if len(values) > 1 else None
            return receiver.items.get(values[0], default)
        if name in ("keys", "values", "items") and receiver.rest is None and not values:
            table = receiver.items
            return Items(
                list(table)
                if name == "keys"
                else list(table.values())
                if name == "values"
                else list(table.items())
            )
        if name == "copy":
            return Table(dict(receiver.items), receiver.rest)
        if name == "update" and given.rest is None and not self.is_uncertain:
            other = self.dictionary(given)
            receiver.items |= other.items
            receiver.rest = receiver.rest or other.rest
            return None
        self.may_change(receiver, f"{text_of(node)} changes it")
        raise NotKnown

    # -- argparse ---------------------------------------------------------------------------

    def _of_parser(self, parser: Instance, name: str, given: Given) -> Value:
        if name == "add_argument":
            self._add_argument(parser, given)
            return None
        if name == "set_defaults":
            for one in given.passed:
                self.symbols += 1
                parser.attributes[one.name] = Assumed(bare(one.value), f"#{self.symbols}")
            return None
        if name in ("add_argument_group", "add_mutually_exclusive_group"):
            return parser
        if name in ("parse_args", "parse_known_args"):
            parsed = Instance(Named("argparse.Namespace"), dict(parser.attributes))
            rest = self.unknown("what the command line says is only known when the script runs")
            return parsed if name == "parse_args" else (parsed, rest)
        raise NotKnown

    def _add_argument(self, parser: Instance, given: Given) -> None:
        flags = [bare(value) for value in given.values]
        names = [flag for flag in flags if isinstance(flag, str)]
        long = [flag for flag in names if flag.startswith("--")] or names
        destination = given.named("dest") or (long[0].lstrip("-").replace("-", "_") if long else "")
        action = given.named("action")
        default = given.named("default")
        if default is None and action == "store_true":
            default = False
        elif default is None and action == "store_false":
            default = True
        self.symbols += 1
        symbol = f"#{self.symbols}"
        if isinstance(destination, str) and destination:
            value = self._converted(default, given.named("type"))
            has_default = default is not None or given.named("default") is None
            is_needed = not names or not names[0].startswith("-")
            parser.attributes[destination] = (
                Unknown(f"{destination} is given on the command line", symbol=symbol)
                if is_needed or default is None or not has_default
                else Assumed(value, symbol)
            )

    def _converted(self, default: Value, kind: Value) -> Value:
        """A default that is a text goes through the argument's type, as argparse has it."""
        default = bare(default)
        if not isinstance(default, str) or kind is None or kind == Named("builtins.str"):
            return default
        for name, function in (("float", float), ("int", int)):
            if kind == Named(f"builtins.{name}"):
                try:
                    return self.number(default, function)
                except NotKnown:
                    break
        return self.unknown("a default goes through a type of its own")

    # -- what they share with Python's own functions ------------------------------------------

    def number(self, value: Value, kind: Callable[[Any], Any]) -> Value:
        if isinstance(value, Assumed):
            return Assumed(self.number(value.value, kind), value.symbol)
        if isinstance(value, Unknown):
            return rounded(value, 1.0 if kind is int else 0.0)
        if not is_plain(value) or isinstance(value, tuple):
            raise NotKnown
        try:
            return checked(kind(value))
        except (TypeError, ValueError, ArithmeticError):
            raise NotKnown from None

    def dictionary(self, given: Given) -> Value:
        table = Table({})
        for value in given.values:
            other = bare(value)
            if not isinstance(other, Table):
                raise NotKnown
            table.items |= other.items
            table.rest = table.rest or other.rest
        table.items |= {one.name: one.value for one in given.passed if one.name}
        return table
