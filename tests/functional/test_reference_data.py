"""The images that the reference networks are trained on, and their augmentation."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.support.paths import EXAMPLES

pytest.importorskip("albumentations", reason="the training needs the extra `train`")

from tests.support.synthetic import write_batch
from training import cifar
from training.augmented import AugmentedEpochs, augment, load_pipeline
from training.config import Data, load_config
from training.errors import Problem

FOLDER = EXAMPLES / "reference"
DATA = os.environ.get("ARCHCHECK_DATA")
PIPELINE = f"{FOLDER / 'augmentations.py'}:augmentations_b"


# -- data --------------------------------------------------------------------------------------


def test_records_become_images_and_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = write_batch(tmp_path / "data_batch_1.bin")
    sums = {**cifar.SHA256, "data_batch_1.bin": hashlib.sha256(content).hexdigest()}
    monkeypatch.setattr(cifar, "SHA256", sums)
    kept, held = cifar.read_training(tmp_path, Data(batches=[1], holdout=1000))
    assert kept.pixels.shape == (9000, 32, 32, 3)
    assert held.pixels.shape == (1000, 32, 32, 3)
    again = cifar.read_training(tmp_path, Data(batches=[1], holdout=1000))[1]
    assert np.array_equal(held.labels, again.labels)
    whole = cifar.read_training(tmp_path, Data(batches=[1], holdout=0))[0]
    record = np.frombuffer(content, np.uint8)[5 * 3073 : 6 * 3073]
    assert whole.labels[5] == record[0]
    assert whole.pixels[5, 2, 7, 1] == record[1 + 1024 + 2 * 32 + 7]  # green, row 2, column 7


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "data_batch_1.bin").write_bytes(b"\0" * 3073)
    with pytest.raises(Problem, match="not the official file: it has 3,073 bytes of 30,730,000"):
        cifar.read_training(tmp_path, Data(batches=[1]))
    (tmp_path / "cifar-10-batches-py").mkdir()
    with pytest.raises(Problem, match="this is the Python version, the binary version is wanted"):
        cifar.read_test(tmp_path)


@pytest.mark.skipif(DATA is None, reason="ARCHCHECK_DATA names no folder")
def test_the_official_files_are_read() -> None:
    assert DATA is not None
    test = cifar.read_test(DATA)
    assert np.bincount(test.labels).tolist() == [1000] * 10
    kept, held = cifar.read_training(DATA, Data())
    assert (len(kept.labels), len(held.labels)) == (45_000, 5_000)
    labels = np.concatenate([kept.labels, held.labels])
    assert np.bincount(labels).tolist() == [5000] * 10


# -- augmentation ------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:This DataLoader will create")  # more workers than cores
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")
def test_epochs_are_the_same_whatever_makes_them() -> None:
    images = np.random.default_rng(0).integers(0, 255, (700, 32, 32, 3), np.uint8)

    def epochs(workers: int, first: int) -> list[torch.Tensor]:
        span = {"first": first, "last": 3}
        return list(AugmentedEpochs(images, pipelines, seed=3, together=1, workers=workers, **span))

    pipelines = {0: PIPELINE, 2: f"{FOLDER / 'augmentations.py'}:augmentations_last"}
    alone = epochs(0, 0)
    assert alone[0].shape == (700, 32, 32, 3)
    assert not torch.equal(alone[0], alone[1])
    # The last one but flips its images.
    flipped = torch.from_numpy(images).flip(2)
    same = [(alone[2] == made).all((1, 2, 3)) for made in (torch.from_numpy(images), flipped)]
    assert bool((same[0] | same[1]).all())
    assert 250 < int(same[0].sum()) < 450
    for workers, first in ((1, 0), (3, 0), (2, 2)):
        for found, expected in zip(epochs(workers, first), alone[first:], strict=True):
            assert torch.equal(found, expected)


@pytest.mark.parametrize("network", ["a", "b"])
def test_the_augmentations_are_those_that_are_asked_for(network: str) -> None:
    pipeline = load_pipeline(f"{FOLDER / 'augmentations.py'}:augmentations_{network}")
    found = {type(step).__name__: step for step in pipeline.transforms}
    assert set(found) >= {"HorizontalFlip", "Affine", "CoarseDropout"}
    assert ("ToGray" in found) == (network == "b")
    hole = found["CoarseDropout"]
    assert hole.num_holes_range == (1, 1)
    assert hole.hole_height_range == hole.hole_width_range == (16, 16)
    config = load_config(FOLDER / f"{network}.yaml")
    assert hole.fill == tuple(round(255 * value) for value in config.mean)

    # What comes out has such holes, of that size and colour, about as often as `p` says.
    images = np.zeros((400, 32, 32, 3), np.uint8)
    images[...] = np.array([1, 2, 3])
    done = augment(pipeline, images, seed=0, epoch=0, chunk=0)
    areas = (done == np.array(hole.fill)).all(-1).sum((1, 2))
    share = float(np.mean(areas >= 256))
    assert abs(share - hole.p) < 0.12


def test_neighbours_may_share_a_draw() -> None:
    pipeline = load_pipeline(f"{FOLDER / 'augmentations.py'}:augmentations_a")
    images = np.zeros((83, 32, 32, 3), np.uint8)  # the last group is not full
    images[...] = np.random.default_rng(0).integers(0, 256, (32, 32, 3))
    done = augment(pipeline, images, seed=0, epoch=0, chunk=0, together=10)
    assert done.shape == images.shape
    groups = [done[start : start + 10] for start in range(0, 83, 10)]
    assert all((group == group[0]).all() for group in groups)
    assert len({group[0].tobytes() for group in groups}) > 5
    alone = augment(pipeline, images, seed=0, epoch=0, chunk=0)
    assert len({image.tobytes() for image in alone}) > 50


UNLIKE = """
import albumentations as A

def unlike() -> A.Compose:
    return A.Compose([A.Affine(rotate=(-10, 10), fill=(9, 99, 199), p=1.0)])

def broken() -> A.Compose:
    return A.Compose([A.Lambda(image=lambda image, **_: 1 / 0, p=1.0)])
"""


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("unlike", "unlike: does not treat all images of a draw alike: together must be 1"),
        ("broken", "the augmentation failed: division by zero"),
    ],
)
@pytest.mark.filterwarnings("ignore:Using lambda is incompatible")
def test_neighbours_that_would_not_share_a_draw_are_one_message(
    tmp_path: Path, name: str, message: str
) -> None:
    (tmp_path / "unlike.py").write_text(UNLIKE, "utf-8")
    images = np.full((4, 32, 32, 3), 50, np.uint8)
    reference = {0: f"{tmp_path / 'unlike.py'}:{name}"}
    span = {"seed": 0, "first": 0, "last": 1, "workers": 0}
    with pytest.raises(Problem, match=message):
        AugmentedEpochs(images, reference, together=2, **span)
    if name == "unlike":
        AugmentedEpochs(images, reference, together=1, **span)


BROKEN = """
import albumentations as A

def broken() -> A.Compose:
    return A.Compose([A.Lambda(image=lambda image, **_: 1 / 0, p=1.0)])

def ends() -> A.Compose:
    import os
    return A.Compose([A.Lambda(image=lambda image, **_: os._exit(3), p=1.0)])
"""


@pytest.mark.filterwarnings("ignore:Using lambda is incompatible")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")
@pytest.mark.parametrize(
    ("name", "workers", "message"),
    [
        ("broken", 0, "division by zero"),
        ("broken", 1, "ZeroDivisionError: division by zero"),
        ("ends", 1, "exited unexpectedly"),
    ],
)
def test_a_pipeline_that_fails_is_one_message(
    tmp_path: Path, name: str, workers: int, message: str
) -> None:
    (tmp_path / "broken.py").write_text(BROKEN, "utf-8")
    images = np.zeros((4, 32, 32, 3), np.uint8)
    reference = f"{tmp_path / 'broken.py'}:{name}"
    span = {"first": 0, "last": 1}
    epochs = AugmentedEpochs(images, {0: reference}, seed=0, together=1, workers=workers, **span)
    with pytest.raises(Problem, match=f"the augmentation failed: .*{message}"):
        epochs.next_epoch(torch.device("cpu"))
