"""The fields that archcheck reports, on real images: what lies outside changes nothing."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import archcheck
from tests.support.paths import EXAMPLES

DATA = os.environ.get("ARCHCHECK_DATA")
NETWORKS = EXAMPLES / "assignment7"
LAST_MAP = {"000": "convblock6", "001": "c4", "002": "classifier", "003": "c4", "004": "conv4"}

pytestmark = pytest.mark.skipif(
    DATA is None, reason="ARCHCHECK_DATA does not name the folder of CIFAR-10's binary files"
)


def images(count: int) -> torch.Tensor:
    """The first test images, scaled to 0..1: records of one label byte and 3,072 of pixels."""
    assert DATA is not None
    raw = np.fromfile(Path(DATA) / "test_batch.bin", np.uint8, count * 3073)
    pixels = raw.reshape(count, 3073)[:, 1:].reshape(count, 3, 32, 32)
    return torch.from_numpy(pixels.astype(np.float64) / 255)


def network(number: str) -> nn.Module:
    """One of the five networks of the assignment documents, with random weights."""
    spec = importlib.util.spec_from_file_location(f"net{number}", NETWORKS / f"net{number}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with torch.random.fork_rng():
        torch.manual_seed(7)
        made: nn.Module = module.Net().double().eval()
    return made


@torch.no_grad()
def last_map(model: nn.Module, path: str, batch: torch.Tensor) -> torch.Tensor:
    """The output of the module at a path."""
    seen: list[torch.Tensor] = []
    handle = model.get_submodule(path).register_forward_hook(lambda *args: seen.append(args[2]))
    model(batch)
    handle.remove()
    return seen[0]


@pytest.mark.parametrize("number", LAST_MAP)
def test_pixels_outside_of_a_unit_s_field_change_nothing(number: str) -> None:
    model, path = network(number), LAST_MAP[number]
    field = archcheck.receptive_field(archcheck.trace(model, (3, 32, 32))).at(path)
    first, second = images(2)
    outside_seen = False
    height, width = field.shape
    for row, column in ((0, 0), (1, 2), (height - 1, width - 1)):
        unit = (row, column)
        rows, columns = field.actual(unit)
        assert rows is not None and columns is not None
        inside = torch.zeros(32, 32, dtype=torch.bool)
        inside[rows.low : rows.high + 1, columns.low : columns.high + 1] = True
        outside_changed = torch.where(inside, first, second)
        inside_changed = torch.where(inside, second, first)
        maps = last_map(model, path, torch.stack([first, outside_changed, inside_changed]))
        here = maps[:, :, row, column]
        assert torch.equal(here[0], here[1])
        assert not torch.equal(here[0], here[2])
        outside_seen |= not bool(inside.all())
    # All units of 002's last map see the whole image; the others have something to miss.
    assert outside_seen == (number != "002")


@pytest.mark.parametrize("number", LAST_MAP)
def test_real_images_have_the_shapes_of_the_trace(number: str) -> None:
    model = network(number)
    traced = archcheck.trace(model, (3, 32, 32))
    with torch.no_grad():
        output = model(images(4))
    assert output.shape[1:] == traced.shape(traced.outputs[0][1])[1:]
