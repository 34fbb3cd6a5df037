"""``accidental-sharing``: one layer that stands in for several."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, pairwise

from archcheck.lint.base import Fault, Findings, LintRule, Sample, register
from archcheck.lint.linted import Linted
from archcheck.lint.module_calls import calls_by_module, follows, ops_in
from archcheck.network import Call, Module, Network, kinds
from archcheck.network.graph import Paths
from archcheck.phrases import how_many, some_of
from archcheck.rules.base import Location

_SHARED_ON_PURPOSE = (
    kinds.ACTIVATIONS | kinds.EMBEDDINGS | kinds.RECURRENT | kinds.CELLS | {"batch_norm"}
)
"""Kinds that nobody minds to use again, or that another rule looks at."""
_MOST_PAIRS = 6
_SHOWN = 4


@register
class AccidentalSharing(LintRule):
    """
    ## What it finds
    A layer or block with parameters that stands at several places of one container and is called
    from each: `[layer] * 4`. And one that is called in several lines of one forward, each time on
    what it gave before. A loop over one call, branches side by side, heads that lead to outputs of
    their own, embeddings, recurrent cells, activations, and layers with a normalisation of their
    own behind each use are shared on purpose. A shared batch normalisation is
    `reused-batchnorm` alone.

    ## Why it matters
    What was meant as several layers is one, with the parameters of one: `n * [Block()]` repeats
    the object. It stands in a printed book (deep-learning-with-pytorch/dlwpt-code#89), in U-Net v2
    (yaoppeng/U-Net_v2#10) and in VQ-VAE (zalandoresearch/pytorch-vq-vae#2); RED-CNN called one
    convolution four times (SSinyu/RED-CNN#8).

    ## Example
    ```python
    self.layers = nn.ModuleList([nn.Conv2d(8, 8, 3)] * 4)  # [nn.Conv2d(8, 8, 3) for _ in range(4)]
    ```

    ## When to ignore it
    Where the weights are shared on purpose; a loop over one attribute says so.
    """

    name = "accidental-sharing"
    severity = "warning"
    summary = "One layer object stands in for several layers."
    faulty = (
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Conv2d(3, 3, 3, padding=1)] * 4)  # <-

    def forward(self, x):
        for layer in self.layers:
            x = layer(x).relu()
        return x
"""
        ),
        Sample(
            """
class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x):
        return self.conv(x).relu() + x

def blocks(number, width):
    return nn.Sequential(*(number * [Block(width)]))  # <-

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = blocks(3, 3)

    def forward(self, x):
        return self.blocks(x)
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.conv = nn.Conv2d(8, 8, 3, padding=1)  # <-
        self.last = nn.Conv2d(8, 3, 3, padding=1)

    def forward(self, x):
        out = self.first(x).relu()
        out = self.conv(out).relu()
        out = self.conv(out).relu()
        return self.last(out) + x
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.heads = nn.ModuleList([nn.Sequential(nn.Conv2d(8, 8, 1), nn.ReLU())] * 3)  # <-

    def forward(self, x):
        x = self.stem(x)
        return [head(x) for head in self.heads]
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stems = nn.ModuleList(nn.Conv2d(3, 8, k, padding=k // 2) for k in (1, 3, 5))
        self.convs = nn.ModuleList([nn.Conv2d(8, 8, 3, padding=1)] * 3)  # <-
        self.last = nn.Conv2d(8, 2, 1)

    def forward(self, x):
        out = torch.ones(1)
        for stem, conv in zip(self.stems, self.convs):
            out = out * conv(stem(x))
        return self.last(out)
"""
        ),
    )
    sound = (
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Conv2d(3, 3, 3) for _ in range(4)])
        self.acts = nn.ModuleList([nn.PReLU()] * 4)

    def forward(self, x):
        for layer, act in zip(self.layers, self.acts):
            x = act(layer(x))
        return self.acts[0](x)
"""
        ),
        Sample(
            """
class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(16, 2, batch_first=True)
        self.norm1, self.norm2 = nn.LayerNorm(16), nn.LayerNorm(16)
        self.mix = nn.Sequential(nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 16))

    def forward(self, x):
        x = self.norm1(x + self.attention(x, x, x)[0])
        return self.norm2(x + self.mix(x))

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.groups = nn.ModuleList([Layer()])

    def forward(self, x):
        for number in range(4):
            x = self.groups[number // 4](x)
        return x
""",
            input=(9, 16),
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3))
        self.compare = nn.Linear(16, 1)

    def forward(self, left, right):
        first = self.encoder(left).mean((2, 3))
        second = self.encoder(right).mean((2, 3))
        return self.compare(torch.cat([first, second], 1))
""",
            input=((3, 32, 32), (3, 32, 32)),
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.head = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 4, 1))
        self.heads = nn.ModuleList([self.head for _ in range(3)])

    def forward(self, x):
        levels = [self.stem(x)]
        for _ in range(2):
            levels.append(F.max_pool2d(levels[-1], 2))
        return [head(level).flatten(1) for head, level in zip(self.heads, levels)]
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.convs = nn.ModuleList([nn.Conv2d(8, 8, 3, padding=1)] * 2)
        self.norms = nn.ModuleList(nn.BatchNorm2d(8) for _ in range(2))
        self.last = nn.Conv2d(8, 4, 1)

    def forward(self, x):
        x = self.stem(x)
        levels = [x, F.avg_pool2d(x, 2)]
        for number, level in enumerate(levels):
            levels[number] = self.norms[number](self.convs[number](level)).relu()
        return [self.last(level) for level in levels]
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.encode = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU())
        self.decode = nn.Sequential(nn.Conv2d(8, 3, 3, padding=1), nn.Sigmoid())

    def forward(self, x):
        code = self.encode(x)
        image = self.decode(code)
        return image, self.encode(image)
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.start = nn.Linear(8, 8)
        self.step = nn.Linear(16, 8)
        self.cell = nn.GRUCell(8, 8)

    def forward(self, x):
        h = self.start(x[:, 0])
        h = self.step(torch.cat([h, x[:, 0]], 1)).tanh()
        for t in range(1, 4):
            h = self.step(torch.cat([h, x[:, t]], 1)).tanh()
        h = self.cell(x[:, 0], h)
        return self.cell(x[:, 1], h)
""",
            input=(4, 8),
        ),
    )

    def find(self, linted: Linted) -> Findings:
        network = linted.network
        modules = {module.path: module for module in network.modules}
        for path, calls in calls_by_module(network).items():
            if not _has_weights(network, calls[0]):
                continue
            fault = _repeated(network, modules[path], calls) or _chained(
                network, modules[path], calls
            )
            if fault is not None:
                yield fault


def _has_weights(network: Network, call: Call) -> bool:
    """Whether a call computes with parameters that nobody shares without meaning to."""
    weighted = [op.kind for op in ops_in(network, call) if op.parameters]
    return bool(weighted) and not _SHARED_ON_PURPOSE.issuperset(weighted)


# -- several places of one container ------------------------------------------------------------


def _repeated(network: Network, module: Module, calls: list[Call]) -> Fault | None:
    places = _places_in_a_container(module)
    if len(places) < 2 or not _is_one_for_several(network, calls):
        return None
    return _fault(
        module,
        calls,
        f"{some_of(places, _SHOWN)} are one {module.type}, and it runs "
        f"{how_many(len(calls), 'time')}",
        f"construct it for each place: [{module.type}(...) for _ in range({len(places)})]",
    )


def _places_in_a_container(module: Module) -> list[str]:
    """The names of a module in the one list or sequence that has it several times."""
    found: dict[str, list[str]] = {}
    for path in (module.path, *module.others):
        container, _, name = path.rpartition(".")
        if name.isdigit():
            found.setdefault(container, []).append(path)
    return max(found.values(), key=len, default=[])


def _is_one_for_several(network: Network, calls: list[Call]) -> bool:
    """Whether uses of one module are such as different modules would have."""
    pairs = list(combinations(calls, 2))[:_MOST_PAIRS]
    if any(one.inputs == other.inputs for one, other in pairs):
        return True
    if any(follows(network, one.outputs, other.inputs) for one, other in pairs):
        return not _normalised_apart(network, calls)
    return not (_normalised_apart(network, calls) or _are_heads(network, calls))


def _normalised_apart(network: Network, calls: list[Call]) -> bool:
    """Whether a normalisation of its own follows each use."""
    names = []
    for call in calls:
        readers = [op for tensor in call.outputs for op in network.consumers.get(tensor, ())]
        norms = [op for op in readers if op.kind in kinds.NORMALIZATIONS]
        if len(readers) != 1 or not norms or not norms[0].parameters:
            return False
        names.append(norms[0].parameters[0])
    return len(set(names)) == len(names)


def _are_heads(network: Network, calls: list[Call]) -> bool:
    """Whether nothing with parameters follows any use."""
    reached = {tensor for call in calls for tensor in call.outputs}
    for op in network.ops:
        if not reached.isdisjoint(network.operands[op.index]):
            inside = any(call.index == op.call for call in calls)
            if op.parameters and not inside:
                return False
            reached.update(op.outputs)
    return True


# -- several lines of one forward ---------------------------------------------------------------


def _chained(network: Network, module: Module, calls: list[Call]) -> Fault | None:
    if any(_is_chain(network, one, other) for one, other in pairwise(_by_line(calls))):
        lines = dict.fromkeys(call.called.in_words for call in calls if call.called is not None)
        return _fault(
            module,
            calls,
            f"{module.path} is called on what it gave before, in {some_of(list(lines), _SHOWN)}: "
            f"one {module.type} in place of {len(calls)}",
            "construct a layer for each call, or call it in a loop",
        )
    return None


def _by_line(calls: list[Call]) -> list[Call]:
    """Calls in different lines of one forward; none if a line makes several, as loops do."""
    lines = {(call.called.file, call.called.line) for call in calls if call.called is not None}
    together = len({call.parent for call in calls}) == 1
    return calls if together and len(lines) == len(calls) else []


def _is_chain(network: Network, one: Call, other: Call) -> bool:
    if not follows(network, one.outputs, other.inputs):
        return False
    is_layer = all(call.parent != one.index for call in network.calls)
    return is_layer or not any(_between(network, one, other))


def _between(network: Network, one: Call, other: Call) -> Iterator[bool]:
    """Whether each operation between two calls has parameters."""
    for source in one.outputs:
        for target in other.inputs:
            yield from (bool(op.parameters) for op in Paths(network, source, target).ops)


def _fault(module: Module, calls: list[Call], message: str, remedy: str) -> Fault:
    called = tuple(call.called for call in calls if call.called is not None)
    built = Location(module.built, module.path, module.path)
    uses = [Location(call.called, module.path, module.path) for call in calls]
    locations = dict.fromkeys([built if module.built else uses[0], *uses[:_SHOWN]])
    lines = (*called, module.built) if module.built is not None else called
    return Fault(message, tuple(locations), remedy, None, lines)
