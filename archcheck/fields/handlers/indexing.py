"""Reading by numbers, slices and constant arrays."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from archcheck.fields.algebra.axis_map import pick
from archcheck.fields.algebra.field_map import FieldMap, NotModelledError
from archcheck.fields.algebra.indices import (
    Integers,
    along,
    elementwise,
    picked,
)
from archcheck.fields.algebra.merge import merged
from archcheck.fields.algebra.reshape import reshaped
from archcheck.fields.handlers.base import Context, handles, is_tensor
from archcheck.network.constants import BOOLEANS, INTEGERS


def constant_index(context: Context, value: Any) -> Integers:
    """An index as an array of whole numbers, or of truth values.

    Raises:
        NotModelledError: if it depends on the input, or its values are not known.
    """
    if not is_tensor(value):
        array = np.asarray(value)
        if array.dtype == bool or np.issubdtype(array.dtype, np.integer) or array.size == 0:
            return array if array.size else array.astype(int)
        raise NotModelledError(f"indexing by {value!r}")
    number = value["tensor"]
    if context.maps.get(number) is not None:
        raise NotModelledError("indices that depend on the input")
    for kind in (INTEGERS, BOOLEANS):
        constant = context.network.constant(number, kind)
        if constant is not None:
            return constant.values
    raise NotModelledError("indices whose values are not known")


class Subscript:
    """An index in square brackets: numbers, slices, None, Ellipsis and arrays.

    As in torch, numbers, slices and None are applied first; arrays index the result of that.
    """

    def __init__(self, context: Context, index: Any, shape: Sequence[int]) -> None:
        items = list(index) if isinstance(index, list) else [index]
        parsed = [self._parse(context, item) for item in items]
        self.slices: dict[int, range] = {}
        self.numbers: dict[int, int] = {}
        self.new: list[int] = []
        """The dimensions that None adds, counted in the result of numbers, slices and None."""
        self.arrays: list[Integers] = []
        self.at: list[int] = []
        """The dimensions of that result that arrays index."""
        self.unexpanded = [item for item in parsed if isinstance(item, np.ndarray)]
        """The arrays as they were passed, those of truth values too."""
        taken = sum(self._width(item) for item in parsed)
        dimension = left = 0
        for item in parsed:
            if item is Ellipsis:
                dimension += len(shape) - taken
                left += len(shape) - taken
            elif item is None:
                self.new.append(left)
                left += 1
            elif isinstance(item, int):
                self.numbers[dimension] = range(shape[dimension])[item]
                dimension += 1
            elif isinstance(item, slice):
                reach = range(shape[dimension])[item]
                if reach != range(shape[dimension]):
                    self.slices[dimension] = reach
                dimension, left = dimension + 1, left + 1
            else:
                for array in item.nonzero() if item.dtype == bool else (item,):
                    self.arrays.append(array)
                    self.at.append(left)
                    dimension, left = dimension + 1, left + 1
        self.apart = any(b - a > 1 for a, b in pairwise(self.at))

    @staticmethod
    def _parse(context: Context, item: Any) -> Any:
        if item is None:
            return None
        if isinstance(item, bool):
            raise NotModelledError("indexing by a truth value")
        if isinstance(item, int):
            return item
        if isinstance(item, dict) and "ellipsis" in item:
            return Ellipsis
        if isinstance(item, dict) and "slice" in item:
            if any(not isinstance(part, (int, type(None))) for part in item["slice"]):
                raise NotModelledError("a slice from a position that a tensor gives")
            return slice(*item["slice"])
        array = constant_index(context, item)
        return int(array) if array.ndim == 0 and array.dtype != bool else array

    @staticmethod
    def _width(item: Any) -> int:
        if item is None or item is Ellipsis:
            return 0
        if isinstance(item, np.ndarray) and item.dtype == bool:
            return item.ndim
        return 1

    @property
    def place(self) -> int:
        """In front of how many of the other dimensions those of the arrays come."""
        return 0 if self.apart or not self.at else self.at[0]

    def part(self, m: FieldMap) -> FieldMap:
        """The part of a map that numbers, slices and None select."""
        for dimension, reach in self.slices.items():
            m = m.gathered(dimension, pick(reach.start, reach.step), len(reach))
        for dimension in sorted(self.numbers, reverse=True):
            number = self.numbers[dimension]
            m = m.gathered(dimension, pick(number), 1).without(dimension)
        for dimension in self.new:
            m = m.with_new(dimension)
        return m

    def box(self) -> dict[int, Integers]:
        """The indices that numbers and slices select, by dimension."""
        taken = {d: np.arange(r.start, r.stop, r.step) for d, r in self.slices.items()}
        return taken | {d: np.array([number]) for d, number in self.numbers.items()}

    def whole(self, value: FieldMap) -> FieldMap:
        """The map of a part, with the dimensions of the whole tensor."""
        for dimension in sorted(self.new, reverse=True):
            value = value.without(dimension)
        for dimension in sorted(self.numbers):
            value = value.with_new(dimension)
        return value


@handles({"getitem"}, cuts=True)
def getitem(context: Context) -> FieldMap:
    """Indexing by whole numbers, slices, None, Ellipsis and constant arrays."""
    index = context.op.arguments.get("index")
    m = context.map()
    if m is None:
        return looked_up(context, index)
    subscript = Subscript(context, index, m.shape)
    m = subscript.part(m)
    return picked(m, subscript.at, subscript.arrays, subscript.place) if subscript.at else m


def looked_up(context: Context, index: Any) -> FieldMap:
    """Rows of a constant table that the input chooses: each depends on its index.

    Raises:
        NotModelledError: if there are several indices.
    """
    indices = [item for item in (index if isinstance(index, list) else [index]) if is_tensor(item)]
    if len(indices) != 1 or (isinstance(index, list) and index[0] is not indices[0]):
        raise NotModelledError("indices that depend on the input")
    return rows_of(context, context.maps.get(indices[0]["tensor"]))


def rows_of(context: Context, chosen_by: FieldMap | None) -> FieldMap:
    """A map of indices, followed by the dimensions of the rows that they choose.

    Raises:
        NotModelledError: if the indices do not depend on the input.
    """
    if chosen_by is None:
        raise NotModelledError("indices that depend on the input")
    m = chosen_by
    for size in context.output_shape[len(m.groups) :]:
        last = len(m.groups)
        m = m.with_new(last).grown(last, size)
    return m


@handles({"embedding"})
def embedding(context: Context) -> FieldMap:
    """Each row depends on the index that chooses it."""
    if context.map("weight") is None:
        return rows_of(context, context.map())
    index = constant_index(context, context.op.arguments.get("input"))
    return picked(context.required("weight"), [0], [index], 0)


@handles({"one_hot"})
def one_hot(context: Context) -> FieldMap:
    """Each row depends on the number that it encodes."""
    return rows_of(context, context.required())


@handles({"index_select"}, cuts=True)
def index_select(context: Context) -> FieldMap:
    """One dimension, by a list of indices."""
    m = context.map()
    index = context.op.arguments.get("index")
    if m is None:
        raise NotModelledError("indices that depend on the input")
    return along(m, m.dimension(context.argument("dim", 0)), constant_index(context, index).ravel())


@handles({"gather", "take_along_dim"})
def gather(context: Context) -> FieldMap:
    """One dimension, by an array that may differ from row to row."""
    name = "index" if context.op.kind == "gather" else "indices"
    index = constant_index(context, context.op.arguments.get(name))
    m = context.required()
    dim = context.argument("dim")
    if not index.ndim and len(m.groups) == 1:
        return along(m, 0, index.ravel()).without(0)
    if dim is None:
        flat = _flat(m)
        return along(flat, 0, index.ravel())
    dimension = m.dimension(dim)
    if context.op.kind == "take_along_dim":
        sides = [max(a, b) for a, b in zip(m.shape, index.shape, strict=True)]
        sides[dimension] = index.shape[dimension]
        index = np.broadcast_to(index, sides)
        sides[dimension] = m.shape[dimension]
        m = merged([m], sides)
    return elementwise(m, dimension, index)


def _flat(m: FieldMap) -> FieldMap:
    return reshaped(m, [int(np.prod(m.shape))])


@handles({"take"})
def take(context: Context) -> FieldMap:
    """Elements of the flattened tensor."""
    index = constant_index(context, context.op.arguments.get("index"))
    return picked(_flat(context.required()), [0], [index], 0)


@handles({"masked_select"})
def masked_select(context: Context) -> FieldMap:
    """The elements that a constant mask chooses, in one row."""
    mask = constant_index(context, context.op.arguments.get("mask"))
    m = merged(context.operands, np.broadcast_shapes(context.shape(), mask.shape))
    mask = np.broadcast_to(mask, m.shape)
    return picked(m, list(range(mask.ndim)), list(mask.nonzero()), 0)
