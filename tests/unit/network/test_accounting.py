"""What a network holds, wherever it is kept: each count is that of the tensors made by hand."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import prune
from torch.utils._python_dispatch import TorchDispatchMode

import archcheck
from archcheck.network.accounting import Accounts, accounts_of
from archcheck.network.remarks import remarks_on
from archcheck.rules import Verdict
from archcheck.spec import spec_from
from tests.support.modules import Fn

SHAPE = (3, 8, 8)
WEIGHT = torch.randn(4, 3, 3, 3)
TABLE = {"deep": [(WEIGHT.clone(),)]}
ARRAY = np.random.default_rng(0).standard_normal((4, 3, 3, 3)).astype("float32")
SAVED = io.BytesIO()
torch.save(WEIGHT, SAVED)
PICKLED = pickle.dumps(WEIGHT)


class Constants:
    kernel = torch.randn(4, 3, 3, 3)


def accounts(net: nn.Module) -> Accounts:
    return accounts_of(archcheck.trace(net, SHAPE))


def strictly(net: nn.Module, options: dict[str, Any]) -> Verdict:
    spec = spec_from({"rules": {"parameters": {"count": "strict", **options}}})
    return archcheck.verify(net, spec, input_shape=SHAPE).finding("parameters").verdict


def convolved(kernel: Callable[[Any], Any]) -> Callable[[Any, Tensor], Any]:
    return lambda s, x: F.conv2d(x, kernel(s))


def in_a_closure() -> Callable[[Any, Tensor], Any]:
    kernel = torch.randn(4, 3, 3, 3)
    return lambda s, x: F.conv2d(x, kernel)


def loaded(_: Any) -> Any:
    SAVED.seek(0)
    return torch.load(SAVED)


def filled(_: Any) -> Tensor:
    return torch.empty(4, 3, 3, 3).normal_(generator=torch.Generator().manual_seed(1))


def given(kernel: Tensor) -> Tensor:
    torch.mul(WEIGHT.view(kernel.shape), 2.0, out=kernel)
    return kernel


def given_a_view(_: Any) -> Tensor:
    kernel = torch.zeros(4, 3, 3, 3)
    given(kernel.view(4, 27))
    return kernel


def drawn_there(_: Any) -> Tensor:
    kernel = torch.empty(4, 3, 3, 3)
    torch.randn(4, 3, 3, 3, out=kernel)
    return kernel


def with_other_data(_: Any) -> Tensor:
    kernel = torch.zeros(1)
    kernel.data = WEIGHT
    return kernel


def with_a_real_part(_: Any) -> Tensor:
    kernel = torch.zeros(4, 3, 3, 3, dtype=torch.complex64)
    kernel.real = WEIGHT
    return kernel.real


def with_an_imaginary_part(_: Any) -> Tensor:
    kernel = torch.zeros(4, 3, 3, 3, dtype=torch.complex64)
    kernel.imag = WEIGHT
    return kernel.abs()


def with_a_gradient(_: Any) -> Any:
    kernel = torch.zeros(4, 3, 3, 3)
    kernel.grad = WEIGHT.clone()
    return kernel.grad


def stepped(_: Any) -> Tensor:
    kernel = nn.Parameter(torch.zeros(4, 3, 3, 3))
    kernel.grad = WEIGHT.clone()
    torch.optim.SGD([kernel], lr=1.0).step()
    return kernel


def signs(_: Any) -> Tensor:
    return torch.where(WEIGHT > 0, 1.0, -1.0)


def filled_by_a_table(_: Any) -> Tensor:
    return torch.ones(4, 3, 3, 3).masked_fill(WEIGHT > 0, -1.0)


def behind_a_view(kernel: Tensor) -> Tensor:
    return kernel.as_strided((4, 3, 3, 3), (27, 9, 3, 1))


def behind_a_storage(kernel: Tensor) -> Tensor:
    return torch.empty(0).set_(kernel.untyped_storage(), 0, (4, 3, 3, 3), (27, 9, 3, 1))


def written_as_an_array(_: Tensor) -> Tensor:
    kernel = torch.zeros(4, 3, 3, 3)
    kernel.numpy()[:] = ARRAY
    return kernel


def unpickled(_: Tensor) -> Any:
    return pickle.loads(PICKLED)


def set_behind(_: Tensor) -> Tensor:
    kernel = torch.zeros(4, 3, 3, 3)
    write: Any = torch._C.TensorBase.set_
    write(kernel, WEIGHT)
    return kernel


def written_unseen(_: Tensor) -> Tensor:
    kernel = torch.zeros(4, 3, 3, 3)
    with torch._C.DisableTorchFunction():
        kernel.copy_(WEIGHT)
    return kernel


def applied(_: Tensor) -> Tensor:
    numbers = iter(WEIGHT.flatten().tolist())
    return torch.zeros(4, 3, 3, 3).apply_(lambda _: next(numbers))


def differentiated(_: Tensor) -> Any:
    with torch.enable_grad():
        kernel = torch.zeros(4, 3, 3, 3, requires_grad=True)
        (kernel * WEIGHT).sum().backward()  # type: ignore[no-untyped-call]
    return kernel.grad


class Swapping(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        return WEIGHT.clone() if func is torch.ops.aten.zeros.default else made


def dispatched(_: Tensor) -> Tensor:
    with Swapping():  # type: ignore[no-untyped-call]
        return torch.zeros(4, 3, 3, 3)


@torch.library.custom_op("archcheck_tests::zeros_like", mutates_args=())
def custom(like: Tensor) -> Tensor:
    return WEIGHT.clone()


def made_by_an_operation_of_its_own(kernel: Tensor) -> Any:
    return custom(kernel)


class Buffered(nn.Module):
    kernel: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("kernel", torch.randn(4, 3, 3, 3))

    def forward(self, x: Tensor) -> Any:
        return F.conv2d(x, self.kernel)


def held(**parts: Any) -> nn.Module:
    """A network that convolves with what it keeps under the name ``k``."""
    return Fn(convolved(lambda s: s.k), **parts)


UNSEEN: list[Callable[[Tensor], Any]] = [
    *(behind_a_view, behind_a_storage, written_as_an_array, unpickled, set_behind, written_unseen),
    *(applied, differentiated, dispatched, made_by_an_operation_of_its_own),
]
KEPT: dict[str, nn.Module] = {
    "attribute": held(k=WEIGHT.clone()),
    "attribute that wants a gradient": held(k=WEIGHT.clone().requires_grad_()),
    "buffer": Buffered(),
    "list": Fn(convolved(lambda s: s.k[0]), k=[nn.Parameter(WEIGHT.clone())]),
    "private list": Fn(convolved(lambda s: s._k[0]), _k=[WEIGHT.clone()]),
    "object": Fn(convolved(lambda s: s.k.deep), k=SimpleNamespace(deep=WEIGHT.clone())),
    "global": Fn(convolved(lambda s: WEIGHT)),
    "global dictionary": Fn(convolved(lambda s: TABLE["deep"][0][0])),
    "closure": Fn(in_a_closure()),
    "class": Fn(convolved(lambda s: Constants.kernel)),
    "array": Fn(convolved(lambda s: torch.from_numpy(ARRAY))),
    "array, as a tensor": Fn(convolved(lambda s: torch.as_tensor(ARRAY))),
    "numbers": Fn(convolved(lambda s: torch.tensor(ARRAY.tolist()))),
    "numbers, in capitals": Fn(convolved(lambda s: torch.Tensor(ARRAY.tolist()))),
    "file": Fn(convolved(loaded)),
    "drawn": Fn(convolved(lambda s: torch.randn(4, 3, 3, 3))),
    "drawn in place": Fn(convolved(filled)),
    "drawn with odds": Fn(convolved(lambda s: torch.bernoulli(torch.full((4, 3, 3, 3), 0.5)))),
    "drawn by dropout": Fn(convolved(lambda s: F.dropout(torch.ones(4, 3, 3, 3)))),
    "written to what was given": Fn(convolved(lambda s: given(torch.zeros(4, 3, 3, 3)))),
    "written to a view that was given": Fn(convolved(given_a_view)),
    "drawn to what was given": Fn(convolved(drawn_there)),
    "data of a tensor that was empty": Fn(convolved(with_other_data)),
    "real part": Fn(convolved(with_a_real_part)),
    "imaginary part": Fn(convolved(with_an_imaginary_part)),
    "gradient": Fn(convolved(with_a_gradient)),
    "numbers for a new tensor": Fn(lambda s, x: F.conv2d(x, x.new(ARRAY.tolist()))),
    "condition between numbers": Fn(convolved(signs)),
    "mask that fills ones": Fn(convolved(filled_by_a_table)),
    "made a parameter": Fn(convolved(lambda s: nn.Parameter(torch.rand(4, 3, 3, 3)))),
    "whole numbers": Fn(
        convolved(lambda s: s.k.float() * 0.1),
        k=torch.randint(-9, 9, (4, 3, 3, 3), dtype=torch.int8),
    ),
    "complex numbers": Fn(convolved(lambda s: s.k.real), k=torch.randn(4, 3, 3, 3) * 1j),
    "layer in a list": Fn(lambda s, x: s.k[0](x), k=[nn.Conv2d(3, 4, 3, bias=False)]),
    "layer in a dictionary": Fn(lambda s, x: s.k["c"](x), k={"c": nn.Conv2d(3, 4, 3, bias=False)}),
    "layer made in forward": Fn(lambda s, x: nn.Conv2d(3, 4, 3, bias=False)(x)),
}


@pytest.mark.parametrize("net", KEPT.values(), ids=list(KEPT))
def test_a_weight_counts_wherever_it_is_kept(net: nn.Module) -> None:
    network = archcheck.trace(net, SHAPE)
    assert network.num_parameters == 0
    assert strictly(net, {"exactly": 108}).status == "passed"
    (remark,) = remarks_on(network)
    assert "108" in remark.text and "do not count" in remark.text
    assert remark.place is not None and remark.place.file == __file__


def mixed(s: Any, x: Tensor) -> Any:
    x = s.norm(s.conv(x))
    x = x + s.embedding(torch.arange(6)).sum()
    x = torch.where(torch.rand(6, 6) > 0.5, x, -x)
    x = x.masked_fill(torch.rand(6, 6) > 0.5, 0.0)
    x = x[:, torch.randperm(4)]
    return x.new_zeros(x.shape) + x + torch.full((6, 6), 0.5)


def test_a_kernel_that_is_written_in_parts_counts_what_is_written() -> None:
    def written(_: Any) -> Tensor:
        kernel = torch.zeros(4, 3, 3, 3)
        kernel[:2] = torch.randn(2, 3, 3, 3)
        kernel[2:3].uniform_()
        return kernel

    assert accounts(Fn(convolved(written))).size == 54 + 27


def test_indices_conditions_statistics_and_numbers_are_apart() -> None:
    parts = {"conv": nn.Conv2d(3, 4, 3), "norm": nn.BatchNorm2d(4), "embedding": nn.Embedding(6, 2)}
    net = Fn(mixed, **parts)
    assert accounts(net).size == 112 + 8 + 12
    assert remarks_on(archcheck.trace(net, SHAPE)) == ()


def test_statistics_that_are_read_otherwise_count() -> None:
    norm = nn.BatchNorm2d(3)
    net = Fn(lambda s, x: s.norm(x) + s.norm.running_mean.view(3, 1, 1), norm=norm)
    assert accounts(net).size == 6 + 3


def test_a_mask_of_zeros_and_ones_on_a_weight_is_not_counted_again() -> None:
    conv = nn.Conv2d(3, 4, 3, bias=False)
    prune.random_unstructured(conv, "weight", 0.5)  # type: ignore[no-untyped-call]
    assert accounts(conv).size == 108
    mask = (torch.arange(108) % 2).view(4, 3, 3, 3)
    masked = Fn(convolved(lambda s: s.k * s.m), k=WEIGHT.clone(), m=mask.float())
    assert accounts(masked).size == 108
    scaled = Fn(convolved(lambda s: s.k * s.m), k=WEIGHT.clone(), m=mask * 0.5)
    assert accounts(scaled).size == 216
    on_the_map = Fn(lambda s, x: x * s.m, m=torch.eye(8))
    assert accounts(on_the_map).size == 64


@pytest.mark.parametrize(
    "weight", [lambda k: k.sum(), lambda k: k.sum().expand(4, 3, 3, 3), lambda k: k.mean(0)]
)
def test_a_mask_that_writes_more_numbers_than_its_weight_holds_is_counted(
    weight: Callable[[Any], Any],
) -> None:
    mask = (torch.arange(108) % 2).view(4, 3, 3, 3).float()
    few = Fn(convolved(lambda s: weight(s.k) * s.m), k=WEIGHT[:2].clone(), m=mask)
    assert accounts(few).size == 54 + 108


def test_memory_that_tensors_share_counts_once() -> None:
    flat = torch.randn(10)
    parts = {"a": flat[:6], "b": flat[4:], "c": flat.view(2, 5), "d": flat[:1].expand(8)}
    net = Fn(lambda s, x: x + s.a.sum() + s.b.sum() + s.c.sum() + s.d, **parts)
    assert accounts(net).size == 10
    assert accounts(Fn(lambda s, x: x * s.d, d=torch.randn(1).expand(8))).size == 1
    conv = nn.Conv2d(3, 4, 3, bias=False)
    tied = Fn(lambda s, x: s.conv(x) + F.conv2d(x, s.k), conv=conv, k=conv.weight.detach())
    assert accounts(tied).size == 108


def test_what_reaches_no_output_is_not_held() -> None:
    def forward(s: Any, x: Tensor) -> Any:
        s.dead(x)
        return s.conv(x) * torch.ones_like(F.conv2d(x, WEIGHT))

    net = Fn(forward, dead=nn.Conv2d(3, 9, 3), conv=nn.Conv2d(3, 4, 3))
    assert accounts(net).size == 112


def test_values_that_depend_on_the_input_are_no_weights() -> None:
    def forward(s: Any, x: Tensor) -> Any:
        return x * nn.Parameter(s.conv(x).mean((2, 3), keepdim=True))

    net = Fn(forward, conv=nn.Conv2d(3, 3, 1))
    assert accounts(net).size == 12
    assert archcheck.receptive_field(archcheck.trace(net, SHAPE)).at("output").size == (8, 8)


def overridden() -> nn.Module:
    class Hiding(nn.Sequential):
        def named_parameters(self, *args: Any, **kwargs: Any) -> Any:
            return iter(())

        def named_modules(self, *args: Any, **kwargs: Any) -> Any:
            return iter([("", self)])

        parameters = modules = children = buffers = named_children = named_parameters

    return Hiding(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))


def test_methods_that_a_network_overrides_hide_nothing() -> None:
    network = archcheck.trace(overridden(), SHAPE)
    assert network.num_parameters == 112 + 8
    assert network.buffer_elements == 9
    assert remarks_on(network) == ()


def test_numbers_that_python_took_out_are_not_known() -> None:
    net = Fn(lambda s, x: s.conv(x) * float(s.k), conv=nn.Conv2d(3, 4, 3), k=torch.tensor(0.5))
    assert strictly(net, {"at_most": 113}).status == "passed"
    assert strictly(net, {"at_most": 112}).status == "not-verified"
    assert strictly(net, {"at_most": 111}).status == "failed"


def test_what_comes_back_from_python_is_not_known() -> None:
    net = Fn(lambda s, x: torch.tensor(x.tolist()) + s.k, k=torch.randn(8))
    assert strictly(net, {"exactly": 8}).status == "not-verified"
    assert strictly(net, {"at_least": 8}).status == "passed"
    assert strictly(net, {"less_than": 8}).status == "failed"


@pytest.mark.parametrize("road", UNSEEN, ids=lambda road: road.__name__)
def test_memory_that_is_reached_behind_torch_is_not_known(road: Callable[[Tensor], Any]) -> None:
    first = nn.Parameter(torch.randn(108)[:1])
    net = Fn(lambda s, x: F.conv2d(x, road(s.first)) + s.first, first=first)
    assert strictly(net, {"at_most": 10}).status == "not-verified"


def test_products_with_arrays_are_not_known() -> None:
    array = np.ones((8, 8), dtype="float32")
    with pytest.warns(DeprecationWarning):
        assert strictly(Fn(lambda s, x: x * array), {"at_most": 10}).status == "not-verified"


def test_a_strided_view_of_its_own_elements_counts_them() -> None:
    net = Fn(lambda s, x: F.conv2d(x, behind_a_view(s.k)), k=WEIGHT.clone())
    assert strictly(net, {"exactly": 108}).status == "passed"


def test_data_that_was_set_in_forward_is_put_back() -> None:
    def forward(s: Any, x: Tensor) -> Any:
        s.scale.data = s.other[0]
        return x * s.scale

    net = Fn(forward, scale=nn.Parameter(torch.ones(1)), other=[torch.zeros(8, 8)])
    assert accounts(net).size == 64
    assert torch.equal(net.get_parameter("scale"), torch.ones(1))
    assert not vars(net)["other"][0].any()


def test_stacked_weights_of_models_that_are_run_together_are_no_others() -> None:
    from torch.func import functional_call, stack_module_state, vmap

    class Ensemble(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.members = nn.ModuleList([nn.Conv2d(3, 4, 3) for _ in range(3)])
            self.skeleton = [nn.Conv2d(3, 4, 3, device="meta")]

        def forward(self, x: Tensor) -> Any:
            def member(parameters: Any, buffers: Any) -> Any:
                return functional_call(self.skeleton[0], (parameters, buffers), (x,))

            return vmap(member)(*stack_module_state(list(self.members))).mean(0)

    network = archcheck.trace(Ensemble(), SHAPE)
    assert network.num_parameters == 336
    assert not any("do not count (" in remark.text for remark in remarks_on(network))


def test_an_optimizer_in_forward_puts_in_what_it_steps_by() -> None:
    assert accounts(Fn(convolved(stepped))).size == 108


NUMBERS = [0.01 * number for number in range(1, 101)]
ONE_BY_ONE: dict[str, Callable[[Tensor], Any]] = {
    "multiplied": lambda x: sum(x * number for number in NUMBERS),
    "from the left": lambda x: sum(number * x for number in np.array(NUMBERS)),
    "bounds": lambda x: sum(x.clamp(min=number) for number in NUMBERS),
    "scaled in a sum": lambda x: sum(torch.add(x, x, alpha=number) for number in NUMBERS),
    "filled": lambda x: x + torch.cat([torch.full((1, 1, 8), n) for n in NUMBERS])[:8, 0],
    "whole numbers": lambda x: sum(x * number for number in range(100)),
}


@pytest.mark.parametrize("forward", ONE_BY_ONE.values(), ids=list(ONE_BY_ONE))
def test_many_numbers_of_python_are_not_known_and_told(forward: Callable[[Tensor], Any]) -> None:
    net = Fn(lambda s, x: forward(x))
    verdict = strictly(net, {"at_most": 50})
    assert verdict.status == "not-verified" and "numbers of Python" in verdict.message
    assert verdict.locations[0].place is not None
    assert strictly(net, {"at_most": 200}).status == "passed"
    (remark,) = remarks_on(archcheck.trace(net, SHAPE))
    assert "numbers of Python" in remark.text
    assert remark.place is not None and remark.place.file == __file__


def test_a_few_numbers_of_python_are_code() -> None:
    def forward(s: Any, x: Tensor) -> Any:
        x = (x / 255 - 0.5) * 2
        return sum((x * 0.1).clamp(0.5 * step, 1) for step in range(8))

    net = Fn(forward)
    assert accounts(net).perhaps == 0
    assert remarks_on(archcheck.trace(net, SHAPE)) == ()


def test_statistics_of_a_tensor_that_is_no_buffer_count() -> None:
    one = torch.ones(3)
    net = Fn(lambda s, x: F.batch_norm(x, s.mean, one), mean=torch.randn(3))
    assert accounts(net).size == 6


def test_masks_that_close_paths_are_apart() -> None:
    def forward(s: Any, x: Tensor) -> Any:
        mask = torch.where(s.keep, 0.0, float("-inf"))
        early = torch.arange(8)[:, None] >= torch.arange(8)
        mask = mask + torch.zeros(8, 8).masked_fill(~early, -1e9)
        return (x + mask + torch.where(early, 0.5, 1.0)).softmax(-1)

    net = Fn(forward, keep=torch.rand(8, 8) > 0.5)
    assert accounts(net).size == 0


def test_an_operation_of_its_own_is_not_taken_for_one_of_torch() -> None:
    network = archcheck.trace(Fn(lambda s, x: custom(x)), SHAPE)
    assert network.macs is None and network.opaque
    (remark,) = remarks_on(network)
    assert "not seen" in remark.text


def test_indices_into_numbers_of_the_code_count_and_those_into_weights_do_not() -> None:
    indices = torch.randint(0, 9, (4, 3, 3, 3))
    picked = Fn(convolved(lambda s: torch.linspace(-1, 1, 9)[s.k]), k=indices)
    assert accounts(picked).size == 9 + 108
    shared = Fn(convolved(lambda s: s.book[s.k]), k=indices, book=nn.Parameter(torch.randn(9)))
    assert accounts(shared).size == 9


def test_what_is_the_same_whatever_it_is_made_of_holds_nothing() -> None:
    def forward(s: Any, x: Tensor) -> Any:
        return x.clamp(1, 1) + x**0 + (x - x) + x / float("inf") + 0 * x

    assert accounts(Fn(forward)).size == 0
