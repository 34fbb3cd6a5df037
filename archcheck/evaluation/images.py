"""Test images from the official files of a data set. Nothing is downloaded.

The binary version of CIFAR-10 holds 10,000 records of 3,073 bytes: a label, then 1,024 red, 1,024
green and 1,024 blue bytes, row by row. The Python version is a pickled dictionary of an array and
a list.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from archcheck.evaluation.unpickling import plain_data
from archcheck.evidence.datasets import DataFile, Dataset
from archcheck.limited_file import read_at_most
from archcheck.worker.failures import InputError

BATCH_SIZE = 100
"""The number of images in a batch."""


class Images(NamedTuple):
    """Images, uint8 (N, channels, height, width), and labels, int64 (N,)."""

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]


def find_images(dataset: Dataset, folder: str | Path) -> tuple[DataFile, Path]:
    """The official file of test images in a folder, or in the folder that its archive unpacks to.

    Raises:
        InputError: if there is none.
    """
    root = Path(folder)
    for file in dataset.files:
        for path in (root / file.folder / file.name, root / file.name):
            if path.is_file():
                return file, path
    if not root.is_dir():
        reason = "it is no folder" if root.exists() else "there is no such folder"
        raise _wrong(folder, reason)
    names = " or ".join(f"{file.name} (the {file.format} version)" for file in dataset.files)
    packed = next(iter(sorted(root.glob("cifar-10-*.tar.gz"))), None)
    hint = f"; unpack {packed.name}" if packed else f"; see {dataset.home}"
    raise _wrong(folder, f"{dataset.title}'s {names} is not there{hint}")


def read_images(dataset: Dataset, file: DataFile, path: Path) -> Images:
    """The test images, from a file whose size and checksum are those of the official one.

    Raises:
        InputError: if it is a different file, or cannot be read.
    """
    try:
        content = read_at_most(path, 2 * file.size)
    except OSError as error:
        raise _wrong(path, str(error.strerror or error)) from None
    if len(content) != file.size:
        raise _wrong(
            path,
            f"not the official file: it has {len(content):,} bytes, not {file.size:,}",
        )
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if md5 != file.md5:
        raise _wrong(path, f"not the official file: its MD5 checksum is {md5}, not {file.md5}")
    try:
        read = _binary if file.format == "binary" else _python
        pixels, labels = read(dataset, content)
        if len(labels) != dataset.images or not np.isin(labels, range(dataset.classes)).all():
            raise ValueError("its labels are not those of the data set")
    except ValueError as error:
        raise _wrong(path, f"it cannot be read: {error}") from None
    return Images(pixels.reshape(-1, *dataset.shape), labels.astype(np.int64))


def _wrong(where: str | Path, reason: str) -> InputError:
    return InputError(reason, input="data", subject=str(where))


_Arrays = tuple[NDArray[np.uint8], NDArray[np.int64]]


def _binary(dataset: Dataset, content: bytes) -> _Arrays:
    records = np.frombuffer(content, np.uint8).reshape(dataset.images, -1)
    return np.ascontiguousarray(records[:, 1:]), records[:, 0].astype(np.int64)


def _python(dataset: Dataset, content: bytes) -> _Arrays:
    unpickled = plain_data(content)
    if not isinstance(unpickled, dict):
        raise ValueError("it holds no dictionary")
    # Python 2 wrote the file: its keys are bytes.
    arrays = {
        key.decode() if isinstance(key, bytes) else key: value for key, value in unpickled.items()
    }
    pixels, labels = arrays.get("data"), arrays.get("labels")
    if (
        not isinstance(pixels, np.ndarray)
        or pixels.dtype != np.uint8
        or pixels.shape != (dataset.images, int(np.prod(dataset.shape)))
    ):
        raise ValueError("its key data holds no images")
    if not isinstance(labels, list) or not all(type(label) is int for label in labels):
        raise ValueError("its key labels holds no list of whole numbers")
    return pixels, np.array(labels, np.int64)
