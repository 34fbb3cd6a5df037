"""Full-size networks against published parameters and multiply-accumulates.

"torchvision" is the table of its documentation (num_params, and GFLOPS, which are billions of
multiply-accumulates there); "paper" the network's own; "timm" that collection's results table.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple

import pytest
import torch
from torch import nn

import archcheck
from archcheck.network import Network
from tests.support.zoo import (
    convnext,
    crnn,
    deeplab,
    densenet,
    efficientnet,
    ghostnet,
    inception,
    inception_v4,
    maxvit,
    mixer,
    mnasnet,
    mobilenet,
    repvgg,
    resnet,
    resnext,
    se_resnet,
    shufflenet,
    squeezenet,
    superres,
    swin,
    vgg,
    video,
    vit,
)

pytestmark = pytest.mark.slow


class Published(NamedTuple):
    """Parameters, exact or in millions to so many places, and MACs in billions; None: not given."""

    build: Callable[[], nn.Module]
    shape: tuple[int, ...]
    parameters: int | Decimal | None
    billions: Decimal | None
    source: str


IMAGE = (3, 224, 224)


def torchvision(
    build: Callable[[], nn.Module],
    parameters: int | None,
    billions: str,
    shape: tuple[int, ...] = IMAGE,
) -> Published:
    return Published(build, shape, parameters, Decimal(billions), "torchvision")


TABLE = [
    torchvision(resnet.resnet18, 11_689_512, "1.81"),
    torchvision(resnet.resnet34, 21_797_672, "3.66"),
    torchvision(resnet.resnet50, 25_557_032, "4.09"),
    torchvision(resnet.resnet101, 44_549_160, "7.80"),
    torchvision(resnet.resnet152, 60_192_808, "11.51"),
    torchvision(resnext.resnext50, 25_028_904, "4.23"),
    torchvision(resnext.regnet_y_400mf, 4_344_144, "0.40"),
    torchvision(densenet.densenet121, 7_978_856, "2.83"),
    torchvision(densenet.densenet201, 20_013_928, "4.29"),
    torchvision(shufflenet.shufflenet_v2, 2_278_604, "0.14"),
    torchvision(efficientnet.efficientnet_b0, 5_288_548, "0.39"),
    torchvision(mobilenet.mobilenet_v2, 3_504_872, "0.30"),
    torchvision(mnasnet.mnasnet1_0, 4_383_312, "0.31"),
    torchvision(squeezenet.squeezenet1_1, 1_235_496, "0.35"),
    torchvision(vgg.vgg16, 138_357_544, "15.47"),
    torchvision(convnext.convnext_tiny, 28_589_128, "4.46"),
    torchvision(vit.vit_b16, 86_567_656, "17.56"),
    torchvision(swin.swin_t, 28_288_354, "4.49"),
    torchvision(maxvit.maxvit_t, 30_919_624, "5.56"),
    # Its parameters are given with the auxiliary classifier, which does not run.
    torchvision(inception.inception_v3, None, "5.71", (3, 299, 299)),
    torchvision(deeplab.deeplabv3_resnet50, 42_004_074, "178.72", (3, 520, 520)),
    torchvision(video.r2plus1d_18, 31_505_325, "40.52", (3, 16, 112, 112)),
    Published(se_resnet.se_resnet50, IMAGE, 28_088_024, None, "timm"),
    Published(vit.deit_tiny, IMAGE, 5_717_416, None, "timm"),
    Published(mixer.mixer_b16, IMAGE, Decimal("59.88"), Decimal("12.6"), "timm"),
    Published(repvgg.repvgg_a0, IMAGE, Decimal("9.11"), None, "timm"),
    Published(inception_v4.inception_v4, (3, 299, 299), Decimal("42.68"), None, "timm"),
    Published(inception_v4.inception_resnet_v2, (3, 299, 299), Decimal("55.84"), None, "timm"),
    Published(mobilenet.mobilenet_v1, IMAGE, Decimal("4.2"), Decimal("0.569"), "paper"),
    Published(shufflenet.shufflenet_v1, IMAGE, None, Decimal("0.137"), "paper"),
    Published(ghostnet.ghostnet, IMAGE, Decimal("5.2"), Decimal("0.141"), "paper"),
    Published(crnn.crnn, (1, 32, 100), Decimal("8.3"), None, "paper"),
    Published(superres.edsr_baseline, (3, 64, 64), Decimal("1.37"), None, "papers since"),
]


def rounded(value: int, unit: int, like: Decimal) -> Decimal:
    return round(Decimal(value) / unit, -int(like.as_tuple().exponent))


def traced(build: Callable[[], nn.Module], shape: tuple[int, ...]) -> Network:
    with torch.device("meta"):
        net = build().eval()
    return archcheck.trace(net, shape)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.build.__name__)
def test_a_network_has_the_size_and_cost_that_were_published(row: Published) -> None:
    network = traced(row.build, row.shape)
    if isinstance(row.parameters, int):
        assert network.num_parameters == row.parameters
    elif row.parameters is not None:
        assert rounded(network.num_parameters, 10**6, row.parameters) == row.parameters
    if row.billions is not None:
        assert network.macs is not None
        assert rounded(network.macs, 10**9, row.billions) == row.billions


def test_gates_add_what_their_paper_says() -> None:
    # Hu et al. 2018: 2/r times the sum over the blocks of C squared; biases come on top.
    gated, plain = traced(se_resnet.se_resnet50, IMAGE), traced(resnet.resnet50, IMAGE)
    widths = [256] * 3 + [512] * 4 + [1024] * 6 + [2048] * 3
    weights = 2 * sum(c * c for c in widths) // 16
    assert gated.num_parameters - plain.num_parameters == weights + sum(c + c // 16 for c in widths)
    # Each gate is two products a block, once for the image.
    assert gated.macs is not None and plain.macs is not None
    assert gated.macs - plain.macs == weights


@pytest.mark.parametrize("attention", [vit.vit, vit.functional_vit, vit.handwritten_vit])
def test_attention_costs_the_same_however_it_is_written(attention: Callable[[], nn.Module]) -> None:
    # 17 tokens of width 32 in two blocks: 4 projections, scores, values, a perceptron of 64.
    block = 17 * 4 * 32 * 32 + 2 * 17 * 17 * 32 + 2 * 17 * 32 * 64
    network = traced(attention, (3, 32, 32))
    assert network.macs == 16 * 32 * 3 * 64 + 2 * block + 32 * 10
