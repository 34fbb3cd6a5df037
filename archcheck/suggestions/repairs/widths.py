"""Other widths: the layers that make channels, and all that read as many of them.

Channels that pass through normalisations, activations, pools, depthwise convolutions and sums are
the same channels. Where they are joined to others, folded into positions or returned, their number
is left alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import reduce
from math import gcd, lcm, prod

from archcheck.network import Network, Op, kinds
from archcheck.suggestions.repairs.base import Repair, Setting, View

_PASSING = (
    kinds.ACTIVATIONS
    | kinds.DROPOUTS
    | kinds.POOLS
    | kinds.NORMALIZATIONS
    | kinds.COPIES
    | kinds.RESAMPLING
    | kinds.VIEWS
    | kinds.REDUCTIONS
    | kinds.ELEMENTWISE
    | kinds.ARITHMETIC
)
_LAYERS = kinds.CONVOLUTIONS | kinds.LINEAR
MOST_GROUPS = 12
"""The most widths that are changed one by one."""


@dataclass
class _Channels:
    """Channels that are the same in several tensors, and what is set where their number changes."""

    width: int
    settings: dict[int, dict[str, int]] = field(default_factory=dict)
    weights: list[int] = field(default_factory=list)
    """The elements of the weights that grow with the width, of each that does."""
    fixed: bool = False
    divisors: list[int] = field(default_factory=list)

    def at(self, width: int) -> Repair:
        """The settings of another width."""
        return {
            op: Setting(tuple((name, width * times) for name, times in names.items()))
            for op, names in self.settings.items()
        }


def narrower(view: View, most: float) -> Iterator[Repair]:
    """The largest smaller widths with which the network has at most so many parameters; where none
    is small enough, half of the width."""
    total = view.network.num_parameters
    for group in _widest(view):
        steps = _steps(group, range(group.width - 1, 0, -1))
        fitting = [w for w in steps if total - _weight(group) * (1 - w / group.width) <= most]
        round_ones = [w for w in fitting if w % 8 == 0]
        chosen = (
            dict.fromkeys((*round_ones[:1], *fitting[:1]))
            or [w for w in steps if w <= group.width // 2][:1]
        )
        for width in chosen:
            yield group.at(width)


def wider(view: View, least: float) -> Iterator[Repair]:
    """The smallest larger widths with which the network has at least so many parameters."""
    total = view.network.num_parameters
    for group in _widest(view):
        steps = _steps(group, range(group.width + 1, 4 * group.width + 1))
        fitting = [w for w in steps if total + _weight(group) * (w / group.width - 1) >= least]
        for width in fitting[:1] or steps[-1:]:
            yield group.at(width)


def _steps(group: _Channels, widths: range) -> list[int]:
    divisor = reduce(lcm, group.divisors, 1)
    return [width for width in widths if width % divisor == 0]


def _weight(group: _Channels) -> int:
    return sum(group.weights)


def _widest(view: View) -> list[_Channels]:
    """The channels whose number can be changed, those with most weights first."""
    found = [each for each in _groups(view) if not each.fixed and each.settings and each.width > 1]
    return sorted(found, key=_weight, reverse=True)[:MOST_GROUPS]


def _groups(view: View) -> list[_Channels]:
    walk = _Walk(view)
    for op in view.network.ops:
        walk.step(op)
    for _, tensor in view.network.outputs:
        walk.fix(tensor)
    return walk.groups()


class _Walk:
    def __init__(self, view: View) -> None:
        self._view = view
        self._network: Network = view.network
        self._parent: dict[int, int] = {}  # by tensor; one is in a group with what it came from
        self._channels: dict[int, _Channels] = {}
        self._sizes = {parameter.name: parameter.size for parameter in self._network.parameters}
        for tensor in self._network.inputs:
            self._new(tensor, fixed=True)

    def groups(self) -> list[_Channels]:
        return [self._channels[tensor] for tensor in self._channels if self._root(tensor) == tensor]

    def fix(self, tensor: int) -> None:
        if tensor in self._parent:
            self._of(tensor).fixed = True

    def step(self, op: Op) -> None:
        data = [tensor for tensor in op.inputs if tensor in self._parent]
        if not data:
            return
        if op.kind in _LAYERS and len(data) == 1:
            self._layer(op, data[0])
        elif op.kind in _PASSING and all(self._same_axis(op, tensor) for tensor in data):
            self._pass(op, data)
        else:
            for tensor in data:
                self.fix(tensor)
            for tensor in op.outputs:
                self._new(tensor, fixed=True)

    def _layer(self, op: Op, read: int) -> None:
        a, out = self._view.of(op), op.outputs[0]
        linear = op.kind in kinds.LINEAR
        inside, outside = (
            ("in_features", "out_features") if linear else ("in_channels", "out_channels")
        )
        weight = max((self._sizes.get(name, 0) for name in op.parameters), default=0)
        if not linear and a["depthwise"]:
            times = a["out_channels"] // a["in_channels"]
            self._join(out, read)
            names = {inside: 1, outside: times, "groups": 1}
            self._member(op, read, names, weight, 1)
            return
        self._new(out, fixed=linear and len(self._network.shape(out)) != 2)
        groups = 1 if linear else a["groups"]
        whole = self._network.shape(read)[-1 if linear else 1]
        if a[inside] % max(self._of(read).width, 1) or whole != a[inside]:
            self.fix(read)
        times = a[inside] // self._of(read).width if self._of(read).width else 1
        self._member(op, read, {inside: times}, weight, groups)
        self._member(op, out, {outside: 1}, weight, groups)

    def _pass(self, op: Op, data: list[int]) -> None:
        for tensor in op.outputs:
            for other in data:
                self._join(tensor, other)
        if op.kind in kinds.NORMALIZATIONS and op.parameters:
            name = {"group_norm": "num_channels", "layer_norm": "normalized_shape"}.get(
                op.kind, "num_features"
            )
            divisor = op.arguments.get("num_groups", 1) if op.kind == "group_norm" else 1
            size = sum(self._sizes.get(each, 0) for each in op.parameters)
            width = self._of(data[0]).width
            times = self._network.shape(data[0])[1] // width if width else 1
            self._member(op, data[0], {name: times}, size, divisor)
        elif (
            op.kind == "prelu" and self._sizes.get(op.parameters[0] if op.parameters else "", 1) > 1
        ):
            self._member(op, data[0], {"num_parameters": 1}, 0, 1)

    def _member(
        self, op: Op, tensor: int, names: dict[str, int], weight: int, divisor: int
    ) -> None:
        group = self._of(tensor)
        group.settings.setdefault(op.index, {}).update(names)
        group.weights.append(weight)
        if isinstance(divisor, int) and divisor > 1:
            times = next(iter(names.values()))
            group.divisors.append(divisor // gcd(divisor, times))

    def _same_axis(self, op: Op, tensor: int) -> bool:
        """Whether the channels are still those of the second axis behind an operation."""
        before = self._network.shape(tensor)
        if len(before) < 2:
            return False
        for made in op.outputs:
            after = self._network.shape(made)
            if len(after) < 2 or after[1] != before[1]:
                flat = len(after) == 2 and after[1] == prod(before[1:])
                if not flat:
                    return False
        return True

    # -- sets of tensors ----------------------------------------------------------------------

    def _root(self, tensor: int) -> int:
        while self._parent[tensor] != tensor:
            tensor = self._parent[tensor]
        return tensor

    def _of(self, tensor: int) -> _Channels:
        return self._channels[self._root(tensor)]

    def _new(self, tensor: int, fixed: bool = False) -> None:
        shape = self._network.shape(tensor)
        self._parent[tensor] = tensor
        width = shape[1] if len(shape) > 1 else 1
        self._channels[tensor] = _Channels(width, fixed=fixed or len(shape) < 2)

    def _join(self, made: int, read: int) -> None:
        """Put a new tensor into the group of what it is made of; groups that meet become one."""
        if made not in self._parent:
            self._parent[made] = self._root(read)
            return
        one, other = self._of(made), self._of(read)
        if one is other:
            return
        if one.width != other.width:
            one.fixed = other.fixed = True
            return
        for op, names in other.settings.items():
            one.settings.setdefault(op, {}).update(names)
        one.weights += other.weights
        one.divisors += other.divisors
        one.fixed = one.fixed or other.fixed
        self._parent[self._root(read)] = self._root(made)
