"""The published table of receptive fields: size, jump and padding at the last map.

A. Araujo, W. Norris and J. Sim, "Computing Receptive Fields of Convolutional Neural Networks",
Distill 2019. Its networks are those of TensorFlow's model library: strided windows of maps of even
size are padded behind only, unless the network pads by itself or not at all. The padding p that it
gives is the whole network's: the first field of size r is centred at (r - 1) / 2 - p.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest
import torch
from torch import nn

import archcheck
from tests.support.zoo import (
    alexnet,
    inception,
    inception_v2,
    inception_v4,
    mobilenet,
    resnet_v1,
    vgg,
)

# network, side of the input, size, jump, padding
TABLE = [
    (alexnet.alexnet, 224, 195, 32, 64),
    (vgg.vgg16, 224, 212, 32, 90),
    (mobilenet.mobilenet_v1_padded_behind, 224, 315, 32, 126),
    (mobilenet.mobilenet_v1, 224, 315, 32, 157),  # padded alike on both sides
    (resnet_v1.resnet_v1_50, 224, 483, 32, 239),
    (resnet_v1.resnet_v1_101, 224, 1027, 32, 511),
    (resnet_v1.resnet_v1_152, 224, 1507, 32, 751),
    (inception_v2.inception_v2, 224, 699, 32, 318),
    (inception.inception_v3, 299, 1311, 32, 618),
    (inception_v4.inception_v4, 299, 2071, 32, 998),
    (inception_v4.inception_resnet_v2, 299, 3039, 32, 1482),
]


@pytest.mark.parametrize(
    ("build", "side", "size", "jump", "padding"), TABLE, ids=lambda v: getattr(v, "__name__", "")
)
def test_a_network_has_the_field_that_was_published(
    build: Callable[[], nn.Module], side: int, size: int, jump: int, padding: int
) -> None:
    with torch.device("meta"):
        net = build().eval()
    rf = archcheck.receptive_field(archcheck.trace(net, (3, side, side)))
    field = rf.at("features")
    assert not rf.not_modelled
    assert field.size == field.smallest == (size, size)
    assert field.jump == (jump, jump)
    assert field.start == (Fraction(size - 1, 2) - padding,) * 2
    assert not field.is_global
