"""Random blocks with masks, windows and constant indices, drawn as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from hypothesis import strategies as st
from torch import Tensor, nn

LOW = {"infinite": float("-inf"), "finite": -1e9, "hundred": -100.0}


@dataclass(frozen=True)
class Windows:
    """Attention inside windows, shifted, with a mask that is drawn or Swin's."""

    window: tuple[int, int]
    shift: tuple[int, int]
    spelling: str
    low: str
    pattern: int

    def mask(self, h: int, w: int) -> Tensor:
        """Which pairs of a window are open: (windows, queries, keys)."""
        (wh, ww), (sh, sw) = self.window, self.shift
        if self.pattern:
            generator = torch.Generator().manual_seed(self.pattern)
            count = (h // wh) * (w // ww)
            drawn = torch.rand(count, wh * ww, wh * ww, generator=generator) < 0.6
            return drawn | torch.eye(wh * ww, dtype=torch.bool)
        rows, columns = torch.arange(h), torch.arange(w)
        of_rows = (rows >= h - wh).long() + (rows >= h - sh).long() * (sh > 0)
        of_columns = (columns >= w - ww).long() + (columns >= w - sw).long() * (sw > 0)
        areas = of_rows[:, None] * 3 + of_columns
        areas = areas.view(h // wh, wh, w // ww, ww).transpose(1, 2).reshape(-1, wh * ww)
        return areas[:, :, None] == areas[:, None, :]

    def __call__(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        wh, ww = self.window
        x = torch.roll(x, (-self.shift[0], -self.shift[1]), (2, 3))
        t = x.view(n, c, h // wh, wh, w // ww, ww).permute(0, 2, 4, 3, 5, 1)
        t = t.reshape(-1, wh * ww, c)
        t = attend(t, self.mask(h, w), self.spelling, self.low)
        t = t.view(n, h // wh, w // ww, wh, ww, c).permute(0, 5, 1, 3, 2, 4).reshape(n, c, h, w)
        return torch.roll(t, self.shift, (2, 3))


def attend(t: Tensor, open_: Tensor, spelling: str, low: str) -> Tensor:
    """Attention of tokens (..., tokens, features) on themselves where a mask is open."""
    added = torch.zeros(open_.shape, dtype=t.dtype).masked_fill(~open_, LOW[low])
    if spelling == "sdpa":
        return F.scaled_dot_product_attention(t, t, t, open_)
    if spelling == "sdpa added":
        return F.scaled_dot_product_attention(t, t, t, added)
    scores = t @ t.transpose(-2, -1)
    if spelling == "added":
        scores = scores + added
    elif spelling == "filled":
        scores = scores.masked_fill(~open_, LOW[low])
    else:
        scores = torch.where(open_, scores, LOW[low])
    weights = scores.softmax(-1)
    return torch.einsum("bqk,bkc->bqc", weights, t) if spelling == "chosen" else weights @ t


@dataclass(frozen=True)
class Tokens:
    """Attention over all positions, causal, banded, or as a pattern that is drawn."""

    kind: str
    reach: int
    spelling: str
    low: str

    def __call__(self, x: Tensor) -> Tensor:
        t = x.flatten(2).transpose(1, 2)
        places = torch.arange(t.shape[1])
        away = places[:, None] - places[None, :]
        if self.kind == "causal":
            open_ = away >= 0
        elif self.kind == "banded":
            open_ = away.abs() <= self.reach
        else:
            generator = torch.Generator().manual_seed(self.reach)
            open_ = (torch.rand(away.shape, generator=generator) < 0.3) | (away == 0)
        return attend(t, open_[None], self.spelling, self.low).transpose(1, 2).reshape(x.shape)


@dataclass(frozen=True)
class Indexed:
    """Positions picked by constant indices along one or two axes."""

    rows: tuple[int, ...]
    columns: tuple[int, ...]
    together: bool

    def __call__(self, x: Tensor) -> Tensor:
        rows = torch.tensor([row % x.shape[2] for row in self.rows])
        columns = torch.tensor([column % x.shape[3] for column in self.columns])
        if self.together:
            return x[:, :, rows[:, None], columns]
        return x.index_select(2, rows)[..., columns]


@dataclass(frozen=True)
class Written:
    """A part of a copy overwritten by another part, or by nothing."""

    rows: tuple[int, ...]
    columns: tuple[int, int, int]
    value: str

    def __call__(self, x: Tensor) -> Tensor:
        y = x.clone()
        rows = torch.tensor(sorted({row % x.shape[2] for row in self.rows}))
        columns = slice(*self.columns)
        if self.value == "nothing":
            y[:, :, rows, columns] = 0.0
        elif self.value == "added":
            y[:, :, :, columns].add_(x.flip(2)[..., columns])
        else:
            y[:, :, rows, columns] = x.flip(2)[:, :, rows, columns]
        return y


class Chain(nn.Module):
    """Convolutions with drawn functions between them."""

    def __init__(self, steps: list[Any], kernels: list[int]) -> None:
        super().__init__()
        self.steps = steps
        self.convs = nn.ModuleList(nn.Conv2d(2, 2, k, padding=k // 2) for k in kernels)

    def forward(self, x: Tensor) -> Tensor:
        for conv, step in zip(self.convs, self.steps, strict=True):
            x = conv(x)
            x = x + step(x) if step.__class__ in (Windows, Tokens) else step(x)
        return x

    def extra_repr(self) -> str:
        return str(self.steps)


SPELLINGS = st.sampled_from(["added", "filled", "chosen", "sdpa", "sdpa added"])
LOWS = st.sampled_from(["infinite", "finite", "hundred"])


@st.composite
def windows(draw: Any, sides: tuple[int, int], *, swin: bool = False) -> Windows:
    """Windows whose sides divide those of the map."""
    window = [draw(st.sampled_from([k for k in (2, 3, 4) if side % k == 0])) for side in sides]
    shift = [draw(st.integers(0, k - 1)) for k in window]
    pattern = 0 if swin else draw(st.sampled_from([0, 0, 0, 1, 2]))
    return Windows(
        (window[0], window[1]), (shift[0], shift[1]), draw(SPELLINGS), draw(LOWS), pattern
    )


def tokens() -> st.SearchStrategy[Tokens]:
    """Attention over all positions."""
    kinds = st.sampled_from(["causal", "banded", "drawn"])
    return st.builds(Tokens, kinds, st.integers(0, 4), SPELLINGS, LOWS)


def indexed() -> st.SearchStrategy[Indexed]:
    """Reading by constant indices; the result is twelve by eight, as the map was."""
    rows = st.lists(st.integers(0, 11), min_size=12, max_size=12).map(tuple)
    columns = st.lists(st.integers(0, 7), min_size=8, max_size=8).map(tuple)
    return st.builds(Indexed, rows, columns, st.booleans())


def written() -> st.SearchStrategy[Written]:
    """Writing into a part."""
    rows = st.lists(st.integers(0, 11), min_size=1, max_size=5).map(tuple)
    columns = st.tuples(st.integers(0, 4), st.integers(5, 8), st.integers(1, 2))
    return st.builds(Written, rows, columns, st.sampled_from(["nothing", "added", "copied"]))


@st.composite
def chains(draw: Any) -> Chain:
    """One to three steps on a map of twelve by eight."""
    step = st.one_of(windows((12, 8)), windows((12, 8), swin=True), tokens(), indexed(), written())
    steps = draw(st.lists(step, min_size=1, max_size=3))
    kernels = draw(st.lists(st.sampled_from([1, 3]), min_size=len(steps), max_size=len(steps)))
    return Chain(steps, kernels)


@st.composite
def swins(draw: Any) -> Chain:
    """Blocks of shifted windows of one size, whose theoretical fields settle."""
    window = draw(st.sampled_from([(2, 2), (4, 2), (4, 4)]))
    steps = []
    for _ in range(draw(st.integers(1, 2))):
        shift = (draw(st.integers(0, window[0] - 1)), draw(st.integers(0, window[1] - 1)))
        steps.append(Windows(window, shift, draw(SPELLINGS), draw(LOWS), 0))
    kernels = draw(st.lists(st.sampled_from([1, 3]), min_size=len(steps), max_size=len(steps)))
    return Chain(steps, kernels)
