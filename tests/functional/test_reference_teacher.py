"""The teacher, whose scores the reference networks learn."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("albumentations", reason="the training needs the extra `train`")
pytest.importorskip("safetensors", reason="the training needs the extra `train`")

from tests.support.recipes import FOLDER, recipe, teach, write
from training import cifar
from training.checkpoint import write_weights
from training.config import load_config
from training.distillation import distillation_loss, load_teacher
from training.engine import Engine
from training.errors import Problem
from training.evaluation import normalised
from training.networks import build_network

TEACHER = f"{FOLDER / 'teacher.py'}:Teacher"


@pytest.fixture(autouse=True)
def settings_of_torch(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a deterministic training sets for its process is as it was for other tests."""
    deterministic: Any = torch.utils.deterministic
    filled = deterministic.fill_uninitialized_memory
    monkeypatch.setattr(deterministic, "fill_uninitialized_memory", filled)
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", torch.backends.cudnn.benchmark)
    enabled = torch.are_deterministic_algorithms_enabled()
    yield
    torch.use_deterministic_algorithms(enabled)


def test_the_teacher_says_the_same_without_its_normalisations(tmp_path: Path) -> None:
    weights = teach(tmp_path, recipe(network=TEACHER))
    config = load_config(write(tmp_path, recipe(teacher={"recipe": "teacher.yaml"})))
    plain = build_network(load_config(tmp_path / "teacher.yaml"), 0)
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(8, 3, 32, 32, generator=generator)
    with torch.no_grad():
        plain(images)  # statistics that are not those of a new network
    write_weights(weights, plain)
    teacher = load_teacher(config, weights)
    assert teacher is not None
    kinds = {type(module) for module in teacher.network.modules()}
    assert torch.nn.BatchNorm2d not in kinds
    assert not any(p.requires_grad for p in teacher.network.parameters())
    with torch.no_grad():
        expected, found = plain.eval()(images), teacher.network(images)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_the_loss_of_a_teacher_equals_its_formula() -> None:
    generator = torch.Generator().manual_seed(0)
    ours, theirs = (torch.randn(5, 10, generator=generator).double() * 3 for _ in range(2))
    p, q = ((scores / 4).exp() for scores in (theirs, ours))
    p, q = p / p.sum(1, keepdim=True), q / q.sum(1, keepdim=True)
    expected = 16 * (p * (p / q).log()).sum(1).mean()
    assert distillation_loss(ours, theirs, 4).item() == pytest.approx(expected.item())
    # Where the temperature is high, its gradients are those of the scores' distance (section 2.1).
    ours.requires_grad_()
    (found,) = torch.autograd.grad(distillation_loss(ours, theirs, 1e4), ours)
    distance = (ours - ours.mean(1, keepdim=True)) - (theirs - theirs.mean(1, keepdim=True))
    torch.testing.assert_close(found, distance / 10 / 5, rtol=1e-2, atol=1e-4)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_teacher_has_its_share_of_the_loss(tmp_path: Path, share: float) -> None:
    weights = teach(tmp_path, recipe())
    wanted = {"recipe": "teacher.yaml", "share": share, "temperature": 2}
    config = load_config(write(tmp_path, recipe(teacher=wanted, batch_size=20)))
    images = np.random.default_rng(0).integers(0, 256, (20, 32, 32, 3), dtype=np.uint8)
    labels = torch.arange(20) % 10
    losses = []
    for teacher in (load_teacher(config, weights), None):
        engine = Engine(config, torch.device("cpu"), seed=0, labels=labels, teacher=teacher)
        losses.append(engine.train_epoch(0, torch.from_numpy(images), lambda _: None).loss)
    network = build_network(config, 0)
    shown = normalised(config, cifar.Images(images, labels.numpy()), slice(20))
    teacher = load_teacher(config, weights)
    assert teacher is not None
    with torch.no_grad():
        taught = distillation_loss(network(shown), teacher.network(shown), 2).item()
    expected = share * taught + (1 - share) * losses[1]
    assert losses[0] == pytest.approx(expected, rel=1e-4)


def test_a_teacher_that_does_not_fit_is_one_message(tmp_path: Path) -> None:
    weights = teach(tmp_path, recipe())
    alone = load_config(write(tmp_path, recipe()))
    taught = load_config(write(tmp_path, recipe(teacher={"recipe": "teacher.yaml"})))
    assert load_teacher(alone, None) is None
    with pytest.raises(Problem, match="the recipe names no teacher"):
        load_teacher(alone, weights)
    with pytest.raises(Problem, match=r"train .*teacher\.yaml first, then give --teacher"):
        load_teacher(taught, None)
    with pytest.raises(Problem, match="no weights can be read"):
        load_teacher(taught, tmp_path / "missing.safetensors")
    teach(tmp_path, recipe(data={"batches": [1], "holdout": 8000}))
    with pytest.raises(Problem, match="it may have seen what is held out here"):
        load_teacher(taught, weights)
    teach(tmp_path, recipe(mean=[0.5, 0.5, 0.5]))
    with pytest.raises(Problem, match="mean and deviation must be the same"):
        load_teacher(taught, weights)
