"""``dead-kernel-taps``: taps of a kernel that meet padding at every output position."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import prod

from archcheck.fields.algebra.positions import Positions
from archcheck.lint.base import Fault, Findings, LintRule, Sample, fault_of, register
from archcheck.lint.linted import Linted
from archcheck.lint.sliding import NonZeros, Slide, input_of, reach_text
from archcheck.network import Network, Op
from archcheck.network.kinds import CONVOLUTIONS, TRANSPOSED_CONVOLUTIONS
from archcheck.phrases import how_many, size_text

_KERNELS = CONVOLUTIONS | TRANSPOSED_CONVOLUTIONS


@dataclass(frozen=True)
class _Call:
    """A call of a convolution, and along each axis the taps that meet something."""

    op: Op
    slides: tuple[Slide, ...]
    live: tuple[tuple[int, ...], ...]


@register
class DeadKernelTaps(LintRule):
    """
    ## What it finds
    A convolution with taps that land on padding at every output position, in every call: the map
    is smaller than the reach of the kernel. Padding is that of the layer, of `F.pad` and the like
    in front of it; the zeros that it puts there are followed through what makes zero of zero. Of a
    transposed convolution, taps all of whose products are cut off.

    ## Why it matters
    The weights of such a tap change no output and get no gradient: they are counted and never
    trained. A 3x3 convolution over a map of 1x1 is a 1x1 convolution with eight dead taps, and an
    atrous one degenerates in the same way where its rate is close to the size of the map (Chen et
    al., 1706.05587, section 3.3). Such a network was mostly made for a larger input.

    ## Example
    ```python
    nn.Conv2d(512, 512, 3, padding=1)  # behind five strides of 2: 32x32 has become 1x1
    ```

    ## When to ignore it
    Where the network is meant for larger inputs than the one given here.
    """

    name = "dead-kernel-taps"
    severity = "error"
    summary = "Taps of a kernel meet nothing but padding."
    faulty = (
        Sample("nn.Conv2d(8, 8, 3, padding=1)  # <-", (8, 1, 1)),
        Sample("nn.Conv2d(8, 8, 3, padding=1)  # <-", (8, 1, 4)),
        Sample("nn.Conv2d(8, 8, 5, padding='same')  # <-", (8, 2, 2)),
        Sample("nn.Conv1d(8, 8, 3, padding=16, dilation=16)  # <-", (8, 16)),
        Sample("nn.Conv3d(2, 2, (5, 3, 3), padding=(2, 1, 1))  # <-", (2, 2, 6, 6)),
        Sample("nn.ConvTranspose2d(4, 4, 5, padding=2)  # <-", (4, 2, 2)),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.second = nn.Conv2d(8, 8, 3, stride=2, padding=1)
        self.third = nn.Conv2d(8, 8, 3, padding=2, dilation=2)  # <-

    def forward(self, x):
        return self.third(self.second(self.first(x)).relu())
""",
            (3, 8, 8),
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4, 3, 7))

    def forward(self, x):
        x = F.relu(F.pad(x, (3, 3)))
        return F.conv1d(x, self.weight)  # <-
""",
            (3, 3),
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.pad = nn.ZeroPad2d((8, 0, 0, 0))
        self.causal = nn.Conv2d(3, 3, (1, 3), dilation=4)  # <-

    def forward(self, x):
        return self.causal(self.pad(x))
""",
            (3, 6, 6),
        ),
    )
    sound = (
        Sample("nn.Conv2d(8, 8, 3, padding=1)", (8, 2, 2)),
        Sample("nn.Conv2d(8, 8, 3, padding='same', dilation=3)", (8, 4, 4)),
        Sample("nn.Conv2d(8, 8, 3, stride=2, padding=1)", (8, 4, 4)),
        Sample("nn.Conv2d(8, 8, (1, 3), padding=(0, 1))", (8, 1, 2)),
        Sample("nn.Conv1d(8, 8, 3, padding=15, dilation=15)", (8, 16)),
        Sample("nn.Conv3d(2, 2, 3, padding=1)", (2, 2, 2, 2)),
        Sample("nn.Conv2d(8, 8, 3, padding=1, padding_mode='circular')", (8, 1, 1)),
        Sample("nn.Conv2d(8, 8, 3, padding=1, padding_mode='replicate')", (8, 1, 1)),
        Sample("nn.ConvTranspose2d(4, 4, 4, stride=2, padding=1)", (4, 2, 2)),
        Sample("nn.ConvTranspose2d(4, 4, 3, stride=2, padding=1, output_padding=1)", (4, 2, 2)),
        Sample("nn.MaxPool2d(3, 2, padding=1)", (4, 1, 1)),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x):
        return self.head(x), self.head(F.adaptive_avg_pool2d(x, 1))
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, 3, 7))

    def forward(self, x):
        return F.conv1d(F.pad(x, (3, 3), value=1.0), self.weight)
""",
            (3, 3),
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("blur", torch.ones(1, 3, 5, 5) / 75)

    def forward(self, x):
        return F.conv2d(x, self.blur, padding=2)
""",
            (3, 2, 2),
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(3)
        self.conv = nn.Conv1d(3, 3, 7)

    def forward(self, x):
        return self.conv(self.norm(F.pad(x, (3, 3))))
""",
            (3, 3),
        ),
    )

    def find(self, linted: Linted) -> Findings:
        for calls in _calls_of_each_weight(linted):
            sides = calls[0].slides
            live = [
                {tap for call in calls for tap in call.live[axis]} for axis in range(len(sides))
            ]
            if any(len(taps) < side.kernel for taps, side in zip(live, sides, strict=True)):
                yield _fault(linted.network, calls, live)


def _calls_of_each_weight(linted: Linted) -> Iterator[list[_Call]]:
    """The calls of convolutions, those with one weight together."""
    network, non_zeros = linted.network, linted.non_zeros
    found: dict[object, list[_Call]] = {}
    for op, sides in linted.sliding(_KERNELS):
        key = _weight(network, op)
        if key is not None:
            found.setdefault(key, []).append(_call(op, sides, non_zeros))
    yield from found.values()


def _weight(network: Network, op: Op) -> object:
    """What the calls with one weight share; None if the weight is no parameter, nor made of any."""
    tensor = network.tensors[op.arguments["weight"]["tensor"]]
    if tensor.origin == "op":
        return (op.module, op.built, op.called)  # worked out anew in each call
    return tensor.id if tensor.origin == "parameter" else None


def _call(op: Op, sides: tuple[Slide, ...], non_zeros: NonZeros) -> _Call:
    live = non_zeros.of(input_of(op))
    return _Call(op, sides, tuple(side.live_taps(live[side.dimension]) for side in sides))


def _fault(network: Network, calls: Sequence[_Call], live: Sequence[Iterable[int]]) -> Fault:
    op, sides = calls[0].op, calls[0].slides
    kept = [sorted(taps) for taps in live]
    taps, alive = prod(side.kernel for side in sides), prod(map(len, kept))
    weights = prod(network.shape(op.arguments["weight"]["tensor"])) * (taps - alive) // taps
    outputs = prod(side.outputs for side in sides)
    where = (
        f"at all {how_many(outputs, 'output position')}" if outputs > 1 else "at the only output"
    )
    calls_text = f" in all {len(calls)} calls" if len(calls) > 1 else ""
    return fault_of(
        op,
        f"{taps - alive} of the {taps} taps of {reach_text(sides)}{_but(kept)} "
        f"meet nothing but padding, {where}{calls_text}: "
        f"{how_many(weights, 'weight')} without effect",
        _remedy(sides, kept),
    )


def _but(kept: Sequence[Sequence[int]]) -> str:
    """Which taps do meet something, along each axis: `` (all but 1 × 0 to 2)``."""
    if not all(kept):
        return ""
    runs = ([f"{a}" if a == b else f"{a} to {b}" for a, b in _runs(taps)] for taps in kept)
    return f" (all but {size_text(map(', '.join, runs))}, counted from 0)"


def _runs(taps: Sequence[int]) -> tuple[tuple[int, int], ...]:
    return Positions.of(taps).runs()


def _remedy(sides: Sequence[Slide], kept: Sequence[Sequence[int]]) -> str:
    if not all(kept):
        return "take padding that leaves the window on the map"
    spans = [taps[-1] - taps[0] + 1 for taps in kept]
    if all(span == len(taps) for span, taps in zip(spans, kept, strict=True)):
        return f"a kernel of {size_text(spans)} does the same; or stride less in front of it"
    return "take a smaller dilation, or stride less in front of it"
