"""Where a receptive field comes from: the chain of layers that reaches furthest."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import groupby

from archcheck.fields.field import axis_field
from archcheck.fields.fieldmap import FieldMap
from archcheck.fields.points import Point
from archcheck.fields.receptive_field import ReceptiveField
from archcheck.network import Network, Op, kinds
from archcheck.network.attributes import attributes
from archcheck.network.graph import data_inputs


@dataclass(frozen=True)
class Growth:
    """The field behind a stretch of layers: its size, what the stretch added, and with what."""

    name: str
    size: int
    added: int
    what: str


MOST_ROWS = 12
_COUNTS = ("", "", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def growth(rf: ReceptiveField, point: Point, axis: int) -> tuple[Growth, ...]:
    """The growth of the field up to a point, grouped by the blocks of the network.

    The chain is found by walking back from the point, at each merge along the operand whose own
    field is largest. Stretches that add nothing are left out.
    """
    chain = _chain(rf, point, axis)
    best: tuple[Growth, ...] = ()
    for depth in range(1, 8):
        rows = _rows(rf.network, chain, depth)
        if best and (len(rows) > MOST_ROWS or rows == best):
            break
        best = rows
        if len(rows) > 3:
            break
    return best


def _chain(rf: ReceptiveField, point: Point, axis: int) -> list[tuple[Op, int, bool]]:
    """The operations of the chain with the size of the field behind each, and whether a unit's
    step covers more than one position in front of it."""
    tensor = max(point.tensors, key=lambda t: _size(rf, t, axis))
    chain: list[tuple[Op, int, bool]] = []
    while (op := rf.network.producer(tensor)) is not None:
        sources = [t for t in data_inputs(op) if isinstance(rf.walk.map(t), FieldMap)]
        if not sources:
            break
        # Of operands that reach equally far the one made last has the longer way behind it.
        source = max(sources, key=lambda t: (_size(rf, t, axis), t))
        chain.append((op, _size(rf, tensor, axis), _jump(rf, source, axis) > 1))
        tensor = source
    return chain[::-1]


def _size(rf: ReceptiveField, tensor: int, axis: int) -> int:
    m = rf.walk.map(tensor)
    if not isinstance(m, FieldMap):
        return 0
    found = axis_field(m, axis)
    return found.local or found.size


def _jump(rf: ReceptiveField, tensor: int, axis: int) -> float:
    m = rf.walk.map(tensor)
    jump = axis_field(m, axis).jump if isinstance(m, FieldMap) else None
    return float(jump) if jump is not None else 1.0


def _rows(network: Network, chain: list[tuple[Op, int, bool]], depth: int) -> tuple[Growth, ...]:
    rows = [Growth("input", 1, 0, "")]
    for name, group in groupby(chain, key=lambda link: _block(network, link[0], depth)):
        links = list(group)
        size = links[-1][1]
        if size != rows[-1].size:
            rows.append(Growth(name, size, size - rows[-1].size, _what(network, links)))
    return tuple(rows)


def _block(network: Network, op: Op, depth: int) -> str:
    parts = op.module.split(".") if op.module else []
    return ".".join(parts[:depth]) if parts else op.kind


def _what(network: Network, links: list[tuple[Op, int, bool]]) -> str:
    described: Counter[str] = Counter()
    for op, _, apart in links:
        text = _window(network, op, apart)
        if text:
            described[text] += 1
    parts = [
        f"{_COUNTS[count]} {text}"
        if 1 < count < len(_COUNTS)
        else (f"{count} × {text}" if count > 1 else text)
        for text, count in described.items()
    ]
    return ", ".join(parts[:2]) + (" …" if len(parts) > 2 else "")


def _window(network: Network, op: Op, apart: bool) -> str:
    if op.kind in kinds.ADAPTIVE_POOLS | kinds.REDUCTIONS:
        return "all positions"
    if op.kind in kinds.RESAMPLING:
        return "upsampling"
    if op.kind not in (kinds.CONVOLUTIONS | kinds.TRANSPOSED_CONVOLUTIONS | kinds.FIXED_POOLS):
        return ""
    a = attributes(network, op)
    kernel, stride, dilation = (
        a["kernel_size"],
        a["stride"],
        a.get("dilation", (1,)),
    )
    if max(kernel) == 1 and max(stride) == 1:
        return ""
    words = "×".join(map(str, kernel))
    if a.get("depthwise"):
        words = f"depthwise {words}"
    if op.kind in kinds.TRANSPOSED_CONVOLUTIONS:
        words = f"transposed {words}"
    if op.kind in kinds.FIXED_POOLS:
        words = f"pool {words}"
    if max(dilation) > 1:
        words += f" dilated {max(dilation)}"
    if max(stride) > 1:
        words += f" stride {max(stride)}"
    return words


def last_window(rf: ReceptiveField, point: Point) -> Op | None:
    """The last operation in front of a point that widened the field."""
    network = rf.network
    windows = kinds.CONVOLUTIONS | kinds.TRANSPOSED_CONVOLUTIONS | kinds.FIXED_POOLS
    seen: set[int] = set()
    waiting = list(point.tensors)
    best: Op | None = None
    while waiting:
        tensor = waiting.pop()
        op = network.producer(tensor)
        if op is None or op.index in seen:
            continue
        seen.add(op.index)
        if op.kind in windows and max(attributes(network, op)["kernel_size"]) > 1:
            if best is None or op.index > best.index:
                best = op
            continue
        waiting.extend(op.inputs)
    return best
