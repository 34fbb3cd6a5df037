"""The growth of the field over a network's layers, as a panel of a picture."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from archcheck.fields.explain.depth import Node, nodes
from archcheck.fields.explain.summary import Summary
from archcheck.reporters import formatting
from archcheck.reporters.plot_style import BORDER, FAINT, LINES, whole_ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_LABELS = 18
MOST_IMAGE_ABOVE = 1.6
"""The image's side is drawn beside the growth unless it is that much larger than the field."""


def draw_growth(panel: Axes, summary: Summary) -> None:
    """Size against depth: every tensor on a way to the location, and the path of the field."""
    from matplotlib.collections import LineCollection

    names = summary.field.input.position_names
    drawn: dict[tuple[int, ...], list[int]] = {}
    graphs = {axis: nodes(summary, axis) for axis in range(len(names))}
    for axis, graph in graphs.items():
        drawn.setdefault(tuple(node.size for node in graph), []).append(axis)
    ends, beside = [], False
    for colour, axes in zip(LINES, drawn.values(), strict=False):
        graph = graphs[axes[0]]
        edges = [
            [(graph[source].depth, graph[source].size), (node.depth, node.size)]
            for node in graph
            for source in node.sources
        ]
        panel.add_collection(LineCollection(edges, colors=FAINT, linewidths=0.9, zorder=1))
        main = [node for node in graph if node.on_path]
        beside |= len(edges) > max(0, len(main) - 1)
        label = " and ".join(names[axis] for axis in axes)
        panel.plot(
            [node.depth for node in main],
            [node.size for node in main],
            color=colour,
            lw=2.0,
            zorder=3,
            label=label,
            solid_joinstyle="round",
        )
        grown = [b for a, b in pairwise(main) if b.size != a.size]
        panel.plot(
            [node.depth for node in grown],
            [node.size for node in grown],
            color=colour,
            marker="o",
            ms=3.2,
            ls="none",
            zorder=4,
        )
        if main:
            ends.append((main[-1].depth, main[-1].size, colour))
    for depth, size, colour in ends:
        panel.annotate(
            str(size),
            (depth, size),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            color=colour,
            fontweight="bold",
        )
    top = max(node.size for graph in graphs.values() for node in graph)
    shown = [side for side in sorted(set(summary.field.sides)) if side <= MOST_IMAGE_ABOVE * top]
    for side in shown:
        panel.axhline(side, color=BORDER, lw=0.8, ls=(0, (4, 3)), zorder=0)
        panel.annotate(
            f"the image, {side}",
            (0, side),
            xytext=(2, 2),
            textcoords="offset points",
            xycoords=("axes fraction", "data"),
            fontsize=8,
            color=BORDER,
        )
    _legend(panel, axes=len(drawn), beside=beside)
    local = any(path.local for path in summary.paths)
    panel.set_title("growth" + (", without gates" if local else ""))
    panel.set_ylabel("side of the field")
    panel.set_ylim(0, max([top, *shown]) * 1.1)
    whole_ticks(panel)
    _blocks(panel, next(iter(graphs.values()), []))


def _legend(panel: Axes, *, axes: int, beside: bool) -> None:
    """What the lines are: the axes, where they differ, and what lies beside the path."""
    from matplotlib.lines import Line2D

    lines = panel.get_legend_handles_labels()[0]
    if axes == 1:
        lines = [Line2D([], [], color=LINES[0], lw=2.0, label="the path that sets the field")]
    if beside:
        lines.append(Line2D([], [], color=FAINT, lw=0.9, label="other paths through the network"))
    if axes > 1 or beside:
        panel.legend(handles=lines, loc="lower right", frameon=False, fontsize=8)


def _blocks(panel: Axes, graph: Sequence[Node]) -> None:
    """The names of the network's blocks below the stretch where each of them runs."""
    starts: list[tuple[int, str]] = []
    for level in range(1, 5):
        starts = _starts(graph, level)
        if len(starts) > 3:
            break
    last = max((node.depth for node in graph), default=0)
    panel.set_xlim(-0.02 * last, last * 1.1 + 0.5)
    if not starts:  # the network itself is one layer, or calls functions only
        panel.set_xticks([])
        return
    spans = [
        (end - start, start, name)
        for (start, name), (end, _) in zip(starts, [*starts[1:], (last, "")], strict=True)
    ]
    kept: list[tuple[int, int, str]] = []
    for span in spans:
        # Where two begin too close together the longer one is named.
        if not kept or span[1] - kept[-1][1] >= last / MOST_LABELS:
            kept.append(span)
        elif span[0] > kept[-1][0]:
            kept[-1] = span
    panel.set_xticks([at for _, at, _ in kept], [formatting.cut(name, 18) for _, _, name in kept])
    many = sum(len(name) + 2 for _, _, name in kept) > 56
    panel.tick_params(axis="x", rotation=45 if many else 0)
    for label in panel.get_xticklabels():
        label.set_horizontalalignment("right" if many else "left")
        label.set_rotation_mode("anchor")


def _starts(graph: Sequence[Node], level: int) -> list[tuple[int, str]]:
    starts: list[tuple[int, str]] = []
    for node in graph:
        name = ".".join(node.module.split(".")[:level])
        if name and (not starts or starts[-1][1] != name):
            starts.append((node.depth, name))
    return starts
