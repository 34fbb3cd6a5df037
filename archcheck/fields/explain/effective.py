"""How much of its field a unit really uses: figures of the gradient with respect to the input.

Definitions: W. Luo, Y. Li, R. Urtasun and R. Zemel, "Understanding the Effective Receptive Field
in Deep Convolutional Neural Networks", NeurIPS 2016.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from archcheck.fields.algebra.region import Region

PEAK_PART = 1 - 0.9545
"""A position counts where its gradient exceeds this part of the largest one: two standard
deviations of a Gaussian, as in the paper."""
BOX_SHARE = 0.95
"""The share of the gradient that the box of :attr:`Effective.box` holds on every axis."""


@dataclass(frozen=True)
class Effective:
    """The absolute gradient of a unit at every position of the image, ``energy``.

    ``energy`` has the shape of the image. ``weights`` is the file of the weights that were used,
    empty for random initial ones; ``samples`` is the number of random inputs averaged over.
    """

    energy: npt.NDArray[np.float64]
    samples: int
    weights: str = ""

    @property
    def area(self) -> int:
        """How many positions have a gradient above 4.55 % of the largest one."""
        peak = float(self.energy.max(initial=0.0))
        return int((self.energy > PEAK_PART * peak).sum()) if peak > 0 else 0

    @property
    def side(self) -> float:
        """The side of the square (or cube) of that area: the effective size of the paper."""
        return float(self.area ** (1 / self.energy.ndim))

    @property
    def box(self) -> tuple[tuple[int, int], ...] | None:
        """On each axis the ends, both included, of the shortest stretch with 95 % of the gradient.

        None if there is no gradient.
        """
        if not self.energy.sum() > 0:
            return None
        others = [tuple(a for a in range(self.energy.ndim) if a != axis) for axis in self._axes]
        return tuple(_shortest(self.energy.sum(axis=rest)) for rest in others)

    @property
    def box_size(self) -> tuple[int, ...]:
        """The sides of that box, 0 where there is no gradient."""
        return tuple(b - a + 1 for a, b in self.box) if self.box else (0,) * self.energy.ndim

    def inside(self, region: Region) -> float | None:
        """The share of the gradient that lies in a set; None where there is no gradient."""
        total = float(self.energy.sum())
        return float(self.energy[region.mask()].sum()) / total if total > 0 else None

    @property
    def _axes(self) -> range:
        return range(self.energy.ndim)


def _shortest(marginal: npt.NDArray[Any]) -> tuple[int, int]:
    """The shortest stretch of an axis with that share; of several the one with most of it."""
    sums = np.concatenate([[0.0], np.cumsum(marginal)])
    share = BOX_SHARE * sums[-1]
    # For every beginning the first end at which enough is inside.
    ends = np.searchsorted(sums, sums[:-1] + share * (1 - 1e-12), side="left")
    lengths = np.where(ends < len(sums), ends - np.arange(len(ends)), len(sums))
    lows = np.flatnonzero(lengths == lengths.min())
    low = int(lows[np.argmax(np.round((sums[ends[lows]] - sums[lows]) / sums[-1], 9))])
    return low, int(ends[low]) - 1


def from_bytes(sides: tuple[int, ...], values: bytes, samples: int, weights: str) -> Effective:
    """From the float64 numbers that the measuring process sent."""
    energy = np.frombuffer(values, dtype="<f8").reshape(sides)
    return Effective(energy, samples, weights)
