"""The picture that ``rf --plot`` draws: one unit's field over the input, and how it grew.

matplotlib is imported by this module and its parts alone, and only when a picture is asked for.
"""

from __future__ import annotations

from importlib.util import find_spec
from io import BytesIO
from math import prod
from typing import TYPE_CHECKING, Any, cast

from archcheck.fields.explain.summary import Summary
from archcheck.phrases import size_text
from archcheck.reporters.plot_field import draw_curve, draw_heat, draw_plane, draw_strip
from archcheck.reporters.plot_growth import draw_growth
from archcheck.reporters.plot_style import ACTUAL, BORDER, SETTINGS, THEORETICAL, UNIT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

FORMATS = ("svg", "png", "pdf")
METADATA: dict[str, dict[str, Any]] = {
    "svg": {"Date": None, "Creator": "archcheck"},
    "png": {},
    "pdf": {"CreationDate": None, "Creator": "archcheck", "Producer": None},
}
DPI = 144
AXIS_PAIRS = {2: ((0, 1),), 3: ((1, 2), (0, 2), (0, 1))}
"""The axes of the input that are drawn against each other, for its number of axes."""


def available() -> bool:
    """Whether matplotlib is installed."""
    return find_spec("matplotlib") is not None


def picture(summary: Summary, picture_format: str) -> bytes:
    """The picture of a summary, as the bytes of a file; the same ones every time.

    Args:
        summary: what is drawn.
        picture_format: one of :data:`FORMATS`.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context():
        mpl.rcdefaults()  # regardless of the user's own settings
        mpl.rcParams.update(cast("Any", SETTINGS))
        figure = Figure(layout="constrained")
        figure.suptitle(_heading(summary), x=0.01, ha="left", fontsize=10)
        if len(summary.field.sides) == 1:
            _sequence(figure, summary)
        elif len(summary.field.sides) == 2:
            _image(figure, summary, picture_format)
        else:
            _volume(figure, summary, picture_format)
        figure.legend(handles=_legend(summary), loc="outside lower left", ncols=5, frameon=False)
        buffer = BytesIO()
        # Without a date and a version the same field makes the same file.
        figure.savefig(buffer, format=picture_format, dpi=DPI, metadata=METADATA[picture_format])
    return buffer.getvalue()


def _sequence(figure: Figure, summary: Summary) -> None:
    figure.set_size_inches(11.0, 4.8)
    left, right = figure.subplots(1, 2, width_ratios=(1.1, 1.0))
    draw_strip(left, summary)
    if summary.effective is not None:
        draw_curve(left, summary, summary.effective)
    draw_growth(right, summary)


def _image(figure: Figure, summary: Summary, picture_format: str) -> None:
    heat = summary.effective is not None
    figure.set_size_inches(15.5 if heat else 11.0, 4.8)
    panels = figure.subplots(1, 3 if heat else 2, width_ratios=(0.85, 0.85, 1.0)[-3 + (not heat) :])
    draw_plane(panels[0], summary, (0, 1), picture_format)
    if summary.effective is not None:
        drawn = draw_heat(panels[1], summary, summary.effective, (0, 1))
        _colour_bar(figure, drawn, [panels[1]])
    draw_growth(panels[-1], summary)


def _volume(figure: Figure, summary: Summary, picture_format: str) -> None:
    heat = summary.effective is not None
    figure.set_size_inches(14.5, 8.0 if heat else 4.8)
    grid = figure.add_gridspec(2 if heat else 1, 4, width_ratios=(1.0, 1.0, 1.0, 1.6))
    for column, pair in enumerate(AXIS_PAIRS[3]):
        draw_plane(figure.add_subplot(grid[0, column]), summary, pair, picture_format)
    if summary.effective is not None:
        panels = [figure.add_subplot(grid[1, column]) for column in range(3)]
        for panel, pair in zip(panels, AXIS_PAIRS[3], strict=True):
            drawn = draw_heat(panel, summary, summary.effective, pair)
        _colour_bar(figure, drawn, panels)
    draw_growth(figure.add_subplot(grid[:, 3]), summary)


def _colour_bar(figure: Figure, drawn: AxesImage, panels: list[Axes]) -> None:
    bar = figure.colorbar(drawn, ax=panels, shrink=0.7, ticks=[0, 0.5, 1])
    bar.set_label("square root of the gradient (largest: 1)", fontsize=8)


def _heading(summary: Summary) -> str:
    network = summary.rf.network
    unit = ",".join(map(str, summary.unit.unit))
    at = f"unit {unit} at {summary.location.name}" if unit else summary.location.name
    inputs = network.given_tensors[summary.rf.input_index]
    return f"{network.name} on {inputs}: {at}\n{_sizes(summary)}"


def _sizes(summary: Summary) -> str:
    theoretical, actual = summary.unit.theoretical, summary.unit.actual
    text = f"field {size_text(theoretical.size)}"
    if theoretical.density < 1:
        text += f", {theoretical.count:,} of its {prod(theoretical.size):,} positions read"
    return f"{text}; in the image {size_text(actual.size)}"


def _legend(summary: Summary) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    centre = Line2D([], [], marker="+", ms=8, mew=1.8, color=UNIT, ls="none", label="its centre")
    handles: list[Any] = []
    if summary.unit.theoretical != summary.unit.actual:
        handles.append(Patch(facecolor=THEORETICAL, label="as on an endless image"))
    if summary.unit.actual.boxes:
        handles.append(Patch(facecolor=ACTUAL, label="in the image"))
    handles += [Patch(facecolor="none", edgecolor=BORDER, label="the image"), centre]
    if summary.effective is not None and len(summary.field.sides) > 1:
        handles.append(Patch(facecolor="none", edgecolor=UNIT, label="95 % of the gradient"))
    return handles
