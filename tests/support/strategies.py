"""Random networks, drawn as plain data and built as modules.

Branches that meet run at one jump, and a flip turns the whole map: or no field would settle.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from itertools import product
from math import gcd
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from hypothesis import reject
from hypothesis import strategies as st
from torch import Tensor, nn

Names = Collection[str]
# By the number of axes: about the largest theoretical field, and the most upsampling.
REACH, FINEST = {1: 150, 2: 60, 3: 20}, {1: 12, 2: 12, 3: 4}
KINDS = """conv maxpool avgpool functional norm slice residual concat split shared unet flip
    transposed upsample""".split()


class Block(nn.Module):
    """Takes its parts by name, and names those that are no modules in its repr."""

    def __init__(self, **parts: Any) -> None:
        super().__init__()
        for name, part in parts.items():
            setattr(self, name, part)

    def extra_repr(self) -> str:
        return str({k: v for k, v in vars(self).items() if k[0] != "_" and k != "training"})

    def __getattr__(self, name: str) -> Any:
        return super().__getattr__(name)


class Pool(Block):
    def forward(self, x: Tensor) -> Tensor:
        return F.relu(getattr(F, f"max_pool{x.dim() - 2}d")(x, **self.settings))


class Slice(Block):
    def forward(self, x: Tensor) -> Any:
        return x[(..., *self.slices)]


class Flip(Block):
    def forward(self, x: Tensor) -> Tensor:
        return x.flip(self.dim)


class Residual(Block):
    def forward(self, x: Tensor) -> Tensor:
        out = self.body(x)
        out += x
        return F.relu(out, inplace=True)


class Concat(Block):
    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.left(x), self.right(x)], dim=1)


class Twice(Block):
    def forward(self, x: Tensor) -> Tensor:
        return x + torch.relu(self.shared(torch.relu(self.shared(x))))


class HalfThrough(Block):
    def forward(self, x: Tensor) -> Tensor:
        half = x.shape[1] // 2
        left, right = x.chunk(2, dim=1) if self.chunk else torch.split(x, [half, half], dim=1)
        return torch.cat([left, self.body(right)], dim=1)


class UNet(Block):
    def forward(self, x: Tensor) -> Tensor:  # The skip is cropped where its side was odd.
        low = self.up(self.body(self.down(x)))
        crop: Any = (..., *(slice(side) for side in low.shape[2:]))
        return torch.cat([x[crop], low], dim=1)


class RandomNet(Block):
    def forward(self, x: Tensor) -> Any:
        return self.head(self.features(x))


class Step:
    """A module as plain data: the name of its class, here or in torch.nn, and its arguments."""

    def __init__(self, name: str, *args: Any, **options: Any) -> None:
        self.name, self.args, self.options = name, args, options

    def build(self) -> Any:
        args = [part.build() if isinstance(part, Step) else part for part in self.args]
        options = {k: v.build() if isinstance(v, Step) else v for k, v in self.options.items()}
        return (globals().get(self.name) or getattr(nn, self.name))(*args, **options)


@dataclass
class Network:
    """A module and its input; `phases` per axis is a multiple of the period at "features"."""

    module: nn.Module
    input_shape: tuple[int, ...]
    phases: tuple[int, ...]
    describe: str = field(repr=False)


class Window(NamedTuple):
    k: int = 1
    s: int = 1
    d: int = 1
    p: int = 0

    def shrink(self) -> int:
        return self.d * (self.k - 1) - 2 * self.p

    def length(self, side: int, ceil: bool = False) -> int:
        last = (side - self.shrink() - 1 + ceil * (self.s - 1)) // self.s
        return last + 1 - (ceil and last * self.s >= side + self.p)

    def alive(self, side: int) -> bool:  # Every unit reads something real.
        starts = range(-self.p, self.length(side) * self.s - self.p, self.s)
        return all(any(0 <= o + self.d * t < side for t in range(self.k)) for o in starts)


class Drawer:
    """The map after the steps drawn so far, one entry an axis; a method for every kind of step."""

    def __init__(self, draw: Callable[..., Any], dims: int, exclude: Names) -> None:
        self.draw, self.dims, self.exclude = draw, dims, exclude
        self.channels, self.phases = self.pick(2, 4), [1] * dims
        self.sides = [draw(st.integers(5, 14)) for _ in range(dims)]
        self.reach, self.jump = [1.0] * dims, [1.0] * dims

    def pick(self, *options: Any) -> Any:
        return self.draw(st.sampled_from(options))

    def allows(self, kind: str) -> bool:
        return kind not in self.exclude and bool(self.pick(False, True))

    def windows(self, fits: Callable[[int, Window], bool], times: int = 1) -> list[Window]:
        """A window an axis, of those that fit; the reach is charged `times` over."""
        kernels, found = range(1, 5 if self.dims < 3 else 4), []
        every = [Window(*v) for v in product(kernels, (1, 2, 3), (1, 2, 3), range(4))]
        for a, side in enumerate(self.sides):
            room = (REACH[self.dims] - self.reach[a]) / self.jump[a] / times
            valid = [w for w in every if w.shrink() < side and (w.k == 1 or w.d * w.k <= room)]
            valid = [w for w in valid if "dead" not in self.exclude or w.alive(side)]
            found.append(self.pick(*(w for w in valid if fits(a, w))))
            self.reach[a] += found[a].d * found[a].k * self.jump[a] * times
        return found

    def layer(self, name: str, windows: list[Window], *args: Any, **options: Any) -> Step:
        names = ("kernel_size", "stride", "dilation", "padding")
        settings = dict(zip(names, zip(*windows, strict=True), strict=True))
        return Step(f"{name}{self.dims}d", *args, **(settings | options))

    def move(self, windows: list[Window], ceil: bool = False) -> None:
        for a, w in enumerate(windows):
            self.sides[a] = w.length(self.sides[a], ceil)
            self.jump[a] *= w.s
            self.phases[a] //= gcd(self.phases[a], w.s)

    def grow(self, axis: int, scale: int, side: int, reach: int) -> None:
        self.reach[axis] += reach * self.jump[axis]
        self.jump[axis] /= scale
        self.phases[axis] *= scale
        self.sides[axis] = side

    def conv(self) -> Step:
        modes = ("zeros", "reflect", "replicate", "circular")
        mode = self.pick(*modes[: 1 if "padding_mode" in self.exclude else 4])
        slack = {"reflect": -1, "circular": 0}.get(mode, 4)
        windows = self.windows(lambda a, w: w.p <= self.sides[a] + slack)
        ins, self.channels = self.channels, self.pick(2, 4)
        group = self.pick(2, gcd(ins, self.channels)) if self.allows("groups") else 1
        self.move(windows)
        return self.layer("Conv", windows, ins, self.channels, groups=group, padding_mode=mode)

    def same(self, share: int = 1, times: int = 1) -> Step:
        """A convolution that keeps the sides and the channels (or a share of these)."""
        word = self.allows("same")
        windows = self.windows(lambda _, w: w.s == 1 and (w.p if word else w.shrink()) == 0, times)
        options = {"padding": "same"} if word else {}
        return self.layer("Conv", windows, *[self.channels // share] * 2, **options)

    def maxpool(self, widest: int = 3) -> Step:
        windows = self.windows(lambda _, w: w.p <= w.k // 2 and w.d <= widest)
        self.move(windows, ceil := self.allows("ceil_mode"))
        return self.layer("MaxPool", windows, ceil_mode=ceil)

    def avgpool(self) -> Step:
        options = self.maxpool(widest=1).options
        del options["dilation"]
        return Step(f"AvgPool{self.dims}d", **options, count_include_pad=self.pick(True, False))

    def functional(self) -> Step:
        return Step("Pool", settings=self.maxpool().options)

    def norm(self) -> Step:
        return Step(f"BatchNorm{self.dims}d", self.channels) if self.pick(0, 1) else Step("ReLU")

    def slice(self) -> Step:
        cuts = [slice(self.pick(0, 1), self.pick(None, -1), self.pick(1, 2)) for _ in self.sides]
        cuts = [
            cut if n > 2 else slice(0, None, 1) for n, cut in zip(self.sides, cuts, strict=True)
        ]
        sides = [len(range(n)[cut]) for n, cut in zip(self.sides, cuts, strict=True)]
        self.move([Window(s=cut.step) for cut in cuts])
        self.sides = sides
        return Step("Slice", slices=tuple(cuts))

    def flip(self) -> Step:
        return Step("Flip", dim=self.pick(*range(2, self.dims + 2)))

    def residual(self) -> Step:
        return Step("Residual", body=self.same())

    def shared(self) -> Step:
        return Step("Twice", shared=self.same(times=2))

    def split(self) -> Step:
        return Step("HalfThrough", body=self.same(share=2), chunk=self.pick(True, False))

    def concat(self) -> Step:
        before = self.reach[:]
        left = self.windows(lambda *_: True)
        self.reach, charged = before, self.reach
        right = self.windows(lambda a, w: (w.s, w.shrink()) == (left[a].s, left[a].shrink()))
        self.reach = list(map(max, self.reach, charged))
        self.move(left)
        ins, self.channels = self.channels, 4
        branches = [self.layer("Conv", windows, ins, 2) for windows in (left, right)]
        return Step("Concat", left=branches[0], right=branches[1])

    def unet(self) -> Step:
        if min(self.sides) < 2 or {"transposed", "upsample"} <= {*self.exclude}:
            return self.conv()
        self.move([Window(2, 2)] * self.dims)
        body = self.same()
        for a, side in enumerate(self.sides):
            self.grow(a, 2, side * 2, 2)
        up = Step(f"ConvTranspose{self.dims}d", self.channels, self.channels, 2, stride=2)
        if "transposed" in self.exclude or self.allows("upsample"):
            up = Step("Upsample", scale_factor=2)
        self.channels *= 2
        return Step("UNet", down=Step(f"MaxPool{self.dims}d", 2), body=body, up=up)

    def upsample(self) -> Step:
        scales, linear = [], self.allows("linear")
        for a, side in enumerate(self.sides):
            top = max(1, min(3, FINEST[self.dims] // self.phases[a], 30 // side))
            scales.append(self.pick(*range(min(top, 2), top + 1)))
            self.grow(a, scales[a], scales[a] * side, reach=int(linear))
        mode = ("linear", "bilinear", "trilinear")[self.dims - 1] if linear else "nearest"
        return Step("Upsample", scale_factor=tuple(map(float, scales)), mode=mode)

    def transposed(self) -> Step:
        found, dead = [], "dead" not in self.exclude
        for a, side in enumerate(self.sides):
            top = max(1, min(3, FINEST[self.dims] // self.phases[a], 30 // side))
            s = self.pick(*range(1, top + 1))
            k, d = self.pick(*range(1 if dead else s, 5)), self.pick(1, 2) if dead else 1
            p = self.pick(*range(min(2, d * (k - 1) // 2) + 1))
            extra = self.pick(*range(min(2, max(s, d), 2 if dead else p + 1)))
            found.append((k, s, d, p, extra))
            self.grow(a, s, (side - 1) * s + d * (k - 1) - 2 * p + extra + 1, d * (k - 1) // s + 1)
        names = ("kernel_size", "stride", "dilation", "padding", "output_padding")
        settings = dict(zip(names, zip(*found, strict=True), strict=True))
        return Step(f"ConvTranspose{self.dims}d", self.channels, self.channels, **settings)


@st.composite
def networks(
    draw: Any, dimensions: Sequence[int] = (1, 2, 3), exclude: Names = (), head: bool = False
) -> Network:
    """Networks of 1 to 6 steps, with a head an adaptive pool and a 1x1 convolution behind.

    `exclude` names KINDS ("unet" upsamples, too) or, finer, "same", "padding_mode", "groups",
    "ceil_mode", "linear" (interpolation), "dead" (windows on nothing but padding).
    """
    drawer = Drawer(draw, draw(st.sampled_from(dimensions)), exclude)
    shape = (drawer.channels, *drawer.sides)
    kinds = st.sampled_from([kind for kind in (*KINDS, *["conv"] * 4) if kind not in exclude])
    steps = [getattr(drawer, kind)() for kind in draw(st.lists(kinds, min_size=1, max_size=6))]
    features, last = Step("Sequential", *steps), Step("Identity")
    if head:
        pool = Step(f"AdaptiveAvgPool{drawer.dims}d", drawer.pick(1, 2, 3))
        last = Step("Sequential", pool, Step(f"Conv{drawer.dims}d", drawer.channels, 3, 1))
    module = Step("RandomNet", features=features, head=last).build().eval()
    try:
        with torch.no_grad():
            sides = [*module.features(torch.rand(1, *shape)).shape[2:]]
    except RuntimeError:  # a window that outgrew a 3-D map: rare enough to draw again
        reject()
    assert sides == drawer.sides, module
    return Network(module, shape, tuple(drawer.phases), str(module))
