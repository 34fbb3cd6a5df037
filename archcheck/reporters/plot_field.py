"""One unit's field over the input, and how much of it is used, as panels of a picture."""

from __future__ import annotations

from itertools import product
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from archcheck.fields.algebra.region import Region, canonical
from archcheck.fields.explain.effective import Effective
from archcheck.fields.explain.summary import Summary
from archcheck.reporters.plot_style import ACTUAL, BORDER, HEAT, THEORETICAL, UNIT, whole_ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

MOST_RECTANGLES = 4000
"""The most rectangles that a set is drawn with; beyond that it is drawn as pixels."""
MOST_PIXELS = 1 << 24


def draw_plane(panel: Axes, summary: Summary, pair: tuple[int, int], picture_format: str) -> None:
    """Two of the input's axes, the later one across; along a third all is laid together."""
    from matplotlib.patches import Rectangle

    names = summary.field.input.position_names
    down, across = pair
    theoretical, actual = (_onto(r, pair) for r in (summary.unit.theoretical, summary.unit.actual))
    # The theoretical set holds the actual one but for what padding repeats.
    for region, colour in ((theoretical, THEORETICAL), (actual, ACTUAL)):
        _draw(panel, region, colour, picture_format)
    sides = (summary.field.sides[down], summary.field.sides[across])
    image = Rectangle((-0.5, -0.5), sides[1], sides[0], fill=False, edgecolor=BORDER, lw=1.4)
    panel.add_patch(image)
    centre = _centre(theoretical)
    if centre is not None:
        panel.plot(centre[1], centre[0], marker="+", ms=11, mew=2.0, color=UNIT, ls="none")
    low = [min(0, *(h[0] for h in _hulls(theoretical, a))) for a in (0, 1)]
    high = [max(sides[a] - 1, *(h[1] for h in _hulls(theoretical, a))) for a in (0, 1)]
    margin = 0.04 * max(high[a] - low[a] + 1 for a in (0, 1))
    panel.set_xlim(low[1] - 0.5 - margin, high[1] + 0.5 + margin)
    panel.set_ylim(high[0] + 0.5 + margin, low[0] - 0.5 - margin)
    panel.set_aspect("equal")
    panel.set_xlabel(names[across])
    panel.set_ylabel(names[down])
    whole_ticks(panel)
    panel.set_title(f"{names[down]} and {names[across]}" if len(names) > 2 else "the field")


def draw_strip(panel: Axes, summary: Summary) -> None:
    """The one axis of a sequence: a row for the theoretical field, one for the actual."""
    rows = (
        ("theoretical", summary.unit.theoretical, THEORETICAL),
        ("actual", summary.unit.actual, ACTUAL),
    )
    for row, (_, region, colour) in enumerate(rows):
        spans = [(low - 0.5, high - low + 1) for low, high in region.axes[0].runs()]
        panel.broken_barh(spans, (row - 0.3, 0.6), facecolors=colour, lw=0)
    side = summary.field.sides[0]
    panel.axvspan(-0.5, side - 0.5, ymin=0, ymax=1, fill=False, edgecolor=BORDER, lw=1.4)
    hull = summary.unit.theoretical.hull
    if hull is not None:
        centre = (hull[0][0] + hull[0][1]) / 2
        panel.plot([centre] * 2, [0, 1], marker="+", ms=11, mew=2.0, color=UNIT, ls="none")
        low, high = min(0, hull[0][0]), max(side - 1, hull[0][1])
        margin = 0.04 * (high - low + 1)
        panel.set_xlim(low - 0.5 - margin, high + 0.5 + margin)
    panel.set_ylim(1.8, -0.8)
    panel.set_yticks([0, 1], [name for name, _, _ in rows])
    panel.set_xlabel("length")
    whole_ticks(panel, y=False)
    panel.set_title("the field")


def _onto(region: Region, axes: tuple[int, ...]) -> Region:
    boxes = canonical(tuple(box[axis] for axis in axes) for box in region.boxes)
    return Region(boxes, tuple(region.sides[axis] for axis in axes))


def _hulls(region: Region, axis: int) -> list[tuple[int, int]]:
    return [] if region.hull is None else [region.hull[axis]]


def _centre(region: Region) -> tuple[float, ...] | None:
    return None if region.hull is None else tuple((a + b) / 2 for a, b in region.hull)


def _draw(panel: Axes, region: Region, colour: str, picture_format: str) -> None:
    from matplotlib.collections import PatchCollection
    from matplotlib.colors import to_rgb
    from matplotlib.patches import Rectangle

    if region.hull is None:
        return
    count = sum(prod(len(positions.runs()) for positions in box) for box in region.boxes)
    if count <= MOST_RECTANGLES or prod(region.size) > MOST_PIXELS:
        parts = [
            Rectangle((x[0] - 0.5, y[0] - 0.5), x[1] - x[0] + 1, y[1] - y[0] + 1)
            for rows, columns in region.boxes
            for y, x in product(rows.runs(), columns.runs())
        ]
        panel.add_collection(PatchCollection(parts, facecolor=colour, lw=0, antialiased=False))
        return
    (top, bottom), (left, right) = region.hull
    pixels = np.zeros((*region.size, 4), dtype=np.uint8)
    mask = region.mask((top, left), region.size)
    pixels[mask] = [*(round(255 * part) for part in to_rgb(colour)), 255]
    panel.imshow(
        pixels,
        extent=(left - 0.5, right + 0.5, bottom + 0.5, top - 0.5),
        interpolation="antialiased" if picture_format == "png" else "none",
    )


# -- what gradients say ------------------------------------------------------------------------


def draw_heat(
    panel: Axes, summary: Summary, effective: Effective, pair: tuple[int, int]
) -> AxesImage:
    """The gradient over the image, of two axes the later one across; the third is summed up.

    Square roots are shown: a Gaussian's tails are seen as well. What is drawn comes back, for a
    colour bar.
    """
    from matplotlib.patches import Rectangle

    names = summary.field.input.position_names
    down, across = pair
    others = tuple(axis for axis in range(effective.energy.ndim) if axis not in pair)
    energy = np.sqrt(effective.energy.sum(axis=others))
    peak = energy.max(initial=0.0)
    rows, columns = energy.shape
    drawn = panel.imshow(energy / peak if peak > 0 else energy, cmap=HEAT, vmin=0, vmax=1)
    sides = (-0.5, -0.5), columns, rows
    panel.add_patch(Rectangle(*sides, fill=False, edgecolor=BORDER, lw=1.4))
    if effective.box is not None:
        (top, bottom), (left, right) = effective.box[down], effective.box[across]
        corner = (left - 0.5, top - 0.5)
        box = Rectangle(
            corner, right - left + 1, bottom - top + 1, fill=False, edgecolor=UNIT, lw=1.4
        )
        panel.add_patch(box)
    margin = 0.04 * max(rows, columns)
    panel.set_xlim(-0.5 - margin, columns - 0.5 + margin)
    panel.set_ylim(rows - 0.5 + margin, -0.5 - margin)
    panel.set_aspect("equal")
    panel.set_xlabel(names[across])
    panel.set_ylabel(names[down])
    whole_ticks(panel)
    panel.set_title(
        "how much it is used" if len(names) == 2 else f"{names[down]} and {names[across]}, used"
    )
    return drawn


def draw_curve(panel: Axes, summary: Summary, effective: Effective) -> None:
    """The gradient along a sequence, below the two rows of the field."""
    energy = effective.energy
    peak = energy.max(initial=0.0)
    heights = 2.3 - 0.6 * (energy / peak if peak > 0 else energy)
    panel.fill_between(range(len(energy)), 2.3, heights, color=UNIT, lw=0, step="mid")
    panel.set_ylim(2.8, -0.8)
    panel.set_yticks([0, 1, 2], ["theoretical", "actual", "used"])
