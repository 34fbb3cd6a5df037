"""What many networks are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import nn

Sides = int | tuple[int, int]


class Unit(nn.Sequential):
    """Convolution without a bias, batch normalisation, and an activation if one is wanted.

    Padded by half the kernel on either side unless told otherwise.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: Sides = 1,
        stride: int = 1,
        *,
        groups: int = 1,
        dilation: int = 1,
        padding: Sides | None = None,
        activation: type[nn.Module] | None = nn.ReLU,
        eps: float = 1e-5,
    ) -> None:
        if padding is None:
            sides = (kernel, kernel) if isinstance(kernel, int) else kernel
            padding = (dilation * (sides[0] - 1) // 2, dilation * (sides[1] - 1) // 2)
        layers: list[nn.Module] = [
            nn.Conv2d(
                inputs, outputs, kernel, stride, padding, dilation, groups=groups, bias=False
            ),
            nn.BatchNorm2d(outputs, eps=eps),
        ]
        if activation is not None:
            layers.append(activation())
        super().__init__(*layers)


class Branches(nn.Module):
    """Every branch reads the same map; their channels are put one after the other."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([branch(x) for branch in self.branches], dim=1)


class ChannelNorm(nn.LayerNorm):
    """Layer normalisation over the channels of a map that has them first."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Classifier(nn.Module):
    """Features, a global average pool, one linear layer."""

    def __init__(self, features: nn.Module, channels: int, num_classes: int = 1000) -> None:
        super().__init__()
        self.features = features
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, num_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.pool(self.features(x)).flatten(1)
        return self.fc(x)  # type: ignore[no-any-return]


def chain(*modules: nn.Module | Sequence[nn.Module]) -> nn.Sequential:
    """Modules and lists of modules in a row."""
    flat: list[nn.Module] = []
    for module in modules:
        flat += [module] if isinstance(module, nn.Module) else list(module)
    return nn.Sequential(*flat)


def narrow(build: Callable[[], nn.Module], by: int) -> nn.Module:
    """A network with its channels divided, but for the image's three: same topology, less work.

    Its layers are new ones; it is built without its own weights first.
    """
    with torch.device("meta"):
        net = build()
    for module in list(net.modules()):
        for name, old in list(module.named_children()):
            if isinstance(old, nn.Conv2d):
                inputs = old.in_channels if old.in_channels == 3 else old.in_channels // by
                new: nn.Module = nn.Conv2d(
                    inputs,
                    old.out_channels // by,
                    (old.kernel_size[0], old.kernel_size[1]),
                    (old.stride[0], old.stride[1]),
                    old.padding if isinstance(old.padding, str) else tuple(old.padding),  # type: ignore[arg-type]
                    (old.dilation[0], old.dilation[1]),
                    groups=inputs if old.groups > 1 else 1,
                    bias=old.bias is not None,
                )
            elif isinstance(old, nn.BatchNorm2d):
                new = nn.BatchNorm2d(old.num_features // by)
            elif isinstance(old, nn.Linear):
                new = nn.Linear(old.in_features // by, old.out_features)
            else:
                continue
            setattr(module, name, new)
    return net
