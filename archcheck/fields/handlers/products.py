"""Linear layers, matrix products and attention: joins along the contracted dimensions."""

from __future__ import annotations

from archcheck.fields.fieldmap import FieldMap, Unfollowed
from archcheck.fields.handlers.base import Context, handles, is_tensor
from archcheck.fields.merge import merged


@handles({"linear"})
def linear(context: Context) -> FieldMap:
    """Every output feature depends on all input features of its position."""
    m = context.required()
    if context.map("weight") is not None:
        raise Unfollowed("a linear layer whose weight depends on the input")
    last = len(m.groups) - 1
    spatial = last in m.spatial_dimensions()
    joined = m.joined([last], context.op.index)
    if not context.output_shape:
        return joined.without(last)
    return joined.grown(last, context.output_shape[-1], spatial=spatial)


@handles({"matmul", "mm", "bmm", "addmm", "baddbmm"})
def matrix_product(context: Context) -> FieldMap:
    """Row i and column j depend on all of row i and all of column j."""
    names = {
        "matmul": ("input", "other"),
        "addmm": ("mat1", "mat2"),
        "baddbmm": ("batch1", "batch2"),
    }.get(context.op.kind, ("input", "mat2"))
    left, right = (context.op.arguments.get(name) for name in names)
    if not is_tensor(left) or not is_tensor(right):
        raise Unfollowed(f"{context.op.kind} with unknown operands")
    shape = context.output_shape
    parts = []
    for name, side in zip(names, (-1, -2), strict=True):
        m = context.map(name)
        if m is None:
            continue
        if len(m.groups) == 1:
            parts.append(m.joined([0], context.op.index))
            continue
        parts.append(m.joined([m.dimension(side)], context.op.index))
        if len(context.shape(names[1])) == 1:
            parts[-1] = parts[-1].without(len(m.groups) - 1)
    if context.op.kind in ("addmm", "baddbmm"):
        added = context.map()
        parts += [added] if added is not None else []
    return merged(parts, shape)


@handles({"scaled_dot_product_attention"})
def attention(context: Context) -> FieldMap:
    """Every query depends on itself and on all keys and values."""
    if is_tensor(context.op.arguments.get("attn_mask")) or context.argument("is_causal", False):
        raise Unfollowed("attention with a mask")
    query, key, value = (context.map(name) for name in ("query", "key", "value"))
    shape = context.output_shape
    width, tokens = len(shape) - 1, len(shape) - 2
    parts = []
    if query is not None:
        parts.append(query.joined([width], context.op.index))
    if key is not None:
        parts.append(key.joined([tokens, width], context.op.index))
    if value is not None:
        # One value feature feeds one output feature, joined over all tokens.
        parts.append(value.joined([tokens], context.op.index))
    return merged([_widened(part, shape) for part in parts], shape)


def _widened(m: FieldMap, shape: tuple[int, ...]) -> FieldMap:
    last = len(shape) - 1
    return m.grown(last, shape[-1]) if m.shape[last] == 1 else m


@handles({"multi_head_attention_forward"})
def multi_head_attention(context: Context) -> list[FieldMap | None]:
    """Tokens first (or tokens, batch, width): queries depend on all keys and values."""
    for name in ("attn_mask", "key_padding_mask"):
        if is_tensor(context.op.arguments.get(name)):
            raise Unfollowed("attention with a mask")
    if context.argument("is_causal", False):
        raise Unfollowed("attention with a mask")
    query = context.map("query")
    if query is None:
        raise Unfollowed("attention with constant queries")
    shape = context.output_shape
    last = len(shape) - 1
    parts = [query.joined([last], context.op.index).grown(last, shape[-1])]
    for name in ("key", "value"):
        m = context.map(name)
        if m is not None:
            parts.append(m.joined([0, last], context.op.index).grown(last, shape[-1]))
    result: list[FieldMap | None] = [merged(parts, shape)]
    for output in context.op.outputs[1:]:  # the attention weights: batch, (heads,) queries, keys
        sides = context.network.shape(output)
        whole = merged(parts, shape).joined([0, last], context.op.index)
        order = [*range(1, len(shape) - 1), 0, last]
        whole = whole.permuted(order)
        while len(whole.groups) < len(sides):
            whole = whole.with_new(len(whole.groups) - 2)
        for dimension in (len(sides) - 2, len(sides) - 1):
            whole = whole.grown(dimension, sides[dimension])
        for dimension in range(len(sides) - 2):
            if whole.shape[dimension] != sides[dimension]:
                whole = whole.grown(dimension, sides[dimension])
        result.append(whole)
    return result


@handles({"einsum"})
def einsum(context: Context) -> FieldMap:
    """Joins along every letter that the result does not have."""
    equation = str(context.argument("equation", "")).replace(" ", "")
    if "." in equation:
        raise Unfollowed("an einsum with an ellipsis")
    left, arrow, right = equation.partition("->")
    terms = left.split(",")
    if not arrow:
        letters = sorted(set(left) - {","})
        right = "".join(letter for letter in letters if left.count(letter) == 1)
    parts = []
    for term, operand in zip(terms, context.argument("operands", []), strict=True):
        m = context.maps.get(operand["tensor"]) if is_tensor(operand) else None
        if m is None:
            continue
        if len(set(term)) != len(term):
            raise Unfollowed("an einsum that takes a diagonal")
        parts.append(_as_term(m, term, right, context.op.index))
    return merged(parts, context.output_shape)


def _as_term(m: FieldMap, term: str, result: str, op: int) -> FieldMap:
    """An operand of an einsum with the dimensions of its result, in their order."""
    m = m.joined([d for d, letter in enumerate(term) if letter not in result], op)
    for dimension in reversed(range(len(term))):
        if term[dimension] not in result:
            m = m.without(dimension)
    kept = [letter for letter in term if letter in result]
    m = m.permuted([kept.index(letter) for letter in result if letter in kept])
    for dimension, letter in enumerate(result):
        if letter not in kept:
            m = m.with_new(dimension)
    return m
