"""Networks that are given images beside constants, by their names."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from archcheck.evaluation.run import classify
from archcheck.evidence.accuracy import NotMeasured, Task
from archcheck.network.input_language import read_inputs
from archcheck.network.inputs import Input, images_of
from archcheck.spec import spec_from
from archcheck.tracing.trace import trace
from archcheck.verification.collect import collect_live
from archcheck.verification.submission import Submission
from archcheck.worker.reference import Reference

TASK = Task("cifar10", (0.5,) * 3, (0.25,) * 3)
PIXELS = np.random.default_rng(0).integers(0, 256, (20, 3, 32, 32), np.uint8)
IMAGES = {"images": [3, 32, 32], "scale": {"shape": [], "value": 1.0}, "flat": True}


class Named(nn.Module):
    """Classes by linear scores, if everything is given in its place."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(3 * 32 * 32, 10)

    def forward(self, scale: Tensor, *, images: Tensor, flat: bool = False) -> dict[str, Tensor]:
        assert flat
        assert scale.shape == (len(images),)
        return {"logits": self.head(images.flatten(1)) * scale[:, None]}


def test_images_are_given_by_their_name_beside_constants() -> None:
    net = Named()
    x = (torch.from_numpy(PIXELS).float() / 255 - 0.5) / 0.25
    expected = net.head(x.flatten(1)).argmax(1).tolist()
    assert list(classify(net, PIXELS, TASK, inputs=read_inputs(IMAGES)).classes) == expected


@pytest.mark.parametrize(
    ("said", "there"),
    [
        ([3, 32, 32], True),
        ({"shape": [3, 32, 32], "axes": ["channels", "height", "width"]}, True),
        ({"shape": [32, 32, 3], "axes": ["height", "width", "channels"]}, False),
        ({"shape": [3, 32, 32], "batch": 1}, False),
        ({"shape": [3, 32, 32], "dtype": "uint8"}, False),
    ],
)
def test_which_input_takes_images(said: object, there: bool) -> None:
    found = images_of(read_inputs({"x": said}), (3, 32, 32))
    assert (found is not None) is there


def test_two_inputs_that_are_drawn_take_no_images() -> None:
    inputs = (Input(("a",), (3, 32, 32)), Input(("b",), (3, 32, 32)))
    assert images_of(inputs, (3, 32, 32)) is None


def test_accuracy_of_a_network_with_another_input_is_not_measured() -> None:
    accuracy = {"dataset": "cifar10", "at_least": "50%"}
    spec = spec_from({"rules": {"accuracy": accuracy}})
    inputs = read_inputs({**IMAGES, "scale": {"shape": []}})
    submission = Submission(reference=Reference("", "", "Named"), inputs=inputs)
    network = trace(Named(), inputs)
    (measured,) = collect_live(Named(), submission, spec, network, None).accuracy  # type: ignore[arg-type]
    assert isinstance(measured.result, NotMeasured)
    assert "the network takes images 3×32×32, scale one number" in measured.result.reason
