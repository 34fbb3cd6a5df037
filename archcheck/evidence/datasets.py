"""Facts about data sets: the means of their images, and the official files of those that accuracy
is measured on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Format = Literal["binary", "python"]
MEANS = {
    "cifar10": (0.4914, 0.4822, 0.4465),
    "cifar100": (0.5071, 0.4865, 0.4409),
    "svhn": (0.4377, 0.4438, 0.4728),
    "imagenet": (0.485, 0.456, 0.406),
    "mnist": (0.1307,),
    "fashion-mnist": (0.2860,),
}
"""The means of the training images, of pixels between 0 and 1, one a channel."""


@dataclass(frozen=True)
class DataFile:
    """One of the official files that hold the test images, where its archive puts it."""

    format: Format
    folder: str
    name: str
    size: int
    md5: str


@dataclass(frozen=True)
class Dataset:
    """A data set of labelled images.

    ``shape`` is that of an image (channels, height, width); ``mean`` and ``std`` are those of the
    training images' channels, pixels between 0 and 1.
    """

    title: str
    home: str
    images: int
    classes: int
    shape: tuple[int, int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    files: tuple[DataFile, ...]


DATASETS: dict[str, Dataset] = {
    # A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.
    "cifar10": Dataset(
        title="CIFAR-10",
        home="https://www.cs.toronto.edu/~kriz/cifar.html",
        images=10_000,
        classes=10,
        shape=(3, 32, 32),
        mean=MEANS["cifar10"],
        std=(0.2470, 0.2435, 0.2616),
        files=(
            DataFile(
                "python",
                "cifar-10-batches-py",
                "test_batch",
                31_035_526,
                "40351d587109b95175f43aff81a1287e",
            ),
            DataFile(
                "binary",
                "cifar-10-batches-bin",
                "test_batch.bin",
                30_730_000,
                "803d5f7f4d78ea53de84dbe85f74fb6d",
            ),
        ),
    ),
}
"""The data sets that accuracy is measured on, by the name that a spec gives them."""
