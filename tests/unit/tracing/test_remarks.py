"""What a person is told of a network beside the figures: layers that do not count, another
instance in the file, a batch's axis that was squeezed away."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.func import functional_call, stack_module_state

import archcheck
from archcheck import Network
from archcheck.network.inputs import Input
from archcheck.network.remarks import remarks_on
from archcheck.network.shapes import AnyInputs
from archcheck.tracing.remote import trace_reference
from archcheck.tracing.trace import trace
from archcheck.verification.wording import failure_finding
from archcheck.worker.failures import RunError
from archcheck.worker.reference import parse_reference

IMAGE = (3, 16, 16)


class Listed(nn.Module):
    """Its layers stand in a plain list, which registers nothing."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = list(layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.layers:
            x = layer(x)
        return x


class Squeezed(nn.Module):
    def __init__(self, *, named: bool) -> None:
        super().__init__()
        self.c = nn.Conv2d(3, 16, 3)
        self.fc = nn.Linear(16, 10)
        self.named = named

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.adaptive_avg_pool2d(self.c(x), 1)
        x = x.squeeze(3).squeeze(2) if self.named else x.squeeze()
        return F.log_softmax(self.fc(x), dim=1)


def test_layers_in_a_plain_list_are_told_of() -> None:
    layers = (nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Sequential(nn.Conv2d(8, 4, 3)))
    network = archcheck.trace(Listed(*layers), IMAGE)
    assert network.num_parameters == 0
    (remark,) = remarks_on(network)
    count = sum(p.numel() for layer in layers for p in layer.parameters())
    assert remark.text.startswith("Conv2d and 1 more layer are called but no module of the network")
    assert f": {count:,} parameters do not count" in remark.text
    assert remark.place is not None and remark.place.file == __file__


def test_layers_that_forward_makes_are_told_of() -> None:
    class Made(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            made: torch.Tensor = nn.Conv2d(3, 8, 3)(x)
            return made

    (remark,) = remarks_on(archcheck.trace(Made(), IMAGE))
    assert remark.text.startswith("Conv2d is called but no module of the network")
    assert "224 parameters do not count (built anew in every pass)" in remark.text
    assert remark.place is not None and remark.place.file == __file__


def test_weights_that_are_lent_to_a_layer_count_where_they_are_held() -> None:
    class Ensemble(nn.Module):
        """A function of several layers' stacked weights, mapped over them."""

        def __init__(self) -> None:
            super().__init__()
            weights, _ = stack_module_state([nn.Linear(16, 5) for _ in range(3)])
            self.weights = nn.ParameterDict({k: w.detach() for k, w in weights.items()})
            self.shell = [nn.Linear(16, 5, device="meta")]

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            def one(weights: dict[str, torch.Tensor]) -> torch.Tensor:
                y: torch.Tensor = functional_call(self.shell[0], weights, (x,))
                return y

            y: torch.Tensor = torch.vmap(one)(dict(self.weights))
            return y

    network = archcheck.trace(Ensemble(), (3, 16))
    assert network.num_parameters == 3 * (16 * 5 + 5)
    assert not network.notes


def test_layers_that_count_are_not_told_of() -> None:
    inside = Listed(nn.ReLU(), nn.MaxPool2d(2))  # which hold no parameters
    assert remarks_on(archcheck.trace(nn.Sequential(nn.Conv2d(3, 8, 3), inside), IMAGE)) == ()
    shared = nn.Conv2d(3, 3, 3)
    both = nn.Sequential(shared, Listed(shared))  # held by one, called by the other too
    network = archcheck.trace(both, IMAGE)
    assert (remarks_on(network), network.num_parameters) == ((), 84)


@pytest.mark.parametrize("compute", [False, True])
def test_an_axis_that_was_squeezed_away_is_told_of(compute: bool) -> None:
    assert Squeezed(named=False)(torch.zeros(2, *IMAGE)).shape == (2, 10)
    with pytest.raises(RunError, match="Dimension out of range") as caught:
        trace(Squeezed(named=False), IMAGE, compute=compute)
    hint = caught.value.hint
    assert hint is not None
    assert hint.startswith("the batch is one sample, and squeeze() (test_remarks.py:")
    assert trace(Squeezed(named=True), IMAGE, compute=compute).outputs


def test_another_failure_has_no_such_hint() -> None:
    class Wrong(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.squeeze(1).sum(9)

    with pytest.raises(RunError) as caught:
        trace(Wrong(), IMAGE)
    assert (caught.value.hint, caught.value.advice) == ("", None)


class Pair(nn.Module):
    def forward(self, x: torch.Tensor, depth: torch.Tensor) -> torch.Tensor:
        return x + depth


class Words(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(10, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        words: torch.Tensor = self.embedding(x)
        return words


class Driven(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * torch.ones(1).cuda()


REAL = (Input((0,), (5,), "float32"),)
without_cuda = pytest.mark.skipif(torch.cuda.is_available(), reason="there is CUDA here")


@pytest.mark.parametrize(
    ("network", "inputs", "hint"),
    [
        (Pair(), [IMAGE], "the network takes more inputs"),
        (nn.ReLU(), [IMAGE, IMAGE], "the network takes fewer inputs"),
        (Words(), REAL, "say what it holds, like --input 128:int64:below=1000"),
        pytest.param(Driven(), [IMAGE], "there is no CUDA here", marks=without_cuda),
    ],
    ids=["more", "fewer", "indices", "cuda"],
)
def test_a_common_error_has_advice(network: nn.Module, inputs: AnyInputs, hint: str) -> None:
    with pytest.raises(RunError) as caught:
        trace(network, inputs)
    assert hint in failure_finding(caught.value.failure()).hint


NET = """
from torch import nn

class Net(nn.Conv2d):
    def __init__(self, n=10):
        super().__init__(3, n, 3)

{line}
"""


@pytest.mark.parametrize(
    ("line", "named", "notes"),
    [
        ("model = Net(5)", "", 1),
        ("model = Net(5)", ":Net", 0),
        ("model = Net(5)", ":model", 0),
        ("model = Net()", "", 0),
        ("first, second = Net(4), Net(5)", "", 2),
    ],
)
def test_an_instance_of_another_size_is_told_of(
    tmp_path: Path, line: str, named: str, notes: int
) -> None:
    file = tmp_path / "net.py"
    file.write_text(NET.format(line=line), "utf-8")
    network = trace_reference(parse_reference(f"{file}{named}"), [IMAGE])
    assert isinstance(network, Network)
    assert len(network.notes) == notes
    assert network.num_parameters == (140 if named == ":model" else 280)
    if notes == 1:
        assert network.notes[0].text == (
            "model, which the file builds, has other sizes than Net() by default: name it to "
            "check it, net.py:model"
        )
