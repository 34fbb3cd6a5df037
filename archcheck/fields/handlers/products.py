"""Linear layers, matrix products and attention: joins along the contracted dimensions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from msgspec.structs import replace

from archcheck.fields.algebra import masks
from archcheck.fields.algebra.axis_map import AxisMap, pick
from archcheck.fields.algebra.field_map import FieldMap, NotModelledError
from archcheck.fields.algebra.indices import picked
from archcheck.fields.algebra.merge import merged
from archcheck.fields.algebra.positions import EMPTY
from archcheck.fields.algebra.table import Table
from archcheck.fields.algebra.track import Cut
from archcheck.fields.handlers.base import Context, Result, handles, is_tensor
from archcheck.fields.handlers.masking import low, open_elements, truth
from archcheck.fields.handlers.writing import constant_map
from archcheck.network.equations import explicit

Term = tuple[str, FieldMap]
"""A map with a letter for each of its dimensions."""
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def masked_map(is_open: masks.Booleans, like: FieldMap) -> FieldMap:
    """A constant whose elements are zero where ``is_open`` is false."""
    constant = constant_map(like, is_open.shape)
    return masks.closed(constant, is_open, Cut(Table.constant(EMPTY, 0), 0.0))


def contracted(terms: Sequence[Term], result: str, op: int) -> list[FieldMap]:
    """What a product depends on: one map for each factor, with the result's dimensions.

    Units are joined along the letters that are missing in the result, except where a mask makes a
    factor zero. ``op`` is the index of the operation.
    """
    zeros = [(letters, m) for letters, m in terms if m.cut is not None and m.cut.value == 0.0]
    parts = []
    for letters, m in terms:
        zero = m.cut is not None and m.cut.value == 0.0
        m = replace(m, cut=None) if zero else masks.settled(m)
        full = letters
        if zeros:
            full += "".join(dict.fromkeys(c for z, _ in zeros for c in z if c not in letters))
            m = _arranged(letters, m, full)
            for named, other in zeros:
                m = masks.closed_too(m, _arranged(named, other, full))
        m = masks.joined(m, [d for d, c in enumerate(full) if c not in result], op)
        for dimension in reversed(range(len(full))):
            if full[dimension] not in result:
                m = m.without(dimension)
        parts.append(_arranged("".join(c for c in full if c in result), m, result))
    return parts


def _arranged(letters: str, m: FieldMap, full: str) -> FieldMap:
    """A map with the dimensions of ``full``, of length one where it lacks the letter."""
    m = m.permuted([letters.index(c) for c in full if c in letters])
    for dimension, letter in enumerate(full):
        if letter not in letters:
            m = m.with_new(dimension)
    return m


Operand = tuple[str, dict[str, int]]
"""A tensor among the arguments with a letter for each of its dimensions."""


def product_of(operands: Sequence[Operand], result: str, context: Context) -> FieldMap:
    """A product of tensors, some of which depend on the input."""
    terms: list[Term] = []
    constants: list[str] = []
    zeros: list[Term] = []
    for letters, tensor in operands:
        m, is_open = context.maps.get(tensor["tensor"]), open_elements(context, tensor)
        if m is not None:
            terms.append(_diagonal(letters, m))
        else:
            constants.append(letters)
        if is_open is not None:
            zeros.append(_diagonal(letters, masked_map(is_open, context.operands[0])))
    parts = contracted([*terms, *zeros], result, context.op.index)[: len(terms)]
    closed = [m for m in parts if m.cut is not None]
    whole = merged([replace(m, cut=None) for m in parts], context.output_shape)
    whole = _counting_space(whole, terms, constants, result)
    if len(closed) == len(parts):
        whole = masks.closed_too(whole, closed[0])
    return whole


def _counting_space(
    whole: FieldMap, terms: Sequence[Term], constants: Sequence[str], result: str
) -> FieldMap:
    """A constant matrix that is applied along an axis of space leaves an axis of space."""
    spatial = {term[d]: m.label(d, 1) for term, m in terms for d in m.spatial_dimensions()}
    known = {letter for term, _ in terms for letter in term}
    factors = list(whole.factors)
    for term in constants:
        read = (set(term) - set(result)) & spatial.keys()
        made = set(term) & set(result) - known
        if len(read) == len(made) == 1:
            fused = spatial[read.pop()].fused
            for factor in range(len(factors))[whole.span(result.index(made.pop()))]:
                factors[factor] = replace(factors[factor], spatial=True, fused=fused)
    return replace(whole, factors=tuple(factors))


@handles({"linear"}, cuts=True)
def linear(context: Context) -> FieldMap:
    """Every output feature depends on all input features of its position."""
    m = context.required()
    if context.map("weight") is not None:
        raise NotModelledError("a linear layer whose weight depends on the input")
    last = len(m.groups) - 1
    arguments = context.op.arguments
    if open_elements(context, arguments["weight"]) is not None:
        letters, row = _LETTERS[:last], "K" * (len(context.shape("weight")) - 1)
        operands = [(letters + "J", arguments["input"]), (row + "J", arguments["weight"])]
        whole = product_of(operands, letters + row, context)
        return masks.settled(whole) if arguments.get("bias") is not None else whole
    label = m.label(last, context.output_shape[-1])
    joined = masks.joined(m, [last], context.op.index)
    if context.argument("bias") is not None:
        joined = masks.settled(joined)
    if len(context.output_shape) == last:  # the weight is one row
        return joined.without(last)
    return joined.grown_as(last, label)


@handles({"matmul", "mm", "bmm", "addmm", "baddbmm", "mv", "dot", "vdot", "addmv"}, cuts=True)
def matrix_product(context: Context) -> FieldMap:
    """Row i and column j depend on all of row i and all of column j."""
    names = {
        "matmul": ("input", "other"),
        "addmm": ("mat1", "mat2"),
        "baddbmm": ("batch1", "batch2"),
        "mv": ("input", "vec"),
        "dot": ("input", "other"),
        "vdot": ("input", "other"),
        "addmv": ("mat", "vec"),
    }.get(context.op.kind, ("input", "mat2"))
    if not all(is_tensor(context.op.arguments.get(name)) for name in names):
        raise NotModelledError(f"{context.op.kind} with unknown operands")
    shape = context.output_shape
    ranks = [len(context.shape(name)) for name in names]
    batch = _LETTERS[: max(*ranks, 2) - 2]
    letters = [_matrix(batch, ranks[0], "IJ"), _matrix(batch, ranks[1], "JK")]
    result = batch + "I" * (ranks[0] > 1) + "K" * (ranks[1] > 1)
    if all(context.map(name) is None for name in names):
        return merged([masks.settled(m) for m in context.operands], shape)
    tensors = [context.op.arguments[name] for name in names]
    whole = product_of(list(zip(letters, tensors, strict=True)), result, context)
    addend = context.op.arguments.get("input")
    if context.op.kind not in ("addmm", "baddbmm", "addmv") or not is_tensor(addend):
        return whole
    added = context.map()
    whole = masks.settled(whole)
    if added is not None:
        return merged([whole, masks.settled(added)], shape)
    cut = low(context, addend["tensor"])
    if cut is not None and context.argument("beta", 1) == 1:
        return masks.closed(whole, cut.is_open.values, cut)
    return whole


def _matrix(batch: str, rank: int, sides: str) -> str:
    return "J" if rank == 1 else batch[len(batch) - (rank - 2) :] + sides


@handles({"scaled_dot_product_attention"})
def attention(context: Context) -> FieldMap:
    """Every query depends on itself and on all keys and values that no mask closes."""
    query, key, value = (context.map(name) for name in ("query", "key", "value"))
    shape = context.output_shape
    tokens = len(shape) - 2
    if context.argument("enable_gqa", False):
        key, value = (_repeated(m, shape) for m in (key, value))
    keys = context.shape("key")[-2]
    sides = (*shape[:-1], keys)
    is_open = _open_pairs(context, "attn_mask", keep=True)
    if context.argument("is_causal", False):
        is_open = is_open & (np.arange(keys)[None, :] <= np.arange(sides[-2])[:, None])
    is_open = is_open.reshape((1,) * (len(sides) - is_open.ndim) + is_open.shape)
    closing = Cut(Table.constant(EMPTY, 0), 0.0)
    parts = []
    if query is not None:
        parts.append(query.joined([tokens + 1], context.op.index))
        if not is_open.all():  # a query without keys
            parts[0] = masks.without(parts[0], masks.any_along(is_open, -1))
    for m in (key, value):
        if m is None:
            continue
        if m is key:
            m = m.joined([tokens + 1], context.op.index)
        m = m.with_new(tokens)
        like = query if query is None else query.joined([tokens + 1], -1).with_new(tokens + 2)
        m = masks.closed(m, is_open[..., None], closing, like)
        parts.append(
            masks.settled(masks.joined(m, [tokens + 1], context.op.index)).without(tokens + 1)
        )
    mixed = context.map("attn_mask")
    if mixed is not None:
        parts.append(mixed.joined([len(mixed.groups) - 1], context.op.index))
    return merged([_widened(part, shape) for part in parts], shape)


def _open_pairs(context: Context, name: str, *, keep: bool) -> masks.Booleans:
    """Which pairs of query and key a constant mask leaves open.

    With ``keep`` a boolean mask is true where a pair is open, without it where one is closed.

    Raises:
        NotModelledError: if a boolean mask depends on the input or on weights, or the values are
            not known.
    """
    mask = context.op.arguments.get(name)
    if not is_tensor(mask):
        return np.ones((1, 1), dtype=bool)
    number = mask["tensor"]
    if context.map(name) is not None:
        if context.network.tensors[number].dtype == "bool":
            raise NotModelledError("attention with a mask that the input decides on")
        return np.ones((1, 1), dtype=bool)
    if context.network.tensors[number].dtype == "bool":
        values = truth(context, name)
        if values is None:
            raise NotModelledError("attention with a mask that weights or chance decide on")
        return values if keep else ~values
    cut = low(context, number)
    if cut is None:
        return np.ones((1, 1), dtype=bool)
    if not cut.seen:
        raise NotModelledError("a mask whose values were not read")
    is_open: masks.Booleans = cut.is_open.values
    rows = masks.any_along(is_open, -1)
    # A row that is low throughout has the same softmax as one without a mask.
    return is_open if cut.infinite else is_open | ~rows


def _repeated(m: FieldMap | None, shape: tuple[int, ...]) -> FieldMap | None:
    """Heads of keys or values repeated for the heads of queries that share them."""
    if m is None:
        return None
    heads = len(shape) - 3
    times = shape[heads] // m.shape[heads]
    return m.gathered(heads, AxisMap(times, 1, ((0,),) * times), shape[heads])


def _widened(m: FieldMap, shape: tuple[int, ...]) -> FieldMap:
    last = len(shape) - 1
    return m.grown(last, shape[-1]) if m.shape[last] == 1 else m


@handles({"multi_head_attention_forward"})
def multi_head_attention(context: Context) -> list[Result]:
    """Tokens first (or tokens, batch, width): queries depend on all keys and values."""
    query, key, value = (context.map(name) for name in ("query", "key", "value"))
    shape = context.output_shape
    last = len(shape) - 1
    keys = context.shape("key")[0] + int(context.op.arguments.get("bias_k") is not None)
    keys += int(bool(context.argument("add_zero_attn", False)))
    is_open = _pairs_of_heads(context, keys)
    # Dimensions: queries, keys, batch, width. The last projection mixes the heads.
    over_heads = masks.any_along(is_open, 1, keep=False)
    pairs = np.moveaxis(over_heads, 0, -1)[..., None] if last == 2 else over_heads[0][..., None]
    closing = Cut(Table.constant(EMPTY, 0), 0.0)
    parts = []
    if query is not None:
        parts.append(query.joined([last], context.op.index))
        parts[0] = masks.without(parts[0], masks.any_along(pairs, 1, keep=False))
    like = None if query is None else query.joined([last], -1).with_new(1)
    for m in (key, value):
        if m is None:
            continue
        m = m.joined([last], context.op.index).with_new(0)
        m = masks.closed(m, pairs[:, : m.shape[1]], closing, like)
        parts.append(masks.settled(masks.joined(m, [1], context.op.index)).without(1))
    for name in ("attn_mask", "key_padding_mask"):
        if context.map(name) is not None:
            raise NotModelledError("attention with a mask that depends on the input")
    if not parts:
        raise NotModelledError("attention of constants")
    result: list[Result] = [merged([part.grown(last, shape[-1]) for part in parts], shape)]
    for output in context.op.outputs[1:]:
        result.append(_weights(context, context.network.shape(output), is_open))
    return result


def _weights(context: Context, sides: tuple[int, ...], is_open: masks.Booleans) -> Result:
    """The weights (batch, (heads,) queries, keys), each of which depends on all keys."""
    if len(sides) - len(context.output_shape) < 1:
        is_open = is_open if is_open.shape[1] == 1 else _alike(is_open)
        is_open = is_open[:, 0] if len(sides) == 3 else is_open[0, 0]
    elif len(sides) == 3:
        is_open = is_open[0]
    if is_open.size == 0:
        return NotModelledError("the mean of weights whose masks differ")
    parts = []
    for name in ("query", "key"):
        m = context.map(name)
        if m is None:
            continue
        last = len(m.groups) - 1
        m = m.joined([last], context.op.index).without(last)
        m = m.permuted([*range(1, last), 0])
        m = m.with_new(last if name == "query" else last - 1)
        while len(m.groups) < len(sides):
            m = m.with_new(len(m.groups) - 2)
        if name == "key":
            m = m.gathered(len(sides) - 1, pick(0), sides[-1]) if m.shape[-1] < sides[-1] else m
        parts.append(m)
    scores = merged(parts, sides)
    scores = masks.closed(scores, is_open, Cut(Table.constant(EMPTY, 0), -np.inf))
    return masks.softmax(scores, len(sides) - 1, context.op.index)


def _alike(is_open: masks.Booleans) -> masks.Booleans:
    """The mask that all heads share, empty if they do not."""
    first = is_open[:, :1]
    return first if (is_open == first).all() else first[:0]


def _pairs_of_heads(context: Context, keys: int) -> masks.Booleans:
    """Which pairs are open: (batch, heads, queries, keys), length 1 where all are alike."""
    shape, heads = context.shape("query"), int(context.argument("num_heads", 1))
    added = keys - context.shape("key")[0]
    is_open: masks.Booleans = np.ones((1, 1, shape[0], keys), dtype=bool)
    if is_tensor(context.op.arguments.get("attn_mask")):
        mask = _open_pairs(context, "attn_mask", keep=False)
        mask = mask.reshape(-1, heads, *mask.shape[1:]) if mask.ndim == 3 else mask[None, None]
        is_open = is_open & np.pad(mask, [(0, 0)] * 3 + [(0, added)], constant_values=True)
    if is_tensor(context.op.arguments.get("key_padding_mask")):
        mask = _open_pairs(context, "key_padding_mask", keep=False)
        mask = mask.reshape(-1, 1, 1, mask.shape[-1])
        is_open = is_open & np.pad(mask, [(0, 0)] * 3 + [(0, added)], constant_values=True)
    return is_open


@handles({"einsum"}, cuts=True)
def einsum(context: Context) -> FieldMap:
    """Joins along every letter that is missing in the result."""
    equation = str(context.argument("equation", "")).replace(" ", "")
    operands = context.argument("operands", [])
    if len(operands) == 1 and isinstance(operands[0], list):
        operands = operands[0]
    ranks = [len(context.network.shape(operand["tensor"])) for operand in operands]
    inputs, result = explicit(equation, ranks)
    return product_of(list(zip(inputs, operands, strict=True)), result, context)


def _diagonal(letters: str, m: FieldMap) -> Term:
    """A term whose letters all differ: dimensions of one letter are read at the same index."""
    for letter in dict.fromkeys(letters):
        while letters.count(letter) > 1:
            at = [letters.index(letter), letters.rindex(letter)]
            steps = np.arange(m.shape[at[0]])
            m = picked(m, at, [steps, steps], 0)
            letters = letter + letters[: at[0]] + letters[at[0] + 1 : at[1]] + letters[at[1] + 1 :]
    return letters, m
