"""Checkpoints: what is understood, what does not fit, and what is never run."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from archcheck.tracing.weights import Misfit, load_into, load_weights, read_weights
from archcheck.worker.failures import InputError


def load_file(model: nn.Module, file: str) -> None:
    load_weights(model, read_weights(file), file)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv2d(2, 3, 3)
        self.norm = nn.BatchNorm2d(3)
        self.two = nn.Linear(4, 3)


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 4, bias=False)
        self.second = nn.Linear(4, 4, bias=False)
        self.second.weight = self.first.weight


def same(one: nn.Module, other: nn.Module) -> bool:
    theirs = other.state_dict()
    return all(torch.equal(value, theirs[name]) for name, value in one.state_dict().items())


State = dict[str, Any]
WAYS: dict[str, tuple[Callable[[State], Any], str]] = {
    "plain": (lambda state: state, ""),
    "state_dict": (lambda state: {"state_dict": state, "epoch": 3}, "under state_dict"),
    "model": (lambda state: {"optimizer": {}, "model": state}, "under model"),
    "model_state_dict": (lambda state: {"model_state_dict": state}, "under model_state_dict"),
    "network": (lambda state: {"recipe": {"a": "b"}, "network": state}, "under network"),
    "nested": (lambda state: {"model": {"state_dict": state}}, "under model.state_dict"),
    "parallel": (
        lambda state: {f"module.{name}": value for name, value in state.items()},
        "with module. taken off the names",
    ),
    "compiled": (
        lambda state: {"net": {f"_orig_mod.module.{name}": state[name] for name in state}},
        "under net, with _orig_mod.module. taken off the names",
    ),
}


def test_a_part_that_was_compiled_has_its_plain_names(tmp_path: Path) -> None:
    source, target = nn.Sequential(Net(), nn.ReLU()), nn.Sequential(Net(), nn.ReLU())
    compiled = {f"0._orig_mod{name[1:]}": value for name, value in source.state_dict().items()}
    torch.save(compiled, tmp_path / "net.pt")
    said = load_into(target, read_weights(str(tmp_path / "net.pt")))
    assert said == "with _orig_mod. taken off the names"
    assert same(source, target)


@pytest.mark.parametrize("way", WAYS)
def test_a_checkpoint_is_understood_and_it_is_said_how(tmp_path: Path, way: str) -> None:
    wrap, said = WAYS[way]
    source, target = Net(), Net()
    file = tmp_path / "net.pt"
    torch.save(wrap(source.state_dict()), file)
    weights = read_weights(str(file))
    assert load_into(target, weights) == said
    assert same(source, target)
    assert weights.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()


def test_the_older_format_of_torch(tmp_path: Path) -> None:
    source, target = Net(), Net()
    file = tmp_path / "net.pth"
    torch.save(source.state_dict(), file, _use_new_zipfile_serialization=False)
    load_file(target, str(file))
    assert same(source, target)


@pytest.mark.parametrize("name", ["net.safetensors", "weights"])
def test_safetensors_by_name_or_by_content(tmp_path: Path, name: str) -> None:
    source, target = Net(), Net()
    save_file(source.state_dict(), tmp_path / name)
    load_file(target, str(tmp_path / name))
    assert same(source, target)


def test_a_network_may_have_a_module_named_module(tmp_path: Path) -> None:
    class Outer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.module = Net()

    source, target = Outer(), Outer()
    torch.save(source.state_dict(), tmp_path / "net.pt")
    assert load_into(target, read_weights(str(tmp_path / "net.pt"))) == ""
    assert same(source, target)


def test_a_tied_tensor_may_stand_under_one_of_its_names(tmp_path: Path) -> None:
    source, target = Tied(), Tied()
    save_file({"first.weight": source.first.weight.detach()}, tmp_path / "net.safetensors")
    load_file(target, str(tmp_path / "net.safetensors"))
    assert same(source, target)


def test_lazy_modules_take_their_sizes_from_the_file(tmp_path: Path) -> None:
    source = nn.Sequential(nn.Linear(4, 3))
    torch.save(source.state_dict(), tmp_path / "net.pt")
    target = nn.Sequential(nn.LazyLinear(3))
    load_file(target, str(tmp_path / "net.pt"))
    assert same(source, target)


def some(**other: torch.Tensor) -> State:
    return {**Net().state_dict(), **{name.replace("_", "."): other[name] for name in other}}


MISFITS: dict[str, tuple[State, str]] = {
    "less": (
        {"one.weight": torch.zeros(3, 2, 3, 3)},
        r"^it does not have norm\.bias, norm\.running_mean, norm\.running_var and 4 more$",
    ),
    "more": (some(extra_bias=torch.zeros(1)), r"^it has more than the network: extra\.bias$"),
    "shape": (some(one_bias=torch.zeros(9)), r"^one\.bias: file 9, network 3$"),
    "no tensor": ({**Net().state_dict(), "two.bias": 3}, r'named "two\.bias", expected'),
    "transposed": (some(two_weight=torch.zeros(4, 3)), r"^two\.weight: file 4×3, network 3×4$"),
    "all of it": (
        {"one.weight": torch.zeros(()), "three.weight": torch.zeros(1)},
        r"^it does not have .* and 4 more; it has more than the network: three\.weight; "
        r"one\.weight: file one number, network 3×2×3×3$",
    ),
}


@pytest.mark.parametrize("name", MISFITS)
def test_weights_of_another_network(tmp_path: Path, name: str) -> None:
    state, message = MISFITS[name]
    torch.save(state, tmp_path / "net.pt")
    with pytest.raises(Misfit, match=message):
        load_into(Net(), read_weights(str(tmp_path / "net.pt")))
    with pytest.raises(InputError, match=r"net\.pt: it does not fit the network: "):
        load_file(Net(), str(tmp_path / "net.pt"))


def test_the_order_of_names_in_the_file_changes_no_message(tmp_path: Path) -> None:
    class Deep(nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.body = nn.ModuleList(nn.Linear(width, width) for _ in range(12))

    names = list(Deep(3).state_dict())
    orders = (names, names[::-1], sorted(names, key=lambda name: name[::-1]))
    for number, order in enumerate(orders):
        state = Deep(4).state_dict()
        torch.save({name: state[name] for name in order}, tmp_path / f"{number}.pt")
        with pytest.raises(Misfit) as caught:
            load_into(Deep(3), read_weights(str(tmp_path / f"{number}.pt")))
        assert str(caught.value) == (
            "body.0.bias: file 4, network 3, body.0.weight: file 4×4, network 3×3, "
            "body.1.bias: file 4, network 3 and 21 more"
        )


class Harmful:
    def __init__(self, function: Callable[..., Any], argument: Any) -> None:
        self.call = function, (argument,)

    def __reduce__(self) -> tuple[Any, ...]:
        return self.call


def test_nothing_but_tensors_is_unpickled(tmp_path: Path) -> None:
    trace = tmp_path / "touched"
    harmful = Harmful(Path.touch, trace)
    for content in (
        harmful,
        {"state_dict": Net().state_dict(), "run": harmful},
        Harmful(os.system, f"touch {trace}"),
        Harmful(exec, f"open({str(trace)!r}, 'w')"),
    ):
        torch.save(content, tmp_path / "net.pt")
        with pytest.raises(InputError, match="holds more than tensors: "):
            read_weights(str(tmp_path / "net.pt"))
    torch.save(Net(), tmp_path / "whole.pt")
    with pytest.raises(InputError, match=r"test_weights\.Net would be run; save the state dict"):
        read_weights(str(tmp_path / "whole.pt"))
    assert not trace.exists()


def test_what_is_no_checkpoint(tmp_path: Path) -> None:
    whole = tmp_path / "whole.pt"
    torch.save(Net().state_dict(), whole)
    files: dict[str, tuple[bytes, str]] = {
        "text.pt": (b"no checkpoint", "cannot be read as a checkpoint: (?!.*weights_only)"),
        "empty.pt": (b"", "cannot be read as a checkpoint: it is empty"),
        "cut.pt": (whole.read_bytes()[:-200], "cannot be read as a checkpoint: "),
        "cut.safetensors": (b"\x10\0\0\0\0\0\0\0{", "cannot be read as a checkpoint: "),
    }
    for name, (content, message) in files.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=f"{name}: it {message}"):
            read_weights(str(tmp_path / name))
    for number, nothing in enumerate(([1, 2], {}, {"epoch": 3}, {3: torch.zeros(1)})):
        torch.save(nothing, tmp_path / f"{number}.pt")
        with pytest.raises(InputError, match="holds no weights by name"):
            read_weights(str(tmp_path / f"{number}.pt"))
    with pytest.raises(InputError, match="no such file"):
        read_weights(str(tmp_path / "nowhere.pt"))
    with pytest.raises(InputError, match="directory"):
        read_weights(str(tmp_path))
