"""Which models are traced: of timm, torchvision and ultralytics, by family, and networks from small
configurations that take more than an image.

Sides are small so that all of them take minutes; a model of one fixed size has that.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import yaml

Library = Literal["timm", "torchvision", "ultralytics", "configured"]
SIDE = 96
"""The side of the square input of a model that takes any."""

TIMM = {
    "convolutional": """
        convmixer_768_32 convnext_tiny convnext_zepto_rms convnextv2_atto cs3darknet_focus_s
        cspdarknet53 cspnext_tiny cspresnet50 cspresnext50 darknet17 densenet121 densenetblur121d
        dla46x_c dla60_res2net dpn48b eca_vovnet39b ecaresnet26t ecaresnext26t_32x4d
        efficientnet_b0 efficientnet_lite0 efficientnetv2_rw_t ese_vovnet19b_slim_dw fasternet_t0
        fbnetc_100 fbnetv3_b focalnet_tiny_srf gernet_s ghostnet_050 ghostnetv2_100 ghostnetv3_050
        hardcorenas_a hgnet_tiny hgnetv2_b0 hrnet_w18_small inception_next_atto
        inception_resnet_v2 inception_v3 inception_v4 lcnet_035 lcnetv2_small legacy_seresnet18
        legacy_seresnext26_32x4d legacy_xception mambaout_femto mixnet_s mnasnet_small
        mobilenetv1_100 mobilenetv2_035 mobilenetv3_large_100 mobilenetv3_small_050
        mobilenetv4_conv_small mobileone_s1 nasnetalarge nf_ecaresnet26 nf_regnet_b0 nf_resnet26
        nfnet_f0 pnasnet5large rdnet_tiny regnetv_040 regnetx_002 regnety_002 regnetz_005
        regnetz_b16 repghostnet_050 repvgg_a0 repvit_m1 res2net50_26w_4s res2next50 resnest14d
        resnet10t resnet18 resnet50 resnetaa50 resnetblur18 resnetrs50 resnetv2_18 resnetv2_50
        resnext26ts resnext50_32x4d rexnet_100 rexnetr_100 sedarknet21 selecsls42 semnasnet_050
        seresnet18 skresnet18 skresnext50_32x4d spnasnet_100 starnet_s050 tf_efficientnetv2_b0
        tinynet_e tresnet_m vgg11 vovnet39a xception41p""",
    "convolution and attention": """
        coat_lite_tiny coat_tiny coatnet_pico_rw_224 coatnext_nano_rw_224 cpubone_nano csatv2
        eca_botnext26ts_256 eca_halonext26ts@256 edgenext_xx_small efficientformer_l1
        efficientformerv2_s0 efficientvim_m1 efficientvit_b0 efficientvit_m0 fastvit_mci0
        fastvit_sa12 fastvit_t8 halonet26t@256 iformer_t lambda_resnet26t
        levit_128s levit_conv_128s lowformer_b0 maxvit_pico_rw_256 maxvit_rmlp_pico_rw_256
        maxvit_tiny_tf_224 mobilenetv5_300m mobilevit_xxs mobilevitv2_050 nextvit_small shvit_s1
        swiftformer_xs tiny_vit_5m_224 visformer_tiny vit_tiny_r_s16_p8_224 vitamin_small_224""",
    "transformers": """
        beit_base_patch16_224 cait_xxs24_224 convit_tiny crossvit_tiny_240 davit_tiny
        deepseek_vit_412m@224 deit_tiny_distilled_patch16_224 deit_tiny_patch16_224
        eva02_tiny_patch14_224 flexivit_small gcvit_xxtiny gemma4_vit_167m hiera_tiny_224
        mvitv2_tiny naflexvit_base_patch16_gap nest_tiny pit_ti_224 pit_ti_distilled_224 pvt_v2_b0
        qwen3_vit_88m sam2_hiera_tiny samvit_base_patch16_224 swin_s3_tiny_224
        swin_tiny_patch4_window7_224 swinv2_cr_tiny_224 swinv2_tiny_window16_256
        test_vit test_vit_relpos tnt_s_patch16_224 twins_pcpvt_small twins_svt_small
        vit_dwee_patch16_reg1_gap_256 vit_mediumd_patch16_rope_reg1_gap_256
        vit_relpos_small_patch16_rpn_224 vit_small_patch16_dinov3 vit_srelpos_small_patch16_224
        vit_tiny_patch16_224 vit_wee_patch16_reg1_gap_256 volo_d1_224 xcit_nano_12_p8_224""",
    "mixing without attention": """
        caformer_s18 convformer_s18 gmixer_12_224 gmlp_ti16_224 mixer_s16_224 poolformer_s12
        poolformerv2_s12 resmlp_12_224 sequencer2d_s""",
}
ULTRALYTICS = """
    yolov3-tiny yolov5n yolov6n yolov8n yolov8n-cls yolov8n-ghost yolov8n-obb yolov8n-p2
    yolov8n-pose yolov8n-seg yolov8n-world yolov9t yolov10n yolo11n yolo11n-cls yolo11n-seg yolo12n
    yolo12n-cls yolo26n yolo26n-pose yolo26n-seg rtdetr-l rtdetr-resnet50"""
DETECTOR_SIDE = 320
"""torchvision's detectors resize their input anyway, most of them to 800."""


CONFIGURED = Path(__file__).with_name("configured.yaml")
"""What the networks of ``configured.py`` are given, by family and name."""


class Model(NamedTuple):
    """A published model. ``side`` is that of its square input, if it is not of one fixed size;
    ``inputs`` is what a configured network is given, as a spec says it."""

    library: Library
    family: str
    name: str
    side: int
    inputs: dict[str, Any] | None = None


def models() -> Iterator[Model]:
    """All models of the libraries, in the order of the page.

    Raises:
        ImportError: if a library is not installed.
    """
    for family, names in TIMM.items():
        for word in names.split():
            name, _, side = word.partition("@")
            yield Model("timm", family, name, int(side or SIDE))
    yield from _torchvision()
    for name in ULTRALYTICS.split():
        yield Model("ultralytics", "detectors and their kin", name, SIDE // 32 * 32)
    yield from configured()


def configured() -> Iterator[Model]:
    """The networks from small configurations."""
    for family, networks in yaml.safe_load(CONFIGURED.read_text("utf-8")).items():
        for name, inputs in networks.items():
            yield Model("configured", family, name, 0, inputs)


def _torchvision() -> Iterator[Model]:
    from torchvision import models as zoo

    families = {
        "classification": zoo,
        "segmentation": zoo.segmentation,
        "detection": zoo.detection,
    }
    for family, module in families.items():
        for name in zoo.list_models(module=module):
            yield Model("torchvision", family, name, _side(family, name))


def _side(family: str, name: str) -> int:
    if family == "detection":
        return DETECTOR_SIDE
    return 224 if name.startswith(("maxvit_", "vit_")) else SIDE
