"""What is worth a remark about a network, whatever is asked of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from archcheck.network import kinds
from archcheck.network.accounting import Held, accounts_of
from archcheck.network.model import Call, Network, Op, Place, Remark
from archcheck.network.reach import reach_of
from archcheck.phrases import how_many, some_of

MOST_LINES = 5
"""How many lines of one sort are told of one by one."""
_LAYERS = kinds.LAYER_KINDS - kinds.ARITHMETIC - kinds.REDUCTIONS - kinds.JOINS
"""The kinds of operation that do nothing but to be a layer of something."""


def remarks_on(network: Network) -> tuple[Remark, ...]:
    """What a pass showed: notes of the trace, what counts as no parameter, work for nothing."""
    return (*network.notes, *_unregistered(network), *_dead(network))


def _unregistered(network: Network) -> Iterator[Remark]:
    """What the network holds and no count of its parameters sees, a remark a line."""
    lines: dict[tuple[str, int], list[Held]] = {}
    accounts = accounts_of(network)
    for held in accounts.unregistered:
        lines.setdefault(_line(held.place), []).append(held)
    ordered = sorted(lines.values(), key=lambda line: -_size(line))
    for line in ordered[:MOST_LINES]:
        yield Remark(_uncounted(network, line), line[0].place)
    rest = ordered[MOST_LINES:]
    if rest:
        size = sum(map(_size, rest))
        yield Remark(f"{size:,} numbers more, on {len(rest)} other lines, do not count either")
    if accounts.numbers:
        op, count = accounts.numbers
        text = f"forward computes with {count:,} numbers of Python, one by one: they do not count"
        yield Remark(text, op.called)
    if accounts.unseen:
        text = "a tensor whose making was not seen is read: if it holds weights, they do not count"
        yield Remark(text, accounts.doubtful[0].called if accounts.doubtful else None)


def _size(line: Iterable[Held]) -> int:
    return sum(held.size for held in line)


def _uncounted(network: Network, line: Sequence[Held]) -> str:
    layers = [call.type for call in dict.fromkeys(_unregistered_calls(network, line))]
    size = _size(line)
    if not layers:
        names = some_of(list(dict.fromkeys(held.name for held in line)), 2)
        return f"{names}: {size:,} numbers that are no registered parameters do not count"
    more = how_many(len(layers) - 1, "more layer")
    what = f"{layers[0]} and {more} are" if layers[1:] else f"{layers[0]} is"
    why = "nn.ModuleList holds what a plain list does not"
    if all(held.source is not None for held in line):
        why = "built anew in every pass"
    return f"{what} called but no module of the network: {size:,} parameters do not count ({why})"


def _unregistered_calls(network: Network, line: Iterable[Held]) -> Iterator[Call]:
    """The calls of layers that the network does not register in which tensors are first read."""
    for held in line:
        for op in network.consumers.get(held.tensor.id, ())[:1]:
            call = network.calls[op.call] if op.call >= 0 else None
            if call is not None and not call.module and call.parent is not None:
                yield call


def _dead(network: Network) -> Iterator[Remark]:
    """Layers whose result reaches no output, a remark a line."""
    reach = reach_of(network)
    lines: dict[tuple[str, int], list[Op]] = {}
    layers = [op for op in network.ops if op.kind in _LAYERS]
    used = {(op.module, _line(op.called)) for op in layers if reach.possible(op)}
    for op in layers:
        if not reach.possible(op) and (op.module, _line(op.called)) not in used:
            lines.setdefault(_line(op.called), []).append(op)
    dead = list(lines.values())
    for line in dead[:MOST_LINES]:
        names = list(dict.fromkeys(op.module or op.kind for op in line))
        reaches = "reaches" if len(names) == 1 else "reach"
        text = f"{some_of(names, 2)} {reaches} no output: computed, but no layer"
        yield Remark(text, line[0].called)
    if dead[MOST_LINES:]:
        yield Remark(f"what {len(dead) - MOST_LINES} other lines compute reaches no output either")


def _line(place: Place | None) -> tuple[str, int]:
    return ("", 0) if place is None else (place.file, place.line)
