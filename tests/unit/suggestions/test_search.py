"""What is edited so that a spec holds: networks as people write them, each with a spec it fails."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from archcheck.network import Network
from archcheck.spec import Spec, check
from archcheck.spec.model import spec_from
from archcheck.suggestions.suggest import Outcome, suggest
from archcheck.suggestions.text import print_outcome
from archcheck.tracing.remote import editing_workers, trace_in
from archcheck.verification.submission import Submission
from archcheck.worker.failures import Failure
from archcheck.worker.reference import Reference
from archcheck.worker.warm import WarmWorkers
from tests.support.commands import output_of

pytestmark = pytest.mark.slow
HEAD = "import torch\nfrom torch import nn\nfrom torch.nn import functional as F\n\n"


@pytest.fixture(scope="module")
def workers() -> Iterator[WarmWorkers]:
    with editing_workers() as started:
        yield started


def traced(file: Path, spec: Spec, workers: WarmWorkers) -> Network:
    assert spec.inputs is not None
    with workers.start() as worker:
        found = trace_in(worker, Reference(str(file), "", ""), spec.inputs, other_batches=True)
    assert not isinstance(found, Failure), found
    return found.network


def outcome_of(
    file: Path, rules: dict[str, Any], workers: WarmWorkers, shape: tuple[int, ...] = (3, 32, 32)
) -> Outcome:
    """What comes of a search; every suggestion is applied, and has to hold."""
    spec = spec_from({"input": list(shape), "rules": rules})
    report = check(traced(file, spec, workers), spec, file=str(file))
    assert not report.passed
    submission = Submission(reference=Reference(str(file), "", ""))
    outcome = suggest(submission, spec, report, workers.start, 60.0, lambda done, total: None)
    for suggestion in outcome.suggestions:
        for path, content in suggestion.contents.items():
            Path(path).write_bytes(content)
        assert check(traced(file, spec, workers), spec).passed, suggestion.diff
        for path, content in suggestion.read.items():
            Path(path).write_bytes(content)
    return outcome


CHAIN = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.second = nn.Conv2d(8, 16, 3, padding=1)  # the last map
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.end = nn.Linear(16, 10)

    def forward(self, x):
        x = self.second(F.relu(self.first(x)))
        return self.end(self.pool(x).flatten(1))
"""
LOOP = """
WIDTH = 16

class Net(nn.Module):
    def __init__(self, depth=3, spread=1):
        super().__init__()
        layers, width = [], 3
        for _ in range(depth):
            layers += [nn.Conv2d(width, WIDTH, 3, padding=spread, dilation=spread), nn.ReLU()]
            width = WIDTH
        self.body = nn.Sequential(*layers)

    def forward(self, x):
        return self.body(x).mean((2, 3))
"""
HELPERS = """
def block(inputs, outputs, kernel=3, spread=1, groups=1):
    padding = spread * (kernel - 1) // 2
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, padding=padding, dilation=spread, groups=groups),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(block(3, 16), block(16, 32), block(32, 32, spread=2))
        self.end = nn.Conv2d(32, 10, 1)

    def forward(self, x):
        return self.end(self.body(x)).mean((2, 3))
"""
FUNCTIONS = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.second = nn.Conv2d(8, 10, 3, padding=1)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.first(x)), 2)
        return F.avg_pool2d(self.second(x), 14).flatten(1)[:, :10]
"""
POOLED = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3, padding=1),
            nn.ReLU(), nn.MaxPool2d(2, 2), nn.Conv2d(16, 10, 1),
        )

    def forward(self, x):
        return self.body(x).mean((2, 3))
"""
BRANCHES = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, padding=1)
        self.norm = nn.BatchNorm2d(16)
        self.left = nn.Conv2d(16, 16, 3, padding=1)
        self.right = nn.Conv2d(16, 16, 1)
        self.end = nn.Linear(16, 10)

    def forward(self, x):
        x = self.norm(self.stem(x))
        x = x + F.relu(self.left(x)) + self.right(x)
        return self.end(x.mean((2, 3)))
"""


@pytest.mark.parametrize(
    ("source", "rules", "places", "line"),
    [
        (CHAIN, {"receptive-field": {"at_least": 11}}, 1, "dilation=4"),
        (CHAIN, {"receptive-field": {"at_most": 3}}, 1, "nn.Conv2d(8, 16, 1, padding=0)"),
        (CHAIN, {"parameters": {"at_most": 1000}}, 1, "groups=2"),
        (CHAIN, {"parameters": {"at_least": 2000}}, 1, "nn.Conv2d(8, 16, 5, padding=2)"),
        (CHAIN, {"dilated": {"at_least": 2}}, 2, "dilation=2"),
        (CHAIN, {"depthwise": {"at_least": 1}}, 1, "groups=8"),
        (CHAIN, {"strided": "required"}, 1, "stride=2"),
        (CHAIN, {"macs": {"at_most": "1M"}}, 1, "groups="),
        (CHAIN, {"output-shape": {"shape": [7]}}, 1, "nn.Linear(16, 7)"),
        (LOOP, {"receptive-field": {"at_least": 15}}, 1, "dilation=3"),
        (LOOP, {"parameters": {"at_most": 3000}}, 1, "WIDTH = 12"),
        (HELPERS, {"receptive-field": {"at_least": 20}}, 1, "block(3, 16, spread=7)"),
        (FUNCTIONS, {"global-average-pool": "required"}, 1, "F.avg_pool2d(self.second(x), 16)"),
        (FUNCTIONS, {"max-pool": "forbidden"}, 1, "F.avg_pool2d(F.relu(self.first(x)), 2)"),
        (POOLED, {"max-pool": "forbidden"}, 2, "nn.AvgPool2d(2, 2)"),
        (BRANCHES, {"parameters": {"at_most": 1500}}, 1, "groups="),
    ],
)
def test_the_best_edit_makes_the_spec_hold(
    source: str,
    rules: dict[str, Any],
    places: int,
    line: str,
    tmp_path: Path,
    workers: WarmWorkers,
) -> None:
    file = tmp_path / "net.py"
    file.write_text(HEAD + textwrap.dedent(source))
    outcome = outcome_of(file, rules, workers)
    diffs = [suggestion.diff for suggestion in outcome.suggestions]
    assert diffs, outcome.closest
    assert len(outcome.suggestions[0].places) == places
    assert any(line in diff for diff in diffs), "\n".join(diffs)


UNITS = """
from torch import nn

class Unit(nn.Sequential):
    def __init__(self, inputs, outputs, kernel=3, spread=1):
        padding = spread * (kernel - 1) // 2
        super().__init__(nn.Conv2d(inputs, outputs, kernel, 1, padding, spread), nn.ReLU())
"""
OF_UNITS = """
from units import Unit

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = Unit(3, 8)
        self.second = Unit(8, 8)

    def forward(self, x):
        return self.second(self.first(x)).mean((2, 3))
"""


def test_an_argument_is_set_where_a_unit_of_another_file_is_built(
    tmp_path: Path, workers: WarmWorkers
) -> None:
    (tmp_path / "units.py").write_text(UNITS)
    file = tmp_path / "net.py"
    file.write_text(HEAD + OF_UNITS)
    outcome = outcome_of(file, {"receptive-field": {"exactly": 11}}, workers)
    lines = {
        line.removeprefix("+").strip()
        for suggestion in outcome.suggestions
        for line in suggestion.diff.splitlines()
        if line.startswith("+ ")
    }
    assert {"self.first = Unit(3, 8, spread=4)", "self.second = Unit(8, 8, spread=4)"} <= lines


FAULTY = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 8, 3),  # with a bias
            nn.BatchNorm2d(8),
            nn.Conv2d(8, 8, 3, bias=False),
            nn.Dropout(0.1),  # too early
            nn.BatchNorm2d(8),  # too late
        )

    def forward(self, x):
        return self.body(x).mean((2, 3))
"""


@pytest.mark.parametrize(
    ("rule", "lines"),
    [
        ("bias-before-batchnorm", ["            nn.Conv2d(3, 8, 3, bias=False),  # with a bias"]),
        (
            "dropout-before-batchnorm",
            [
                "            nn.BatchNorm2d(8),  # too early",
                "            nn.Dropout(0.1),  # too late",
            ],
        ),
    ],
)
def test_faults_of_a_lint_are_repaired(
    rule: str, lines: list[str], tmp_path: Path, workers: WarmWorkers
) -> None:
    file = tmp_path / "net.py"
    file.write_text(HEAD + FAULTY)
    spec = f"input: [3, 32, 32]\nlint: {{select: [{rule}], severities: {{{rule}: error}}}}\n"
    (tmp_path / "spec.yaml").write_text(spec)
    words = ("net.py", "-s", "spec.yaml")
    output_of(tmp_path, "verify", *words, code=1)
    output_of(tmp_path, "suggest", *words, "--apply", "1", errors=None)
    output_of(tmp_path, "verify", *words)
    before, after = (HEAD + FAULTY).splitlines(), file.read_text().splitlines()
    assert [line for line, old in zip(after, before, strict=True) if line != old] == lines


FRAGILE = """
import os

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.second = nn.Conv2d(8, 8, 3, padding=1)
        print("built")

    def forward(self, x):
        if self.second.dilation[0] > 1:
            WORSE
        x = self.second(self.first(x))
        return x.mean((2, 3))
"""


@pytest.mark.parametrize("worse", ["os._exit(3)", "raise ValueError(1)", "while True: pass"])
def test_an_edit_that_ends_its_process_harms_no_other(
    worse: str, tmp_path: Path, workers: WarmWorkers
) -> None:
    file = tmp_path / "net.py"
    file.write_text(HEAD + FRAGILE.replace("WORSE", worse))
    outcome = outcome_of(file, {"receptive-field": {"at_least": 9}}, workers)
    assert "first: dilation 1 → 3, padding 1 → 3" in str(outcome.suggestions[0].effect)
    assert not any("second: dilation" in str(each.effect) for each in outcome.suggestions)


def test_an_interrupted_search_tells_the_best_so_far(tmp_path: Path, workers: WarmWorkers) -> None:
    file = tmp_path / "net.py"
    file.write_text(HEAD + CHAIN)
    spec = spec_from({"input": [3, 32, 32], "rules": {"receptive-field": {"at_least": 11}}})
    report = check(traced(file, spec, workers), spec, file=str(file))

    def interrupt(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    submission = Submission(reference=Reference(str(file), "", ""))
    outcome = suggest(submission, spec, report, workers.start, 60.0, interrupt)
    assert outcome.interrupted
    assert outcome.tried == 3
    assert outcome.suggestions


def test_where_nothing_comes_closer_the_network_is_told(
    tmp_path: Path, workers: WarmWorkers
) -> None:
    file = tmp_path / "net.py"
    file.write_text(HEAD + CHAIN)
    outcome = outcome_of(file, {"transposed": {"at_least": 1}}, workers)
    assert not outcome.suggestions and outcome.closest is None
    shown = StringIO()
    print_outcome(outcome, Console(file=shown, width=200))
    assert "transposed stands in the way: no transposed convolutions" in shown.getvalue()


def test_where_nothing_helps_the_rule_in_the_way_is_told(
    tmp_path: Path, workers: WarmWorkers
) -> None:
    file = tmp_path / "net.py"
    file.write_text(HEAD + CHAIN)
    rules = {"receptive-field": {"at_least": 11}, "fully-connected": "forbidden"}
    outcome = outcome_of(file, rules, workers)
    assert not outcome.suggestions
    assert outcome.closest is not None
    effect, report = outcome.closest
    assert [f.rule for f in report.findings if f.fails] == ["fully-connected"]
    assert "receptive-field 5 × 5 → 11 × 11" in str(effect)
    shown = StringIO()
    print_outcome(outcome, Console(file=shown, width=200))
    assert "fully-connected stands in the way: " in shown.getvalue()


NARROW = """
def block(inputs, outputs):
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, bias=False), nn.BatchNorm2d(outputs))

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(block(3, 16), block(16, 16))
        self.end = nn.Linear(16, 10)

    def forward(self, x):
        return self.end(self.body(x).mean((2, 3)))
"""


def test_a_width_is_set_wherever_it_is_made_and_read(tmp_path: Path, workers: WarmWorkers) -> None:
    file = tmp_path / "net.py"
    file.write_text(HEAD + NARROW)
    rules = {
        "parameters": {"at_most": 2500},
        "receptive-field": {"exactly": 5},
        "layers": {"kind": "conv2d", "where": {"groups": 1}, "exactly": 2},
    }
    outcome = outcome_of(file, rules, workers)
    diffs = [suggestion.diff for suggestion in outcome.suggestions]
    assert len(set(diffs)) == len(diffs)
    assert any("block(16, 12))" in diff and "nn.Linear(12, 10)" in diff for diff in diffs), diffs
