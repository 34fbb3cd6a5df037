"""``unused-parameter``: a parameter that no pass reads."""

from __future__ import annotations

from collections.abc import Iterator

from archcheck.lint.base import Fault, Findings, LintRule, Sample, Unknown, register
from archcheck.lint.linted import Linted
from archcheck.network import Module, Network, Op, Parameter
from archcheck.network.kinds import ESCAPE
from archcheck.network.value_dependence import SHOWN
from archcheck.phrases import how_many, in_order, some_of
from archcheck.rules.base import Location, call_location

_NAMES_SHOWN = 3


@register
class UnusedParameter(LintRule):
    """
    ## What it finds
    Parameters that ask for a gradient and that no operation reads, neither in evaluation nor in
    training. What counts is the tensor, however it is used, not whether its layer is called.

    ## Why it matters
    They are counted, saved and decayed, and never trained; with DistributedDataParallel the second
    step raises an error (pytorch#43259). A layer of PWC-Net is never called (NVlabs/PWC-Net#110).
    More often it was meant to be.

    ## Example
    ```python
    self.conv2 = nn.Conv2d(8, 8, 3)  # forward calls conv1 twice
    ```

    ## When to ignore it
    Where another function than forward, that of the loss say, reads the parameter.
    """

    name = "unused-parameter"
    severity = "error"
    summary = "No pass reads the parameter."
    faulty = (
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3)
        self.conv2 = nn.Conv2d(8, 8, 3)  # <-
        self.conv3 = nn.Conv2d(8, 8, 3)

    def forward(self, x):
        return self.conv3(self.conv1(x).relu())
"""
        ),
        Sample(
            """
def block(width):
    return nn.Sequential(  # <-
        nn.Conv2d(width, width, 3, padding=1),
        nn.BatchNorm2d(width),
    )

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList(block(3) for _ in range(4))

    def forward(self, x):
        for layer in self.blocks[:-1]:
            x = layer(x).relu()
        return x
"""
        ),
        Sample(
            """
class Scale(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3, 1, 1))
        self.bias = nn.Parameter(torch.zeros(3, 1, 1))

    def forward(self, x):
        return x * self.weight

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = Scale()  # <-

    def forward(self, x):
        return self.scale(x)
"""
        ),
    )
    sound = (
        Sample("nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.PReLU())"),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.head, self.aux = nn.Linear(8, 10), nn.Linear(8, 10)
        self.scale = nn.Linear(8, 8, bias=False)
        self.frozen = nn.Parameter(torch.zeros(3), requires_grad=False)

    def forward(self, x):
        x = self.conv(x).relu().mean((2, 3))
        x = F.linear(x, self.scale.weight)
        if self.training:
            return self.head(x), self.aux(x)
        return self.head(x)
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(16, 2, batch_first=True)
        self.lstm = nn.LSTM(16, 16, 2, bidirectional=True, batch_first=True)
        self.layer = nn.TransformerEncoderLayer(32, 2, 64, batch_first=True)

    def forward(self, x):
        x = self.attention(x, x, x)[0]
        return self.layer(self.lstm(x)[0])
""",
            input=(9, 16),
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Linear(16, 8, bias=False)
        self.decoder = nn.Linear(8, 16, bias=False)
        self.decoder.weight = nn.Parameter(self.encoder.weight.t().contiguous())
        self.tied = nn.Linear(16, 8, bias=False)
        self.tied.weight = self.encoder.weight
        self.norm = nn.utils.parametrizations.weight_norm(nn.Linear(16, 16))

    def forward(self, x):
        return self.norm(self.decoder(self.encoder(x)))
""",
            input=(16,),
        ),
    )

    def find(self, linted: Linted) -> Findings:
        ran = [each for each in (linted.network, linted.several, linted.training) if each]
        read = {each.name for network in ran for each in network.parameters if each.used}
        unused = [each for each in linted.network.parameters if each.name not in read]
        unused = [each for each in unused if each.trainable]
        if not unused:
            return
        doubt = next(_doubts(linted, ran), None)
        if doubt is not None:
            names = some_of([each.name for each in unused], _NAMES_SHOWN)
            yield Unknown(f"nothing reads {names}, but {doubt[0]}", doubt[1])
            return
        yield from _faults(linted.network, unused)


def _doubts(linted: Linted, ran: list[Network]) -> Iterator[tuple[str, tuple[Location, ...]]]:
    """Why another pass may read what none has read."""
    if linted.training is None:
        yield "the network was not run in training", ()
    for network in ran:
        for op in network.ops:
            if _decides(network, op):
                yield "a value decides what runs", (call_location(op),)
        if network.opaque:
            yield "a part of the network was not seen", linted.subject_of(network).opaque


def _decides(network: Network, op: Op) -> bool:
    return op.kind == ESCAPE and not op.arguments.get(SHOWN) and network.depends(op)


def _faults(network: Network, unused: list[Parameter]) -> Iterator[Fault]:
    modules = {module.path: module for module in network.modules}
    names = {each.name for each in unused}
    groups: dict[str, list[Parameter]] = {}
    for parameter in unused:
        path = _whole(network, parameter.name, names)
        groups.setdefault(path, []).append(parameter)
    for path in sorted(groups, key=in_order):
        yield _fault(network, modules[path], groups[path])


def _whole(network: Network, name: str, unused: set[str]) -> str:
    """The path of the outermost module none of whose parameters is read, else of the owner."""
    owner, _, _ = name.rpartition(".")
    path = owner
    while path:
        around, _, _ = path.rpartition(".")
        within = [each.name for each in network.parameters if each.name.startswith(f"{around}.")]
        if not around or not unused.issuperset(within):
            break
        path = around
    return path


def _fault(network: Network, module: Module, parameters: list[Parameter]) -> Fault:
    names = [each.name for each in parameters]
    size = sum(each.size for each in parameters)
    place = module.built if module.path else network.source or module.built
    whole = bool(module.path) and not module.calls and len(names) > 1
    what = f"{module.path} ({module.type})" if whole else some_of(names, _NAMES_SHOWN)
    return Fault(
        f"{what}: no operation reads {how_many(size, 'parameter')}, neither in evaluation nor in "
        "training",
        (Location(place, module.path, module.path or module.type),),
        "use it in forward, or leave it out",
        None,
        (place,) if place is not None else (),
    )
