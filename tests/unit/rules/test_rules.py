"""Rules: their documentation and examples, the traps of their definitions, and what none can
verify."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import archcheck
from archcheck.augmentation import parse_script
from archcheck.augmentation.reading import read_pipelines
from archcheck.evidence import Evidence
from archcheck.rules import Example, Proposal, Rule, Subject, Verdict, all_rules, documentation
from archcheck.spec import check, parse_spec, spec_from
from archcheck.tracing.remote import start_worker
from tests.support.modules import Fn

RULES = all_rules()
HEADINGS = ["What it does", "Why it matters", "Example", "References"]
every = pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))


def judge(net: nn.Module, rule: str, options: Any, shape: tuple[int, ...] = (3, 32, 32)) -> Verdict:
    spec = spec_from({"rules": {rule: options}})
    return archcheck.verify(net, spec, input_shape=shape).finding(rule).verdict


def found(net: nn.Module, rule: str, shape: tuple[int, ...] = (3, 32, 32)) -> Any:
    return judge(net, rule, {"at_least": 0}, shape).found


# -- documentation and examples ----------------------------------------------------------------


def test_rules_go_by_their_names_and_have_both_sorts_of_examples() -> None:
    assert list(RULES) == sorted(RULES)
    assert all(name == rule.name for name, rule in RULES.items())
    assert [name for name, rule in RULES.items() if not rule.passes or not rule.fails] == []


@every
def test_documentation_has_its_headings_in_order(rule: Rule) -> None:
    text = documentation(rule)
    assert re.findall(r"^## (.+)$", text, re.M) == HEADINGS
    sections = re.split(r"^## .+$", text, flags=re.M)[1:]
    assert all(len(section.strip()) > 20 for section in sections)
    assert rule.summary.endswith(".")


@every
def test_documented_yaml_is_a_spec_with_that_rule(rule: Rule) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", documentation(rule), re.S)
    assert blocks
    for block in blocks:
        assert rule.name in {asked.rule.name for asked in parse_spec(block).requirements}


@every
def test_every_option_is_described(rule: Rule) -> None:
    for name, field in rule.Options.model_fields.items():
        if name not in ("more_than", "at_least", "less_than", "at_most", "exactly"):
            assert field.description, name


def build(example: Example) -> nn.Module:
    names: dict[str, Any] = {"torch": torch, "nn": nn}
    if "class Net" not in example.network:
        net: nn.Module = eval(example.network, names)
        return net
    exec(example.network, names)
    made: nn.Module = names["Net"]()
    return made


CASES = [
    pytest.param(name, example, status, id=f"{name}-{status}-{number}")
    for name, rule in RULES.items()
    for status, examples in (("passed", rule.passes), ("failed", rule.fails))
    for number, example in enumerate(examples)
]


@pytest.mark.parametrize(("name", "example", "status"), CASES)
def test_examples_give_the_verdict_they_promise(
    name: str, example: Example, status: str, tmp_path: Path
) -> None:
    spec = spec_from({"rules": {name: example.options}})
    network = archcheck.trace(build(example), example.input)
    evidence = example.evidence
    if example.script:
        script = tmp_path / "train.py"
        script.write_text(example.script)
        pipelines = read_pipelines(parse_script(str(script)), start_worker)
        evidence = Evidence(augmentation=pipelines)
    verdict = check(network, spec, evidence).finding(name).verdict
    assert verdict.status == status
    assert verdict.message and verdict.found_text


@pytest.mark.parametrize(("name", "example", "status"), CASES)
def test_what_a_rule_proposes_of_a_network_holds(name: str, example: Example, status: str) -> None:
    network = archcheck.trace(build(example), example.input)
    proposal = RULES[name].baseline(Subject(network))
    assert proposal is None or isinstance(proposal, Proposal)  # nothing of the examples is unseen
    if isinstance(proposal, Proposal):
        assert check(network, spec_from({"rules": {name: proposal.options}})).passed


def test_only_the_rules_know_a_rule_by_its_module() -> None:
    homes = {type(rule).__module__ for rule in RULES.values()}
    package = Path(archcheck.__file__).parent
    for file in package.rglob("*.py"):
        if file.is_relative_to(package / "rules"):
            continue
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert node.module not in homes, file
                named = {f"{node.module}.{alias.name}" for alias in node.names}
                assert not named & homes, file
            elif isinstance(node, ast.Import):
                assert not {alias.name for alias in node.names} & homes, file


# -- traps -------------------------------------------------------------------------------------

S = nn.Sequential
SEPARABLE, CONNECTED, POOL = "depthwise-separable", "fully-connected", "global-average-pool"
DEEP, POINT = nn.Conv2d(3, 6, 3, groups=3), nn.Conv2d(6, 8, 1)
W = nn.Parameter(torch.ones(32, 4))
avg, top = F.adaptive_avg_pool2d, F.adaptive_max_pool2d
TRAPS: list[tuple[str, int, nn.Module]] = [
    ("depthwise", 1, S(nn.Conv2d(3, 32, 1), nn.Conv2d(32, 64, 3, groups=32))),
    ("depthwise", 0, S(nn.Conv2d(3, 32, 1), nn.Conv2d(32, 32, 3, groups=16))),
    ("depthwise", 0, nn.Conv2d(3, 1, 1)),
    ("depthwise", 0, S(nn.Conv2d(3, 1, 1), nn.Conv2d(1, 8, 3, groups=1))),
    ("depthwise", 1, nn.ConvTranspose2d(3, 6, 3, groups=3)),
    ("depthwise", 1, Fn(lambda _, x: F.conv2d(x, torch.ones(3, 1, 3, 3), groups=3))),
    (SEPARABLE, 1, S(DEEP, nn.BatchNorm2d(6), nn.ReLU6(True), nn.Dropout(), POINT)),
    (SEPARABLE, 1, S(DEEP, nn.Conv2d(6, 8, 1, stride=2))),
    (SEPARABLE, 0, S(DEEP, nn.Conv2d(6, 8, 1, groups=2))),
    (SEPARABLE, 0, S(DEEP, nn.Conv2d(6, 8, (1, 3)))),
    (SEPARABLE, 0, S(DEEP, nn.AvgPool2d(2), POINT)),
    (SEPARABLE, 0, S(nn.Conv2d(3, 8, 1), nn.Conv2d(8, 8, 3, groups=8))),
    ("dilated", 0, nn.Conv2d(3, 8, 1, dilation=2)),
    ("dilated", 0, nn.Conv2d(3, 8, (1, 3), dilation=(2, 1))),
    ("dilated", 1, nn.Conv2d(3, 8, (1, 3), dilation=(1, 2))),
    ("dilated", 1, nn.ConvTranspose2d(3, 8, 3, dilation=8)),
    ("dilated", 0, nn.MaxPool2d(3, dilation=2)),
    ("strided", 1, nn.Conv2d(3, 8, 1, stride=(1, 2))),
    ("strided", 0, S(nn.ConvTranspose2d(3, 8, 2, stride=2), nn.MaxPool2d(2))),
    ("transposed", 1, Fn(lambda _, x: F.conv_transpose2d(x, torch.ones(3, 2, 3, 3)))),
    ("max-pool", 1, Fn(lambda _, x: torch.max_pool2d(x, 2))),
    ("max-pool", 1, Fn(lambda _, x: top(x, (2, 3)))),
    ("max-pool", 1, Fn(lambda _, x: F.max_pool2d(x, 2, return_indices=True)[0])),
    ("max-pool", 1, Fn(lambda _, x: F.max_pool1d(x.flatten(2), 2))),
    ("max-pool", 0, Fn(lambda _, x: F.avg_pool2d(x, 2), unused=nn.MaxPool2d(2))),
    (CONNECTED, 1, Fn(lambda s, x: F.linear(x, s.w.t()), w=W)),
    (CONNECTED, 1, Fn(lambda s, x: x @ s.w, w=W)),
    (CONNECTED, 1, Fn(lambda s, x: torch.mm(x[:, 0, 0], s.w), w=W)),
    (CONNECTED, 0, Fn(lambda _, x: x @ x.transpose(-1, -2))),
    (POOL, 0, nn.AdaptiveAvgPool2d(2)),
    (POOL, 1, S(nn.AvgPool2d(2), nn.AdaptiveAvgPool2d(1))),
    (POOL, 1, Fn(lambda _, x: x.mean(3).mean(2))),
    (POOL, 1, Fn(lambda _, x: x.mean((-2, -1), keepdim=True))),
    (POOL, 1, Fn(lambda _, x: x.flatten(2).mean(-1))),
    (POOL, 0, Fn(lambda _, x: x.mean(1))),
    (POOL, 0, Fn(lambda _, x: x.mean(3))),
    (POOL, 0, Fn(lambda _, x: x * torch.sigmoid(avg(x, 1)))),
    (POOL, 1, Fn(lambda _, x: torch.cat([avg(x, 1), top(x, 1)], 1))),
    # The image branch of a pyramid is spread out again; a second output has a pool of its own.
    (POOL, 0, Fn(lambda _, x: x + F.interpolate(avg(x, 1), size=(32, 32)))),
    (POOL, 2, Fn(lambda _, x: (x.mean((2, 3)), torch.relu(x).mean((2, 3))))),
    (POOL, 1, Fn(lambda _, x: x.mean((2, 3)) + torch.arange(3))),
]


@pytest.mark.parametrize(("rule", "count", "net"), TRAPS)
def test_traps(rule: str, count: int, net: nn.Module) -> None:
    assert found(net, rule) == count


def test_a_pool_that_leaves_a_row_out_says_so() -> None:
    verdict = judge(nn.AvgPool2d(5), POOL, "required", (3, 6, 6))
    assert (verdict.status, verdict.found) == ("failed", 0)
    assert "5×5 window over 6×6" in verdict.message
    assert judge(nn.AvgPool2d(5), POOL, "required", (3, 5, 5)).status == "passed"


def test_global_pools_in_one_and_three_dimensions() -> None:
    assert found(nn.AdaptiveAvgPool1d(1), POOL, (3, 9)) == 1
    assert found(nn.AvgPool1d(4), POOL, (3, 5)) == 0
    assert found(nn.AdaptiveAvgPool3d(1), POOL, (3, 4, 5, 6)) == 1


def test_a_convolution_called_twice_counts_twice() -> None:
    conv = nn.Conv2d(3, 3, 3, stride=2, dilation=2, padding=2, groups=3)
    net = S(conv, nn.ReLU(), conv)
    assert [found(net, rule) for rule in ("dilated", "strided", "depthwise")] == [2, 2, 2]


# -- layers ------------------------------------------------------------------------------------

MIXED = S(
    nn.Conv2d(3, 8, (3, 1), padding=(1, 0), bias=False),
    nn.ReLU(),
    Fn(lambda _, x: F.relu(x)),
    nn.Conv2d(8, 8, 3, stride=(1, 2), padding=1, groups=8),
    nn.Dropout(0.25),
    nn.ConvTranspose2d(8, 4, 2, stride=2),
    Fn(lambda _, x: torch.relu(x) + x),
)
LAYERS: list[tuple[dict[str, Any], int]] = [
    ({"kind": "conv2d"}, 2),
    ({"kind": "Conv2d"}, 2),
    ({"kind": "conv_transpose2d"}, 1),
    ({"kind": "relu"}, 3),
    ({"kind": "ReLU"}, 3),
    ({"kind": "ReLU6"}, 0),
    ({"function": "torch.nn.functional.relu"}, 2),
    ({"kind": "relu", "function": "torch.relu"}, 1),
    ({"kind": "add"}, 1),
    ({"kind": "conv2d", "where": {"kernel_size": 3}}, 1),
    ({"kind": "conv2d", "where": {"kernel_size": [3, 1]}}, 1),
    ({"kind": "conv2d", "where": {"kernel_size": [1, 3]}}, 0),
    ({"kind": "conv2d", "where": {"kernel_size": {"at_least": 3}}}, 2),
    ({"kind": "conv2d", "where": {"stride": {"more_than": 1}}}, 1),
    ({"kind": "conv2d", "where": {"stride": {"less_than": 2}}}, 1),
    ({"kind": "conv2d", "where": {"stride": 1}}, 1),
    ({"kind": "conv2d", "where": {"bias": True}}, 1),
    ({"kind": "conv2d", "where": {"bias": False, "in_channels": 3}}, 1),
    ({"kind": "conv2d", "where": {"bias": False, "in_channels": 8}}, 0),
    ({"kind": "conv2d", "where": {"depthwise": True}}, 1),
    ({"kind": "conv2d", "where": {"groups": {"more_than": 1, "less_than": 9}}}, 1),
    ({"kind": "conv2d", "where": {"module": "3"}}, 1),
    ({"kind": "dropout", "where": {"p": 0.25}}, 1),
    ({"kind": "dropout", "where": {"p": 0.5}}, 0),
    ({"kind": "conv2d", "where": {"groups": True}}, 0),
]


@pytest.mark.parametrize(("options", "count"), LAYERS, ids=lambda v: str(v))
def test_layers_under_conditions(options: dict[str, Any], count: int) -> None:
    assert judge(MIXED, "layers", {**options, "exactly": count}).found == count


class MyPool(nn.MaxPool2d):
    """A class made from torch's."""


@pytest.mark.parametrize("kind", ["MaxPool2d", "max_pool2d"])
def test_a_class_of_torch_counts_what_does_the_same(kind: str) -> None:
    net = S(nn.Conv2d(3, 8, 3), nn.MaxPool2d(2), MyPool(2), Fn(lambda _, x: F.max_pool2d(x, 2)))
    assert judge(net, "layers", {"kind": kind, "exactly": 0}).found == 3
    resized = S(nn.Upsample(scale_factor=2), Fn(lambda _, x: F.interpolate(x, scale_factor=2)))
    assert judge(resized, "layers", {"kind": "Upsample", "exactly": 2}).status == "passed"


def test_a_class_of_ones_own_counts_itself_alone() -> None:
    net = S(nn.MaxPool2d(2), MyPool(2))
    assert judge(net, "layers", {"kind": "MyPool", "exactly": 1}).status == "passed"


# -- what cannot be verified -------------------------------------------------------------------

SCRIPTED = "ignore:`torch.jit.*:DeprecationWarning"


def with_scripted_part() -> nn.Module:
    part = S(nn.Conv2d(8, 8, 3, dilation=2), nn.MaxPool2d(2))
    return S(nn.Conv2d(3, 8, 3), torch.jit.script(part))


def all_scripted() -> nn.Module:
    return S(torch.jit.script(S(nn.Conv2d(3, 8, 3, dilation=2), nn.MaxPool2d(2))))


def all_in_numpy() -> nn.Module:
    return Fn(lambda _, x: torch.from_numpy(x.numpy() * 2))


def all_in_lists() -> nn.Module:
    return Fn(lambda _, x: torch.tensor([[row[::-1] for row in part] for part in x.tolist()]))


UNVERIFIED = [
    pytest.param(name, options, id=f"{name}-{number}")
    for name, rule in RULES.items()
    for number, options in enumerate(rule.unverified)
]


@pytest.mark.filterwarnings(SCRIPTED)
@pytest.mark.parametrize(("rule", "options"), UNVERIFIED)
@pytest.mark.parametrize("make", [all_scripted, all_in_numpy, all_in_lists])
def test_what_was_not_seen_is_neither_there_nor_not(
    make: Callable[[], nn.Module], rule: str, options: Any
) -> None:
    verdict = judge(make(), rule, options)
    assert verdict.status == "not-verified"
    assert verdict.message


@pytest.mark.filterwarnings(SCRIPTED)
def test_more_of_the_unseen_would_not_change_these_answers() -> None:
    net = S(nn.MaxPool2d(2), nn.Conv2d(3, 3, 3, groups=3), with_scripted_part())
    assert judge(net, "max-pool", "forbidden").status == "failed"
    assert judge(net, "depthwise", "required").status == "passed"
    assert judge(net, "depthwise", {"at_least": 2}).status == "not-verified"
    assert judge(net, "depthwise", {"at_most": 1}).status == "not-verified"
    assert judge(net, "depthwise", {"exactly": 1}).status == "not-verified"


def convolution(_: Any, x: Tensor) -> Tensor:
    kernel = torch.ones(3, 1, 3, 3)
    return torch.convolution(x, kernel, None, [1, 1], [0, 0], [1, 1], False, [0, 0], 3)


def deformable() -> nn.Module:
    """A strided convolution whose taps move, as torchvision has it."""
    library_of: Any = torch.library.Library
    library = library_of("archcheck_tests", "FRAGMENT")
    library.define("deform_conv2d(Tensor input, Tensor weight, Tensor offset) -> Tensor")
    library.impl("deform_conv2d", lambda x, w, offset: F.conv2d(x, w, stride=2), "CPU")
    KEPT.append(library)
    run = torch.ops.archcheck_tests.deform_conv2d
    return Fn(lambda _, x: run(x, torch.ones(3, 3, 3, 3), x))


KEPT: list[Any] = []
"""What is defined here lasts as long as its library."""
UNUSUAL: dict[str, tuple[str, nn.Module]] = {
    "tensordot": (CONNECTED, Fn(lambda s, x: torch.tensordot(x, s.w, dims=1), w=W)),
    "inner": (CONNECTED, Fn(lambda s, x: torch.inner(x, s.w.t()), w=W)),
    "multi_dot": (CONNECTED, Fn(lambda s, x: torch.linalg.multi_dot([x[:, 0, 0], s.w]), w=W)),
    "multi_dot of three": (
        CONNECTED,
        Fn(lambda s, x: torch.linalg.multi_dot([x[:, 0, 0], s.w, torch.ones(4, 2)]), w=W),
    ),
    "einsum of three": (
        CONNECTED,
        Fn(lambda s, x: torch.einsum("nchw,wk,kl->nchl", x, s.w, torch.ones(4, 2)), w=W),
    ),
    "addbmm": (CONNECTED, Fn(lambda s, x: torch.addbmm(x[0, 0, :, :4], x[0], s.w[None]), w=W)),
    "bilinear": (CONNECTED, Fn(lambda s, x: s.pairs(x, x), pairs=nn.Bilinear(32, 32, 2))),
    "deformable": ("strided", deformable()),
    "fractional": ("max-pool", Fn(lambda _, x: F.fractional_max_pool2d(x, 2, output_size=9))),
    "convolution": ("depthwise", Fn(convolution)),
}


@pytest.mark.parametrize("name", UNUSUAL)
def test_unusual_spellings_are_no_way_around(name: str) -> None:
    rule, net = UNUSUAL[name]
    assert judge(net, rule, "forbidden").status != "passed"


def test_an_operation_that_is_not_modelled_is_named_with_its_line() -> None:
    net = Fn(lambda s, x: s.conv(torch.linalg.qr(x)[0]), conv=nn.Conv2d(3, 8, 3))
    for rule in ("receptive-field", "macs"):
        for asked in ({"at_least": 0}, {"at_most": 10**12}):
            verdict = judge(net, rule, asked)
            assert verdict.status == "not-verified"
            assert verdict.found is None
            assert "torch.linalg.qr" in verdict.message
            place = verdict.locations[0].place
            assert place is not None
            assert place.file == __file__
    assert judge(net, "parameters", {"exactly": 224}).status == "passed"
    assert judge(net, "output-shape", {"shape": [8, 30, 30]}).status == "passed"


# -- outputs whose first axis is not the batch -------------------------------------------------


def _rows(self: Any, x: Tensor) -> Any:
    """Too few features asked for: the rest becomes rows."""
    return self.fc(self.conv(x).view(-1, 4 * 30))


def _squeezed(self: Any, x: Tensor) -> Any:
    return self.conv(x).mean((2, 3), keepdim=True).squeeze()


def test_rows_of_one_sample_are_no_batch() -> None:
    net = Fn(_rows, conv=nn.Conv2d(3, 4, 3), fc=nn.Linear(120, 10))
    assert net(torch.zeros(8, 3, 32, 32)).shape == (8 * 30, 10)
    verdict = judge(net, "output-shape", {"shape": [10]})
    assert verdict.status == "failed"
    assert verdict.found == [30, 10]
    assert "returns 30×10 for a batch of 1: the first axis is not the batch" in verdict.message
    assert judge(net, "output-shape", {"shape": [30, 10]}).status == "failed"


def test_a_squeeze_takes_a_batch_of_one_away() -> None:
    net = Fn(_squeezed, conv=nn.Conv2d(3, 10, 3))
    assert net(torch.zeros(1, 3, 32, 32)).shape == (10,)
    verdict = judge(net, "output-shape", {"shape": [10]})
    assert verdict.status == "failed"
    assert "returns 10 for a batch of 1: the first axis is not the batch" in verdict.message
