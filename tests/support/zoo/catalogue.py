"""Every network of the zoo in a small instance, for the tests that hold for all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from torch import nn

from tests.support.zoo import (
    alexnet,
    audio,
    axial,
    conv1d,
    conv3d,
    convnext,
    crnn,
    deeplab,
    densenet,
    efficientnet,
    focus,
    fpn,
    gan,
    ghostnet,
    googlenet,
    halo,
    hrnet,
    inception,
    inception_v2,
    inception_v4,
    inplace,
    masked,
    maxvit,
    mixer,
    mnasnet,
    mobilenet,
    pspnet,
    repvgg,
    resnet,
    resnet_v1,
    resnext,
    se,
    se_resnet,
    shufflenet,
    squeezenet,
    superres,
    swin,
    unet,
    valid_unet,
    video,
    vit,
)
from tests.support.zoo.parts import narrow


@dataclass(frozen=True)
class Fixture:
    """A network with the shape of its input, and where its fields are looked at.

    ``points`` maps a point (``output``, the first one if there are several, or a module's path)
    to a period: so many neighbouring units have fields of their own shape, after which they
    repeat. 0 where nothing repeats, since the whole map is joined there or the network takes one
    size only: there the actual fields alone are compared.
    """

    build: Callable[[], nn.Module]
    shape: tuple[int, ...]
    points: dict[str, int]


def full(
    build: Callable[[], nn.Module], by: int, shape: tuple[int, ...], points: dict[str, int]
) -> Fixture:
    """A network in all its depth, its channels divided."""
    return Fixture(partial(narrow, build, by), shape, points)


ZOO: dict[str, Fixture] = {
    "swin": Fixture(swin.small_swin, (3, 40, 36), {"first": 4, "output": 0}),
    "swin, odd": Fixture(swin.small_swin, (3, 22, 31), {"first": 0}),
    "swin, unshifted": Fixture(swin.small_swin_unshifted, (3, 40, 36), {"first": 4, "output": 0}),
    "swin, unshifted, odd": Fixture(swin.small_swin_unshifted, (3, 22, 31), {"first": 0}),
    "deeplab": Fixture(deeplab.small_deeplab, (3, 33, 40), {"layer4": 1, "aspp": 0, "output": 0}),
    "deeplab without pooling": Fixture(
        deeplab.small_deeplab_without_pooling, (3, 37, 41), {"classify": 1, "output": 0}
    ),
    "pspnet": Fixture(pspnet.pspnet, (3, 22, 27), {"stem": 1, "output": 0}),
    "pspnet without the whole": Fixture(
        pspnet.pspnet_without_the_whole, (3, 24, 31), {"output": 0}
    ),
    "unet": Fixture(unet.unet, (3, 16, 24), {"output": 4}),
    "unet, bilinear": Fixture(unet.bilinear_unet, (3, 16, 24), {"output": 4}),
    "unet, bilinear, odd": Fixture(unet.bilinear_unet, (3, 14, 13), {"output": 0}),
    "unet, valid": Fixture(valid_unet.small_valid_unet, (1, 44, 52), {"output": 4}),
    "unet, padded": Fixture(valid_unet.small_padded_unet, (1, 16, 20), {"output": 4}),
    "unet, padded, odd": Fixture(valid_unet.small_padded_unet, (1, 15, 22), {"output": 0}),
    "unet, corners aligned": Fixture(valid_unet.small_bilinear_unet, (1, 19, 14), {"output": 0}),
    "se": Fixture(se.senet, (3, 16, 20), {"block1.bn2": 1, "block3": 0, "output": 0}),
    "se_resnet": Fixture(se_resnet.small_se_resnet, (3, 33, 48), {"features": 0, "output": 0}),
    "vit": Fixture(vit.vit, (3, 32, 32), {"patches": 1, "output": 0}),
    "vit, functional": Fixture(vit.functional_vit, (3, 32, 32), {"output": 0}),
    "vit, handwritten": Fixture(vit.handwritten_vit, (3, 32, 32), {"output": 0}),
    "convnext stage": Fixture(convnext.convnext, (3, 32, 40), {"stage": 1, "output": 0}),
    "convnext": Fixture(convnext.small_convnext, (3, 35, 48), {"features": 1, "output": 0}),
    "shufflenet_v1": Fixture(shufflenet.small_shufflenet_v1, (3, 33, 40), {"features": 1}),
    "shufflenet_v2": Fixture(
        shufflenet.small_shufflenet_v2, (3, 33, 40), {"features": 1, "output": 0}
    ),
    "densenet": Fixture(densenet.densenet, (3, 16, 20), {"stages": 0, "output": 0}),
    "densenet, bottlenecks": Fixture(densenet.small_densenet_bc, (3, 35, 40), {"features": 1}),
    "googlenet": Fixture(googlenet.small_googlenet, (3, 51, 70), {"features": 1, "output": 0}),
    "fpn": Fixture(fpn.fpn, (3, 32, 40), {"output": 4, "smooth.1": 2, "smooth.2": 1}),
    "fpn, odd": Fixture(fpn.fpn, (3, 31, 37), {"output": 0, "smooth.1": 0, "smooth.2": 0}),
    "efficientnet": Fixture(efficientnet.small_efficientnet, (3, 33, 40), {"features": 0}),
    "efficientnet without gates": Fixture(
        efficientnet.small_efficientnet_without_gates, (3, 33, 40), {"features": 1}
    ),
    "resnext": Fixture(resnext.small_resnext, (3, 33, 48), {"features": 1, "output": 0}),
    "regnet": Fixture(resnext.small_regnet, (3, 17, 24), {"features": 0, "output": 0}),
    "ghostnet": Fixture(ghostnet.small_ghostnet, (3, 17, 24), {"features": 0, "output": 0}),
    "mixer": Fixture(mixer.small_mixer, (3, 16, 16), {"patches": 1, "output": 0}),
    "espcn": Fixture(superres.small_espcn, (1, 7, 9), {"output": 3}),
    "edsr": Fixture(superres.small_edsr, (3, 8, 11), {"output": 2}),
    "repvgg": Fixture(repvgg.small_repvgg, (3, 22, 33), {"features": 1, "output": 0}),
    "maxvit": Fixture(maxvit.small_maxvit, (3, 16, 32), {"blocks.1": 0, "output": 0}),
    "axial": Fixture(axial.axial, (3, 12, 17), {"output": 0}),
    "axial, rows": Fixture(axial.axial_rows, (3, 12, 17), {"output": 0}),
    "criss-cross": Fixture(axial.criss_cross, (3, 12, 17), {"output": 0}),
    "criss-cross, once": Fixture(axial.criss_cross_once, (3, 12, 17), {"output": 0}),
    "stripes": Fixture(axial.stripes, (3, 8, 10), {"output": 0}),
    "halonet": Fixture(halo.small_halonet, (3, 8, 12), {"output": 4}),
    "halonet, one block": Fixture(halo.small_halonet, (3, 4, 4), {"output": 0}),
    "halonet, a row of blocks": Fixture(halo.small_halonet_by_function, (3, 4, 12), {"output": 0}),
    "hrnet": Fixture(hrnet.hrnet, (3, 16, 24), {"two": 2, "output": 4}),
    "r2plus1d": Fixture(video.small_r2plus1d, (3, 8, 17, 20), {"blocks": 1, "output": 0}),
    "unet3d": Fixture(video.unet3d, (1, 4, 6, 8), {"output": 2}),
    "net3d": Fixture(conv3d.net3d, (1, 6, 8, 12), {"features": 1}),
    "tcn": Fixture(conv1d.tcn, (1, 40), {"output": 1}),
    "wavenet": Fixture(audio.wavenet, (1, 40), {"output": 1}),
    "inception_v3": full(inception.inception_v3, 16, (3, 133, 113), {"trunk": 0}),
    "inception_v2": full(inception_v2.inception_v2, 8, (3, 64, 96), {"features": 0}),
    "inception_v4": full(inception_v4.inception_v4, 32, (3, 133, 113), {"features": 0}),
    "inception_resnet_v2": full(
        inception_v4.inception_resnet_v2, 16, (3, 133, 113), {"features": 0}
    ),
    "resnet18": full(resnet.resnet18, 16, (3, 65, 96), {"layer2": 1, "layer4": 0}),
    "resnet50": full(resnet.resnet50, 16, (3, 65, 96), {"layer2": 1, "layer4": 0}),
    "resnet_v1_50": full(resnet_v1.resnet_v1_50, 16, (3, 64, 96), {"features": 0}),
    "mobilenet_v1": full(mobilenet.mobilenet_v1, 16, (3, 65, 96), {"features": 0}),
    "mobilenet_v2": full(mobilenet.mobilenet_v2, 8, (3, 65, 96), {"features": 0}),
    "mnasnet": full(mnasnet.mnasnet1_0, 8, (3, 65, 96), {"top": 0}),
    "squeezenet": full(squeezenet.squeezenet1_1, 8, (3, 65, 80), {"features": 0}),
    "alexnet": full(alexnet.alexnet, 16, (3, 224, 224), {"features.7": 1, "features": 0}),
    "m5": Fixture(audio.small_m5, (1, 2400), {"features": 1, "output": 0}),
    "detector": Fixture(focus.detector, (3, 32, 40), {"fine": 2, "coarse": 1}),
    "crnn": Fixture(crnn.small_crnn, (1, 32, 40), {"features.20": 1}),
    "discriminator": Fixture(gan.discriminator, (3, 20, 24), {"output": 1}),
    "upscaler": Fixture(gan.upscaler, (3, 7, 9), {"output": 4}),
    "in place": Fixture(inplace.in_place, (3, 12, 14), {"output": 0}),
    "through views": Fixture(inplace.through_views, (3, 9, 12), {"output": 0}),
    "band, filled": Fixture(masked.filled, (1, 24), {"output": 0}),
    "band, added": Fixture(masked.added, (1, 24), {"output": 0}),
    "band by function": Fixture(masked.by_function, (1, 24), {"output": 0}),
    "band by module": Fixture(masked.by_module, (1, 24), {"output": 0}),
    "causal": Fixture(masked.causal, (1, 24), {"output": 0}),
    "indexed": Fixture(masked.indexed, (3, 12, 12), {"output": 0}),
}
