"""The plots of a training."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.errors import Problem

TRAIN, HELD = "#8a8f98", "#0b6bcb"


def read_table(path: Path) -> dict[str, list[float]]:
    """The columns of a CSV file of numbers; empty cells are left out.

    Raises:
        Problem: if it cannot be read.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise Problem(f"{path}: cannot be read: {error.strerror}") from None
    names = list(rows[0]) if rows else []
    return {name: [float(row[name]) for row in rows if row[name]] for name in names}


def draw_curve(metrics: Path, target: Path) -> None:
    """Accuracy and loss over the epochs."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "archcheck"  # the same bytes from the same figures
    from matplotlib import pyplot as plt
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    table = read_table(metrics)
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    for axes, what in ((left, "accuracy"), (right, "loss")):
        axes.plot(table["epoch"], table[f"train_{what}"], color=TRAIN, label="training, augmented")
        if table[f"heldout_{what}"]:
            axes.plot(table["epoch"], table[f"heldout_{what}"], color=HELD, label="held out")
        axes.set_xlabel("epoch")
        axes.set_title(what, loc="left")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", color="#e5e7eb")
    left.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    left.legend(frameon=False, loc="lower right")
    figure.savefig(target, metadata={"Date": None})
    plt.close(figure)


def draw_confusion(matrix: list[list[int]], names: tuple[str, ...], target: Path) -> None:
    """True classes as rows, what the network said as columns; the mistakes stand out."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "archcheck"
    from matplotlib import pyplot as plt

    counts = np.array(matrix)
    wrong = counts.astype(float)
    np.fill_diagonal(wrong, 0)
    figure, axes = plt.subplots(figsize=(5.6, 5), layout="constrained")
    axes.imshow(wrong, cmap="Reds", vmax=max(1.0, wrong.max()) * 1.4)
    for (row, column), count in np.ndenumerate(counts):
        if count:
            weight = "bold" if row == column else "normal"
            axes.text(
                column, row, str(count), ha="center", va="center", fontsize=8, fontweight=weight
            )
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right")
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("said")
    axes.set_ylabel("true")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    figure.savefig(target, metadata={"Date": None})
    plt.close(figure)


def draw_fields(
    effective: NDArray[np.float64], hull: list[list[float]], size: list[int], target: Path
) -> None:
    """The effective field inside the image, the theoretical one as a frame around it."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib.patches import Rectangle

    height, width = effective.shape
    (top, bottom), (left, right) = hull
    figure, (picture, profile) = plt.subplots(1, 2, figsize=(9, 3.9), layout="constrained")
    picture.imshow(effective**0.5, cmap="magma", extent=(-0.5, width - 0.5, height - 0.5, -0.5))
    frames = (
        ((-0.5, -0.5), width, height, TRAIN, f"image, {height} × {width}"),
        ((left - 0.5, top - 0.5), right - left + 1, bottom - top + 1, HELD, "theoretical field"),
    )
    for corner, wide, high, colour, label in frames:
        picture.add_patch(
            Rectangle(corner, wide, high, fill=False, edgecolor=colour, linewidth=1.6, label=label)
        )
    picture.set_xlim(min(left, 0) - 2, max(right, width) + 2)
    picture.set_ylim(max(bottom, height) + 2, min(top, 0) - 2)
    picture.set_title("gradient of the centre unit (square root)", loc="left", fontsize=10)
    picture.legend(loc="upper center", bbox_to_anchor=(0.5, -0.08), ncols=2, frameon=False)
    profile.plot(effective.sum(0), color="#b5367a", label="effective, summed over rows")
    for edge in (left - 0.5, right + 0.5):
        profile.axvline(edge, color=HELD, label="theoretical" if edge < 0 else None)
    profile.set_xlim(min(left, 0) - 2, max(right, width) + 2)
    profile.set_ylim(bottom=0)
    profile.set_title(f"theoretical {size[0]} × {size[1]}", loc="left", fontsize=10)
    profile.set_xlabel("column of the image")
    profile.spines[["top", "right"]].set_visible(False)
    profile.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2)
    figure.savefig(target, dpi=100, metadata={"Software": None})
    plt.close(figure)
