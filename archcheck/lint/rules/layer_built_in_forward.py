"""``layer-built-in-forward``: a layer or a weight that every pass makes anew."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from archcheck.lint.base import Fault, Findings, LintRule, Sample, fault_of, register
from archcheck.lint.linted import Linted
from archcheck.network import Network, Op, kinds
from archcheck.network.operands import RANDOM
from archcheck.network.reach import values_behind
from archcheck.phrases import how_many, shape_text

_WEIGHTED = (
    kinds.CONVOLUTIONS | kinds.TRANSPOSED_CONVOLUTIONS | kinds.LINEAR | kinds.EMBEDDINGS
) - {"one_hot"}


@register
class LayerBuiltInForward(LintRule):
    """
    ## What it finds
    A layer with parameters, or a parameter, that is made in forward, and random numbers drawn there
    that a convolution, a linear layer or an embedding takes for its weight. What is made of the
    input or of registered weights is no finding.

    ## Why it matters
    Each pass begins with other weights, and no optimizer ever sees them. Convolutions and batch
    normalisations of the decoder of SETR were built so (gupta-abhay/setr-pytorch#4), and four
    convolutions of a point cloud network (wangyida/softpool#11), which cost the reporter three
    days.

    ## Example
    ```python
    def forward(self, x):
        return nn.Conv2d(64, 10, 1)(self.features(x))  # build it in __init__
    ```

    ## When to ignore it
    Where random features that are never trained are meant, anew in each pass.
    """

    name = "layer-built-in-forward"
    severity = "error"
    summary = "A layer that is built in forward is random anew in each pass, and never trained."
    faulty = (
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        x = self.features(x)
        norm = nn.BatchNorm2d(8)  # <-
        return nn.Conv2d(8, 10, 1)(norm(x))  # <-
"""
        ),
        Sample(
            """
class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, width, 3), nn.BatchNorm2d(width), nn.ReLU())

    def forward(self, x):
        return self.layers(x)

class Net(nn.Module):
    def forward(self, x):
        block = Block(8)  # <-
        return block(x)
"""
        ),
        Sample(
            """
def head(x, width):
    for _ in range(2):
        x = nn.Linear(width, width)(x)  # <-
    return x

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        return head(self.features(x).mean((2, 3)), 8)
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def forward(self, x):
        weight = nn.Parameter(torch.randn(8, 3, 3, 3))  # <-
        return F.conv2d(x, weight)
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def forward(self, x):
        weight = torch.empty(8, 3, 3, 3)
        nn.init.kaiming_normal_(weight)  # <-
        return F.conv2d(x, weight)
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = None

    def forward(self, x):
        self.conv = nn.Conv2d(3, 8, 3)  # <-
        return self.conv(x)
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        if self.training:
            x = nn.Conv2d(3, 3, 1)(x)  # <-
        return self.conv(x)
"""
        ),
    )
    sound = (
        Sample("nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))"),
        Sample("nn.Sequential(nn.LazyConv2d(8, 3), nn.LazyBatchNorm2d())"),
        Sample(
            """
class Net(nn.Module):
    def forward(self, x):
        x = nn.ReLU()(nn.MaxPool2d(2)(x))
        return nn.LayerNorm(x.shape[1:], elementwise_affine=False)(x)
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def forward(self, x):
        blur = torch.tensor([1.0, 2.0, 1.0]).view(1, 1, 1, 3).repeat(3, 1, 1, 1)
        return F.conv2d(x, blur, groups=3)
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = None

    def forward(self, x):
        if self.conv is None:
            self.conv = nn.Conv2d(x.shape[1], 8, 3)
        return self.conv(x)
"""
        ),
        Sample(
            """
import copy

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3)

    def forward(self, x):
        target = copy.deepcopy(self.conv)
        merged = nn.Parameter(self.conv.weight * 2)
        return target(x) + F.conv2d(x, merged)
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.mean, self.deviation = nn.Conv2d(3, 8, 3), nn.Conv2d(3, 8, 3)
        self.noise = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        mean, deviation = self.mean(x), self.deviation(x).exp()
        return mean + deviation * torch.randn_like(mean) + self.noise * torch.randn(mean.shape)
"""
        ),
    )

    def find(self, linted: Linted) -> Findings:
        found: dict[object, Fault] = {}
        for network in filter(None, (linted.network, linted.training)):
            for fault in _faults(network):
                found.setdefault(fault.locations, fault)
        yield from found.values()


def _faults(network: Network) -> Iterator[Fault]:
    outputs = [tensor for _, tensor in network.outputs]
    operands = network.operands
    reached = values_behind(network, outputs, operands)
    first_pass_alone = {late.tensor for late in network.late if not late.anew}
    sites: dict[object, list[Op]] = {}
    for op in filter(_makes_parameter, network.ops):
        values = _later_values(network, op)
        derived = _is_derived(network, values, operands)
        if not (derived or reached.isdisjoint(values)) and first_pass_alone.isdisjoint(values):
            sites.setdefault(op.built or op.called, []).append(op)
    for ops in sites.values():
        yield _of_layer(network, ops)
    for op, drawn in _drawn_weights(network, reached):
        yield _of_drawn(network, op, drawn)


def _makes_parameter(op: Op) -> bool:
    return op.function == "torch.Parameter"


def _later_values(network: Network, op: Op) -> set[int]:
    """What the tensor that an operation made holds, and what was written to it later."""
    values = set(op.outputs)
    for later in network.ops[op.index + 1 :]:
        if later.arguments.get(kinds.IN_PLACE_WRITE) and later.inputs[0] in values:
            values.update(later.outputs[:1])
    return values


def _is_derived(network: Network, values: set[int], operands: dict[int, tuple[int, ...]]) -> bool:
    """Whether values follow from the input, or from what was there before."""
    behind = values_behind(network, values, operands)
    return any(network.tensors[tensor].op is None for tensor in behind)


def _of_layer(network: Network, ops: list[Op]) -> Fault:
    layer = next((op.arguments["layer"] for op in ops if "layer" in op.arguments), "")
    size = sum(prod(network.shape(tensor)) for op in ops for tensor in op.outputs)
    what = f"{layer} is" if layer else "a parameter is"
    return fault_of(
        ops[0],
        f"{what} built in forward: {how_many(size, 'parameter')} that each pass makes anew and no "
        "optimizer trains",
        f"build {'it' if layer else 'the parameter'} in __init__",
        label=layer or "parameter",
    )


def _drawn_weights(network: Network, reached: set[int]) -> Iterator[tuple[Op, Op]]:
    """The operations whose weight was drawn at random in the pass, and what drew it."""
    inputs = {op.index: op.inputs for op in network.ops}
    for op in network.ops:
        weight = op.arguments.get("weight")
        if op.kind not in _WEIGHTED or not isinstance(weight, dict):
            continue
        if network.producer(weight["tensor"]) is None or reached.isdisjoint(op.outputs):
            continue
        behind = values_behind(network, [weight["tensor"]], inputs)
        makers = [maker for maker in map(network.producer, behind) if maker is not None]
        drawn = [maker for maker in makers if maker.kind in RANDOM]
        if drawn and len(makers) == len(behind) and not any(map(_makes_parameter, makers)):
            yield op, drawn[0]


def _of_drawn(network: Network, op: Op, drawn: Op) -> Fault:
    shape = shape_text(network.shape(op.arguments["weight"]["tensor"]))
    return fault_of(
        drawn,
        f"the weight of {op.kind}, {shape}, is drawn in forward: each pass draws another one, and "
        "no optimizer trains it",
        "make it a parameter in __init__",
        label=drawn.kind,
    )
