"""Images come in an order that nobody knows, and the answers are marked without the network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from archcheck.evaluation import process
from archcheck.evaluation.images import Images
from archcheck.evaluation.marking import REPEATED, marked, questions
from archcheck.evaluation.request import Answers
from archcheck.evidence.accuracy import Measured, Task
from archcheck.evidence.datasets import DATASETS
from archcheck.tracing.remote import start_worker
from archcheck.worker.reference import parse_reference

COUNT = 2000
DRAWN = np.random.default_rng(0)
IMAGES = Images(DRAWN.integers(0, 256, (COUNT, 3, 32, 32), np.uint8), DRAWN.integers(0, 10, COUNT))
TASK = Task("cifar10", DATASETS["cifar10"].mean, DATASETS["cifar10"].std)


def answers(classes: Any) -> Answers:
    return Answers(tuple(int(c) for c in classes), "cpu", 1.0)


def test_answers_to_the_images_are_counted_in_whatever_order_they_came() -> None:
    asked = questions(IMAGES)
    right = IMAGES.labels[asked.order]
    assert (asked.pixels == IMAGES.pixels[asked.order]).all()
    assert sorted(asked.order[: asked.total]) == list(range(COUNT))
    found = marked(asked, IMAGES.labels, answers(right))
    assert (found.correct, found.total, found.undefined) == (COUNT, COUNT, 0)
    assert (found.repeated, found.changed) == (REPEATED, 0)
    wrong = np.where(asked.order == 7, -1, right)
    found = marked(asked, IMAGES.labels, answers(wrong))
    assert (found.correct, found.undefined) == (COUNT - 1, 1)


def test_a_table_of_the_labels_in_their_order_is_no_better_than_guessing() -> None:
    asked = questions(IMAGES)
    table = np.resize(IMAGES.labels, len(asked.order))
    found = marked(asked, IMAGES.labels, answers(table))
    assert found.correct < COUNT / 5
    assert found.changed > REPEATED / 2


def test_no_two_runs_ask_in_the_same_order() -> None:
    assert (questions(IMAGES).order != questions(IMAGES).order).any()


def test_answers_that_are_missing_are_refused() -> None:
    with pytest.raises(ValueError, match="3 answers"):
        marked(questions(IMAGES), IMAGES.labels, answers([1, 2, 3]))


SEARCHING = """\
import gc, os, sys
import numpy as np
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3072, 10)
        self.images = 0

    def found(self):
        frame = sys._getframe()
        while frame is not None:
            for value in [frame.f_locals, *frame.f_locals.values()]:
                yield value
            frame = frame.f_back
        yield from gc.get_objects()
        yield dict(os.environ), sys.argv

    def forward(self, x):
        for value in self.found():
            labels = getattr(value, "labels", None)
            if isinstance(value, np.ndarray) and value.dtype == np.int64:
                labels = value
            if isinstance(labels, np.ndarray) or "the-folder" in repr(type(value) is str and value):
                raise RuntimeError("found")
        if any("the-folder" in text for text in (*os.environ.values(), *sys.argv)):
            raise RuntimeError("found")
        self.images += len(x)
        scores = torch.zeros(len(x), 10)
        scores[:, SCORE] = 1
        return scores
"""


def measured(folder: Path, source: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    place = folder / "the-folder"
    place.mkdir()
    monkeypatch.setenv("ARCHCHECK_DATA", str(place))
    monkeypatch.setattr(process, "find_images", lambda *_: (None, place))
    monkeypatch.setattr(process, "read_images", lambda *_: IMAGES)
    (folder / "net.py").write_text(source)
    state = {"fc.weight": torch.zeros(10, 3072), "fc.bias": torch.zeros(10)}
    save_file(state, folder / "w.safetensors")
    reference = parse_reference(f"{folder / 'net.py'}:Net")
    return process.measure(reference, TASK, folder / "w.safetensors", place, {}, start_worker)


def test_labels_and_their_folder_are_nowhere_in_the_networks_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = measured(tmp_path, SEARCHING.replace("SCORE", "3"), monkeypatch)
    assert isinstance(found, Measured), found
    assert found.correct == int((IMAGES.labels == 3).sum())
    assert (found.total, found.changed) == (COUNT, 0)
    assert found.weights == str(tmp_path / "w.safetensors")


def test_answers_by_the_number_of_the_image_change_when_it_is_shown_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = measured(tmp_path, SEARCHING.replace("SCORE", "self.images // 100 % 10"), monkeypatch)
    assert isinstance(found, Measured), found
    assert found.changed > 500
