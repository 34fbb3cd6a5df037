"""What reads a tensor again after it was written to in place, and by which name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from archcheck.lint.module_calls import calls_around
from archcheck.lint.names import Use, other_name
from archcheck.network import Call, Network, Op, kinds
from archcheck.rules.base import Location


def read_again(
    sources: Mapping[str, str], network: Network, write: Op, handed_on: Sequence[Call]
) -> tuple[str, Location] | None:
    """The name by which a tensor is read as it was before an operation wrote to it, and where.

    ``sources`` are the texts of the author's files, ``handed_on`` the calls that return what they
    are given.
    """
    for op in _readers(network, write):
        for call, given in _given(network, op, handed_on):
            name = _other_name(sources, network, write, op, call, given)
            if name:
                place = op.called if call is None else call.called
                return name, Location(place, op.module, op.kind)
    return None


def _readers(network: Network, write: Op) -> Iterator[Op]:
    """What reads a tensor after an operation wrote to it."""
    values = list(write.outputs[:1])
    for value in values:
        for op in network.consumers.get(value, ()):
            yield op
            if op.arguments.get(kinds.IN_PLACE_WRITE) and op.inputs[0] == value:
                values += op.outputs[:1]


def _given(
    network: Network, op: Op, handed_on: Sequence[Call]
) -> Iterator[tuple[Call | None, tuple[int, ...]]]:
    """An operation that reads a tensor and the calls that it was given to for that, with what they
    were given: those around it, and those that handed it on as it is."""
    yield None, op.inputs
    around = calls_around(network, op.call)
    for call in (*around, *(call for call in handed_on if {*call.outputs} & {*op.inputs})):
        if call.parent is not None:
            yield call, call.inputs


def _other_name(
    sources: Mapping[str, str],
    network: Network,
    write: Op,
    read: Op,
    call: Call | None,
    given: tuple[int, ...],
) -> str | None:
    """The name by which a tensor is read again, in the innermost forward of the author's that both
    the operation that writes and the one that reads it run in."""
    around = _forward_around(network, read.call if call is None else call.parent)
    place = read.called if call is None else call.called
    written = _use_within(network, write, around)
    if around is None or written is None or place is None or place.file not in sources:
        return None
    changed = [each for each in given if _is_later(network, write, each)]
    if not changed or written.place.file != place.file:
        return None
    use = Use(place, None, call is None and _is_method(read))
    text = sources[place.file]
    return other_name(text, written, use, twice=len(changed) > 1)


def _is_later(network: Network, write: Op, tensor: int) -> bool:
    """Whether a value is what an operation wrote, or what was written to the same tensor since."""
    while True:
        if tensor in write.outputs:
            return True
        maker = network.producer(tensor)
        if maker is None or not maker.arguments.get(kinds.IN_PLACE_WRITE):
            return False
        tensor = maker.inputs[0]


def _forward_around(network: Network, index: int | None) -> int | None:
    """The innermost call of a module of the author's."""
    own = (call.index for call in calls_around(network, index) if not call.standard)
    return next(own, None)


def _use_within(network: Network, write: Op, around: int | None) -> Use | None:
    """What was given the tensor that is written to, as seen from a call around."""
    if _forward_around(network, write.call) == around and write.called is not None:
        call = _outermost_layer(network, write.call, around)
        if call is None:
            return Use(write.called, 0, _is_method(write))
        return _use_of(network, call, write)
    for call in calls_around(network, write.call):
        if call.parent is not None and _forward_around(network, call.parent) == around:
            outer = _outermost_layer(network, call.index, around)
            return _use_of(network, outer or call, write)
    return None


def _outermost_layer(network: Network, index: int | None, around: int | None) -> Call | None:
    """The outermost call below one that holds another one."""
    calls: list[Call] = []
    for call in calls_around(network, index):
        if call.index == around:
            return calls[-1] if calls else None
        calls.append(call)
    return None


def _use_of(network: Network, call: Call, write: Op) -> Use | None:
    if call.called is None or write.inputs[0] not in call.inputs:
        return None
    place = None if len(call.inputs) == 1 else call.inputs.index(write.inputs[0])
    returns = any(_is_later(network, write, tensor) for tensor in call.outputs)
    return Use(call.called, place, False, returns)


def _is_method(op: Op) -> bool:
    return op.function.startswith("torch.Tensor.")
