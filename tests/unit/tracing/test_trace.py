"""What a trace records, and that the model and the process are left as they were."""

from __future__ import annotations

import gc
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchinfo
from torch import nn
from torch.nn import functional
from torch.nn.modules import module as torch_module

import archcheck
from archcheck.network import Network, decode, encode, layers_of
from archcheck.tracing.restore import MOST_GROUPED_ELEMENTS
from archcheck.tracing.trace import trace
from archcheck.worker.failures import RunError
from archcheck.worker.loading import loaded
from archcheck.worker.reference import parse_reference
from tests.support.paths import SUBMISSIONS

Forward = Callable[["Live", torch.Tensor], Any]
IMAGE = (3, 8, 8)


class Live(nn.Module):
    """A network whose forward is given as a function."""

    scale: torch.Tensor
    steps: torch.Tensor
    table: torch.Tensor
    large: torch.Tensor

    def __init__(self, forward: Forward) -> None:
        super().__init__()
        self.run = forward
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.drop = nn.Dropout(0.5)
        self.weight = nn.Parameter(torch.randn(4, 4, 3, 3))
        self.register_buffer("steps", torch.zeros(1))
        self.register_buffer("nothing", None)
        self.register_buffer("scale", torch.ones(1))
        self.register_buffer("table", torch.zeros(2, 3))
        self.register_buffer("large", torch.zeros(MOST_GROUPED_ELEMENTS + 1))

    def forward(self, x: torch.Tensor) -> Any:
        return self.run(self, x)


def plain(live: Live, x: torch.Tensor) -> torch.Tensor:
    out: torch.Tensor = live.drop(live.norm(live.conv(x)))
    return out


def kinds(network: Network) -> list[str]:
    return [op.kind for op in network.ops]


def facts(tensor: torch.Tensor | None) -> Any:
    if tensor is None:
        return None
    values = (id(tensor), str(tensor.tolist()), tensor.requires_grad)
    return (*values, None if tensor.grad is None else tensor.grad.tolist())


def state(live: Live) -> dict[str, Any]:
    """Everything of the model and the process that a trace could disturb."""
    hooks = [name for name in vars(torch_module) if name.startswith("_global_") and "hook" in name]
    found: dict[str, Any] = {name: dict(vars(torch_module)[name] or {}) for name in hooks}
    numpy_state: Any = np.random.get_state()
    found["numpy"] = (numpy_state[1].tolist(), numpy_state[2:])
    found["random"] = (random.getstate(), torch.get_rng_state().tolist())
    found["torch"] = (nn.Module.__init__, torch.is_grad_enabled())
    for path, module in live.named_modules():
        found[f"{path}: flags"] = (module.training, set(vars(module)))
        found[f"{path}: hooks"] = (dict(module._forward_hooks), dict(module._forward_pre_hooks))
        found[f"{path}: buffers"] = {name: facts(t) for name, t in module._buffers.items()}
        found[f"{path}: parameters"] = {name: facts(t) for name, t in module._parameters.items()}
    return found


ACTS: dict[str, Forward] = {
    "nothing": lambda live, x: None,
    "counts in a buffer": lambda live, x: live.steps.add_(1),
    "replaces a buffer": lambda live, x: setattr(live, "scale", live.scale * 2),
    "draws numbers": lambda live, x: (random.random(), np.random.rand(), torch.rand(1)),
    "seeds": lambda live, x: (random.seed(1), np.random.seed(1), torch.manual_seed(1)),
    "changes modes": lambda live, x: live.train(not live.training),
    "allows gradients": lambda live, x: torch.set_grad_enabled(True),
    "fails": lambda live, x: 1 / 0,
    "writes a parameter": lambda live, x: live.conv.weight.data.clamp_(-0.01, 0.01),
    "learns": lambda live, x: torch.enable_grad()(lambda: live.conv(x).mean().backward())(),
    "adds a buffer": lambda live, x: live.register_buffer("seen", x),
    "grows a buffer": lambda live, x: live.steps.resize_(5),
    "writes past torch": lambda live, x: live.table.numpy().fill(7),
    "turns a sign": lambda live, x: live.table.data.neg_(),
    "writes into much": lambda live, x: live.large.data.add_(1),
}


@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
@pytest.mark.parametrize("name", ACTS)
def test_nothing_of_the_model_or_the_process_changes(name: str, training: bool) -> None:
    live = Live(lambda live, x: (plain(live, x), ACTS[name](live, x))[0])
    live.norm.eval()  # the flags differ from module to module
    live.drop.train(not training)
    live.conv.weight.grad = torch.ones_like(live.conv.weight)
    hook = live.conv.register_forward_hook(lambda module, inputs, output: output * 2)
    before = state(live)
    try:
        archcheck.trace(live, IMAGE, training=training)
    except RunError as error:
        assert "ZeroDivisionError" in error.message
        assert name == "fails"
    after = state(live)
    hook.remove()
    assert {key for key in before | after if before.get(key) != after.get(key)} == set()


BUFFERS: dict[str, Callable[[], torch.Tensor]] = {
    "sparse": lambda: torch.eye(3).to_sparse(),
    "expanded nan": lambda: torch.full((1,), torch.nan).expand(4),
}


@pytest.mark.parametrize("name", BUFFERS)
def test_any_buffer_may_be_there(name: str) -> None:
    live = Live(plain)
    live.register_buffer("odd", BUFFERS[name]())
    assert "conv2d" in kinds(trace(live, IMAGE))


def test_lazy_modules_are_traced() -> None:
    network = trace(nn.Sequential(nn.LazyConv2d(4, 3), nn.Flatten(), nn.LazyLinear(2)), IMAGE)
    assert network.num_parameters == 3 * 4 * 9 + 4 + 4 * 36 * 2 + 2


def test_a_trace_in_training_mode_runs_in_training_mode() -> None:
    modes = []

    def forward(live: Live, x: torch.Tensor) -> torch.Tensor:
        modes.append((live.training, live.norm.training))
        return plain(live, x)

    networks = [trace(Live(forward), IMAGE, training=training) for training in (False, True)]
    assert modes == [(False, False), (True, True)]
    assert [network.training for network in networks] == [False, True]
    assert [network.macs for network in networks] == [3 * 4 * 9 * 36] * 2  # whatever the batch


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_the_input_takes_the_models_type(dtype: torch.dtype) -> None:
    network = trace(Live(plain).to(dtype), IMAGE)
    assert network.tensors[network.inputs[0]].dtype == str(dtype).removeprefix("torch.")


def test_a_model_on_the_meta_device_is_traced() -> None:
    with torch.device("meta"):
        live = Live(plain)
    network = trace(live, IMAGE)
    assert {parameter.device.type for parameter in live.parameters()} == {"meta"}
    assert network.num_parameters == trace(Live(plain), IMAGE).num_parameters
    assert network.shape(network.outputs[0][1]) == (1, 4, 6, 6)


class Truth(nn.Module):
    """A convolution called twice, one with a raw weight, and a layer that is never used."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(8, 8, 3, padding=1, bias=False)
        self.raw = nn.Parameter(torch.zeros(8, 8, 3, 3))
        self.unused = nn.Linear(9, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.conv2d(self.conv(self.conv(x)), self.raw, padding=1)


def test_reused_raw_and_unused_weights_are_counted_as_they_are() -> None:
    network = trace(Truth(), (8, 16, 16))
    assert network.num_parameters == 8 * 8 * 9 * 2 + 9 * 3 + 3 == 1_182
    assert network.macs == 3 * 8 * 8 * 9 * 256 == 442_368
    assert network.num_used_parameters == 1_152
    assert network.unused_modules == ("unused",)
    assert network.unused_parameters == ("unused.weight", "unused.bias")
    assert [module.calls for module in network.modules if module.path == "conv"] == [2]
    assert [layer.num_parameters for layer in layers_of(network)] == [576, 0, 576]
    summary = torchinfo.summary(Truth(), (1, 8, 16, 16), verbose=0)
    assert summary.total_mult_adds == 294_912  # it does not see the raw weight's convolution


def test_shared_modules_and_tied_parameters_count_once() -> None:
    shared = nn.Linear(8, 8, bias=False)
    model = nn.Sequential(shared, nn.ReLU(), shared, nn.Linear(8, 8, bias=False))
    model[3].weight = shared.weight
    network = trace(model, (8,))
    assert network.num_parameters == 64
    assert network.macs == 3 * 64
    assert [parameter.name for parameter in network.parameters] == ["0.weight"]
    assert network.unused_modules == ()


SEEN: dict[str, tuple[Forward, list[str]]] = {
    "pool": (lambda live, x: functional.max_pool2d(x, 2), ["max_pool2d"]),
    "mean": (lambda live, x: x.mean((2, 3)), ["mean"]),
    "cat": (lambda live, x: torch.cat([x, x], 1), ["cat"]),
    "plus": (lambda live, x: x + x, ["add"]),
    "raw": (lambda live, x: functional.conv2d(live.conv(x), live.weight), ["conv2d", "conv2d"]),
    "slice": (lambda live, x: x[:, :, ::2], ["getitem"]),
    "matmul": (lambda live, x: x @ x.transpose(2, 3), ["transpose", "matmul"]),
    "past the hooks": (lambda live, x: live.conv.forward(x), ["conv2d"]),
}


@pytest.mark.parametrize("name", SEEN)
def test_functions_are_seen(name: str) -> None:
    forward, expected = SEEN[name]
    network = trace(Live(forward), IMAGE)
    assert kinds(network) == expected
    assert network.ops[-1].outputs[0] == network.outputs[0][1]
    assert all(op.called is not None and op.called.file == __file__ for op in network.ops)
    used = {
        op.module for op in network.ops if op.kind == "conv2d" and "conv.weight" in op.parameters
    }
    assert used <= {"conv"}


@pytest.mark.parametrize("inplace", [False, True])
def test_dropout_and_in_place_operations_keep_the_graph(inplace: bool) -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(inplace), nn.Dropout(0.5, inplace), nn.Conv2d(4, 2, 3)
    )
    network = trace(model, IMAGE)
    assert [kind for kind in kinds(network) if kind != "alias_write"] == [
        *("conv2d", "relu", "dropout", "conv2d")
    ]
    chain = [network.producer(network.outputs[0][1])]
    while chain[-1] is not None:
        chain.append(network.producer(chain[-1].inputs[0]))
    assert [op.kind for op in chain if op] == ["conv2d", "dropout", "relu", "conv2d"]
    assert archcheck.receptive_field(network).at("output").size == (5, 5)


def test_an_addition_in_place_joins_both_branches() -> None:
    def forward(live: Live, x: torch.Tensor) -> torch.Tensor:
        out = x[:, :, 1:-1, 1:-1].clone()
        out += live.conv(x)[:, :3]
        return out

    assert archcheck.receptive_field(trace(Live(forward), IMAGE)).at("output").size == (3, 3)


def test_several_inputs_and_nested_outputs() -> None:
    class Two(nn.Module):
        def forward(self, x: torch.Tensor, y: torch.Tensor) -> dict[str, Any]:
            return {"sum": x.mean((2, 3)) + y, "both": (x, [y])}

    network = trace(Two(), [IMAGE, (3,)])
    assert [network.shape(number) for number in network.inputs] == [(1, 3, 8, 8), (1, 3)]
    labels = {label: network.shape(number) for label, number in network.outputs}
    assert labels["sum"] == (1, 3)
    both = [shape for label, shape in labels.items() if label.startswith("both")]
    assert both == [(1, 3, 8, 8), (1, 3)]


@pytest.mark.parametrize("shape", [(), (3, 0, 8), (3, -1), (3, (8, 8)), (3, 8.5), "3,8,8"])
def test_a_shape_that_is_none_is_refused(shape: Any) -> None:
    with pytest.raises(ValueError, match="input shape"):
        trace(Live(plain), shape)


def test_a_failure_says_where_and_with_what() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Sequential(nn.ReLU(), nn.Conv2d(5, 4, 3)))
    with pytest.raises(RunError, match=r"Conv2d\(5, 4\) was given 4 channels") as caught:
        trace(model, IMAGE)
    error = caught.value
    assert (error.module, error.input_shape, error.input_from) == ("1.1", (1, 4, 6, 6), "1.0")


def test_lines_of_construction_and_of_calls() -> None:
    file = SUBMISSIONS / "lines.py"
    with loaded(parse_reference(f"{file}:Net"), {}) as found:
        network = trace(found.model, IMAGE, name=found.name, source=found.source)
    assert network.source is not None
    assert (network.source.file, network.source.line) == (str(file), 8)
    built = {module.path: module.built and module.built.line for module in network.modules}
    expected = {"block": 4, "block.0": 5, "block.1": 6, "head": 12}
    assert {path: built[path] for path in expected} == expected
    called = {op.kind: op.called and op.called.line for op in network.ops}
    assert called == {"conv2d": 14, "relu": 14, "max_pool2d": 14, "mean": 15, "linear": 16}
    assert {op.called and op.called.file for op in network.ops} == {str(file)}
    assert {op.kind: op.built and op.built.line for op in network.ops}["linear"] == 12


@pytest.mark.parametrize("training", [False, True])
def test_a_network_survives_its_bytes(training: bool) -> None:
    network = trace(Truth(), (8, 16, 16), training=training)
    again = decode(encode(network))
    assert again == network
    assert (again.macs, again.num_parameters, layers_of(again)) == (
        442_368,
        1_182,
        layers_of(network),
    )
    for junk in (b"", b"junk", encode(network)[:-1]):
        with pytest.raises(ValueError, match=r".+"):
            decode(junk)


def test_what_python_shows_of_a_network_is_short() -> None:
    network = trace(nn.Conv2d(3, 4, 3), IMAGE)
    assert repr(network) == "<Network Conv2d: 3×8×8 → 4×6×6, 112 parameters, 3,888 MACs>"
    rf = archcheck.receptive_field(network)
    assert repr(rf.at("output")) == "<Field at output: 3 × 3, jump 1>"
    report = archcheck.verify(network, {"rules": {"parameters": {"less_than": 100}}})
    assert str(report).splitlines()[0] == "Conv2d: failed"


def test_files_of_the_same_text_are_told_apart(tmp_path: Path) -> None:
    text = "from torch import nn\n\nclass Net(nn.Conv2d):\n    def forward(self, x):\n"
    text += "        return super().forward(x).relu()\n"
    files = [str(tmp_path / name / "net.py") for name in ("alice", "bob")]
    for file in files:
        names: dict[str, Any] = {}
        exec(compile(text, file, "exec"), names)
        network = archcheck.trace(names["Net"](3, 4, 3), IMAGE)
        assert {op.called.file for op in network.ops if op.called is not None} == {file}


@pytest.mark.parametrize("on", [True, False])
def test_the_garbage_collector_is_as_it_was(on: bool) -> None:
    class Looks(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append(gc.isenabled())
            return x.relu()

    seen: list[bool] = []
    was_on = gc.isenabled()
    (gc.enable if on else gc.disable)()
    try:
        archcheck.trace(Looks(), (3, 8, 8))
        assert gc.isenabled() == on
    finally:
        (gc.enable if was_on else gc.disable)()
    assert seen == [False]  # the pass that computes nothing was enough
