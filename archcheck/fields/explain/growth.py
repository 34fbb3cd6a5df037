"""How a field grows along a chain of layers, in the rows of a report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby

from archcheck.network import Network, Op, kinds
from archcheck.network.attributes import attributes
from archcheck.phrases import shape_text


@dataclass(frozen=True)
class Growth:
    """The field behind a stretch of layers: its size, what the stretch added, and with what."""

    name: str
    size: int
    added: int
    what: str


MOST_ROWS = 12
_COUNTS = ("", "", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def by_block(network: Network, chain: Sequence[Link], most: int = MOST_ROWS) -> tuple[Growth, ...]:
    """The growth along a chain of operations, grouped by blocks of the network.

    Stretches that do not add to the field are left out.
    """
    best: tuple[Growth, ...] = ()
    for depth in range(1, 8):
        rows = _rows(network, chain, depth)
        if best and (len(rows) > most or rows == best):
            break
        best = rows
        if len(rows) > 3:
            break
    return best


@dataclass(frozen=True)
class Link:
    """An operation of a chain: the size of the field behind it, the jump in front of it."""

    op: Op
    size: int
    jump: Fraction


def _rows(network: Network, chain: Sequence[Link], depth: int) -> tuple[Growth, ...]:
    rows = [Growth("input", 1, 0, "")]
    for name, group in groupby(chain, key=lambda link: _block(link.op, depth)):
        links = list(group)
        size = links[-1].size
        if size != rows[-1].size:
            rows.append(Growth(name, size, size - rows[-1].size, _what(network, links)))
    return tuple(rows)


def _block(op: Op, depth: int) -> str:
    parts = op.module.split(".") if op.module else []
    return ".".join(parts[:depth]) if parts else op.kind


def _what(network: Network, links: list[Link]) -> str:
    """The windows of a stretch in a few words: ``two 3×3 at jump 2``."""
    described: Counter[str] = Counter()
    jumps = []
    for link in links:
        text = window_words(network, link.op)
        if text:
            described[text] += 1
            jumps.append(link.jump)
    parts = [_times(count, text) for text, count in described.items()]
    text = ", ".join(parts[:2]) + (" …" if len(parts) > 2 else "")
    if not jumps or jumps[0] <= 1:
        return text
    return f"{text} at jump {jumps[0]}" if len(set(jumps)) == 1 else f"{text} from jump {jumps[0]}"


def _times(count: int, text: str) -> str:
    if count == 1:
        return text
    return f"{_COUNTS[count]} {text}" if count < len(_COUNTS) else f"{count} × {text}"


def window_words(network: Network, op: Op) -> str:
    """What an operation's window is, in a few words; empty for one that has none."""
    if op.kind in kinds.ADAPTIVE_POOLS | kinds.REDUCTIONS:
        return "all positions"
    if op.kind in kinds.RESAMPLING:
        return "upsampling"
    if op.kind not in kinds.CONVOLUTIONS | kinds.TRANSPOSED_CONVOLUTIONS | kinds.FIXED_POOLS:
        return ""
    a = attributes(network, op)
    if max(a["kernel_size"]) == 1 and max(a["stride"]) == 1:
        return ""
    words = shape_text(a["kernel_size"])
    words = words if "×" in words else f"kernel {words}"
    if a.get("depthwise"):
        words = f"depthwise {words}"
    if op.kind in kinds.TRANSPOSED_CONVOLUTIONS:
        words = f"transposed {words}"
    if op.kind in kinds.FIXED_POOLS:
        words = f"pool {words}"
    if max(a.get("dilation", (1,))) > 1:
        words += f" dilated {max(a['dilation'])}"
    if max(a["stride"]) > 1:
        words += f" stride {max(a['stride'])}"
    return words
