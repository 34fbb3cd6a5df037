"""``no-gradient-path``: a parameter that the output depends on, and that no gradient reaches."""

from __future__ import annotations

from collections.abc import Iterable

from archcheck.lint.backward import (
    DETACHING,
    may_have_gradient,
    with_own_gradient,
    without_gradient,
)
from archcheck.lint.base import Fault, Findings, LintRule, Sample, register
from archcheck.lint.linted import Linted
from archcheck.network import Network, Op, Parameter, kinds
from archcheck.phrases import how_many, some_of
from archcheck.rules.base import Location, call_location

_FLAT = frozenset("sign sgn round floor ceil trunc heaviside floor_divide bernoulli".split())
"""The kinds whose derivative is zero wherever there is one."""
_NAMES_SHOWN = 3


@register
class NoGradientPath(LintRule):
    """
    ## What it finds
    Parameters that ask for a gradient, that the output in training depends on, and that no
    gradient reaches: every path is cut by `detach`, `.data`, `no_grad`, an `argmax` or a rounding.
    What forward keeps, a loss in an attribute say, counts as an output. Functions with a backward
    of their own pass.

    ## Why it matters
    They stay at their first random values, and nothing says so: the loss falls all the same, as the
    others learn around them.

    ## Example
    ```python
    weights = self.gate(x).argmax(1)  # no gradient reaches self.gate
    ```

    ## When to ignore it
    Where the part is meant to stay as it is; `requires_grad_(False)` says so.
    """

    name = "no-gradient-path"
    severity = "warning"
    summary = "No gradient reaches a parameter that the output depends on."
    faulty = (
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.fc = nn.Linear(8, 10)

    def forward(self, x):
        x = self.conv(x).relu().mean((2, 3))
        return self.fc(x.detach())  # <-
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.embed = nn.Embedding(8, 16)
        self.fc = nn.Linear(16, 10)

    def forward(self, x):
        codes = self.conv(x).mean((2, 3)).argmax(1)  # <-
        return self.fc(self.embed(codes))
"""
        ),
        Sample(
            """
class Features(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU())

    def forward(self, x):
        return self.layers(x)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = Features()
        self.head = nn.Conv2d(8, 10, 1)
        self.scale = nn.Parameter(torch.ones(10, 1, 1))

    def forward(self, x):
        with torch.no_grad():  # <-
            x = self.features(x)
        return self.head(x) * self.scale.data  # <-
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        return torch.round(self.conv(x))  # <-
"""
        ),
    )
    sound = (
        Sample("nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU())"),
        Sample(
            """
class Rounded(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.round()

    @staticmethod
    def backward(ctx, gradient):
        return gradient

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.last = nn.Conv2d(8, 8, 3)
        self.frozen = nn.Conv2d(8, 8, 1).requires_grad_(False)

    def forward(self, x):
        x = Rounded.apply(self.conv(x))
        y = x + (x.sign() - x).detach()
        with torch.no_grad():
            known = self.frozen(y)
        return self.last(y + known)
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.norm = nn.utils.parametrizations.spectral_norm(nn.Conv2d(8, 8, 1))
        self.weight = nn.Parameter(torch.ones(10, 8))

    def forward(self, x):
        x = self.norm(self.conv(x)).mean((2, 3))
        with torch.no_grad():
            self.weight.clamp_(-1, 1)
        self.weight.data = F.normalize(self.weight.data)
        keep = (x > 0).to(x.dtype)
        return F.linear(x * keep, self.weight)
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.encode = nn.Conv2d(3, 8, 3)
        self.codes = nn.Embedding(16, 8)
        self.decode = nn.Conv2d(8, 3, 3)

    def forward(self, x):
        x = self.encode(x)
        flat = x.permute(0, 2, 3, 1)
        chosen = torch.cdist(flat.flatten(1, 2), self.codes.weight).argmin(-1)
        found = self.codes(chosen).view(flat.shape).permute(0, 3, 1, 2)
        self.loss = F.mse_loss(found, x.detach())
        return self.decode(x + (found - x).detach())
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        x = self.conv(x)
        return x if self.training else x.argmax(1)
"""
        ),
    )

    def find(self, linted: Linted) -> Findings:
        network = linted.training
        if network is None or network.opaque:
            return
        off = without_gradient(network)
        cut = _cut(network) | off.keys()
        reached = _reached(network, cut)
        reach = linted.subject_of(network).reach
        sites: dict[Location, list[Parameter]] = {}
        for parameter in network.parameters:
            if parameter.trainable and parameter.name not in reached:
                readers = [op for op in network.ops if parameter.name in op.parameters]
                ends = _ends(network, [op for op in readers if reach.certain(op)], cut)
                if ends:
                    stretch = off.get(ends[0].index)
                    where = call_location(ends[0])
                    if stretch is not None and stretch.place is not None:
                        where = Location(stretch.place, "", "no_grad")
                    sites.setdefault(where, []).append(parameter)
        for where, parameters in sites.items():
            yield _fault(where, parameters)


def _cut(network: Network) -> set[int]:
    """The operations, by index, that no gradient gets past by what they are."""
    flat = {op.index for op in network.ops if op.kind in DETACHING | _FLAT}
    return flat - with_own_gradient(network)


def _carries(network: Network, tensor: int) -> bool:
    return may_have_gradient(network.tensors[tensor])


def _reached(network: Network, cut: set[int]) -> set[str]:
    """The names of the parameters that a gradient reaches."""
    ends = (*(tensor for _, tensor in network.outputs), *network.kept)
    alive = {tensor for tensor in ends if _carries(network, tensor)}
    names: set[str] = set()
    for op in reversed(network.ops):
        if alive.isdisjoint(op.outputs):
            continue
        written = op.arguments.get(kinds.IN_PLACE_WRITE) and op.kind not in DETACHING
        if op.index not in cut:
            names.update(op.parameters)
            alive.update(t for t in network.operands[op.index] if _carries(network, t))
        elif written or op.kind == "alias_write":
            alive.update(op.inputs[:1])  # the graph behind what is written to stays
    return names


def _ends(network: Network, readers: Iterable[Op], cut: set[int]) -> list[Op]:
    """The operations at which the paths from some others end."""
    found: list[Op] = []
    seen: set[int] = set()
    waiting = list(readers)
    while waiting:
        op = waiting.pop(0)
        if op.index in seen:
            continue
        seen.add(op.index)
        carried = [tensor for tensor in op.outputs if _carries(network, tensor)]
        if op.index in cut or not carried:
            found.append(op)
        else:
            waiting += [each for t in carried for each in network.consumers.get(t, ())]
    return sorted(found, key=lambda op: op.index)


def _fault(where: Location, parameters: list[Parameter]) -> Fault:
    names = some_of([each.name for each in parameters], _NAMES_SHOWN)
    size = sum(each.size for each in parameters)
    return Fault(
        f"{where.label} cuts every way of a gradient to {names}: the output depends on "
        f"{how_many(size, 'parameter')} that training leaves as they are",
        (where,),
        "leave it out, or say requires_grad_(False)",
        None,
        (where.place,) if where.place is not None else (),
    )
