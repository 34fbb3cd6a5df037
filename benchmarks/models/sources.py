"""Building the models of the catalogue, with random weights: nothing is downloaded."""

from __future__ import annotations

import os
import tempfile
from importlib.metadata import version
from typing import Any, NamedTuple

from torch import nn

from benchmarks.models.catalogue import DETECTOR_SIDE, Model

Shape = tuple[int, ...]


class Published(NamedTuple):
    """A row of torchvision's table: its model at a square input, in billions of MACs."""

    side: int
    parameters: int
    billions: float


def build(model: Model, side: int | None = None) -> tuple[nn.Module, Shape]:
    """The model in eval mode, and the shape of its input without the batch.

    ``side`` is by default the catalogue's.
    """
    net, shape = _BUILDERS[model.library](model, side or model.side)
    return net.eval().requires_grad_(False), shape


def _timm(model: Model, side: int) -> tuple[nn.Module, Shape]:
    import timm

    net = timm.create_model(model.name, pretrained=False)
    shape: Shape = net.default_cfg["input_size"]
    if not net.default_cfg.get("fixed_input_size"):
        shape = (shape[0], side, side)
    return net, shape


def _torchvision(model: Model, side: int) -> tuple[nn.Module, Shape]:
    from torchvision import models as zoo

    options: dict[str, Any] = {}
    if model.family != "classification":
        options["weights_backbone"] = None
    if model.name.startswith("vit_"):
        options["image_size"] = side
    if model.name in ("googlenet", "inception_v3"):
        options["init_weights"] = False  # drawing them takes half a minute
    if model.name == "googlenet":
        options["aux_logits"] = False  # as with weights, which the tables are of
    if model.name.startswith(("deeplabv3_", "fcn_")):
        options["aux_loss"] = True  # likewise
    return zoo.get_model(model.name, weights=None, **options), (3, side, side)


def _ultralytics(model: Model, side: int) -> tuple[nn.Module, Shape]:
    # It writes its settings when it is imported, and talks: not into anybody's home.
    os.environ.setdefault("YOLO_CONFIG_DIR", tempfile.mkdtemp(prefix="ultralytics"))
    os.environ.setdefault("YOLO_VERBOSE", "false")
    from ultralytics.nn import tasks

    words = {
        "-cls": tasks.ClassificationModel,
        "-seg": tasks.SegmentationModel,
        "-pose": tasks.PoseModel,
        "-obb": tasks.OBBModel,
        "-world": tasks.WorldModel,
        "rtdetr": tasks.RTDETRDetectionModel,
    }
    kinds = [kind for word, kind in words.items() if word in model.name]
    (kind,) = kinds or [tasks.DetectionModel]
    return kind(f"{model.name}.yaml", verbose=False), (3, side, side)


_BUILDERS = {"timm": _timm, "torchvision": _torchvision, "ultralytics": _ultralytics}


def published(model: Model) -> list[Published]:
    """What torchvision publishes of a model of its own, for each size of input."""
    if model.library != "torchvision":
        return []
    from torchvision import models as zoo

    rows = {}
    for weights in zoo.get_model_weights(model.name):
        made = weights.transforms()
        sides = getattr(made, "crop_size", None) or getattr(made, "resize_size", [DETECTOR_SIDE])
        rows[sides[0]] = Published(sides[0], weights.meta["num_params"], weights.meta["_ops"])
    return list(rows.values())


def versions() -> dict[str, str]:
    """The versions of the libraries."""
    libraries = (
        "timm",
        "torchvision",
        "ultralytics",
        "transformers",
        "diffusers",
        "torch_geometric",
    )
    return {name: version(name) for name in ("torch", *libraries)}
