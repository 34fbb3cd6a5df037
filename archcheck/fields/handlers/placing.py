"""Along which dimensions an operation puts units one behind the other."""

from __future__ import annotations

from archcheck.fields.handlers.aliasing import Layout
from archcheck.fields.handlers.base import Context
from archcheck.fields.handlers.indexing import Subscript


def placed_along(context: Context) -> set[int]:
    """The dimensions of the result in which single units or parts got their places.

    All of them, where places are told in another way than by dimensions.
    """
    op = context.op
    rank = len(context.output_shape)
    match op.kind:
        case "stack" | "cat":
            return {context.argument("dim", 0) % rank}
        case "index_copy" | "scatter":
            return {context.argument("dim", 0) % rank}
        case "setitem":
            return _of_subscript(context) or set(range(rank))
        case "alias_write":
            return _of_memory(context) or set(range(rank))
    return set(range(rank))


def _of_subscript(context: Context) -> set[int]:
    subscript = Subscript(context, context.op.arguments.get("index"), context.shape())
    if subscript.new:
        return set()
    left = [d for d in range(len(context.shape())) if d not in subscript.numbers]
    return set(subscript.box()) | {left[at] for at in subscript.at}


def _of_memory(context: Context) -> set[int]:
    seen, wrote = (Layout.of(context.argument(name)) for name in ("seen", "written"))
    box = seen.box_of(wrote)
    if box is None:
        return set()
    return {d for d, reach in box[0].items() if len(reach) < seen.shape[d]}
