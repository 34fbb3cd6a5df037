"""What is known of albumentations without importing it."""

from __future__ import annotations

import importlib.util
import sys

LIBRARY = "albumentations"
SEVERAL = frozenset(
    "Compose ReplayCompose Sequential OneOf SomeOf RandomOrder SelectiveChannelTransform".split()
)
"""Compositions of a list of transforms."""
COMPOSITIONS = SEVERAL | {"OneOrOther"}
ABSTRACT = frozenset("BasicTransform DualTransform ImageOnlyTransform Transform3D".split())
"""Classes that others are derived from; what they do is said there."""
_KNOWN = frozenset(
    "PIL absl accelerate avalanche catalyst cv2 datasets dotenv easydict efficientnet_pytorch "
    "einops fastai flax fire google gradio h5py hydra ignite imageio imgaug imutils jax keras "
    "kornia lightning matplotlib mlflow mlxtend munch numpy omegaconf pandas plotly prettytable "
    "psutil pycocotools pytorch_grad_cam pytorch_lightning requests rich scipy seaborn "
    "segmentation_models_pytorch skimage sklearn streamlit tensorboard tensorboardX tensorflow "
    "termcolor thop timm torch torch_lr_finder torchinfo torchmetrics torchsummary "
    "torchsummaryX torchvision torchviz tqdm transformers typing_extensions wandb yacs yaml".split()
)
"""Modules of well-known projects, which no submission means as its own."""
_READERS = frozenset("load from_dict from_yaml".split())


def is_ours(dotted: str) -> bool:
    """Whether a dotted name is one of albumentations."""
    return dotted.partition(".")[0] == LIBRARY


def class_of(dotted: str) -> str:
    """The class of albumentations that a dotted name means; empty if it means none."""
    name = dotted.rpartition(".")[2]
    return name if is_ours(dotted) and name[:1].isupper() else ""


def reads_a_pipeline(dotted: str) -> bool:
    """Whether a function of albumentations makes a pipeline of a file or a dictionary."""
    return is_ours(dotted) and dotted.rpartition(".")[2] in _READERS


def is_installed(module: str) -> bool:
    """Whether a module can be imported here; it is looked for, not imported."""
    try:
        return importlib.util.find_spec(module.partition(".")[0]) is not None
    except (ImportError, ValueError):
        return False


def is_foreign(module: str) -> bool:
    """Whether a module that is no file of a project is another project's for sure."""
    top = module.partition(".")[0]
    return top in _KNOWN or is_ours(top) or top in sys.stdlib_module_names or is_installed(top)
