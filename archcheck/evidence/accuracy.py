"""What is known of a network's accuracy: measured on the test images of a data set, or why not."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from archcheck.network import Place

Z95 = 1.959963984540054
"""The quantile of the normal distribution that leaves 2.5 % above."""


@dataclass(frozen=True)
class Task:
    """What accuracy is measured on: the test images of a data set, pixels scaled to 0..1, less the
    ``mean`` of each channel and divided by its ``std``."""

    dataset: str
    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True)
class Measured:
    """How many of ``total`` images are classified right.

    ``undefined`` counts images whose scores hold a NaN: they are not classified right. ``weights``
    is the file that the network's weights were read from, empty where it came with its own;
    ``remark`` says how that file was understood. ``repeated`` images were shown twice, and
    ``changed`` of them were answered in another way among other images.
    """

    correct: int
    total: int
    undefined: int
    device: str
    seconds: float
    weights: str = ""
    sha256: str = ""
    remark: str = ""
    repeated: int = 0
    changed: int = 0

    @property
    def percent(self) -> Fraction:
        """The accuracy, exactly."""
        return Fraction(100 * self.correct, self.total)

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % confidence interval of the accuracy, in percent."""
        low, high = wilson(self.correct, self.total)
        return 100 * low, 100 * high


@dataclass(frozen=True)
class NotMeasured:
    """Why nothing is known: weights or images were not given, or time was short."""

    reason: str
    hint: str = ""


@dataclass(frozen=True)
class Unfit:
    """What is wrong with the weights, or with the network that was run on real images."""

    reason: str
    note: str
    place: Place | None = None


Result = Measured | NotMeasured | Unfit


@dataclass(frozen=True)
class Accuracy:
    """What one task brought."""

    task: Task
    result: Result


def wilson(correct: int, total: int, z: float = Z95) -> tuple[float, float]:
    """The score interval of a share, as numbers between 0 and 1.

    E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", Journal
    of the American Statistical Association 22 (1927).
    """
    share, square = correct / total, z * z / total
    middle = (share + square / 2) / (1 + square)
    half = z / (1 + square) * math.sqrt(share * (1 - share) / total + square / total / 4)
    # At the ends the interval touches them; rounding would leave a little.
    low = middle - half if correct else 0.0
    return max(0.0, low), min(1.0, middle + half if correct < total else 1.0)
