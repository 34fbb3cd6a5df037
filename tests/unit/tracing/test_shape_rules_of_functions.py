"""What a shape rule gives is what torch would: shape, type, strides and whose memory it is."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from random import Random
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from archcheck.network import kinds
from archcheck.tracing.module_tree import paths_of
from archcheck.tracing.recorder import Recorder
from archcheck.tracing.shape_rules.base import NeedsValues
from archcheck.tracing.shape_rules.executor import ShapeExecutor
from archcheck.tracing.shape_rules.layout import canonical_strides, pointwise_strides
from archcheck.tracing.tensor_ids import tensors_in

Drawn = tuple[Callable[..., Any], Sequence[Any], dict[str, Any]]
FLOATS = [torch.float32] * 6 + [torch.float64, torch.bfloat16]


def laid_out(r: Random, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    """A tensor of some layout: fresh, permuted, channels last, a slice, expanded."""
    x = torch.randn(tuple(shape)).to(dtype)
    way = r.randrange(8)
    if way == 0:
        order = r.sample(range(x.dim()), x.dim())
        return x.permute(order).contiguous().permute([order.index(d) for d in range(x.dim())])
    if way == 1 and x.dim() == 4:
        return x.contiguous(memory_format=torch.channels_last)
    if way == 2:
        room = torch.randn([side + 2 for side in shape]).to(dtype)
        return room[tuple(slice(1, side + 1) for side in shape)]
    if way == 3 and x.dim():
        return x[..., :1].expand(x.shape)
    return x


def sides(r: Random, rank: int, most: int = 7) -> list[int]:
    return [r.randint(1, most) for _ in range(rank)]


def per_axis(r: Random, axes: int, low: int, high: int) -> Any:
    return r.choice([r.randint(low, high), tuple(r.randint(low, high) for _ in range(axes))])


def maybe(r: Random, x: Any) -> Any:
    return x if r.random() < 0.6 else None


def convolution(r: Random) -> Drawn:
    n, groups = r.randint(1, 3), r.randint(1, 2)
    inside, outside = groups * r.randint(1, 3), groups * r.randint(1, 3)
    x = laid_out(r, [r.randint(1, 2), inside + (r.random() < 0.05), *sides(r, n, 9)], torch.float32)
    bias = maybe(r, torch.ones(outside))
    options = {"dilation": per_axis(r, n, 1, 2), "groups": groups, "stride": per_axis(r, n, 1, 3)}
    if r.random() < 0.5:
        weight = laid_out(r, [outside, inside // groups, *sides(r, n, 3)], torch.float32)
        options["padding"] = r.choice(["same", "valid", per_axis(r, n, 0, 3)])
        return getattr(F, f"conv{n}d"), (x, weight, bias), options
    weight = laid_out(r, [inside, outside // groups, *sides(r, n, 3)], torch.float32)
    options |= {"padding": per_axis(r, n, 0, 2), "output_padding": per_axis(r, n, 0, 1)}
    return getattr(F, f"conv_transpose{n}d"), (x, weight, bias), options


def pool(r: Random) -> Drawn:
    n = r.randint(1, 3)
    x = laid_out(r, [*sides(r, 2, 2), *sides(r, n, 9)], r.choice(FLOATS))
    if r.random() < 0.4:
        name = r.choice(["adaptive_avg_pool", "adaptive_max_pool"])
        return getattr(F, f"{name}{n}d"), (x, per_axis(r, n, 1, 4)), {}
    name = r.choice(["max_pool", "avg_pool"])
    options = {"padding": per_axis(r, n, 0, 2), "ceil_mode": r.random() < 0.5}
    options |= {"stride": per_axis(r, n, 1, 3)} if r.random() < 0.6 else {}
    return getattr(F, f"{name}{n}d"), (x, per_axis(r, n, 1, 4)), options


def resized(r: Random) -> Drawn:
    n = r.randint(1, 3)
    x = laid_out(r, [*sides(r, 2, 2), *sides(r, n, 9)], r.choice(FLOATS))
    if r.random() < 0.5:
        amounts = [r.randint(0, 2) for _ in range(2 * n)]
        return F.pad, (x, amounts), {"mode": r.choice(["constant", "constant", "replicate"])}
    modes = ["nearest", "nearest-exact", "area", {1: "linear", 2: "bilinear", 3: "trilinear"}[n]]
    options: dict[str, Any] = {"mode": r.choice([*modes, "bicubic"])}
    scales = [2, 0.5, 1.7, 0.3, (1.5,) * n]
    key, value = r.choice([("size", per_axis(r, n, 1, 9)), ("scale_factor", r.choice(scales))])
    return F.interpolate, (x,), {**options, key: value}


def named(kind: str) -> Callable[..., Any]:
    """The function of torch that gives a kind its name."""
    places = (F, torch, Tensor)
    found: Callable[..., Any] = next(getattr(p, kind) for p in places if hasattr(p, kind))
    return found


UNARY: list[Callable[..., Any]] = [
    *map(named, sorted(kinds.ELEMENTWISE - kinds.BROADCASTING - {"prelu", "bucketize", "isin"})),
    *(torch.clone, torch.Tensor.relu_, torch.Tensor.sigmoid_, torch.Tensor.tan_, torch.Tensor.erf_),
    *(torch.relu, torch.sigmoid, torch.tanh),
]
BINARY: list[Callable[..., Any]] = [
    *map(
        named, sorted(kinds.BROADCASTING - {"where", "lerp", "addcmul", "addcdiv", "masked_fill"})
    ),
    *(torch.Tensor.__iadd__, torch.Tensor.mul_, torch.Tensor.__rsub__, torch.Tensor.__radd__),
    *(torch.Tensor.atan2_, torch.Tensor.hypot_, torch.Tensor.__xor__, torch.Tensor.logical_xor_),
]
TERNARY: list[Callable[..., Any]] = [torch.lerp, torch.addcmul, torch.addcdiv]
ODD: list[Callable[..., Any]] = [
    lambda x: torch.bernoulli(x, 0.3),
    lambda x: x.bernoulli_(0.3),
    lambda x: x.bernoulli_(),
    lambda x: F.rrelu(x, training=True),
    lambda x: F.rrelu(x, 0.1, 0.2, True, True),
    lambda x: F.prelu(x, torch.ones(1, dtype=x.dtype)),
    lambda x: F.prelu(x, torch.ones(x.shape[1] if x.dim() > 1 else 1, dtype=x.dtype)),
    lambda x: F.gumbel_softmax(x, 0.5, True),
    lambda x: torch.bucketize(x, torch.arange(3.0)),
    lambda x: torch.isin(x, torch.arange(3)),
    lambda x: torch.isin(torch.arange(3), x),
    lambda x: torch.complex(x, x).real,
    lambda x: torch.polar(x, x).conj().imag,
    lambda x: torch.complex(x, x).abs(),
]
NORMAL: list[Callable[..., Any]] = [F.softmax, F.log_softmax, torch.softmax]
REDUCE: list[Callable[..., Any]] = [torch.mean, torch.sum, torch.amax]


def pointwise(r: Random) -> Drawn:
    shape = sides(r, r.randint(0, 4), 4)
    types = [*FLOATS, torch.int64, torch.bool]
    x = laid_out(r, shape, r.choice(types))
    if r.random() < 0.4:
        return r.choice([*UNARY, *ODD]), (x,), {}
    other = [r.choice([side, side, 1]) for side in shape][r.randint(0, max(len(shape) - 1, 0)) :]
    y = r.choice([laid_out(r, other, r.choice(types)), 2, 0.5, True])
    if r.random() < 0.2 and isinstance(y, Tensor):
        return torch.where, (laid_out(r, shape, torch.bool), x, y), {}
    if r.random() < 0.1 and isinstance(y, Tensor):
        return r.choice(TERNARY), (x, y, laid_out(r, shape, x.dtype)), {}
    if r.random() < 0.1:
        return torch.masked_fill, (x, laid_out(r, other, torch.bool), r.choice([2, 0.5])), {}
    operands = (y, x) if r.random() < 0.3 and isinstance(y, Tensor) else (x, y)
    return r.choice(BINARY), operands, {}


def layer(r: Random) -> Drawn:
    x = laid_out(r, sides(r, r.randint(1, 5), 4), r.choice([torch.float32, torch.float64]))
    channels = (x.shape[1] if x.dim() > 1 else 1) + (r.random() < 0.05)
    vector, last = torch.ones(channels, dtype=x.dtype), tuple(x.shape[-1:])
    dim = r.randint(-x.dim(), x.dim())
    normal, reduce = r.choice(NORMAL), r.choice(REDUCE)
    choices: list[Drawn] = [
        (F.batch_norm, (x, maybe(r, vector * 0), maybe(r, vector), vector, None, dim > 0), {}),
        (F.layer_norm, (x, last, maybe(r, torch.ones(last, dtype=x.dtype))), {}),
        (F.group_norm, (x, r.choice([1, 2, channels]), maybe(r, vector)), {}),
        (normal, (x,), {"dim": dim}),
        (F.linear, (x, torch.ones(3, x.shape[-1] + (dim == 4), dtype=x.dtype)), {}),
        (torch.matmul, (x, laid_out(r, [x.shape[-1], 3], x.dtype)), {}),
        (torch.matmul, (x, x.transpose(-1, -2) if x.dim() > 1 else x), {}),
        (reduce, (x, dim), {"keepdim": r.random() < 0.5}),
        (r.choice([torch.mean, torch.sum]), (x,), {}),
        (torch.cat, ([x, laid_out(r, x.shape, x.dtype)], dim), {}),
        (torch.stack, ([x, x], dim), {}),
        (F.dropout, (x, r.choice([0.0, 0.5, 1.0, 2.0])), {"training": dim > 0}),
    ]
    return r.choice(choices)


def view(r: Random) -> Drawn:
    x = laid_out(r, sides(r, r.randint(1, 4), 4), r.choice(FLOATS))
    order, dim = r.sample(range(x.dim()), x.dim()), r.randint(-x.dim(), x.dim())
    index = r.choice([0, -1, slice(None, None, 2), (Ellipsis, 0), None, [0], torch.tensor([0, 0])])
    value = r.choice([1.0, torch.ones(1), torch.ones(1, 1, *x.shape[1:])])
    choices: list[Drawn] = [
        (torch.Tensor.reshape, (x, [x.shape[d] for d in order]), {}),
        (torch.Tensor.reshape, (x, -1, x.shape[-1]), {}),
        (torch.Tensor.view, (x, [x.shape[d] for d in order]), {}),
        (torch.flatten, (x, dim, r.randint(-x.dim(), x.dim())), {}),
        (torch.Tensor.contiguous, (x,), {}),
        (torch.permute, (x, order), {}),
        (torch.Tensor.__getitem__, (x, index), {}),
        (torch.Tensor.__setitem__, (x, index, value), {}),
        (torch.Tensor.repeat, (x, *sides(r, x.dim(), 3)), {}),
        (torch.roll, (x, dim, dim), {}),
        (torch.flip, (x, [dim]), {}),
        (torch.Tensor.to, (x, r.choice([torch.float32, torch.float64])), {}),
        (torch.unsqueeze, (x, dim), {}),
        (F.pixel_shuffle, (laid_out(r, [1, r.choice([4, 8, 3]), 3, 2], torch.float32), 2), {}),
    ]
    return r.choice(choices)


def indexed(r: Random) -> Drawn:
    """Looking up and writing by indices, which lie inside."""
    shape = sides(r, r.randint(1, 4), 4)
    x = laid_out(r, shape, r.choice(FLOATS))
    dim = r.randrange(x.dim())
    row = torch.randint(shape[dim], (r.randint(1, 3),))
    lengths = [r.randint(1, side) for side in shape]
    index = torch.randint(shape[dim], lengths)
    src = torch.ones(lengths, dtype=x.dtype)
    part = torch.ones_like(x)[tuple(slice(n) for n in lengths)]
    rows = torch.ones_like(x.index_select(dim, row))
    table = laid_out(r, sides(r, 2), torch.float32)
    grid = torch.rand(1, *sides(r, 2, 4), 2)
    choices: list[Drawn] = [
        (F.embedding, (torch.randint(len(table), shape), table), {}),
        (F.one_hot, (torch.randint(4, shape), 4), {}),
        (F.normalize, (x,), {"dim": dim}),
        (F.grid_sample, (laid_out(r, [1, *sides(r, 3, 5)], torch.float32), grid), {}),
        (torch.gather, (x, dim, index), {}),
        (torch.take_along_dim, (x, torch.randint(shape[-1], shape), -1), {}),
        (torch.index_select, (x, dim, row), {}),
        (torch.Tensor.__getitem__, (x, (torch.randint(shape[0], (2,)), Ellipsis)), {}),
        (torch.Tensor.__setitem__, (x, torch.randint(shape[0], (2,)), 1.0), {}),
        (torch.Tensor.__setitem__, (x, x > 0, r.choice([0.0, torch.zeros(())])), {}),
        (torch.Tensor.index_put_, (x, (torch.randint(shape[0], (2,)),), torch.ones(())), {}),
        *[
            (getattr(torch.Tensor, f"{name}{mark}"), (x, dim, at, values), {})
            for name, at, values in (
                ("index_add", row, rows),
                ("index_copy", row, rows),
                ("index_fill", row, 0.5),
                ("scatter", index, src),
                ("scatter", index, 0.5),
                ("scatter_add", index, src),
            )
            for mark in ("", "_")
        ],
        (torch.Tensor.scatter_reduce, (x, dim, index, src, "amax"), {}),
        (torch.Tensor.masked_scatter_, (x, x > 0, torch.ones(x.numel(), dtype=x.dtype)), {}),
        (torch.Tensor.copy_, (x, r.choice([torch.ones(shape[-1]), part])), {}),
        (torch.Tensor.fill_, (x, r.choice([1.0, torch.ones(())])), {}),
        (torch.Tensor.zero_, (x,), {}),
    ]
    return r.choice(choices)


def described(result: Any, arguments: Sequence[Any]) -> Any:
    """All that can be known of a result without its values."""
    if not isinstance(result, Tensor):
        return [described(item, arguments) for item in tensors_in(result)]
    lent = [
        (place, x is result, result.storage_offset())
        for place, x in enumerate(tensors_in(list(arguments)))
        if x.untyped_storage()._cdata == result.untyped_storage()._cdata
    ]
    return (type(result), tuple(result.shape), result.dtype, result.stride(), lent)


def copied(value: Any) -> Any:
    """The same arguments in memory of their own."""
    if isinstance(value, Tensor):
        storage: Any = value.untyped_storage()
        fresh: Any = torch.empty(0, dtype=value.dtype)
        return fresh.set_(storage.clone(), value.storage_offset(), value.shape, value.stride())
    return type(value)(map(copied, value)) if isinstance(value, (list, tuple)) else value


def from_shapes(drawn: Drawn, constants: Collection[int] = ()) -> Any:
    """What shape rules give for a call, described; ``constants`` are places of arguments."""
    function, arguments, options = drawn
    recorder = Recorder(paths_of(nn.Identity()))
    executor = ShapeExecutor(recorder.tensor_ids, None)
    found: list[Any] = []

    def perform(call: Any) -> Any:
        result = executor.perform(call)
        found.append(described(result, arguments))
        return result

    recorder.perform = perform
    for place, tensor in enumerate(tensors_in(list(arguments))):
        recorder.tensor_ids.register(tensor, "constant" if place in constants else "input")
    with recorder:
        function(*arguments, **options)
    return found[-1]


def from_torch(drawn: Drawn) -> Any:
    """What torch gives, described."""
    function, arguments, options = drawn
    mine = copied(tuple(arguments))
    return described(function(*mine, **options), mine)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "family",
    [convolution, pool, resized, pointwise, layer, view, indexed],
    ids=lambda f: f.__name__,
)
@given(st.randoms(use_true_random=False))
@torch.no_grad()
def test_results_are_what_torch_gives(family: Callable[[Random], Drawn], r: Random) -> None:
    drawn = family(r)
    real, error = None, None
    try:
        real = from_torch(drawn)
    except Exception as raised:
        error = raised
    constants = {place for place in range(1, len(drawn[1])) if r.random() < 0.5}
    try:
        found = from_shapes(drawn, constants)
    except NeedsValues:
        return
    except Exception:
        assert error is not None  # the real pass will say which
        return
    assert error is None
    assert found == real


def empty(shape: tuple[int, ...], strides: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    return torch.empty_strided(shape, strides, dtype=dtype)


CONVERTED: list[Drawn] = [
    (torch.Tensor.__radd__, (empty((1, 3, 4, 1), (1, 1, 3, 12), torch.float32), 2), {}),
    (
        torch.minimum,
        (
            empty((2, 1, 4), (18, 6, 1), torch.bool),
            empty((4, 2, 1, 4), (8, 1, 8, 2), torch.int64),
        ),
        {},
    ),
]


@pytest.mark.parametrize("drawn", CONVERTED, ids=["a number", "another type"])
@torch.no_grad()
def test_what_is_converted_first_may_lie_otherwise(drawn: Drawn) -> None:
    assert from_shapes(drawn) == from_torch(drawn)


@given(st.randoms(use_true_random=False))
def test_strides_of_pointwise_results(r: Random) -> None:
    shape = sides(r, r.randint(0, 5), 4)
    operands = [
        laid_out(r, [r.choice([side, side, 1]) for side in shape], torch.float32) for _ in "12"
    ]
    result = operands[0] + operands[1]
    described_as = tuple((tuple(x.shape), x.stride()) for x in operands)
    assert pointwise_strides(tuple(result.shape), described_as) == result.stride()


@given(st.randoms(use_true_random=False))
def test_strides_of_sums_with_numbers(r: Random) -> None:
    x = laid_out(r, [r.choice([1, 2, 3]) for _ in range(r.randint(1, 4))], torch.float32)
    described_as = ((tuple(x.shape), x.stride()), ((), ()))
    assert pointwise_strides(tuple(x.shape), described_as) == (x + 2).stride()


@pytest.mark.parametrize("shape", [(1, 2, 1, 2), (2, 3, 1, 2), (1, 2, 3, 1), (1, 1, 2, 2)])
def test_strides_of_sums_of_images(shape: tuple[int, ...]) -> None:
    # Along a side of length one a stride says nothing, but it is handed on.
    image = torch.empty(shape).to(memory_format=torch.channels_last)
    loose = [1 if side == 1 else step for side, step in zip(shape, image.stride(), strict=True)]
    other = torch.empty_strided(shape, loose)
    for pair in ((image, other), (other, image), (other, other), (other, torch.empty(shape))):
        described_as = tuple((tuple(x.shape), x.stride()) for x in pair)
        assert pointwise_strides(shape, described_as) == (pair[0] + pair[1]).stride()


@given(st.lists(st.integers(1, 5), max_size=5))
def test_strides_of_fresh_tensors(shape: list[int]) -> None:
    assert canonical_strides(tuple(shape)) == torch.empty(shape).stride()
