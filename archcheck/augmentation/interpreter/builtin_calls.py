"""Calls of Python's own functions, of numpy's simplest ones, and of methods."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from archcheck.augmentation.interpreter.arithmetic import (
    NotKnown,
    is_numeric,
    is_plain,
    rounded,
    total_of,
)
from archcheck.augmentation.interpreter.methods import Methods
from archcheck.augmentation.interpreter.names import PARSER
from archcheck.augmentation.interpreter.values import (
    LONGEST_SEQUENCE,
    Assumed,
    Given,
    Instance,
    Items,
    Named,
    Raised,
    Rest,
    Scope,
    Table,
    Value,
    bare,
    text_of,
)
from archcheck.evidence.augmentation import Unknown

_ARRAYS = frozenset(
    "numpy.array numpy.asarray numpy.float32 numpy.float64 torch.tensor torch.as_tensor "
    "torch.Tensor torch.FloatTensor".split()
)
_NAMESPACES = frozenset(
    "types.SimpleNamespace argparse.Namespace easydict.EasyDict munch.Munch".split()
)
_OUTSIDE = frozenset("exec eval globals locals vars setattr delattr __import__ compile".split())
"""By these a script can do anything at all."""
_ENDS = frozenset("sys.exit os._exit builtins.exit builtins.quit".split())
_FOLLOWED = frozenset(
    "abs dict enumerate float getattr int len list map max min print range reversed round set sum "
    "tuple zip".split()
)
"""Python's own functions that are followed, each by the method of its name."""
_SHUFFLES = ("shuffle", "heappush", "heappop", "heapify", "insort")


class BuiltinCalls(Methods):
    """Calls what is not the submission's."""

    def builtin_call(self, dotted: str, given: Given, node: ast.expr, scope: Scope) -> Value:
        """What a function that is not the submission's returns.

        Raises:
            NotKnown: if the source does not tell it.
        """
        module, _, name = dotted.rpartition(".")
        if dotted in _ENDS:
            raise Raised
        if dotted in _ARRAYS and given.passed:
            return self._array(given.values[0] if given.values else None)
        if dotted in _NAMESPACES:
            return self._namespace(dotted, given)
        if dotted.endswith(".ArgumentParser"):
            return Instance(PARSER)
        if module == "builtins":
            if name in _OUTSIDE:
                self.hidden = self.unknown(f"{text_of(node)} may do anything")
                raise NotKnown
            if name not in _FOLLOWED or given.rest is not None:
                raise NotKnown
            own: Callable[..., Value] = getattr(self, f"_{name}")
            return own(given, node, scope)
        if name in _SHUFFLES:
            for value in given.values:
                self.may_change(bare(value), f"{text_of(node)} changes it")
        if dotted in ("copy.copy", "copy.deepcopy") and given.values:
            return self._copied(given.values[0])
        if name[:1].isupper():
            return Instance(Named(dotted))
        raise NotKnown

    # -- arrays and namespaces --------------------------------------------------------------

    def _array(self, value: Value) -> Value:
        value = bare(value)
        if isinstance(value, Unknown) or is_numeric(value):
            return value
        items = self.iterated(value)
        return Items([bare(item) for item in items], "array")

    def _namespace(self, dotted: str, given: Given) -> Instance:
        made = Instance(Named(dotted))
        for value in given.values:
            table = bare(value)
            if not isinstance(table, Table) or table.rest is not None:
                raise NotKnown
            made.attributes |= {str(key): item for key, item in table.items.items()}
        made.attributes |= {one.name: one.value for one in given.passed if one.name}
        return made

    def _copied(self, value: Value) -> Value:
        value = bare(value)
        if isinstance(value, Items):
            return Items(list(value.items), value.kind)
        if isinstance(value, Table):
            return Table(dict(value.items), value.rest)
        if is_plain(value) or isinstance(value, (tuple, Unknown)):
            return value
        raise NotKnown

    # -- builtins: named after the function, and called with what it is given ----------------

    def _only(self, given: Given) -> Value:
        if len(given.passed) != 1 or given.passed[0].name:
            raise NotKnown
        return given.passed[0].value

    def _tuple(self, given: Given, node: ast.expr, scope: Scope) -> Value:
        if not given.passed:
            return ()
        value = self._only(given)
        if isinstance(bare(value), Unknown):
            return bare(value)
        found = tuple(self._spread_all(value, node))
        return Assumed(found, value.symbol) if isinstance(value, Assumed) else found

    def _list(self, given: Given, node: ast.expr, scope: Scope) -> Value:
        if not given.passed:
            return Items([])
        value = self._only(given)
        if isinstance(bare(value), Unknown):
            return bare(value)
        return Items(self._spread_all(value, node))

    def _spread_all(self, value: Value, node: ast.expr) -> list[Value]:
        parts = self.spread(value, node)
        if any(isinstance(part, Rest) for part in parts) and isinstance(bare(value), tuple):
            raise NotKnown
        return parts

    def _set(self, given: Given, node: ast.expr, scope: Scope) -> Value:
        return Items(self.iterated(self._only(given)) if given.passed else [], "set")

    def _dict(self, given: Given, node: ast.expr, scope: Scope) -> Value:
        return self.dictionary(given)

    def _float(self, given: Given, node: ast.expr, scope: Scope) -> Value:
        return self.number(self._only(given), float)

    def _int(self, given: Given, node: ast.expr, scope: Scope) -> Value:
        return self.number(self._only(given), int)

    def _round(self, given: Given, node: ast.expr, scope: Scope) -> Value:
        values = [bare(value) for value in given.values]
        digits = values[1] if len(values) > 1 else None
        if len(values) != len(given.passed) or not (digits is None or type(digits) is int):
            raise NotKnown
        if isinstance(values[0], Unknown):
            return rounded(values[0], 0.5 * 10.0 ** -(digits or 0))
        if not is_numeric(values[0]):
            raise NotKnown
        return round(values[0], digits)

    def _abs(self, given: Given, node: ast.expr, scope: Scope) -> Value:
        value = bare(self._only(given))
        if not is_numeric(value):
            raise NotKnown
        return abs(value)

    def _sum(self, given: Given, node: ast.expr, scope: Scope) -> Value:
        return total_of([bare(item) for item in self.iterated(self._only(given))])

    def _min(self, given: Given, node: ast.expr, scope: Scope) -> Value:
        return self._extreme(given, min)

    def _max(self, given: Given, node: ast.expr, scope: Scope) -> Value:
        return self._extreme(given, max)

    def _extreme(self, given: Given, choose: Callable[[Any], Any]) -> Value:
        if any(one.name for one in given.passed):
            raise NotKnown
        values = given.values if len(given.values) > 1 else self.iterated(self._only(given))
        values = [bare(value) for value in values]
        if not values or not all(map(is_numeric, values)):
            raise NotKnown
        return choose(values)

    def _len(self, given: Given, node: ast.expr, scope: Scope) -> Value:
        value = bare(self._only(given))
        if isinstance(value, (tuple, str)):
            return len(value)
        return len(self.iterated(value))

    def _range(self, given: Given, node: ast.expr, scope: Scope) -> Value:
        values = [bare(value) for value in given.values]
        if not values or not all(type(value) is int for value in values):
            raise NotKnown
        try:
            numbers = range(*values)
        except (TypeError, ValueError):
            raise NotKnown from None
        if len(numbers) > LONGEST_SEQUENCE:
            raise NotKnown
        return tuple(numbers)

    def _zip(self, given: Given, node: ast.expr, scope: Scope) -> Value:
        return Items(list(zip(*map(self.iterated, given.values), strict=False)))

    def _enumerate(self, given: Given, node: ast.expr, scope: Scope) -> Value:
        return Items(list(enumerate(self.iterated(self._only(given)))))

    def _reversed(self, given: Given, node: ast.expr, scope: Scope) -> Value:
        return Items(list(reversed(self.iterated(self._only(given)))))

    def _map(self, given: Given, node: ast.expr, scope: Scope) -> Value:
        if len(given.values) != 2:
            raise NotKnown
        function, items = given.values[0], bare(given.values[1])

        def done(item: Value) -> Value:
            passed = [type(given.passed[1])("", item, given.passed[1].node, scope.file)]
            return self.call(function, Given(passed), node, scope)

        if isinstance(items, Unknown):
            return self.mapped(items, done)
        return Items([done(item) for item in self.iterated(items)])

    def _print(self, given: Given, node: ast.expr, scope: Scope) -> Value:
        return None

    def _getattr(self, given: Given, node: ast.expr, scope: Scope) -> Value:
        values = given.values
        name = bare(values[1]) if len(values) > 1 else None
        if not isinstance(name, str) or len(values) > 2:
            raise NotKnown
        return self.attribute(values[0], name, node)
