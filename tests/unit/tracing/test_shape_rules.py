"""A trace from shapes is the trace of a real forward pass, whatever the network does."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from archcheck.network import Network, kinds
from archcheck.tracing.shape_rules.executor import ShapeExecutor
from archcheck.tracing.trace import trace
from archcheck.worker.failures import Failure, RunError
from archcheck.worker.loading import loaded
from archcheck.worker.reference import parse_reference
from tests.support import strategies
from tests.support.paths import EXAMPLES
from tests.support.zoo import (
    alexnet,
    conv1d,
    conv3d,
    convnext,
    densenet,
    inception,
    mnasnet,
    mobilenet,
    resnet,
    se,
    squeezenet,
    unet,
    vgg,
    vit,
)

IMAGE = (3, 8, 8)
NETS = sorted((EXAMPLES / "assignment7").glob("net*.py"))
Result = Network | Failure


def traced(
    model: nn.Module, shape: tuple[int, ...], training: bool = False
) -> tuple[Result, Result, bool]:
    """What a trace from shapes and one of a real pass give, and whether the first one did."""
    attempts: list[bool] = []

    def run(compute: bool) -> Result:
        try:
            return trace(
                model, shape, training=training, compute=compute, attempted=attempts.append
            )
        except RunError as error:
            return error.failure()

    from_shapes, real = (run(compute) for compute in (False, True))
    return from_shapes, real, attempts == [True]


ZOO: list[tuple[Callable[[], nn.Module], tuple[int, ...]]] = [
    (resnet.resnet18, (3, 64, 64)),
    (resnet.resnet50, (3, 64, 64)),
    (vgg.vgg16, (3, 32, 32)),
    (alexnet.alexnet, (3, 224, 224)),
    (densenet.densenet, (3, 32, 32)),
    (inception.inception_v3, (3, 299, 299)),
    (mobilenet.mobilenet_v1, (3, 64, 64)),
    (mobilenet.mobilenet_v2, (3, 64, 64)),
    (mnasnet.mnasnet1_0, (3, 64, 64)),
    (squeezenet.squeezenet1_1, (3, 64, 64)),
    (unet.unet, (3, 64, 64)),
    (unet.bilinear_unet, (3, 64, 64)),
    (vit.vit, (3, 32, 32)),
    (vit.functional_vit, (3, 32, 32)),
    (convnext.convnext, (3, 64, 64)),
    (se.senet, (3, 32, 32)),
    (conv1d.tcn, (1, 64)),
    (conv3d.net3d, (1, 16, 16, 16)),
]


@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
@pytest.mark.parametrize(("factory", "shape"), ZOO, ids=lambda v: getattr(v, "__name__", ""))
def test_well_known_networks(
    factory: Callable[[], nn.Module], shape: tuple[int, ...], training: bool
) -> None:
    from_shapes, real, at_once = traced(factory(), shape, training)
    assert at_once
    assert isinstance(from_shapes, Network)
    assert from_shapes == real


@pytest.mark.parametrize("path", NETS, ids=lambda path: path.stem)
def test_the_assignment_s_networks(path: Path) -> None:
    with loaded(parse_reference(str(path)), {}) as found:
        from_shapes, real, at_once = traced(found.model, (3, 32, 32))
    assert at_once
    assert from_shapes == real


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@given(strategies.networks())
def test_random_networks(network: strategies.Network) -> None:
    from_shapes, real, _ = traced(network.module, network.input_shape)
    assert from_shapes == real


# -- forwards that look at values, or do the unforeseen ------------------------------------------


class Live(nn.Module):
    """A network whose forward is given as a function."""

    mean: Tensor
    index: Tensor

    def __init__(self, run: Callable[[Live, Tensor], Any]) -> None:
        super().__init__()
        self.run = run
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.weight = nn.Parameter(torch.ones(4))
        self.register_buffer("mean", torch.zeros(4))
        self.register_buffer("index", torch.tensor([0, 2]))
        self.count = 0

    def forward(self, x: Tensor) -> Any:
        return self.run(self, x)


class Twice(torch.autograd.Function):
    """A function that torch knows nothing of."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x * 2

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return gradients


def swallowing(live: Live, x: Tensor) -> Any:
    try:
        many = int(x.sum() > -1e9)
    except BaseException:
        many = 3
    return x.repeat(1, many, 1, 1)


def counting(live: Live, x: Tensor) -> Any:
    live.count += 1
    return live.conv(x)[:, : live.count + int(x.numel() > 0)] * float(x.std() > 0)


def statistics(live: Live, x: Tensor) -> Any:
    y: Tensor = live.norm(live.conv(x))
    return y[:, :2] if float(live.norm.running_mean.abs().sum()) > 0 else y  # type: ignore[union-attr]


def written_buffer(live: Live, x: Tensor) -> Tensor:
    live.mean += x.mean((0, 2, 3)).sum()
    return x[:, : 1 + int(live.mean.abs().max() > 0)]


def aliased(live: Live, x: Tensor) -> Tensor:
    out = torch.zeros(1, 6, 8, 8)
    half = out[:, :3]
    out[:, :3] = x[:1]
    return x[:, : 1 + int(half.abs().sum() > 0)]


def learning(live: Live, x: Tensor) -> Any:
    with torch.enable_grad():
        live.conv(x).mean().backward()
    return live.conv(x)[:, : 1 + int(live.conv.weight.grad is not None)]


def mapped(live: Live, x: Tensor) -> Any:
    def relu(y: Tensor) -> Tensor:
        return torch.relu(y)

    return torch.func.vmap(relu)(x)


def mixed(live: Live, x: Tensor) -> Any:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return live.conv(x)


def scripted(live: Live, x: Tensor) -> Tensor:
    return x[:, : 1 + int(SCRIPT(x) > -1e9)]


def seen_by_numpy(live: Live, x: Tensor) -> Tensor:
    return x + torch.from_numpy(np.asarray(x)).sum()


def masked(live: Live, x: Tensor) -> Any:
    mask = torch.triu(torch.full((8, 8), float("-inf")), 1)
    return F.softmax(x @ x.transpose(2, 3) + mask, -1) @ x


def in_place_everywhere(live: Live, x: Tensor) -> Any:
    y = live.conv(x)
    left, right = y.chunk(2, 1)
    left += right
    right.mul_(2).relu_()
    F.relu(y, inplace=True)
    y[:, :, 1:3] = 0
    y[..., 0] = x[:, :1, 0, :6]
    return y.unsqueeze_(0).squeeze(0)


SCRIPT: Any = None

ODD: dict[str, tuple[Callable[[Live, Tensor], Any], bool]] = {
    "decides": (lambda live, x: x if x.sum() > 1e9 else x[:, :2], False),
    "takes an item": (lambda live, x: x * x.sum().item(), False),
    "takes a list": (lambda live, x: x * float(len(x.tolist())), False),
    "slices by a value": (lambda live, x: x[:, : x.argmax() * 0 + 2], False),
    "narrows by a value": (lambda live, x: x.narrow(1, 0, int(x.argmax()) * 0 + 2), False),
    "pads by a value": (lambda live, x: F.pad(x, (int(x.argmax() * 0) + 1, 0)), False),
    "picks by a value": (lambda live, x: x[:, x.mean((2, 3)).argmax(1)], True),
    "masks by values": (lambda live, x: x[x > 0], False),
    "counts what is not zero": (lambda live, x: x[:, :1] * torch.nonzero(x).shape[1], False),
    "embeds values": (lambda live, x: F.embedding(x.long().abs() % 4, live.weight[:, None]), False),
    "fills by a value": (lambda live, x: x + torch.full((8,), x.mean()), False),  # type: ignore[call-overload]
    "swallows everything": (swallowing, False),
    "counts itself": (counting, False),
    "looks at a written buffer": (written_buffer, False),
    "looks through an alias": (aliased, False),
    "learns": (learning, False),
    "maps over the batch": (mapped, False),
    "computes in mixed precision": (mixed, False),
    "calls a script": (scripted, False),
    "goes through numpy": (seen_by_numpy, False),
    "goes through numpy's functions": (lambda live, x: x * float(np.abs(x.numpy()).max()), False),
    "has a function of its own": (lambda live, x: Twice.apply(x), True),  # type: ignore[no-untyped-call]
    "uses a rare function": (lambda live, x: torch.cdist(x, x), False),
    "uses an operator directly": (lambda live, x: torch.ops.aten.relu(x), False),
    "writes to out": (lambda live, x: torch.add(x, 1, out=torch.empty(0)), False),
    "draws a mask": (lambda live, x: F.dropout(x, 0.5, True) * torch.rand(8), False),
    "draws a mask after zeros in place": (
        lambda live, x: F.dropout(x, 0.5, True, True).masked_fill(torch.rand(8) > 0.5, 0.0),
        False,
    ),
    "draws by values": (lambda live, x: torch.bernoulli(x.sigmoid()), False),
    "draws a mask after noise": (
        lambda live, x: F.gumbel_softmax(x, dim=1).masked_fill(torch.rand(8) > 0.5, 0.0),
        False,
    ),
    "divides whole numbers": (lambda live, x: torch.fmod(x.long(), x.long()), False),
    "prints": (lambda live, x: (print(x.shape, x), x)[1], False),
    "raises": (lambda live, x: live.conv(x)[:, 9], False),
    "is given the wrong channels": (lambda live, x: live.conv(live.conv(x)), False),
    "is given the wrong sizes": (lambda live, x: torch.cat([x, x[:, :, 1:]], 1), False),
    "views what cannot be viewed": (lambda live, x: x.transpose(2, 3).view(-1), False),
    "views what can": (lambda live, x: x.transpose(2, 3).reshape(1, 3, -1).contiguous(), True),
    "looks at statistics": (statistics, True),
    "decides by a constant": (lambda live, x: x if live.weight.sum() > 0 else x[:, :1], True),
    "decides by a shape": (lambda live, x: x if x.shape[1] > 2 and len(x) else x[:, :1], True),
    "checkpoints": (lambda live, x: checkpoint(live.conv, x, use_reentrant=False), True),
    "picks by a constant": (lambda live, x: x[:, live.index] * live.weight[live.index].sum(), True),
    "masks by a constant": (masked, True),
    "writes in place": (in_place_everywhere, True),
    "writes a parameter": (lambda live, x: live.conv.weight.data.mul_(2).sum() * x, True),
    "sorts": (lambda live, x: x.sort(2).values + x.topk(3, 1).values.cumsum(1), True),
    "writes into zeros": (lambda live, x: torch.zeros(1, 3, 8, 8).add_(x[:1]), True),
    "compares": (lambda live, x: torch.where(x > 0, x, -x).masked_fill(x == 1, 0.0), True),
    "lets nothing be known of gradients": (
        lambda live, x: torch.inference_mode()(live.conv)(x),
        True,
    ),
}


@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
@pytest.mark.parametrize("name", ODD)
def test_odd_networks(name: str, training: bool) -> None:
    global SCRIPT
    run, expected = ODD[name]
    if run is scripted:
        with contextlib.suppress(AttributeError), pytest.warns(DeprecationWarning):
            SCRIPT = torch.jit.script(script)
    live = Live(run)
    before = {name: value.clone() for name, value in live.state_dict().items()}
    from_shapes, real, at_once = traced(live, IMAGE, training)
    assert from_shapes == real
    assert at_once is (expected and not (training and run is statistics))
    assert live.count == 0
    after = live.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in after)


def tokens(x: Tensor) -> Tensor:
    """For every column the row of its largest entry, from 0 to 5."""
    return x[:, :, :6].argmax(2)


def in_a_slice(x: Tensor) -> Tensor:
    room = torch.zeros(x.shape[0], 4, 8, 20)
    room[:, :, 1:7, : x.shape[3]].copy_(x[:, :, :6])
    room[:, 0].zero_()
    return room


INDEXED: dict[str, Callable[[Tensor], Any]] = {
    "embedding": lambda x: F.embedding(tokens(x), torch.ones(6, 5)),
    "one_hot": lambda x: F.one_hot(tokens(x), 6),
    "normalize": lambda x: F.normalize(x.flatten(2), dim=-1),
    "grid_sample": lambda x: F.grid_sample(
        x, F.affine_grid(x[:, :1, :2, :3].flatten(1, 2), [x.shape[0], 4, 5, 7])
    ),
    "gather": lambda x: x.gather(2, tokens(x)[:, :, None].expand(-1, -1, 3, -1)),
    "topk and gather": lambda x: x.gather(1, x.topk(2, 1)[1]),
    "take_along_dim": lambda x: x.take_along_dim(tokens(x)[:, :, None], 2),
    "index_select": lambda x: x.index_select(2, tokens(x)[0, 0]),
    "rows by number": lambda x: x[torch.arange(x.shape[0])[:, None], :, tokens(x)[:, 0]],
    "copy_ into a slice": in_a_slice,
    "index_add_": lambda x: torch.zeros_like(x).index_add_(2, torch.tensor([1, 1]), x[:, :, :2]),
    "index_add by the input": lambda x: x.index_add(2, tokens(x)[0, 0, :3], x[:, :, :3]),
    "index_fill": lambda x: x.index_fill(1, torch.tensor([0, 2]), 1.0),
    "scatter": lambda x: x.scatter(2, tokens(x)[:, :, None], 1.0),
    "scatter_add_": lambda x: torch.zeros_like(x).scatter_add_(2, tokens(x)[:, :, None], x),
    "scatter_reduce": lambda x: x.scatter_reduce(2, tokens(x)[:, :, None], x, "amax"),
    "index_put_": lambda x: x.clone().index_put_((tokens(x)[:, 0] * 0,), torch.zeros(())),
    "written by a mask": lambda x: torch.where(x > 0, x, 0.0).clone().__setitem__(x > 1, 0.0),
}


@pytest.mark.filterwarnings("ignore:Default grid_sample")
@pytest.mark.parametrize("name", INDEXED)
def test_looking_up_and_writing_need_no_values(name: str) -> None:
    def run(live: Live, x: Tensor) -> Any:
        y = live.conv(x)
        result = INDEXED[name](y)
        return y if result is None else result

    from_shapes, real, at_once = traced(Live(run), IMAGE)
    assert isinstance(from_shapes, Network)
    assert from_shapes == real
    assert at_once


@pytest.mark.parametrize(
    "outside",
    [
        lambda x: x.index_select(2, torch.tensor([99])),
        lambda x: torch.zeros_like(x).index_add_(1, torch.tensor([4]), x[:, :1]),
        lambda x: F.embedding(torch.tensor([9]), x[0, 0]),
    ],
)
def test_a_constant_index_that_lies_outside_is_an_error(outside: Callable[[Tensor], Any]) -> None:
    with pytest.raises(RunError):
        trace(Live(lambda live, x: outside(live.conv(x))), IMAGE)


CALLS: dict[str, Callable[[Tensor], Any]] = {
    "where": lambda x: torch.where(x > 0, x, -x),
    "masked_fill": lambda x: x.masked_fill(x > 0, 0.0),
    "lerp": lambda x: torch.lerp(x, x, 0.5),
    "addcmul": lambda x: torch.addcmul(x, x, x),
    "addcdiv": lambda x: torch.addcdiv(x, x, x),
    "clamp": lambda x: x.clamp(0, 1),
    "threshold": lambda x: F.threshold(x, 0.1, 0.0),
    "prelu": lambda x: F.prelu(x, torch.ones(4)),
    "bernoulli": lambda x: torch.bernoulli(x, 0.5),
    "bucketize": lambda x: torch.bucketize(x, torch.arange(3.0)),
    "isin": lambda x: torch.isin(x, torch.arange(3.0)),
    "imag": lambda x: torch.imag(torch.complex(x, x)),
    "bitwise_not": lambda x: torch.bitwise_not(x > 0),
    "bitwise_and": lambda x: torch.bitwise_and(x > 0, x < 1),
    "bitwise_or": lambda x: torch.bitwise_or(x > 0, x < 1),
    "bitwise_xor": lambda x: torch.bitwise_xor(x > 0, x < 1),
}
"""How the elementwise kinds are called that take more than one or two tensors of real numbers."""


def called(kind: str) -> Callable[[Tensor], Any]:
    function = next(getattr(place, kind) for place in (F, torch) if hasattr(place, kind))
    both = kind in kinds.BROADCASTING
    return CALLS.get(kind, lambda x: function(x, x) if both else function(x))


@pytest.mark.parametrize("kind", sorted(kinds.ELEMENTWISE))
def test_what_is_elementwise_needs_no_values(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    call = called(kind)
    computed: list[str] = []
    for_real = ShapeExecutor._for_real

    def noted(self: ShapeExecutor, call: Any) -> Any:
        computed.append(call.kind)
        return for_real(self, call)

    monkeypatch.setattr(ShapeExecutor, "_for_real", noted)
    from_shapes, real, at_once = traced(Live(lambda live, x: call(live.conv(x))), IMAGE)
    assert isinstance(from_shapes, Network)
    assert kind in [op.kind for op in from_shapes.ops]
    assert from_shapes == real
    assert at_once
    assert not computed


def script(x: Tensor) -> float:
    return float(x.sum())


def test_the_network_s_exit_is_its_own() -> None:
    def leave(live: Live, x: Tensor) -> Any:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        trace(Live(leave), IMAGE)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_other_types(dtype: torch.dtype) -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2))
    from_shapes, real, _ = traced(model.to(dtype), IMAGE)
    assert from_shapes == real


@pytest.mark.parametrize(
    "again",
    [
        {},
        {"stride": 2},
        {"stride": (2, 1)},
        {"stride": [2, 2]},
        {"stride": 2.0},
        {"stride": (1.0, 1.0)},
        {"stride": True},
        {"stride": (True, True)},
        {"stride": torch.tensor(2)},
        {"padding": "valid"},
        {"groups": True},
        {"bias": torch.zeros(3)},
        {"bias": torch.zeros(2)},
        {"bias": torch.zeros(3, dtype=torch.float64)},
        {"bias": torch.zeros(3, device="meta")},
        {"weight": torch.ones(3, 3, 3, 3)[:, :, ::2, ::2]},
        {"weight": torch.ones(3, 3, 2, 2).to(memory_format=torch.channels_last)},
        {"weight": torch.ones(3, 3, 2, 2).to_sparse()},
        {"weight": torch.ones(3, 3, 2, 2, dtype=torch.float64)},
    ],
    ids=str,
)
def test_a_call_like_one_before(again: dict[str, Any]) -> None:
    # The way of calling is what a result is remembered by: 1, 1.0 and True are equal numbers.
    usual: dict[str, Any] = {"weight": torch.ones(3, 3, 2, 2), "stride": 1, "padding": 1}

    def run(live: Live, x: Tensor) -> Tensor:
        for _ in range(2):
            x = F.conv2d(x, **usual)
        return F.conv2d(x, **{**usual, **again})

    for _ in range(2):
        from_shapes, real, _ = traced(Live(run), IMAGE)
        assert from_shapes == real


def test_channels_last() -> None:
    model = nn.Sequential(resnet.Basic(3, 4, 2), nn.Flatten(2)).to(
        memory_format=torch.channels_last  # type: ignore[call-overload]
    )
    from_shapes, real, at_once = traced(model, IMAGE)
    assert at_once
    assert from_shapes == real


def test_a_repeatable_run_fills_no_memory() -> None:
    torch.use_deterministic_algorithms(True)
    try:
        from_shapes, real, at_once = traced(resnet.resnet18(), (3, 64, 64))
        assert torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    finally:
        torch.use_deterministic_algorithms(False)
    assert at_once
    assert from_shapes == real


def test_the_random_state_is_left() -> None:
    torch.manual_seed(1)
    random.seed(1)
    trace(Live(ODD["draws a mask"][0]), IMAGE)
    drawn = (torch.rand(3).tolist(), random.random())
    torch.manual_seed(1)
    random.seed(1)
    Live(ODD["draws a mask"][0])
    assert drawn == (torch.rand(3).tolist(), random.random())
