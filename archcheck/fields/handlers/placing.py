"""Along which dimensions an operation puts units one behind the other."""

from __future__ import annotations

from archcheck.fields.handlers.base import Context
from archcheck.fields.handlers.indexing import Subscript
from archcheck.fields.handlers.layout import Layout


def placed_along(context: Context) -> set[int]:
    """The dimensions of the result along which single units got their places.

    All of them, where places are told in another way than by dimensions.
    """
    op = context.op
    rank = len(context.output_shape)
    everywhere = set(range(rank))
    if op.kind in ("stack", "cat", "index_copy", "scatter"):
        return {context.argument("dim", 0) % rank}
    if op.kind == "setitem":
        subscript = Subscript(context, context.op.arguments.get("index"), context.shape())
        return everywhere if subscript.new else _of_subscript(subscript, rank)
    if op.kind == "alias_write":
        seen, wrote = (Layout.of(context.argument(name)) for name in ("seen", "written"))
        box = seen.box_of(wrote)
        return everywhere if box is None else {d for d, at in box[0].items() if len(at) == 1}
    return everywhere


def _of_subscript(subscript: Subscript, rank: int) -> set[int]:
    left = [d for d in range(rank) if d not in subscript.numbers]
    slices = {d for d, reach in subscript.slices.items() if len(reach) == 1}
    return slices | set(subscript.numbers) | {left[at] for at in subscript.at}
