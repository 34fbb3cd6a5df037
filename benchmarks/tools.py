"""The tools that are compared: what each one does, what it runs, which version it is.

They do comparable, not the same work. Every tool gets its cheapest documented way to its usual
answer. Nothing heavy is imported here: the measuring process must stay small.
"""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

Shape = tuple[int, ...]

SHAPES: dict[str, Shape] = {
    "tiny": (3, 32, 32),
    "resnet50": (3, 224, 224),
    "densenet201": (3, 224, 224),
    "swin_t": (3, 224, 224),
    "residual100": (3, 64, 64),
    "residual1000": (3, 64, 64),
    "unet31m": (3, 4096, 4096),
}
"""The networks of :mod:`benchmarks.networks` and the input that each is measured at."""

DOES = {
    "import torch": "nothing more: what everything below pays before it begins",
    "archcheck": "traces the network; shapes, parameters, MACs and receptive field of every layer",
    "torchinfo": "a forward pass with hooks; shapes, parameters and MACs of every module",
    "torchscan": "a forward pass with hooks and a dispatch mode; shapes, parameters, FLOPs, MACs "
    "and memory accesses of every module, and each layer's own window",
    "TorchLens": "a forward pass with every torch function wrapped; the graph of all operations "
    "with their metadata, activations not kept, and the receptive field of the output",
    "fvcore": "a TorchScript trace, which is a forward pass; FLOPs of every module and operation",
}
"""What each tool does when it is measured."""

NETWORKS = {
    "resnet50": "ResNet-50",
    "densenet201": "DenseNet-201",
    "swin_t": "Swin-T",
    "residual100": "100 residual blocks",
    "residual1000": "1,000 residual blocks",
    "tiny": "three layers",
}
"""What people call the networks that are measured in process."""

PROGRAMS = {
    "import torch": "import torch",
    "torchinfo": "from torchinfo import summary; from benchmarks.networks import {network}; "
    "summary({network}(), (1, {sides}))",
    "torchscan": "from torchscan import summary; from benchmarks.networks import {network}; "
    "summary({network}(), ({sides}), receptive_field=True)",
    "TorchLens": "import torch, torchlens; from benchmarks.networks import {network}; "
    "log = torchlens.trace({network}().eval(), torch.rand(1, {sides}), "
    "capture=torchlens.options.CaptureOptions(layers_to_save='none', inference_only=True)); "
    "print(log.summary(), log.output_ops[0].receptive_field)",
    "fvcore": "import torch; from fvcore.nn import FlopCountAnalysis, flop_count_table; "
    "from benchmarks.networks import {network}; "
    "print(flop_count_table(FlopCountAnalysis({network}().eval(), torch.rand(1, {sides}))))",
}
"""What ``python -c`` runs for each tool, a network's name and its input's sides filled in."""

DISTRIBUTIONS = {
    "torch": "torch",
    "torchinfo": "torchinfo",
    "torchscan": "torchscan",
    "TorchLens": "torchlens",
    "fvcore": "fvcore",
}


ASSIGNMENT = "torchinfo, an assignment's network"
VERIFY_CACHED, CHECK_CACHED = "archcheck verify, cached", "archcheck check, cached"
"""The names of the runs that verify unchanged networks, and of the run they are compared with."""

CHECK_MANY = "archcheck check of 20 networks"
"""What the run over many small networks is called, nothing of them cached."""

VERIFY_MANY, VERIFY_ONE = "archcheck verify of 100 networks", "archcheck verify of one of them"
"""The run over many small networks, two at once, and that over one: a process each is what many
would take without it."""

UNET = "archcheck inspect, U-Net at 4096×4096"
"""The name of the run whose memory is measured on a large image."""

FIELDS = ("archcheck", "TorchLens", "torchscan")
"""The tools that report a receptive field."""


def summary_of(file: Path, shape: Shape) -> str:
    """The code for ``python -c`` that prints torchinfo's summary of the class ``Net`` in a file."""
    return (
        f"import sys; sys.path.insert(0, {str(file.parent)!r}); from {file.stem} import Net; "
        f"from torchinfo import summary; summary(Net(), {(1, *shape)})"
    )


def program(tool: str, network: str, shape: Shape) -> str:
    """The code for ``python -c`` that runs a tool on a network."""
    return PROGRAMS[tool].format(network=network, sides=", ".join(map(str, shape)))


def versions() -> dict[str, str]:
    """The version of each tool that is installed."""
    installed = {}
    for name, distribution in DISTRIBUTIONS.items():
        try:
            installed[name] = version(distribution)
        except PackageNotFoundError:
            continue
    return installed


def archcheck(*arguments: str) -> list[str]:
    """The command line of archcheck, as it is installed beside this Python."""
    script = Path(sys.executable).with_name("archcheck")
    start = [str(script)] if script.exists() else [sys.executable, "-m", "archcheck"]
    return [*start, *arguments]
