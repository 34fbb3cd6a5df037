"""``inplace-corrupts-skip``: a tensor is written to that is read again as it was before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from archcheck.lint.backward import needing, trained_through
from archcheck.lint.base import Fault, Findings, LintRule, Sample, fault_of, register
from archcheck.lint.chains import RESHAPES, name_of
from archcheck.lint.dropouts import dropout_rate
from archcheck.lint.linted import Linted
from archcheck.lint.read_again import read_again
from archcheck.network import Call, Network, Op, kinds
from archcheck.network.operands import RANDOM_FILLS
from archcheck.network.reach import values_behind
from archcheck.rules.base import Location

_NOT_NEGATIVE = frozenset("relu relu6 sigmoid hardsigmoid softmax softplus abs square".split())
_KEEPING_SIGNS = (
    RESHAPES | kinds.POOLS | kinds.DROPOUTS | {"cat", "add", "mean", "max", "amax", "permute"}
)


@register
class InplaceCorruptsSkip(LintRule):
    """
    ## What it finds
    An operation in place whose result has a name of its own, while the tensor that it wrote to is
    read later by the name that it had before: `out = self.relu(x)` with `inplace=True`, then
    `out + x`. `x = self.relu(x)` is sound. A write to a tensor that the backward pass needs as it
    was is a warning: there torch raises an error in training.

    ## Why it matters
    The skip carries the changed tensor. The residual blocks of VQ-VAE-2 began with
    `ReLU(inplace=True)`, so that their skips lost all negative values
    (rosinality/vq-vae-2-pytorch#60), those of iResNet still do (iduta/iresnet, pull request 2). A
    ReLU before `+=` raises in training (kuangliu/pytorch-cifar#4).

    ## Example
    ```python
    out = self.block(x)  # begins with nn.ReLU(inplace=True)
    return out + x
    ```

    ## When to ignore it
    Where the skip is meant to carry the changed tensor; `x = self.relu(x)` says so better.
    """

    name = "inplace-corrupts-skip"
    severity = "error"
    summary = "A tensor is read again after it was overwritten in place."
    faulty = (
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(
            nn.ReLU(inplace=True),  # <-
            nn.Conv2d(3, 8, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(8, 3, 1),
        )

    def forward(self, x):
        out = self.conv(x)
        out += x
        return out
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.relu = nn.ReLU(inplace=True)  # <-
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x):
        identity = x
        x = self.conv(self.relu(x))
        return x + identity
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x):
        out = F.relu_(x)  # <-
        out = self.conv(out)
        return torch.cat([out, x], 1)
"""
        ),
        Sample(
            """
class Down(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.act = nn.LeakyReLU(0.2, True)  # <-
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.inner = inner

    def forward(self, x):
        x = self.act(x)
        return self.inner(self.conv(x))

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 3, 1)
        self.down = Down(nn.Identity())

    def forward(self, x):
        x = self.first(x)
        return torch.cat([x, self.down(x)], 1)
"""
        ),
        Sample(
            """
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.shortcut = nn.Sequential()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x):
        out = F.relu(x, inplace=True)  # <-
        out = self.conv(out)
        out += self.shortcut(x)
        return out

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 3, 1)
        self.blocks = nn.ModuleList(Block() for _ in range(3))

    def forward(self, x):
        x = self.first(x)
        for block in self.blocks:
            x = block(x)
        return x
"""
        ),
        Sample(
            """
def down():
    return nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(3, 3, 3, padding=1))  # <-

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 3, 1)
        self.down = nn.ModuleList(down() for _ in range(2))
        self.up = nn.ModuleList(nn.Conv2d(6, 3, 1) for _ in range(2))

    def forward(self, x):
        x = self.first(x)
        skips = []
        for layer in self.down:
            skips.append(x)
            x = layer(x)
        for layer in self.up:
            skip = skips.pop()
            x = layer(torch.cat([x, skip], 1))
        return x
"""
        ),
        Sample(
            """
class Block(nn.Module):
    def __init__(self, first):
        super().__init__()
        self.first = first
        self.relu = nn.ReLU(inplace=True)  # <-
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.norm = nn.BatchNorm2d(3)

    def forward(self, x):
        identity = x
        if self.first:
            out = self.conv(x)
        else:
            out = self.relu(x)
            out = self.conv(out)
        out = self.norm(out)
        out += identity
        return out

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.Sequential(Block(True), Block(False))

    def forward(self, x):
        return self.blocks(x)
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 3, 1)
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x):
        x = self.first(x)
        residual = x
        x += 1  # <-
        return self.conv(x) + residual
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.norm = nn.BatchNorm2d(3)

    def forward(self, x):
        out = F.relu(self.norm(self.conv(x)))
        out += x  # <-
        return out
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self, norm=False):
        super().__init__()
        self.first = nn.Conv2d(3, 3, 1)
        self.norm = nn.BatchNorm2d(3) if norm else None
        self.relu = nn.ReLU(inplace=True)  # <-
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x):
        x = self.first(x)
        out = x if self.norm is None else self.norm(x)
        out = self.relu(out)
        return self.conv(out) + x
"""
        ),
        Sample("nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Dropout(0.2, inplace=True))  # <-"),
    )
    sound = (
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.relu = nn.ReLU(inplace=True)
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x):
        x = self.relu(x)
        return self.conv(x) + x
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x):
        x = F.relu_(x)
        identity = x
        out = self.conv(x)
        out += identity
        return out
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x):
        x.clamp_(0, 1)
        return self.conv(x) + x
"""
        ),
        Sample(
            """
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = nn.BatchNorm2d(3), nn.BatchNorm2d(3)
        self.relu = nn.ReLU(inplace=True)
        self.conv1 = nn.Conv2d(3, 3, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(3, 3, 3, padding=1, bias=False)

    def forward(self, x):
        out = self.conv1(self.relu(self.norm1(x)))
        out = self.norm2(out)
        out = self.relu(out)
        out = self.conv2(out)
        out += x
        return out

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.Sequential(*[Block() for _ in range(2)])

    def forward(self, x):
        return self.blocks(x)
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = nn.BatchNorm2d(3), nn.BatchNorm2d(3)
        self.relu = nn.ReLU(inplace=True)
        self.conv1 = nn.Conv2d(3, 3, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(3, 3, 3, padding=1, bias=False)

    def forward(self, x):
        identity = x
        out = self.relu(self.norm1(self.conv1(x)))
        out = self.norm2(self.conv2(out))
        out += identity
        out = self.relu(out)
        return out
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.act = nn.ReLU(inplace=True)
        self.first, self.second = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x):
        x = F.relu(self.first(x)).max(1, keepdim=True).values
        out = self.act(x)
        return out.expand(-1, 3, -1, -1) * self.second(x.expand(-1, 3, -1, -1))
"""
        ),
        Sample("nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(inplace=True), nn.Dropout(0.2))"),
        Sample("nn.Sequential(nn.Conv2d(3, 8, 3), nn.Softmax(1), nn.Dropout(0.0, inplace=True))"),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.relu = nn.ReLU(inplace=True)
        self.down = nn.ModuleList(nn.Conv2d(3, 3, 3, padding=1) for _ in range(2))

    def forward(self, x):
        levels = []
        for conv in self.down:
            x = conv(x)
            x = self.relu(x)
            levels.append(x)
        return torch.cat([levels[0], levels[-1]], 1)
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(3, 3, 3, padding=1) for _ in range(3))

    def forward(self, x):
        out = x.clone()
        total = out
        for conv in self.convs:
            total += conv(x)
        return out.mul_(0.5).add_(x)
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(3)
        self.act = nn.ReLU(inplace=True)
        self.first, self.second = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)

    def forward(self, x):
        features = []
        for conv in (self.first, self.second):
            x = self.act(self.norm(conv(x)))
            features.append(x)
        features[0] = features[0] * 2
        return torch.cat(features, 1)
"""
        ),
    )

    def find(self, linted: Linted) -> Findings:
        found: dict[object, Fault] = {}
        for network in filter(None, (linted.training, linted.network)):
            trained = trained_through(network)
            handed_on = [call for call in network.calls if {*call.inputs} & {*call.outputs}]
            for write in filter(lambda op: _writes(network, op), network.ops):
                skip = _skip(linted, network, write, handed_on)
                fault = skip or _backward(network, write, trained)
                if fault is not None:
                    found.setdefault(fault.locations[0], fault)
        yield from found.values()


def _writes(network: Network, op: Op) -> bool:
    """Whether an operation changes a tensor that follows from the input."""
    if not op.arguments.get(kinds.IN_PLACE_WRITE) or not network.depends(op):
        return False
    if op.kind in kinds.WRITES | RANDOM_FILLS or op.inputs[0] not in network.driven:
        return False
    if op.kind in kinds.DROPOUTS:
        return bool(op.arguments.get("training", True)) and dropout_rate(op) != 0
    return not (op.kind in ("relu", "relu6") and _not_negative(network, op.inputs[0]))


def _not_negative(network: Network, tensor: int) -> bool:
    """Whether a ReLU leaves a tensor as it is."""
    maker = network.producer(tensor)
    if maker is None:
        return False
    if maker.kind in _KEEPING_SIGNS:
        return bool(maker.inputs) and all(_not_negative(network, each) for each in maker.inputs)
    return maker.kind in _NOT_NEGATIVE


def _skip(linted: Linted, network: Network, write: Op, handed_on: Sequence[Call]) -> Fault | None:
    found = read_again(linted.passes.sources, network, write, handed_on)
    return None if found is None else _skip_fault(write, *found)


def _skip_fault(write: Op, name: str, read: Location) -> Fault:
    at = f" in {read.place.in_words}" if read.place is not None else ""
    fault = fault_of(
        write,
        f"{write.kind} in place changes {name}, which {read.label} reads again{at} by its old "
        "name: it gets the changed tensor",
        "leave inplace out" if write.built else "make a new tensor, not in place",
    )
    return replace(fault, locations=(*fault.locations, read))


def _backward(network: Network, write: Op, trained: frozenset[int]) -> Fault | None:
    """The fault that torch's backward pass stumbles over, if it does for certain."""
    asking = list(needing(network, write, trained))
    if not asking:
        return None
    outputs = [tensor for _, tensor in network.outputs]
    operands = network.operands
    reached = values_behind(network, outputs, operands)
    op = next((op for op in asking if not reached.isdisjoint(op.outputs)), None)
    if op is None:
        return None
    what = "result" if write.inputs[0] in op.outputs else "input"
    return fault_of(
        write,
        f"{write.kind} in place overwrites a tensor, and the backward pass of "
        f"{name_of(op)} needs its {what} as it was: torch raises an error in training",
        "leave inplace out" if write.built else "make a new tensor, not in place",
        severity="warning",
    )
