"""Which images a network is shown, in which order, and how many of its answers are right."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from archcheck.evaluation.images import Images
from archcheck.evaluation.request import Answers
from archcheck.evidence.accuracy import Measured

REPEATED = 1000
"""The number of images that are shown a second time, among others."""


class Questions(NamedTuple):
    """All images in random order, and behind them some of them again in another order.

    ``order`` has the index of each image that is shown; the first ``total`` of them are counted.
    """

    pixels: NDArray[np.uint8]
    order: NDArray[np.intp]
    total: int


def questions(images: Images) -> Questions:
    """The images as a network is shown them, in an order that nobody knows beforehand."""
    drawn = np.random.default_rng()
    total = len(images.labels)
    order = np.concatenate([drawn.permutation(total), drawn.permutation(total)[:REPEATED]])
    return Questions(images.pixels[order], order, total)


def marked(asked: Questions, labels: NDArray[np.int64], answers: Answers) -> Measured:
    """How many images were classified right.

    Raises:
        ValueError: if there is not one answer an image.
    """
    given = np.array(answers.classes, np.int64)
    if given.shape != asked.order.shape:
        raise ValueError(f"{len(given)} answers to {len(asked.order)} images")
    counted, total = given[: asked.total], asked.total
    first = np.empty(total, np.int64)
    first[asked.order[:total]] = counted
    return Measured(
        correct=int((first == labels).sum()),
        total=total,
        undefined=int((counted < 0).sum()),
        device=answers.device,
        seconds=answers.seconds,
        sha256=answers.sha256,
        remark=answers.remark,
        repeated=len(given) - total,
        changed=int((given[total:] != first[asked.order[total:]]).sum()),
    )
