"""Packed sequences: the steps of one sequence, without what pads it."""

from __future__ import annotations

from archcheck.fields.algebra.axis_map import pick
from archcheck.fields.algebra.field_map import NotModelledError
from archcheck.fields.algebra.merge import concatenated
from archcheck.fields.handlers.base import Context, Result, handles
from archcheck.fields.handlers.writing import constant_map


def _time(context: Context) -> int:
    return int(bool(context.argument("batch_first", False)))


@handles({"_pack_padded_sequence"})
def pack(context: Context) -> list[Result]:
    """The first steps of a batch of one; the batch sizes say nothing of the input."""
    m, time = context.required(), _time(context)
    if context.map("lengths") is not None:
        raise NotModelledError("a sequence whose length depends on the input")
    if m.shape[1 - time] != 1:
        raise NotModelledError("several sequences packed into one")
    return [m.gathered(time, pick(0), context.output_shape[0]).without(1 - time), None]


@handles({"_pad_packed_sequence"})
def pad(context: Context) -> list[Result]:
    """The steps of one sequence, with constants behind them."""
    m, time = context.required(), _time(context)
    steps, batch = context.output_shape[time], context.output_shape[1 - time]
    if batch != 1:
        raise NotModelledError("several sequences packed into one")
    parts = [m]
    if steps > m.shape[0]:
        parts.append(constant_map(m, (steps - m.shape[0], *m.shape[1:])))
    return [concatenated(parts, 0).with_new(1 - time), None]
