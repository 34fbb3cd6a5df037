"""``unregistered-parameter``: a weight that is in no ``parameters()``."""

from __future__ import annotations

from collections.abc import Iterable

from archcheck.lint.backward import may_have_gradient
from archcheck.lint.base import Fault, Findings, LintRule, Sample, Severity, register
from archcheck.lint.linted import Linted
from archcheck.lint.module_calls import calls_around
from archcheck.network import Network, Op, kinds
from archcheck.network.accounting import Held
from archcheck.phrases import how_many, shape_text, some_of
from archcheck.rules.base import Location

_PRODUCTS = (
    kinds.CONVOLUTIONS | kinds.TRANSPOSED_CONVOLUTIONS | kinds.LINEAR | kinds.MATRIX_PRODUCTS
)
_NAMES_SHOWN = 3


@register
class UnregisteredParameter(LintRule):
    """
    ## What it finds
    A tensor that asks for a gradient, takes part in the computation and is in no `parameters()`:
    layers in a plain list, a tensor with `requires_grad` as an attribute, a global variable. One
    that asks for no gradient and is multiplied with is a warning: unless it is a buffer, it is not
    saved and does not move to another device.

    ## Why it matters
    The optimizer is given `parameters()`: such a weight keeps its first random values
    (asyml/texar-pytorch#72, layers in a list; kanezaki/pytorch-unsupervised-segmentation, fixed
    in 878840f). It is in no checkpoint either, and no count of parameters knows it.

    ## Example
    ```python
    self.layers = [nn.Conv2d(8, 8, 3) for _ in range(4)]  # nn.ModuleList([...])
    ```

    ## When to ignore it
    Where a network is held apart on purpose, a teacher say, that somebody else trains.
    """

    name = "unregistered-parameter"
    severity = "error"
    summary = "A weight that is in no parameters() is neither trained nor saved."
    faulty = (
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3)
        self.layers = [nn.Conv2d(8, 8, 3) for _ in range(3)]  # <-

    def forward(self, x):
        x = self.first(x)
        for layer in self.layers:
            x = layer(x).relu()
        return x
"""
        ),
        Sample(
            """
def block(width):
    return nn.Sequential(nn.Conv2d(width, width, 3), nn.BatchNorm2d(width), nn.ReLU())  # <-

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.heads = {"small": block(3), "large": block(3)}

    def forward(self, x):
        return self.heads["small"](x) + self.heads["large"](x)
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.randn(8, 3, 3, 3, requires_grad=True)

    def forward(self, x):
        return F.conv2d(x, self.weight)  # <-
"""
        ),
        Sample(
            """
HEAD = nn.Linear(3, 10)  # <-
SCALE = nn.Parameter(torch.ones(10))

class Net(nn.Module):
    def forward(self, x):
        x = HEAD(x.mean((2, 3)))
        return x * SCALE  # <-
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.weights = [torch.randn(3, 16), torch.randn(16, 10)]

    def forward(self, x):
        x = x.mean((2, 3))
        for weight in self.weights:
            x = (x @ weight).relu()  # <-
        return x
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.randn(10, 3)

    def forward(self, x):
        return x.mean((2, 3)) @ self.weight.T  # <-
"""
        ),
    )
    sound = (
        Sample("nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.PReLU(8))"),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(nn.Conv2d(3, 3, 3) for _ in range(3))
        self.order = [self.layers[2], self.layers[0], self.layers[1]]
        self.scales = nn.ParameterList([nn.Parameter(torch.ones(1)) for _ in range(3)])

    def forward(self, x):
        for layer, scale in zip(self.order, self.scales):
            x = layer(x).relu() * scale
        return x
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.act = [nn.ReLU(), nn.MaxPool2d(2)]
        self.mean = torch.tensor([0.5, 0.4, 0.3]).view(1, 3, 1, 1)
        self.mask = torch.ones(32, 32).tril()
        self.register_buffer("blur", torch.ones(3, 1, 3, 3) / 9)

    def forward(self, x):
        x = (x - self.mean).masked_fill(self.mask == 0, 0.0)
        for act in self.act:
            x = act(x)
        return F.conv2d(x, self.blur, groups=3)
"""
        ),
        Sample(
            """
class Tied(nn.Module):
    def __init__(self, embedding):
        super().__init__()
        self.weight = [embedding.weight]

    def forward(self, x):
        return F.linear(x, self.weight[0])

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Linear(8, 3, bias=False)
        self.encoder = nn.Conv2d(3, 8, 3)
        self.decoder = Tied(self.embedding)

    def forward(self, x):
        x = self.encoder(x).mean((2, 3))
        return self.decoder(self.embedding(x) @ self.embedding.weight)
"""
        ),
    )

    def find(self, linted: Linted) -> Findings:
        found: dict[object, Fault] = {}
        for network in filter(None, (linted.network, linted.training)):
            sites: dict[Location, list[Held]] = {}
            for held in linted.subject_of(network).accounts.unregistered:
                reader = _reader(network, held)
                if held.tensor.origin == "constant" and reader is not None:
                    sites.setdefault(_site(network, reader), []).append(held)
            for site, together in sites.items():
                found.setdefault(site, _fault(network, site, together))
        yield from found.values()


def _reader(network: Network, held: Held) -> Op | None:
    """The first operation for which a tensor works as a weight, None if it is none."""
    tensor = held.tensor
    if not may_have_gradient(tensor):
        return None
    readers = network.consumers.get(tensor.id, ())
    if tensor.trainable:
        return readers[0] if readers else None
    return next((op for op in _factors(network, tensor.id) if network.depends(op)), None)


def _factors(network: Network, tensor: int) -> Iterable[Op]:
    """The products with a tensor, in any order of its axes."""
    for op in network.consumers.get(tensor, ()):
        if op.kind in _PRODUCTS:
            yield op
        elif op.kind in kinds.VIEWS | kinds.COPIES:
            for laid_out in op.outputs:
                yield from _factors(network, laid_out)


def _site(network: Network, reader: Op) -> Location:
    """Where the outermost layer was built that is not registered, else where a weight is read."""
    outside = [call for call in calls_around(network, reader.call) if not call.registered]
    if not outside:
        return Location(reader.called, reader.module, reader.kind)
    layer = outside[-1]
    return Location(
        layer.built or layer.called, network.calls[layer.parent or 0].module, layer.type
    )


def _fault(network: Network, site: Location, together: list[Held]) -> Fault:
    size = sum(held.size for held in together)
    trainable = any(held.tensor.trainable and not held.tensor.frozen for held in together)
    names = [
        f"{held.tensor.name or 'a tensor'} {shape_text(held.tensor.shape)}" for held in together
    ]
    severity: Severity = "error" if trainable else "warning"
    consequence = "no optimizer trains it and no checkpoint has it"
    if not trainable:
        consequence = "it is neither saved nor moved to another device"
    callers = [op.called for held in together for op in network.consumers[held.tensor.id]]
    return Fault(
        f"{some_of(names, _NAMES_SHOWN)}: {how_many(size, 'number')} that the network computes "
        f"with and does not register: {consequence}",
        (site,),
        _remedy(network, together, trainable),
        severity,
        tuple(filter(None, (site.place, *callers))),
    )


def _remedy(network: Network, together: list[Held], trainable: bool) -> str:
    readers = network.consumers[together[0].tensor.id]
    if any(not call.registered for call in calls_around(network, readers[0].call)):
        return "make the layer an attribute, or an element of an nn.ModuleList"
    return "make it an nn.Parameter" if trainable else "register it as a buffer or a parameter"
