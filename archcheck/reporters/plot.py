"""The picture that ``rf --plot`` draws: one unit's field over the input, and how it grew.

matplotlib is imported by this module and its parts alone, and only when a picture is asked for.
"""

from __future__ import annotations

from importlib.util import find_spec
from io import BytesIO
from math import prod
from typing import TYPE_CHECKING, Any, cast

from archcheck.fields.explain.summary import Summary
from archcheck.phrases import shape_text, size_text
from archcheck.reporters.plot_field import draw_curve, draw_heat, draw_plane, draw_strip
from archcheck.reporters.plot_growth import draw_growth
from archcheck.reporters.plot_style import ACTUAL, BORDER, SETTINGS, THEORETICAL, UNIT

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("svg", "png")
DPI = 144
PAIRS = {2: ((0, 1),), 3: ((1, 2), (0, 2), (0, 1))}
"""The axes of the input that are drawn against each other, for its number of axes."""


def available() -> bool:
    """Whether matplotlib is installed."""
    return find_spec("matplotlib") is not None


def picture(found: Summary, picture_format: str) -> bytes:
    """The picture of a summary, as the bytes of a file; the same ones every time.

    Args:
        found: what is drawn.
        picture_format: one of :data:`FORMATS`.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context():
        mpl.rcdefaults()  # whatever the user's own settings are
        mpl.rcParams.update(cast("Any", SETTINGS))
        figure = Figure(layout="constrained")
        figure.suptitle(_heading(found), x=0.01, ha="left", fontsize=10)
        if len(found.field.sides) == 1:
            _sequence(figure, found)
        elif len(found.field.sides) == 2:
            _image(figure, found, picture_format)
        else:
            _volume(figure, found, picture_format)
        figure.legend(handles=_legend(found), loc="outside lower left", ncols=5, frameon=False)
        buffer = BytesIO()
        # Without a date and a version the same field makes the same file.
        metadata = {"Date": None, "Creator": "archcheck"} if picture_format == "svg" else {}
        figure.savefig(buffer, format=picture_format, dpi=DPI, metadata=metadata)
    return buffer.getvalue()


def _sequence(figure: Figure, found: Summary) -> None:
    figure.set_size_inches(11.0, 4.8)
    left, right = figure.subplots(1, 2, width_ratios=(1.1, 1.0))
    draw_strip(left, found)
    if found.effective is not None:
        draw_curve(left, found, found.effective)
    draw_growth(right, found)


def _image(figure: Figure, found: Summary, picture_format: str) -> None:
    heat = found.effective is not None
    figure.set_size_inches(15.5 if heat else 11.0, 4.8)
    panels = figure.subplots(1, 3 if heat else 2, width_ratios=(0.85, 0.85, 1.0)[-3 + (not heat) :])
    draw_plane(panels[0], found, (0, 1), picture_format)
    if found.effective is not None:
        draw_heat(panels[1], found, found.effective, (0, 1))
    draw_growth(panels[-1], found)


def _volume(figure: Figure, found: Summary, picture_format: str) -> None:
    heat = found.effective is not None
    figure.set_size_inches(14.5, 8.0 if heat else 4.8)
    grid = figure.add_gridspec(2 if heat else 1, 4, width_ratios=(1.0, 1.0, 1.0, 1.6))
    for column, pair in enumerate(PAIRS[3]):
        draw_plane(figure.add_subplot(grid[0, column]), found, pair, picture_format)
        if found.effective is not None:
            draw_heat(figure.add_subplot(grid[1, column]), found, found.effective, pair)
    draw_growth(figure.add_subplot(grid[:, 3]), found)


def _heading(found: Summary) -> str:
    network = found.rf.network
    unit = ",".join(map(str, found.unit.unit))
    at = f"unit {unit} at {found.location.name}" if unit else found.location.name
    inputs = shape_text(network.shape(network.inputs[found.rf.input_index])[1:])
    return f"{network.name} on {inputs}: {at}\n{_sizes(found)}"


def _sizes(found: Summary) -> str:
    theoretical, actual = found.unit.theoretical, found.unit.actual
    text = f"field {size_text(theoretical.size)}"
    if theoretical.density < 1:
        text += f", {theoretical.count:,} of its {prod(theoretical.size):,} positions read"
    return f"{text}; in the image {size_text(actual.size)}"


def _legend(found: Summary) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    centre = Line2D([], [], marker="+", ms=8, mew=1.8, color=UNIT, ls="none", label="its centre")
    handles: list[Any] = []
    if found.unit.theoretical != found.unit.actual:
        handles.append(Patch(facecolor=THEORETICAL, label="as on an endless image"))
    if found.unit.actual.boxes:
        handles.append(Patch(facecolor=ACTUAL, label="in the image"))
    handles += [Patch(facecolor="none", edgecolor=BORDER, label="the image"), centre]
    if found.effective is not None and len(found.field.sides) > 1:
        handles.append(Patch(facecolor="none", edgecolor=UNIT, label="95 % of the gradient"))
    return handles
