"""Devices that are not here: what is put on them stays on the CPU, and the report says so."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from archcheck.network import Network
from archcheck.tracing.remote import trace_reference
from archcheck.tracing.shape_rules.lazy_init import LazyInit
from archcheck.tracing.trace import trace
from archcheck.worker.absent_device_modules import absent_devices
from archcheck.worker.absent_devices import absence_notes, staying_on_the_cpu
from archcheck.worker.device_questions import device_questions
from archcheck.worker.loading import loaded
from archcheck.worker.reference import parse_reference

pytestmark = pytest.mark.skipif(torch.cuda.is_available(), reason="there is CUDA here")

IMAGE = (3, 8, 8)
NET = """import torch
from torch import nn

{top}

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        {build}

    def forward(self, x):
        x = self.conv(x)
        {run}
        return x.mean((2, 3))
"""


def traced(
    folder: Path, top: str = "", build: str = "pass", run: str = "pass"
) -> tuple[Network, list[str]]:
    """The network of a file, and what is noted on devices."""
    file = folder / "net.py"
    file.write_text(NET.format(top=top, build=build, run=run), "utf-8")
    lazy_init = LazyInit()
    reference = parse_reference(f"{file}:Net")
    with absent_devices(), loaded(reference, {}, construct=lazy_init.construct) as network:
        found = trace(network.model, IMAGE, lazy_init=lazy_init)
        return found, list(map(str, absence_notes()))


def steps(network: Network) -> list[tuple[str, tuple[int, ...], tuple[str, ...]]]:
    """The operations, their results and parameters; what only copies a tensor is left out."""
    return [
        (op.kind, network.tensors[op.outputs[0]].shape, op.parameters)
        for op in network.ops
        if op.kind not in ("to", "cpu", "data")
    ]


def note(device: str, line: int) -> str:
    return f"{device} is not here: what is put there stays on the CPU (net.py:{line})"


@pytest.mark.parametrize(
    "run",
    [
        'x = x.to("cuda:0", torch.float32)',
        "x = x.cuda(non_blocking=True)",
        'x = x.to(device=torch.device("cuda"))',
        "x = x + torch.ones(x.shape[1:], device='cuda')",
        "x = x + torch.zeros_like(x, device='cuda:1')",
        "x = x + x.new_full((1,), 2.0, device='cuda')",
        "x = x + torch.arange(6, device='cuda')",
        "x = x.type(torch.cuda.FloatTensor)",
        "x = x.type('torch.cuda.FloatTensor')",
        "x = x + torch.cuda.FloatTensor([1.0])",
        "x = nn.Conv2d(4, 4, 1, device='cuda').cuda()(x)",
        "torch.ones(3).untyped_storage().cuda()",
    ],
)
def test_what_a_forward_puts_on_a_gpu_stays_on_the_cpu(tmp_path: Path, run: str) -> None:
    network, notes = traced(tmp_path, run=run)
    assert notes == [note("cuda", 14)]
    on_cpu = run.replace("torch.cuda.", "torch.").replace("cuda:0", "cpu").replace("cuda:1", "cpu")
    on_cpu = on_cpu.replace("cuda", "cpu").replace("cpu(non_blocking=True)", "cpu()")
    there, _ = traced(tmp_path, run=on_cpu)
    assert steps(network) == steps(there)


@pytest.mark.parametrize(
    "build",
    [
        "self.cuda()",
        "self.to('cuda')",
        "self.to(torch.device('cuda', 0))",
        "self.to(device='cuda')",
        "self.other = nn.Linear(2, 2, device='cuda')",
        "self.register_buffer('mean', torch.zeros(3).cuda())",
        "self.weight = nn.Parameter(torch.zeros(3, device='cuda'))",
        "self.other = nn.DataParallel(nn.Linear(2, 2), device_ids=[0]).cuda()",
    ],
)
def test_what_a_constructor_puts_on_a_gpu_stays_on_the_cpu(tmp_path: Path, build: str) -> None:
    network, notes = traced(tmp_path, build=build)
    assert notes == [note("cuda", 10)]
    there, _ = traced(tmp_path, build=build.replace("cuda()", "cpu()").replace("cuda", "cpu"))
    assert network.num_parameters == there.num_parameters
    assert steps(network) == steps(there)


@pytest.mark.parametrize(
    "top",
    [
        "torch.set_default_device('cuda')",
        "torch.set_default_tensor_type(torch.cuda.FloatTensor)",
        "torch.cuda.set_device(0)",
        "torch.cuda.synchronize()",
        "assert torch.cuda.current_device() == 0",
        "torch.cuda.get_device_properties(0).total_memory / 1e9",
        "torch.cuda.reset_peak_memory_stats()",
        "with torch.cuda.device(0), torch.cuda.stream(torch.cuda.Stream()): pass",
        "torch.cuda.Event(enable_timing=True).record()",
        "isinstance(torch.Generator(device='cuda').manual_seed(1), torch.Generator) or 1 / 0",
        "torch.rand(3, generator=torch.Generator('cuda'), device='cuda')",
        "with torch.device('cuda'): nn.Linear(2, 2)",
        "with torch.autocast('cuda', dtype=torch.float16): torch.ones(2, 2) @ torch.ones(2, 2)",
        "torch.cuda.nvtx.range_push('x')",
        "torch.ones(2).record_stream(torch.cuda.current_stream())",
    ],
)
@pytest.mark.filterwarnings("ignore:torch.set_default_tensor_type")
def test_a_file_may_ask_for_a_gpu(tmp_path: Path, top: str) -> None:
    network, notes = traced(tmp_path, top=top)
    assert notes == [note("cuda", 4)]
    assert network.num_parameters == 112


@pytest.mark.parametrize("device", ["mps", "xpu", "npu", "hpu"])
def test_other_accelerators_are_stood_in_for(tmp_path: Path, device: str) -> None:
    run = f"x = x.to('{device}') + torch.zeros(1, device=torch.device('{device}:0'))"
    network, notes = traced(tmp_path, run=run)
    assert notes == [note(device, 14)]
    assert network.ops[-1].kind == "mean"


def test_a_device_by_its_number_is_a_gpu(tmp_path: Path) -> None:
    _, notes = traced(tmp_path, run="x = x.to(0)")
    assert notes == [note("a GPU", 14)]


def test_autocast_for_a_gpu_changes_no_type(tmp_path: Path) -> None:
    run = "with torch.autocast('cuda', torch.float16): x = self.conv.weight.sum() * x"
    network, _ = traced(tmp_path, run=run)
    assert {tensor.dtype for tensor in network.tensors} == {"float32"}


def test_pinned_memory_is_ordinary_memory(tmp_path: Path) -> None:
    top = "torch.zeros(2).pin_memory(), torch.zeros(2, pin_memory=True)"
    _, notes = traced(tmp_path, top=top)
    assert not notes


def test_a_parameter_that_is_moved_is_not_registered_as_on_a_gpu(tmp_path: Path) -> None:
    network, _ = traced(
        tmp_path,
        build="self.weight = nn.Parameter(torch.ones(4, 1, 1)).cuda()",
        run="x = x + self.weight",
    )
    assert network.num_parameters == 112


def test_a_checkpoint_of_a_gpu_is_read(tmp_path: Path) -> None:
    torch.save(torch.ones(3), tmp_path / "there.pt")
    loads = f"torch.load({str(tmp_path / 'there.pt')!r}, map_location='cuda:0')"
    network, notes = traced(tmp_path, top=f"SHIFT = {loads}", run="x = x + SHIFT[0]")
    assert notes == [note("cuda", 4)]
    assert network.ops[-2].kind == "add"


def test_a_misspelled_device_is_an_error_as_everywhere(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="cdua"):
        traced(tmp_path, run="x = x.to('cdua')")


def test_cuda_is_not_said_to_be_available(tmp_path: Path) -> None:
    network, notes = traced(tmp_path, build="self.width = 4 if torch.cuda.is_available() else 2")
    assert not notes
    assert network.num_parameters == 112


@pytest.mark.parametrize("device", ["cuda", "xpu"])
def test_a_question_about_a_device_is_answered_and_puts_nothing_there(
    tmp_path: Path, device: str
) -> None:
    asked = f"known = torch.{device}.is_current_stream_capturing()"
    network, notes = traced(tmp_path, build=f"{asked}; known |= False; assert known is False")
    assert (notes, network.num_parameters) == ([], 112)


def test_nothing_is_stood_in_for_in_the_callers_process() -> None:
    module = nn.Linear(2, 2)
    with staying_on_the_cpu(), pytest.raises((AssertionError, RuntimeError)):
        module.cuda()


def test_torch_is_as_before_afterwards() -> None:
    def found() -> tuple[object, ...]:
        return torch.cuda.synchronize, torch.Generator, nn.Module.to, torch.autocast.__init__

    before = found()
    with absent_devices():
        assert found() != before
    assert found() == before


def test_a_worker_stands_in_for_a_gpu(tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    run = "x = x.cuda() if x.is_cuda else x.to('cuda')"
    file.write_text(NET.format(top="", build="self.cuda()", run=run), "utf-8")
    network = trace_reference(parse_reference(str(file)), [IMAGE])
    assert isinstance(network, Network)
    assert tuple(map(str, network.notes)) == (
        note("cuda", 10),
        "the network asks where a tensor lies: what it does on another device is not seen "
        "(net.py:14)",
    )


@pytest.mark.parametrize(
    ("run", "asks"),
    [
        ("x = x.half() if x.is_cuda else x", True),
        ("if x.device.type == 'cuda': x = x * 2", True),
        ("if self.conv.weight.device != torch.device('cpu'): x = x * 2", True),
        ("x = x.to(self.conv.weight.device)", False),
        ("if torch.cuda.is_available(): x = torch.relu(x)", True),
        ("x = (torch.relu if torch.cuda.is_available() else torch.tanh)(x)", True),
        ("if torch.cuda.is_available(): self.there = True", False),
        ("x = torch.relu(x) if torch.cuda.is_available() else x", True),
        ("x = x.to('cuda' if torch.cuda.is_available() else 'cpu')", False),
        ("if torch.cuda.is_available(): x = x.cuda()", False),
    ],
)
def test_a_forward_that_asks_for_a_device_is_told_of(tmp_path: Path, run: str, asks: bool) -> None:
    file = tmp_path / "net.py"
    file.write_text(NET.format(top="", build="pass", run=run), "utf-8")
    assert bool(device_questions([str(file)])) == asks


def test_a_constructor_that_is_called_at_once_stays_on_the_cpu_too(tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_text(NET.format(top="", build="self.cuda()", run="pass"), "utf-8")
    with absent_devices(), loaded(parse_reference(str(file)), {}) as network:
        assert not next(network.model.parameters()).is_cuda
        assert len(absence_notes()) == 1
