"""CIFAR-10 from its official binary files (A. Krizhevsky, 2009).

Each file holds 10,000 records of 3,073 bytes: a label, then 1,024 red, 1,024 green and 1,024 blue
bytes, row by row. Nothing is downloaded.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.config import Data
from training.errors import Problem

HOME = "https://www.cs.toronto.edu/~kriz/cifar.html"
CLASSES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
SIDE, RECORD = 32, 3073
SHA256 = {
    "data_batch_1.bin": "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
    "data_batch_2.bin": "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
    "data_batch_3.bin": "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
    "data_batch_4.bin": "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
    "data_batch_5.bin": "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
    "test_batch.bin": "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
}


class Images(NamedTuple):
    """Images, uint8 (N, 32, 32, 3) in RGB, and labels, int64 (N,)."""

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]


def read_test(folder: str | Path) -> Images:
    """The 10,000 test images.

    Raises:
        Problem: if the file is missing or not the official one.
    """
    return _read(Path(folder), "test_batch.bin")


def read_training(folder: str | Path, data: Data) -> tuple[Images, Images]:
    """The images to train on and those held out of them, in the official order.

    Raises:
        Problem: if a file is missing or not the official one.
    """
    read = [_read(Path(folder), f"data_batch_{number}.bin") for number in data.batches]
    pixels = np.concatenate([part.pixels for part in read])
    labels = np.concatenate([part.labels for part in read])
    held = np.zeros(len(labels), bool)
    held[np.random.default_rng(data.split_seed).permutation(len(labels))[: data.holdout]] = True
    return Images(pixels[~held], labels[~held]), Images(pixels[held], labels[held])


def _read(folder: Path, name: str) -> Images:
    # The official archive unpacks into a folder of its own.
    inside = folder / "cifar-10-batches-bin"
    file = inside / name if inside.is_dir() else folder / name
    try:
        content = file.read_bytes()
    except OSError as error:
        raise Problem(_missing(folder, file, error)) from None
    if hashlib.sha256(content).hexdigest() != SHA256[name]:
        raise Problem(
            f"{file}: not the official file: it has {len(content):,} bytes of "
            f"{10_000 * RECORD:,}, or other ones"
        )
    records = np.frombuffer(content, np.uint8).reshape(-1, RECORD)
    planes = records[:, 1:].reshape(-1, 3, SIDE, SIDE)
    pixels = np.ascontiguousarray(planes.transpose(0, 2, 3, 1))
    return Images(pixels, records[:, 0].astype(np.int64))


def _missing(folder: Path, file: Path, error: OSError) -> str:
    said = f"{file}: {error.strerror}"
    pickles = (folder / "data_batch_1", folder / "cifar-10-batches-py")
    if any(path.exists() for path in pickles):
        return f"{said}; this is the Python version, the binary version is wanted: {HOME}"
    return f"{said}; --data takes the folder of CIFAR-10's binary version: {HOME}"
