"""The options that drawn steps take, and what each step does to the pace of its map."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from math import prod
from operator import lt
from typing import Any

from hypothesis import strategies as st

from tests.support.dag_mixers import STRIPS
from tests.support.dag_pieces import DOUBLED, FRAMES, MOVED, PICKS
from tests.support.dag_rows import ACROSS_ROWS, DISCARDED, POOLS, TOKENS, WRITES

ATTENTION = ("written", "function", "module", "mean", "causal", "filled", "added")
Options = dict[str, Any]


class Steps:
    """One method for every step: its options, and with ``endless`` what it does to the pace.

    A method returns None where nothing of the kind fits. The pace is a factor on the jump an axis
    and a length that the period has to be a multiple of.
    """

    def __init__(self, draw: Callable[..., Any], dims: int, endless: bool) -> None:
        self.draw, self.dims, self.endless = draw, dims, endless
        self.axes = range(dims)
        self.factor = [Fraction(1)] * dims
        self.multiple = [1] * dims

    def pick(self, *options: Any) -> Any:
        return self.draw(st.sampled_from(options))

    def each(self, choose: Callable[[int], Any]) -> tuple[Any, ...]:
        return tuple(choose(axis) for axis in self.axes)

    def slow(self, by: Sequence[int]) -> None:
        self.factor = [Fraction(n) for n in by]

    def window(self, sides: Sequence[int], *, dilated: bool, half: bool) -> Options | None:
        """Kernel, stride, padding and dilation; no window lies on padding alone."""
        found: dict[str, list[int]] = {"kernel_size": [], "stride": [], "padding": []}
        if dilated:
            found["dilation"] = []
        for side in sides:
            k, s, d = self.pick(1, 2, 3, 3, 4), self.pick(1, 1, 2, 3), self.pick(1, 1, 2, 3)
            d = d if dilated else 1
            p = self.pick(*range(k // 2 + 1 if half else min(3, k) + 1))
            if not alive(side, k, s, d, p):
                return None
            for name, value in zip(("kernel_size", "stride", "padding", "dilation"), (k, s, p, d)):  # noqa: B905
                if name in found:
                    found[name].append(value)
        self.slow(found["stride"])
        return {name: tuple(values) for name, values in found.items()}

    def conv(self, sides: Sequence[int]) -> Options | None:
        options = self.window(sides, dilated=True, half=False)
        mode = self.pick("zeros", "zeros", "reflect", "replicate", "circular")
        if options is not None:
            options |= {"groups": self.pick(1, 1, 2, 4), "padding_mode": mode}
            window = zip(options["dilation"], options["kernel_size"], strict=True)
            reach = [dilation * (kernel - 1) for dilation, kernel in window]
            # Of an odd reach torch warns.
            fits = max(options["stride"]) == 1 and all(map(lt, reach, sides))
            if fits and not any(n % 2 for n in reach) and self.pick(False, True):
                options["padding"] = "same"
        return options

    def masked(self, sides: Sequence[int]) -> Options | None:
        # A transposed one without some taps leaves units of an endless image that read nothing.
        kind = "Conv" if self.endless else self.pick("Conv", "Conv", "ConvTranspose")
        options = self.conv(sides) if kind == "Conv" else self.transposed(sides)
        if options is None:
            return None
        is_open = [self.pick(True, False) for _ in range(self.pick(2, 3, 5, 7))]
        if not any(is_open) or self.endless:
            is_open[0] = True
        return options | {
            "kind": kind,
            "is_open": is_open,
            "each": self.pick("tap", "pair", "both"),
        }

    def transposed(self, sides: Sequence[int]) -> Options | None:
        s = self.each(lambda _: self.pick(1, 2, 3))
        k = tuple(self.pick(*range(stride, 5)) for stride in s)
        p = tuple(self.pick(*range(min(2, (kernel - 1) // 2) + 1)) for kernel in k)
        extra = tuple(self.pick(*range(min(q + 1, stride))) for q, stride in zip(p, s, strict=True))
        self.faster(s)
        # Dilated and by steps it would leave out positions.
        dilation = self.pick(1, 2) if max(s) == 1 < min(sides) else 1
        return {
            "kernel_size": k, "stride": s, "padding": p, "output_padding": extra,
            "groups": self.pick(1, 2), "dilation": dilation,
        }  # fmt: skip

    def faster(self, by: Sequence[int]) -> None:
        self.factor = [Fraction(1, n) for n in by]

    def max_pool(self, sides: Sequence[int]) -> Options | None:
        options = self.window(sides, dilated=True, half=True)
        return options and options | {"ceil_mode": self.pick(False, True)}

    def avg_pool(self, sides: Sequence[int]) -> Options | None:
        options = self.window(sides, dilated=False, half=True)
        more = {"ceil_mode": self.pick(False, True), "count_include_pad": self.pick(True, False)}
        return options and options | more

    def lp_pool(self, sides: Sequence[int]) -> Options | None:
        options = self.window(sides, dilated=False, half=True)
        if options is not None:
            del options["padding"]
            options["ceil_mode"] = self.pick(False, True)
        return options

    def adaptive_pool(self, sides: Sequence[int]) -> Options | None:
        size = [self.pick(*range(1, min(7, side + 3))) for side in sides]
        return None if self.endless else {"size": size, "kind": self.pick("avg", "max")}

    def resize(self, sides: Sequence[int]) -> Options:
        linear = ("linear", "bilinear", "trilinear")[self.dims - 1]
        more = ("bicubic",) if self.dims == 2 else ()
        mode = self.pick("nearest", "nearest-exact", linear, linear, *more)
        scales = self.each(lambda _: self.pick(1, 2, 2, 3))
        options: Options = {"mode": mode}
        if self.endless or self.pick(True, False):
            options["scale_factor"] = tuple(map(float, scales))
        else:
            options["mode"] = mode = self.pick(mode, "area")
            options["size"] = [self.pick(*range(max(1, side - 3), side * 2 + 1)) for side in sides]
        if mode in (linear, "bicubic"):
            # Aligned corners depend on the side.
            options["align_corners"] = False if self.endless else self.pick(False, True)
        self.faster(scales)
        return options

    def pad(self, sides: Sequence[int]) -> Options:
        mode = self.pick("reflect", "replicate", "circular", "constant")
        # Zeros around a plane make units that read nothing: there only cut by them.
        most = 0 if mode == "constant" and self.dims > 1 else 2
        least = -1 if mode == "constant" else 0
        amounts = [self.pick(*range(least, most + 1)) for _ in range(2 * self.dims)]
        return {"amounts": amounts, "mode": mode}

    def unfold_fold(self, sides: Sequence[int]) -> Options | None:
        if self.dims != 2:
            return None
        k = self.each(lambda _: self.pick(1, 2, 3))
        s = tuple(self.pick(*range(1, kernel + 1)) for kernel in k)
        fits = all((n - a) % b == 0 for n, a, b in zip(sides, k, s, strict=True))
        self.multiple = list(s)
        # What the last windows leave out would read nothing.
        return {"kernel_size": k, "stride": s} if fits and not self.endless else None

    def sliding(self, sides: Sequence[int]) -> Options:
        axis = self.pick(*self.axes)
        step = self.pick(1, 2, 3)
        self.slow([step if a == axis else 1 for a in self.axes])
        return {"dim": axis + 2, "size": self.pick(1, 2, 3), "step": step}

    def slices(self, sides: Sequence[int]) -> Options:
        cuts = [(self.pick(None, 1, 2), self.pick(None, -1), self.pick(1, 1, 2, 3)) for _ in sides]
        self.slow([cut[2] for cut in cuts])
        return {"cuts": cuts}

    def flip(self, sides: Sequence[int]) -> Options | None:
        dims = [axis + 2 for axis in self.axes if self.pick(True, False)]
        return {"dims": dims} if dims and not self.endless else None

    def roll(self, sides: Sequence[int]) -> Options:
        return {"shift": self.pick(-2, 1, 3), "dim": self.pick(*self.axes) + 2}

    def around(self, sides: Sequence[int]) -> Options | None:
        by, axis = self.pick(-1, 1, 2), self.pick(*self.axes)
        way = self.pick("select", "add", "scatter")
        return None if self.endless else {"by": by, "dim": axis + 2, "way": way}

    def halo(self, sides: Sequence[int]) -> Options | None:
        axis, block = self.pick(*self.axes), self.pick(2, 3, 4)
        if sides[axis] < block * (1 + self.endless):
            return None
        self.multiple = [block if a == axis else 1 for a in self.axes]
        return {"dim": axis + 2, "block": block, "reach": self.pick(1, 2)}

    def swap(self, sides: Sequence[int]) -> Options | None:
        return {} if self.dims > 1 and not self.endless else None

    def repeated(self, sides: Sequence[int]) -> Options:
        axis, times = self.pick(*self.axes), self.pick(2, 3)
        self.faster([times if a == axis else 1 for a in self.axes])
        way = "interleave" if self.endless else self.pick("interleave", "repeat", "tile")
        return {"times": times, "dim": axis + 2, "way": way}

    def space_to_depth(self, sides: Sequence[int]) -> Options | None:
        # Two cells at least: of a single one the whole axis would become channels.
        if min(sides) < 2:
            return None
        parts = self.each(lambda axis: self.pick(*range(1, max(1, min(3, sides[axis] // 2)) + 1)))
        self.slow(parts)
        way = self.pick("inner", "outer", "stack", "some")
        return {"parts": parts, "way": way} | (
            {"groups": self.pick(1, 2, 4)} if way in ("inner", "outer") else {}
        )

    def depth_to_space(self, sides: Sequence[int]) -> Options | None:
        # Of a side of length one nothing in a view's shape tells which dimension it became.
        if min(sides) < 2:
            return None
        parts = self.each(lambda _: self.pick(1, 2, 3))
        self.faster(parts)
        return {"parts": parts}

    def pixel_shuffles(self, sides: Sequence[int]) -> Options | None:
        first = self.pick("up", "down")
        self.factor = [Fraction(1, 2) if first == "up" else Fraction(2)] * self.dims
        # Two cells at least: of a single one the whole axes would become channels.
        fits = self.dims == 2 and (first == "up" or min(sides) > 3)
        return {"factor": 2, "first": first} if fits else None

    def channels(self, sides: Sequence[int]) -> Options:
        ways = ["shuffle", "list", "index", "unbind", "einsum", "shifted", "nothing"]
        ways += [] if self.endless else ["halves", "write"]
        return {"way": self.pick(*ways)}

    def windows(self, sides: Sequence[int]) -> Options | None:
        # A window that holds the whole side joins it: no field repeats then.
        most = [min(4, side // 2 if self.endless else side) for side in sides]
        parts = self.each(lambda axis: self.pick(*range(1, max(1, most[axis]) + 1)))
        if max(parts) < 2:
            return None
        self.multiple = list(parts)
        grid = False if self.endless else self.pick(False, True)
        # By a mask over rows of tokens a row's field would depend on the column.
        masked = self.dims == 1 or not self.endless
        way = self.pick(*(ATTENTION if masked else ATTENTION[:4]))
        return {"parts": parts, "way": way, "shift": self.pick(0, 0, 1), "grid": grid}

    def axial(self, sides: Sequence[int]) -> Options | None:
        axis, way = self.pick(*self.axes), self.pick(*ATTENTION)
        return {"dim": axis + 2, "way": way} if sides[axis] > 1 and not self.endless else None

    def gate(self, sides: Sequence[int]) -> Options | None:
        dims = [axis + 2 for axis in self.axes if self.pick(True, False)] or [2]
        way = self.pick("pool", "expand", "sum", "number")
        return None if self.endless else {"dims": dims, "way": way}

    def along(self, sides: Sequence[int]) -> Options | None:
        axis, way = self.pick(*self.axes), self.pick("cumsum", "softmax", "linear")
        return None if self.endless else {"dim": axis + 2, "way": way, "side": sides[axis]}

    def tokens(self, sides: Sequence[int]) -> Options:
        return {"road": self.pick(*TOKENS, *(() if self.endless else ACROSS_ROWS))}

    def rewritten(self, sides: Sequence[int]) -> Options:
        return {"way": self.pick(*WRITES)}

    def discarded(self, sides: Sequence[int]) -> Options:
        return {"call": self.pick(*DISCARDED)}

    def pooled(self, sides: Sequence[int]) -> Options | None:
        return None if self.endless else {"road": self.pick(*POOLS)}

    def line_conv(self, sides: Sequence[int]) -> Options | None:
        axis = self.pick(*self.axes)
        options = Steps(self.draw, 1, self.endless).conv([sides[axis]])
        if options is not None:
            self.slow([options["stride"][0] if a == axis else 1 for a in self.axes])
            options["dim"] = axis + 2
        return options

    def cells(self, sides: Sequence[int]) -> Options | None:
        parts = self.each(lambda axis: self.pick(*range(1, max(1, sides[axis] // 2) + 1)))
        self.multiple = list(parts)
        by_turn = self.pick(False, True)
        # A mirrored border needs a second position.
        mode = self.pick("zeros", "replicate", "circular")
        return {"parts": parts, "by_turn": by_turn, "mode": mode} if max(parts) > 1 else None

    def halves(self, sides: Sequence[int]) -> Options | None:
        axis = self.pick(*self.axes)
        return {"dim": axis + 2} if sides[axis] > 1 and not self.endless else None

    def doubled(self, sides: Sequence[int]) -> Options:
        axis = self.pick(*self.axes)
        self.faster([2 if a == axis else 1 for a in self.axes])
        return {"dim": axis + 2, "way": self.pick(*DOUBLED)}

    def moved(self, sides: Sequence[int]) -> Options | None:
        axis = self.pick(*self.axes)
        return {"dim": axis + 2, "way": self.pick(*MOVED)} if sides[axis] > 1 else None

    def framed(self, sides: Sequence[int]) -> Options | None:
        axis = self.pick(*self.axes)
        # A frame that is written piece by piece has borders of its own.
        ways = [way for way in FRAMES if way != "into_a_frame" or not self.endless]
        return {"dim": axis + 2, "way": self.pick(*ways)} if sides[axis] > 2 else None

    def picked(self, sides: Sequence[int]) -> Options | None:
        axis = self.pick(*self.axes)
        places = [self.pick(*range(sides[axis])) for _ in range(self.pick(2, 3, 5, 8))]
        options = {"dim": axis + 2, "places": places, "way": self.pick(*PICKS)}
        return None if self.endless else options

    def involution(self, sides: Sequence[int]) -> Options | None:
        stride = self.pick(1, 1, 2)
        self.slow([stride] * self.dims)
        options = {"kernel_size": self.pick(1, 3), "dilation": self.pick(1, 2), "stride": stride}
        return options if self.dims == 2 else None

    def fold_up(self, sides: Sequence[int]) -> Options | None:
        stride = self.each(lambda _: self.pick(1, 2))
        self.faster(stride)
        kernel_size = tuple(self.pick(*range(s, 4)) for s in stride)
        return {"kernel_size": kernel_size, "stride": stride} if self.dims == 2 else None

    def focus(self, sides: Sequence[int]) -> Options | None:
        self.slow([2] * self.dims)
        return {} if min(sides) > 1 + self.endless else None

    def turned(self, sides: Sequence[int]) -> Options | None:
        return {"times": self.pick(1, 2, 3)} if self.dims == 2 and not self.endless else None

    def strip(self, sides: Sequence[int]) -> Options | None:
        axis, way = self.pick(*self.axes), self.pick(*STRIPS)
        return {"dim": axis + 2, "way": way} if self.dims > 1 and not self.endless else None

    def coordinate(self, sides: Sequence[int]) -> Options | None:
        return {} if self.dims == 2 and not self.endless else None

    def patches(self, sides: Sequence[int]) -> Options | None:
        k, s = self.pick(1, 2, 3), self.pick(1, 2)
        p = self.pick(*range(k // 2 + 1))
        self.slow([s] * self.dims)
        fits = self.dims == 2 and all(alive(side, k, s, 1, p) for side in sides)
        return {"kernel_size": k, "stride": s, "padding": p} if fits else None

    def spectral(self, sides: Sequence[int]) -> Options | None:
        return {} if self.dims < 3 else None

    def rows_as_channels(self, sides: Sequence[int]) -> Options | None:
        fits = self.dims > 1 and not self.endless
        return {"side": prod(sides[:-1])} if fits else None

    def mixed_tokens(self, sides: Sequence[int]) -> Options | None:
        return None if self.endless else {"count": prod(sides)}

    def channel_attention(self, sides: Sequence[int]) -> Options | None:
        return None if self.endless else {}

    def latents(self, sides: Sequence[int]) -> Options | None:
        return None if self.endless else {}

    def norm(self, sides: Sequence[int]) -> Options:
        ways = ["last", "batch", "response"] + ([] if self.endless else ["group", "instance"])
        return {"way": self.pick(*ways)}


def alive(side: int, k: int, s: int, d: int, p: int) -> bool:
    """Whether all windows, one more at the end included, read something of a side."""
    if side + 2 * p <= d * (k - 1):
        return False
    starts = range(-p, side + p - d * (k - 1) + s - 1, s)
    return all(any(0 <= o + d * t < side for t in range(k)) for o in starts if o < side)
