"""Networks of well-known families and of an assignment, with inputs of the usual sizes."""

from __future__ import annotations

import runpy
from collections.abc import Callable

from torch import nn

from tests.support.paths import EXAMPLES
from tests.support.zoo import (
    alexnet,
    conv1d,
    conv3d,
    convnext,
    densenet,
    inception,
    mnasnet,
    mobilenet,
    resnet,
    se,
    squeezenet,
    unet,
    vgg,
    vit,
)

NETWORKS = EXAMPLES / "assignment7"
Factory = Callable[[], nn.Module]


def example(name: str) -> Factory:
    def build() -> nn.Module:
        net: nn.Module = runpy.run_path(str(NETWORKS / f"net{name}.py"))["Net"]()
        return net

    return build


CASES: dict[str, tuple[Factory, tuple[int, ...]]] = {
    "alexnet": (alexnet.alexnet, (3, 224, 224)),
    "tcn": (conv1d.tcn, (1, 50)),
    "net3d": (conv3d.net3d, (1, 8, 16, 16)),
    "convnext": (convnext.convnext, (3, 32, 32)),
    "densenet": (densenet.densenet, (3, 32, 32)),
    "inception_v3": (inception.inception_v3, (3, 299, 299)),
    "mnasnet": (mnasnet.mnasnet1_0, (3, 96, 64)),
    "mobilenet_v1": (mobilenet.mobilenet_v1, (3, 96, 64)),
    "mobilenet_v2": (mobilenet.mobilenet_v2, (3, 96, 64)),
    "resnet18": (resnet.resnet18, (3, 64, 64)),
    "resnet34": (resnet.resnet34, (3, 64, 64)),
    "resnet50": (resnet.resnet50, (3, 64, 64)),
    "resnet101": (resnet.resnet101, (3, 64, 64)),
    "resnet152": (resnet.resnet152, (3, 64, 64)),
    "senet": (se.senet, (3, 32, 32)),
    "squeezenet": (squeezenet.squeezenet1_1, (3, 96, 96)),
    "unet": (unet.unet, (3, 32, 32)),
    "bilinear_unet": (unet.bilinear_unet, (3, 30, 33)),
    "vgg16": (vgg.vgg16, (3, 64, 64)),
    "vit": (vit.vit, (3, 32, 32)),
    "functional_vit": (vit.functional_vit, (3, 32, 32)),
    **{f"net{name}": (example(name), (3, 32, 32)) for name in ("000", "001", "002", "003", "004")},
}
