"""The calls of modules, and which of them follow from which."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from archcheck.network import Call, Network, Op


def calls_by_module(network: Network) -> dict[str, list[Call]]:
    """The calls of each module that is called several times, by its first path."""
    found: dict[str, list[Call]] = {}
    for call in network.calls:
        if call.registered and call.module:
            found.setdefault(call.module, []).append(call)
    return {path: calls for path, calls in found.items() if len(calls) > 1}


def calls_around(network: Network, index: int | None) -> Iterator[Call]:
    """A call and those that it ran in, the innermost first."""
    while index is not None and index >= 0:
        yield network.calls[index]
        index = network.calls[index].parent


def follows(network: Network, earlier: Sequence[int], later: Sequence[int]) -> bool:
    """Whether some tensors follow from others."""
    sources = set(earlier)
    if not sources.isdisjoint(later):
        return True
    first = min(sources, default=0)
    reached = set(sources)
    for op in network.ops:
        if (
            op.outputs
            and op.outputs[0] > first
            and not reached.isdisjoint(network.operands[op.index])
        ):
            reached.update(op.outputs)
    return not reached.isdisjoint(later)


def apart(network: Network, one: int, other: int) -> tuple[Call | None, Call | None]:
    """The outermost calls around two calls, themselves included, that not both of them ran in."""
    first, second = (list(calls_around(network, index))[::-1] for index in (one, other))
    for a, b in zip(first, second, strict=False):
        if a.index != b.index:
            return a, b
    return None, None


def ops_in(network: Network, call: Call) -> Iterator[Op]:
    """The operations that ran in a call."""
    inside = {call.index}
    for each in network.calls[call.index + 1 :]:
        if each.parent in inside:
            inside.add(each.index)
    return (op for op in network.ops if op.call in inside)
