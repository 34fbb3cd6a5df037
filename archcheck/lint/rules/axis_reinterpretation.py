"""``axis-reinterpretation``: a reshape into the shape of exchanged axes, without any exchange."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from archcheck.lint.base import Findings, LintRule, Sample, fault_of, register
from archcheck.lint.chains import RESHAPES, maker, name_of
from archcheck.lint.linted import Linted
from archcheck.lint.recuts import Sizes, is_exchange, recuts
from archcheck.network import Network, Op, kinds
from archcheck.phrases import shape_text

_VIEWS = frozenset("view reshape view_as reshape_as unflatten".split())
_MAPS = kinds.CONVOLUTIONS | kinds.TRANSPOSED_CONVOLUTIONS | kinds.POOLS
_ROWS = frozenset({"linear"}) | kinds.MATRIX_PRODUCTS | kinds.RECURRENT | kinds.CELLS
_READS_AXES = _MAPS - kinds.POOLS | _ROWS | kinds.ATTENTION | {"einsum"}
_POINTWISE = kinds.ELEMENTWISE | kinds.DROPOUTS | kinds.NORMALIZATIONS | kinds.ACTIVATIONS
_KEEPS_ORDER = _POINTWISE | RESHAPES
_KEEPS_AXES = (
    _POINTWISE
    | kinds.COPIES
    | kinds.JOINS
    | frozenset("transpose t T mT permute movedim squeeze unsqueeze expand".split())
)
_STACKED_AT_MOST = 4


@register
class AxisReinterpretation(LintRule):
    """
    ## What it finds
    A reshape whose result has the sizes of axes in another order, and whose elements are where
    they were: `(channels, height, width)` viewed as `(height * width, channels)`, tokens viewed as
    heads first without a transpose. Its axes run across those of its input; a layer, a product or
    an attention then reads them as if they were those. Reshapes that put axes together or take
    them apart are none, and so is what is sliced or reshaped again before anything reads it.

    ## Why it matters
    Features of different positions are mixed, and training goes on with worse results. The
    attention of Informer (AAAI 2021) mixed its heads so (zhouhaoyi/Informer2020#59).

    ## Example
    ```python
    x = x.view(batch, height * width, channels)  # x: (batch, channels, height, width)
    x = x.flatten(2).transpose(1, 2)  # what was meant
    ```

    ## When to ignore it
    Where weights have been trained with it, or where elements are shuffled on purpose.
    """

    name = "axis-reinterpretation"
    severity = "warning"
    summary = "A reshape gives the shape of exchanged axes and exchanges none."
    faulty = (
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 24, 3, 2)
        self.head = nn.Linear(24, 10)

    def forward(self, x):
        x = self.conv(x)
        batch, channels, height, width = x.shape
        x = x.view(batch, height * width, channels)  # <-
        return self.head(x).mean(1)
""",
            (3, 15, 15),
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.projections = nn.Linear(16, 48)

    def forward(self, x):
        batch, tokens, width = x.shape
        q, k, v = self.projections(x).chunk(3, -1)
        q = q.reshape(batch, 4, tokens, -1)  # <-
        k = k.reshape(batch, 4, tokens, -1)  # <-
        v = v.reshape(batch, tokens, 4, -1).transpose(1, 2)
        x = (q @ k.transpose(2, 3) / 2).softmax(-1) @ v
        return x.transpose(1, 2).reshape(batch, tokens, width)
""",
            (12, 16),
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.queries = nn.Linear(16, 16)
        self.out = nn.Linear(16, 5)

    def forward(self, x):
        batch, tokens, width = x.shape
        q = self.queries(x).view(batch, tokens, 4, 4)
        q = q.view(batch, 4, tokens, -1)  # <-
        x = F.scaled_dot_product_attention(q, q, q)
        x = x.reshape(batch, tokens, width)  # <-
        return self.out(x)
""",
            (12, 16),
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(16, 8, 3)

    def forward(self, x):
        x = x.view(-1, 16, 8)  # <-
        return self.conv(x)
""",
            (8, 16),
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 16, (3, 5), padding=1)
        self.rnn = nn.GRU(96, 8, batch_first=True)

    def forward(self, x):
        x = self.conv(x).relu()
        x = x.view(x.size(0), x.size(3), -1)  # <-
        return self.rnn(x)[0]
""",
            (3, 6, 22),
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        return self.conv(x.view(-1, 3, 14, 10))  # <-
""",
            (14, 10, 3),
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens = nn.Linear(32, 8)

    def forward(self, x):
        weights = self.tokens(x.transpose(1, 2).flatten(1).view(-1, 50, 32))  # <-
        return x.transpose(1, 2) @ weights
""",
            (50, 32),
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.queries = nn.Conv2d(3, 10, 1)
        self.conv = nn.Conv2d(10, 4, 1)

    def forward(self, x):
        q = self.queries(x).flatten(2).unflatten(1, (2, 5)).transpose(2, 3)
        found = (q @ q.transpose(2, 3)).softmax(-1) @ q
        found = found.reshape(-1, 2, 5, 7, 7)  # <-
        return self.conv(found.flatten(1, 2))
""",
            (3, 7, 7),
        ),
    )
    sound = (
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.mix = nn.Linear(12, 12)

    def forward(self, x):
        x = self.mix(x.view(-1, 4, 3, 5, 12)).view(-1, 12, 5, 12)
        return self.mix(x.view(-1, 3, 4, 5, 12))
""",
            (12, 5, 12),
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 24, 3, 2)
        self.head = nn.Linear(24 * 49, 10)

    def forward(self, x):
        x = self.conv(x).view(-1, 49, 24).relu()
        return self.head(x.flatten(1))
""",
            (3, 15, 15),
        ),
        Sample(
            "nn.Sequential(nn.Conv2d(3, 24, 3, 2), nn.Flatten(), nn.Linear(24 * 49, 10))",
            (3, 15, 15),
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.projections = nn.Linear(24, 72)
        self.out = nn.Linear(24, 24)

    def forward(self, x):
        batch, tokens, width = x.shape
        q, k, v = self.projections(x).view(batch, tokens, 3, 4, -1).permute(2, 0, 3, 1, 4)
        x = F.scaled_dot_product_attention(q, k, v)
        return self.out(x.transpose(1, 2).reshape(batch, tokens, width))
""",
            (12, 24),
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(24, 24, 1, groups=4)
        self.after = nn.Conv2d(24, 24, 3, groups=4)

    def forward(self, x):
        x = self.conv(x)
        batch, channels, height, width = x.shape
        x = x.view(batch, 4, channels // 4, height, width).transpose(1, 2)
        return self.after(x.reshape(batch, channels, height, width))
""",
            (24, 6, 4),
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(12, 12, 3)

    def forward(self, x):
        batch, channels, height, width = x.shape
        x = x.view(batch, channels // 4, 2, 2, height, width).permute(0, 1, 4, 2, 5, 3)
        x = x.reshape(batch, channels // 4, 2 * height, 2 * width)
        x = x.view(batch, channels // 4, height, 2, width, 2).permute(0, 1, 3, 5, 2, 4)
        return self.conv(x.reshape(batch, channels, height, width))
""",
            (12, 4, 12),
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.mix = nn.Linear(8, 8)

    def forward(self, x):
        batch, height, width, channels = x.shape
        x = x.view(batch, height // 4, 4, width // 4, 4, channels).permute(0, 1, 3, 2, 4, 5)
        x = self.mix(x.reshape(-1, 16, channels))
        x = x.view(batch, height // 4, width // 4, 4, 4, channels).permute(0, 1, 3, 2, 4, 5)
        return x.reshape(batch, height, width, channels)
""",
            (8, 16, 8),
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 32, 3, padding=1)
        self.after = nn.Conv2d(32, 4, 3)

    def forward(self, x):
        x = self.conv(x)
        groups = x.view(x.size(0), 8, -1)
        groups = (groups - groups.mean(-1, keepdim=True)) / groups.std(-1, keepdim=True)
        return self.after(groups.view_as(x))
""",
            (3, 8, 8),
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.positions = nn.Linear(8, 13)

    def forward(self, x):
        scores = F.pad(self.positions(x), (1, 0))
        scores = scores.view(-1, 14, 7)[:, 1:].reshape(-1, 7, 13)
        return scores[..., :7].softmax(-1) @ x
""",
            (7, 8),
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.pairs = nn.LSTM(16, 6, batch_first=True)

    def forward(self, x):
        x, _ = self.pairs(x.view(x.size(0), x.size(1) // 2, -1))
        return x
""",
            (16, 8),
        ),
    )

    def find(self, linted: Linted) -> Findings:
        network = linted.single or linted.network
        for op in network.ops:
            if op.kind in _VIEWS and network.depends(op):
                source = _start(network, op)
                if _is_taken_for_exchange(network, source, op) and not _mixes(linted, op):
                    yield fault_of(op, _text(network, source, op), "permute the axes, then reshape")


def _mixes(linted: Linted, op: Op) -> bool:
    """Whether it is the samples that a reshape mixes: another rule says so."""
    return any(mix.op.called == op.called for mix in linted.mixing.mixes)


def _start(network: Network, op: Op) -> int:
    """What a reshape reads or, where that is one axis of all elements, what was put into it. An
    axis of a part of them is taken for one of its own, which may be cut anew."""
    tensor = op.inputs[0]
    made = network.producer(tensor)
    while made is not None and made.kind in RESHAPES and made.inputs:
        before, after = (
            [side for side in network.shape(each) if side != 1] for each in (made.inputs[0], tensor)
        )
        if len(after) > 1 and before != after:
            break
        tensor = made.inputs[0]
        made = network.producer(tensor)
    return tensor


def _shapes_before(network: Network, tensor: int) -> set[Sizes]:
    """The shapes that the elements of a tensor had before, in the same order: to have one of them
    again is no exchange."""
    count = prod(network.shape(tensor))
    waiting, seen = [tensor], {tensor}
    while waiting:
        op = network.producer(waiting.pop())
        if op is not None and op.kind in _KEEPS_ORDER:
            alike = {t for t in op.inputs if prod(network.shape(t)) == count} - seen
            waiting += alike
            seen |= alike
    return {network.shape(each) for each in seen}


def _exchange(source: Sizes, target: Sizes) -> tuple[Sizes, Sizes] | None:
    """The stretch of axes that has the sizes of an exchange."""
    if 0 in source:
        return None
    return next((both for both in recuts(source, target) if is_exchange(*both)), None)


def _is_taken_for_exchange(network: Network, source: int, op: Op) -> bool:
    """Whether a reshape has the sizes of an exchange, and something reads its axes so."""
    before, after = network.shape(source), network.shape(op.outputs[0])
    recut = _exchange(before, after)
    if recut is None or after in _shapes_before(network, source):
        return False
    readers = list(_readers(network, op, prod(recut[1])))
    if not _may_stack(network, op, recut):
        return bool(readers)
    made = maker(network, source, _KEEPS_ORDER)
    channels_first = made is not None and made.kind in _MAPS
    return any((reader.kind in _MAPS) != channels_first for reader in readers)


def _may_stack(network: Network, op: Op, recut: tuple[Sizes, Sizes]) -> bool:
    """Whether neighbouring steps may have been put into one, or one taken apart: ``(16, 8)`` as
    ``(8, 16)``."""
    source, target = recut
    at_end = tuple(network.shape(op.outputs[0])[-2:]) == target
    times, rest = divmod(max(source), min(source))
    return at_end and len(source) == 2 and not rest and times <= _STACKED_AT_MOST


def _readers(network: Network, op: Op, recut: int) -> Iterator[Op]:
    """The layers, products and attentions that read a result along its axes, of which some with
    ``recut`` elements were exchanged."""
    waiting, seen = list(op.outputs), set(op.outputs)
    while waiting:
        for reader in network.consumers.get(waiting.pop(), ()):
            if reader.kind in _READS_AXES:
                yield reader
            elif reader.kind in _KEEPS_AXES or _leaves_apart(network, reader, recut):
                waiting += [tensor for tensor in reader.outputs if tensor not in seen]
                seen.update(reader.outputs)


def _leaves_apart(network: Network, op: Op, recut: int) -> bool:
    """Whether a reshape puts axes together or takes them apart, and does not put together all that
    were exchanged: in one axis the order is what it was."""
    if op.kind not in RESHAPES:
        return False
    before, after = network.shape(op.inputs[0]), network.shape(op.outputs[0])
    return not list(recuts(before, after)) and all(size % recut for size in after)


def _text(network: Network, source: int, op: Op) -> str:
    before, after = network.shape(source), network.shape(op.outputs[0])
    return (
        f"{name_of(op)} of {shape_text(before)} as {shape_text(after)} has the shape of exchanged "
        "axes, but leaves all elements in their order: its axes run across those before"
    )
