"""Colours and ticks that the panels of a picture share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# The palette of M. Okabe and K. Ito, which colour-blind people can tell apart.
ACTUAL, THEORETICAL, UNIT = "#0072B2", "#A6D3EE", "#D55E00"
LINES = ("#0072B2", "#D55E00", "#009E73")
FAINT, BORDER = "#B8BCC4", "#202228"
HEAT = "Blues"
SETTINGS: dict[str, Any] = {
    "svg.hashsalt": "archcheck",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
}


def whole_ticks(panel: Axes, *, y: bool = True) -> None:
    """A few ticks, on whole numbers."""
    from matplotlib.ticker import MaxNLocator

    panel.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    if y:
        panel.yaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
