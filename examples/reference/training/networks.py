"""The network of a recipe: new, or with trained weights."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from training.config import Config
from training.errors import Problem
from training.loading import load_object


def build_network(config: Config, seed: int) -> nn.Module:
    """The network with weights drawn from a seed.

    Raises:
        Problem: if the file does not define one.
    """
    kind = load_object(config.network)
    torch.manual_seed(seed)
    network = kind()
    if not isinstance(network, nn.Module):
        raise Problem(f"{config.network}: gives {type(network).__name__}, a network is wanted")
    return network


def load_trained(config: Config, weights: Path) -> nn.Module:
    """The network in eval mode with the weights of a safetensors file, every key accounted for.

    Raises:
        Problem: if the file cannot be read, or is of another network.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    network = build_network(config, seed=0)
    try:
        state = load_file(weights)
    except (OSError, SafetensorError) as error:
        raise Problem(f"{weights}: no weights can be read: {error}") from None
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        said = " ".join(str(error).split())
        raise Problem(f"{weights}: of another network than {config.network}: {said}") from None
    return network.eval()
