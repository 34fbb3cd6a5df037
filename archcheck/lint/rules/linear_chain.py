"""``linear-chain``: layers with weights and nothing non-linear between them."""

from __future__ import annotations

from typing import NamedTuple

from archcheck.lint.base import Findings, LintRule, Sample, fault_of, register
from archcheck.lint.chains import RESHAPES, name_of, only_reader
from archcheck.lint.linted import Linted
from archcheck.network import Network, Op, kinds
from archcheck.network.attributes import attributes
from archcheck.phrases import shape_text

_BETWEEN = RESHAPES | kinds.DROPOUTS | {"batch_norm"}
_AVERAGES = kinds.FIXED_AVERAGE_POOLS


class _Layer(NamedTuple):
    entering: int
    leaving: int
    kernel: tuple[int, ...]


@register
class LinearChain(LintRule):
    """
    ## What it finds
    A convolution that reads nothing but a convolution's result, or a linear layer that reads
    nothing but a linear layer's, with no activation between them: past batch normalisations,
    dropouts and average pools. Layers of groups, two kernels that lie along different axes and a
    pair that is narrow between are meant so: depthwise-separable convolutions,
    linear bottlenecks, factors of a matrix.

    ## Why it matters
    Two linear maps in a row are one: the second adds parameters and no expressiveness. The
    trajectory network of the nuScenes devkit was published so (nutonomy/nuscenes-devkit#728).

    ## Example
    ```python
    nn.Sequential(nn.Linear(784, 512), nn.Linear(512, 10))
    ```

    ## When to ignore it
    Where two maps in a row are wanted for how they train, as in deep linear networks.
    """

    name = "linear-chain"
    severity = "warning"
    summary = "Two layers with weights have nothing non-linear between them."
    faulty = (
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(3072, 512)
        self.second = nn.Linear(512, 10)  # <-

    def forward(self, x):
        return self.second(F.dropout(self.first(x.flatten(1)), 0.5, self.training))
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 8, 3),
            nn.BatchNorm2d(8),
            nn.Conv2d(8, 16, 3),  # <-
            nn.AvgPool2d(2),
            nn.Conv2d(16, 32, 3),  # <-
            nn.ReLU(),
        )

    def forward(self, x):
        return self.layers(x)
"""
        ),
    )
    sound = (
        Sample("nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3))"),
        Sample("nn.Sequential(nn.Conv2d(3, 8, 3), nn.MaxPool2d(2), nn.Conv2d(8, 8, 3))"),
        Sample("nn.Sequential(nn.Conv2d(3, 8, 3), nn.GroupNorm(2, 8), nn.Conv2d(8, 8, 3))"),
        Sample("nn.Sequential(nn.Conv2d(3, 3, 3, groups=3), nn.Conv2d(3, 8, 1))"),
        Sample("nn.Sequential(nn.Conv2d(3, 8, 1), nn.Conv2d(8, 8, 3, groups=8))"),
        Sample("nn.Sequential(nn.Conv2d(3, 8, (1, 7)), nn.Conv2d(8, 8, (7, 1)))"),
        Sample("nn.Sequential(nn.Flatten(), nn.Linear(3072, 16), nn.Linear(16, 100))"),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.second = nn.Conv2d(8, 8, 3, padding=1)

    def forward(self, x):
        x = self.first(x)
        return x + self.second(x)
"""
        ),
    )

    def find(self, linted: Linted) -> Findings:
        network = linted.network
        for op in network.ops:
            first = _layer(network, op)
            if first is None:
                continue
            convolution = op.kind in kinds.CONVOLUTIONS
            second = only_reader(network, op, _BETWEEN | _AVERAGES if convolution else _BETWEEN)
            if second is None or second.kind != op.kind:
                continue
            after = _layer(network, second)
            if after is not None and not _meant(first, after):
                yield fault_of(
                    second,
                    f"{_text(second, after)} reads {_text(op, first)} with nothing non-linear "
                    "between them: together they are one linear map",
                    "put an activation between them, or leave one out",
                )


def _layer(network: Network, op: Op) -> _Layer | None:
    """A layer whose weights are parameters; None of another operation, or one in groups."""
    if op.kind not in kinds.CONVOLUTIONS | {"linear"} or not op.parameters:
        return None
    found = attributes(network, op)
    if op.kind == "linear":
        return _Layer(found["in_features"], found["out_features"], ())
    if found["groups"] > 1:
        return None
    return _Layer(found["in_channels"], found["out_channels"], tuple(found["kernel_size"]))


def _meant(first: _Layer, second: _Layer) -> bool:
    """Whether a pair of layers is a known way to factorise one."""
    ends = (first.entering, second.leaving)
    narrow = first.leaving < first.entering or (set(first.kernel) == {1} and len({*ends}) > 1)
    narrow = narrow and first.leaving <= min(ends)
    one, other = _long(first), _long(second)
    return narrow or bool(one and other and one.isdisjoint(other))


def _long(layer: _Layer) -> set[int]:
    return {axis for axis, side in enumerate(layer.kernel) if side > 1}


def _text(op: Op, layer: _Layer) -> str:
    kernel = f" {shape_text(layer.kernel)}" if layer.kernel else ""
    return f"{name_of(op)} ({op.kind}{kernel}, {layer.entering} → {layer.leaving})"
