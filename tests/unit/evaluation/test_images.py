"""Official files of test images: both versions, checked before anything in them is believed."""

from __future__ import annotations

import hashlib
import os
import pickle
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from archcheck.evaluation.images import Images, find_images, read_images
from archcheck.evaluation.unpickling import plain_data
from archcheck.evidence.datasets import DATASETS, DataFile, Dataset, Format
from archcheck.worker.failures import InputError

CIFAR10 = DATASETS["cifar10"]
DATA = os.environ.get("ARCHCHECK_DATA")
with_data = pytest.mark.skipif(DATA is None, reason="ARCHCHECK_DATA names no folder")
SMALL = replace(CIFAR10, images=20)
Pixels = NDArray[np.uint8]


def drawn(count: int) -> tuple[Pixels, list[int]]:
    """Random images, (N, 3072), and labels."""
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (count, 3072), np.uint8)
    return pixels, generator.integers(0, 10, count).tolist()


def python2(pixels: Pixels, labels: list[int]) -> bytes:
    """The pickle that Python 2's cPickle writes of ``{"data": array, "labels": list}``, opcode by
    opcode: the form of the official files."""
    raw = pixels.tobytes()
    sides = b"".join(b"J" + side.to_bytes(4, "little") for side in pixels.shape)
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01"
        + (sides + b"\x86cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R")
        + b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tbI00\n"
        + (b"T" + len(raw).to_bytes(4, "little") + raw + b"tb")
    )
    numbers = b"](" + b"".join(b"K" + bytes([label]) for label in labels) + b"e"
    return b"\x80\x02}(U\x04data" + array + b"U\x06labels" + numbers + b"u."


def python3(pixels: Pixels, labels: list[int], protocol: int) -> bytes:
    found = {"data": pixels, "labels": labels, "filenames": ["a.png"], "batch_label": "test"}
    return pickle.dumps(found, protocol=protocol)


def binary(pixels: Pixels, labels: list[int]) -> bytes:
    return np.concatenate([np.array(labels, np.uint8)[:, None], pixels], 1).tobytes()


def official(dataset: Dataset, kind: Format, content: bytes) -> tuple[Dataset, DataFile]:
    """A data set whose official file has this content."""
    name = {"python": "test_batch", "binary": "test_batch.bin"}[kind]
    folder = {"python": "cifar-10-batches-py", "binary": "cifar-10-batches-bin"}[kind]
    file = DataFile(kind, folder, name, len(content), hashlib.md5(content).hexdigest())
    return replace(dataset, files=(file,)), file


def read(dataset: Dataset, kind: Format, content: bytes, folder: Path) -> Images:
    dataset, file = official(dataset, kind, content)
    (folder / file.name).write_bytes(content)
    return read_images(dataset, *find_images(dataset, folder))


WRITERS: dict[str, tuple[Format, Callable[[Pixels, list[int]], bytes]]] = {
    "binary": ("binary", binary),
    "Python 2": ("python", python2),
    **{f"protocol {n}": ("python", partial(python3, protocol=n)) for n in (2, 3, 4)},
}


@pytest.mark.parametrize("way", WRITERS)
def test_every_version_holds_the_same_images(tmp_path: Path, way: str) -> None:
    kind, write = WRITERS[way]
    pixels, labels = drawn(20)
    found = read(SMALL, kind, write(pixels, labels), tmp_path)
    assert found.pixels.shape == (20, 3, 32, 32)
    assert found.pixels.dtype == np.uint8
    assert np.array_equal(found.pixels.reshape(20, -1), pixels)
    assert found.labels.dtype == np.int64
    assert found.labels.tolist() == labels


@pytest.mark.parametrize("inside", ["", "cifar-10-batches-py", "cifar-10-batches-bin"])
def test_the_folder_may_be_that_around_the_official_one(tmp_path: Path, inside: str) -> None:
    name = "test_batch" if inside.endswith("py") else "test_batch.bin"
    (tmp_path / inside).mkdir(exist_ok=True)
    (tmp_path / inside / name).write_bytes(b"")
    file, path = find_images(CIFAR10, tmp_path)
    assert (file.name, path) == (name, tmp_path / inside / name)


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such folder"):
        find_images(CIFAR10, tmp_path / "nowhere")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match="it is no folder"):
        find_images(CIFAR10, tmp_path / "file")
    wanted = r"test_batch \(the python version\) or test_batch\.bin \(the binary version\)"
    with pytest.raises(InputError, match=rf"{wanted} is not there; see https://"):
        find_images(CIFAR10, tmp_path)
    (tmp_path / "cifar-10-python.tar.gz").write_bytes(b"")
    with pytest.raises(InputError, match=r"unpack cifar-10-python\.tar\.gz"):
        find_images(CIFAR10, tmp_path)


@pytest.mark.parametrize("kind", ["binary", "python"])
def test_a_file_that_is_not_the_official_one_is_refused(tmp_path: Path, kind: Format) -> None:
    file = next(f for f in CIFAR10.files if f.format == kind)
    path = tmp_path / file.name
    path.write_bytes(b"\0" * (file.size - 1))
    with pytest.raises(InputError, match=rf"bytes, not {file.size:,}$"):
        read_images(CIFAR10, *find_images(CIFAR10, tmp_path))
    path.write_bytes(b"\0" * file.size)
    with pytest.raises(InputError, match=rf"MD5 checksum is .*, not {file.md5}$"):
        read_images(CIFAR10, *find_images(CIFAR10, tmp_path))


@with_data
def test_the_real_file(tmp_path: Path) -> None:
    assert DATA is not None
    found = read_images(CIFAR10, *find_images(CIFAR10, DATA))
    assert found.pixels.shape == (10_000, 3, 32, 32)
    assert np.bincount(found.labels).tolist() == [1000] * 10  # as the data set's page says
    # The first test image is a cat (3), its first pixel (158, 112, 49): as torchvision shows it.
    assert found.labels[:4].tolist() == [3, 8, 8, 0]
    assert found.pixels[0, :, 0, 0].tolist() == [158, 112, 49]
    flat, labels = found.pixels.reshape(10_000, -1), found.labels.tolist()
    again = read(CIFAR10, "python", python2(flat, labels), tmp_path)
    assert np.array_equal(again.pixels, found.pixels)
    assert np.array_equal(again.labels, found.labels)
    # The same images in a file of one's own are not the official file.
    with pytest.raises(InputError, match="not the official file"):
        read_images(CIFAR10, *find_images(CIFAR10, tmp_path))


# -- pickles -----------------------------------------------------------------------------------


class Harmful:
    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return self.call


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_runs_nothing(tmp_path: Path, protocol: int) -> None:
    trace = tmp_path / "touched"
    pixels, _ = drawn(20)
    for harmful, asked in (
        (Harmful(os.system, f"touch {trace}"), "posix.system"),
        (Harmful(exec, f"open({str(trace)!r}, 'w')"), "exec"),
        (Harmful(np.save, str(trace), pixels), "numpy.save"),
        (Harmful(pickle.loads, b"."), "loads"),
    ):
        content = pickle.dumps({"labels": [harmful], "data": pixels}, protocol=protocol)
        with pytest.raises(InputError, match=f"the pickle asks for .*{asked}"):
            read(SMALL, "python", content, tmp_path)
    assert list(tmp_path.glob("touched*")) == []


def test_names_cannot_be_reached_through_those_allowed() -> None:
    for name in (b"cnumpy\nndarray.tofile\n", b"cnumpy\ncore.multiarray.fromfile\n"):
        with pytest.raises(ValueError, match="the pickle asks for numpy"):
            plain_data(b"\x80\x02" + name + b".")
        dotted = b"\x8c" + bytes([len(name) - 8]) + name[7:-1]
        with pytest.raises(ValueError, match="the pickle asks for numpy"):
            plain_data(b"\x80\x04\x8c\x05numpy" + dotted + b"\x93.")


def test_damaged_or_other_pickles(tmp_path: Path) -> None:
    pixels, labels = drawn(20)
    whole = python2(pixels, labels)
    cases: dict[str, tuple[bytes, str]] = {
        "cut": (whole[:-100], "truncated"),
        "empty": (b"", "the pickle is damaged"),
        "text": (b"no pickle at all", "invalid load key"),
        "list": (pickle.dumps([1, 2]), "no dictionary"),
        "floats": (python3(pixels / 2, labels, 2), "holds no images"),  # type: ignore[arg-type]
        "fewer": (python3(pixels[1:], labels, 2), "holds no images"),
        "objects": (
            pickle.dumps({"data": pixels.astype(object), "labels": labels}),
            "holds no images|asks for",
        ),
        "one label less": (python2(pixels, labels[1:]), "its labels are not"),
        "eleventh class": (python2(pixels, [10, *labels[1:]]), "its labels are not"),
        "words": (pickle.dumps({"data": pixels, "labels": ["cat"] * 20}, 2), "whole numbers"),
        "no labels": (pickle.dumps({"data": pixels}, 2), "whole numbers"),
    }
    for content, message in cases.values():
        with pytest.raises(InputError, match=f"cannot be read: .*({message})"):
            read(SMALL, "python", content, tmp_path)
