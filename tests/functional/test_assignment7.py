"""Five networks of an assignment: everything their documents print, claim and get wrong."""

from __future__ import annotations

import json
import re
import runpy
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import archcheck
from archcheck.network import Network
from archcheck.reporters.formats import MACHINE_FORMATS, render
from archcheck.reporters.inspection import inspection
from archcheck.rules import Verdict
from tests.support import oracle
from tests.support.paths import DATA, ROOT
from tests.support.readers import READERS

NAMES = ("000", "001", "002", "003", "004")
SHAPE = (3, 32, 32)
LAST_MAP = {
    "000": "convblock6",
    "001": "c4",
    "002": "classifier",
    "003": "c4",
    "004": "conv4",
}
"""The module whose output the pool reads."""
every = pytest.mark.parametrize("name", NAMES)


def build(name: str) -> nn.Module:
    torch.manual_seed(0)
    file = ROOT / "examples" / "assignment7" / f"net{name}.py"
    net: nn.Module = runpy.run_path(str(file))["Net"]()
    return net.eval()


@lru_cache(maxsize=5)
def traced(name: str) -> Network:
    return archcheck.trace(build(name), SHAPE)


@lru_cache(maxsize=5)
def printed(name: str) -> dict[str, Any]:
    text = (DATA / "assignment7" / f"{name}.json").read_text("utf-8")
    data: dict[str, Any] = json.loads(text)
    return data


# -- the printed tables ------------------------------------------------------------------------


@every
def test_layer_rows_are_those_of_the_printed_table(name: str) -> None:
    network = traced(name)
    shown = inspection(network, archcheck.receptive_field(network))
    rows = [
        {"name": row["name"], "shape": row["output_shape"], "parameters": row["parameters"]}
        for row in shown["layers"]
    ]
    # Row by row, so that a failure names the row.
    for row, expected in zip(rows, printed(name)["rows"], strict=True):
        assert row == expected


@every
def test_totals_are_those_of_the_printed_table(name: str) -> None:
    network = traced(name)
    shown = inspection(network, archcheck.receptive_field(network))
    wanted = printed(name)
    assert shown["parameters"] == dict.fromkeys(
        ("total", "trainable", "used"), wanted["parameters"]
    )
    assert sum(row["parameters"] for row in wanted["rows"]) == wanted["parameters"]
    assert shown["macs"] == network.macs == wanted["macs"]
    assert sum(row["macs"] for row in shown["layers"]) == wanted["macs"]
    assert shown["not_modelled"] == shown["unused_modules"] == shown["notes"] == []


@every
def test_macs_are_half_of_the_flops_that_torch_counts(name: str) -> None:
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        build(name)(torch.zeros(1, *SHAPE))
    assert traced(name).macs == counter.get_total_flops() // 2


@every
def test_a_forward_pass_has_the_shapes_of_the_trace(name: str) -> None:
    network = traced(name)
    with torch.no_grad():
        output = build(name)(torch.zeros(1, *SHAPE))
    assert tuple(output.shape) == network.shape(network.outputs[0][1]) == (1, 10)


# -- receptive fields --------------------------------------------------------------------------


@every
def test_receptive_fields_at_features_and_output(name: str) -> None:
    rf = archcheck.receptive_field(traced(name))
    assert rf.not_modelled == ()
    assert list(rf.at("features").size) == printed(name)["features"]
    assert list(rf.at("output").size) == printed(name)["output"]
    assert list(rf.at(LAST_MAP[name]).size) == printed(name)["features"]
    assert not rf.at("features").is_global


def test_only_the_global_pools_join_all_positions() -> None:
    joined = {n: archcheck.receptive_field(traced(n)).at("output").is_global for n in NAMES}
    assert joined == {"000": False, "001": True, "002": True, "003": True, "004": True}


@every
def test_theoretical_field_equals_the_gradients(name: str) -> None:
    field = archcheck.receptive_field(traced(name)).at("features")
    axes = oracle.theoretical_field(build(name), SHAPE, at=LAST_MAP[name])
    for axis, (positions,) in enumerate(axes):
        size = oracle.hull_size(positions)
        assert (field.size[axis], field.smallest[axis]) == (size, size)
        assert field.coverage[axis] == pytest.approx(positions.size / size)


def test_the_dilations_of_003_leave_holes() -> None:
    assert archcheck.receptive_field(traced("003")).at("features").coverage == (35 / 53, 35 / 53)


@every
def test_actual_fields_of_border_units_equal_the_gradients(name: str) -> None:
    field = archcheck.receptive_field(traced(name)).at("features")
    run = oracle._Run(oracle._positive(build(name)), SHAPE, LAST_MAP[name])
    assert field.shape == run.map
    rows, columns = run.map
    border = [(r, c) for r in range(rows) for c in range(columns)]
    border = [(r, c) for r, c in border if r in (0, rows - 1) or c in (0, columns - 1)]
    for unit in border:
        mask = run.mask(unit)
        for axis, hull in enumerate(field.actual(unit)):
            positions = oracle.project(mask, axis)
            expected = (int(positions[0]), int(positions[-1])) if positions.size else None
            assert hull == expected, (unit, axis)


# -- verdicts ----------------------------------------------------------------------------------

COUNTS = {
    "depthwise_separable": "depthwise-separable",
    "dilated": "dilated",
    "strided": "strided",
    "global_average_pool": "global-average-pool",
}


@every
def test_counts_of_sorts_of_layers(name: str) -> None:
    asked = {rule: {"at_least": 0} for rule in (*COUNTS.values(), "max-pool", "transposed")}
    report = archcheck.verify(traced(name), {"rules": asked})
    found = {key: report.finding(rule).verdict.found for key, rule in COUNTS.items()}
    assert found == {key: printed(name)[key] for key in COUNTS}
    assert report.finding("max-pool").verdict.found == 0
    assert report.finding("transposed").verdict.found == (1 if name == "003" else 0)


P, F, U = "passed", "failed", "not-verified"
RULES = (
    "parameters",
    "receptive-field",
    "depthwise-separable",
    "dilated",
    "global-average-pool",
    "max-pool",
    "augmentation",
    "accuracy",
    "blocks",
    "strided",
)
VERDICTS: dict[str, dict[str, tuple[str, ...]]] = {
    "assignment7.yaml": {
        "000": (F, F, P, P, F, P, U, U, P, F),
        "001": (P, P, P, P, P, P, U, U, P, F),
        "002": (P, P, P, P, P, P, U, U, P, F),
        "003": (P, P, P, P, P, P, U, U, F, P),
        "004": (P, F, P, P, P, P, U, U, F, F),
    },
    "assignment7-dilated.yaml": {
        "000": (F, F, F, P, F, P, U, U, F, F),
        "001": (F, P, F, P, P, P, U, U, F, F),
        "002": (P, P, P, P, P, P, U, U, F, F),
        "003": (P, P, P, P, P, P, U, U, F, P),
        "004": (P, F, P, P, P, P, U, U, F, F),
    },
}
POINTS = {
    "assignment7.yaml": {
        "000": (30, 0),
        "001": (70, 0),
        "002": (70, 0),
        "003": (70, 200),
        "004": (50, 0),
    },
    "assignment7-dilated.yaml": {
        "000": (20, 0),
        "001": (50, 0),
        "002": (70, 0),
        "003": (70, 200),
        "004": (50, 0),
    },
}
"""What the rules on the architecture give, of 70 points and 200 extra."""
POSSIBLE = 100
"""With the augmentation and the accuracy, which nothing is known of here: neither a script nor
weights come with the networks."""
PASSING = {"assignment7.yaml": {"001", "002", "003"}, "assignment7-dilated.yaml": {"003"}}


@every
@pytest.mark.parametrize("spec", VERDICTS)
def test_verdicts_and_points_at_the_shipped_specs(name: str, spec: str) -> None:
    report = archcheck.verify(traced(name), ROOT / "specs" / spec)
    found = {finding.rule: finding.verdict.status for finding in report.findings}
    assert found == dict(zip(RULES, VERDICTS[spec][name], strict=True))
    assert report.passed == (name in PASSING[spec])
    assert (report.points.possible, report.points.bonus_possible) == (POSSIBLE, 200)
    assert (report.points.earned, report.points.bonus) == POINTS[spec][name]


@every
def test_every_format_says_the_same_points(name: str) -> None:
    report = archcheck.verify(traced(name), ROOT / "specs" / "assignment7.yaml")
    earned, bonus = POINTS["assignment7.yaml"][name]
    said = {"earned": earned, "possible": POSSIBLE, "bonus": bonus, "bonus_possible": 200}
    found = {key: READERS[key](render(key, [report])) for key in MACHINE_FORMATS}
    assert found["json"]["points"] == found["json-lines"][0]["points"] == said
    assert json.loads(render("sarif", [report]))["runs"][0]["properties"]["points"] == said
    properties = {p.name: p.value for p in found["junit"][0].properties()}
    assert (properties["points"], properties["bonus"]) == (str(earned), str(bonus))
    assert found["gradescope"]["score"] == earned + bonus
    (row,) = found["csv"]
    assert (int(row["points"]), int(row["points possible"])) == (earned, POSSIBLE)
    assert (int(row["bonus"]), int(row["bonus possible"])) == (bonus, 200)
    assert sum(test.get("max_score", 0) for test in found["gradescope"]["tests"]) == POSSIBLE
    of = "" if bonus else " of 200"
    sentence = f"{earned} of {POSSIBLE} points, {bonus}{of} bonus points"
    assert sentence in found["markdown"][1][0]
    assert sentence in str(report)
    # These list only what does not hold, each with the points that it costs.
    for key, text in (("github", "text"), ("gitlab", "description"), ("sarif", "text")):
        lost = [re.search(r"\b0 of (\d+) (bonus )?points", entry[text]) for entry in found[key]]
        costs = [int(match[1]) for match in lost if match is not None and not match[2]]
        assert sum(costs) == POSSIBLE - earned
        assert any(match is not None and match[2] for match in lost) == (not bonus)


def test_reasons_name_what_is_wrong() -> None:
    report = archcheck.verify(traced("000"), ROOT / "specs" / "assignment7.yaml")
    parameters = report.finding("parameters").verdict
    assert parameters.found == 344_032
    assert "344,032" in parameters.message
    field = report.finding("receptive-field").verdict
    assert field.found == [33, 33]
    assert "45 are needed" in field.message
    assert "65 × 65" in field.hint  # the reading through the pool, said but not taken
    pool = report.finding("global-average-pool").verdict
    assert pool.found == 0
    assert "5×5" in pool.message
    assert "6×6" in pool.message
    assert [where.module for where in pool.locations] == ["gap.0"]


def test_a_reference_gives_the_same_report_as_a_live_module() -> None:
    file = ROOT / "examples" / "assignment7" / "net004.py"
    spec = ROOT / "specs" / "assignment7.yaml"
    referenced = archcheck.verify(f"{file}:Net", spec).as_dict()
    live = archcheck.verify(build("004"), spec).as_dict()
    for entry, other in zip(referenced["rules"], live["rules"], strict=True):
        if entry["rule"] == "accuracy":  # only a reference needs weights from a file
            messages = [entry.pop("message"), other.pop("message")]
            assert messages == ["no weights given (weights=)", "no data given (data=)"]
        assert {**entry, "locations": 0} == {**other, "locations": 0}
    field = next(entry for entry in referenced["rules"] if entry["rule"] == "receptive-field")
    assert {Path(where["file"]).name for where in field["locations"]} == {"net004.py"}


# -- blocks ------------------------------------------------------------------------------------

BLOCKS: dict[str, tuple[list[str], list[tuple[int, str]], list[tuple[int, str]]]] = {
    "000": (
        ["convblock3", "convblock5", "gap"],
        [(1, "strided"), (1, "dilated"), (0, "none")],
        [(3, "strided"), (2, "strided"), (1, "dilated"), (1, "strided")],
    ),
    "001": (
        ["c1", "c2", "c3", "c4"],
        [(5, "strided"), (4, "strided"), (4, "strided"), (2, "dilated")],
        [(5, "strided"), (4, "strided"), (4, "strided"), (2, "dilated")],
    ),
    "002": (
        ["c1", "c2", "c3", "c4"],
        [(4, "strided"), (6, "strided"), (6, "strided"), (5, "none")],
        [(4, "strided"), (5, "strided"), (7, "strided"), (6, "none")],
    ),
    "003": (
        ["c1", "c2", "c3", "c4"],
        [(2, "none"), (2, "none"), (1, "dilated"), (1, "dilated")],
        [(5, "dilated"), (1, "dilated")],
    ),
    "004": (
        ["conv1", "conv2", "trans2", "trans3", "conv4"],
        [(2, "none"), (6, "none"), (1, "dilated"), (2, "strided"), (2, "none")],
        [(10, "dilated"), (7, "strided"), (3, "none")],
    ),
}


@pytest.mark.parametrize("name", BLOCKS)
def test_blocks_of_the_assignment_networks(name: str) -> None:
    names, named, stepped = BLOCKS[name]
    some = {"count": {"at_least": 1}}
    asked = {"rules": {"blocks": [{**some, "names": names}, some]}}
    verdicts = [finding.verdict for finding in archcheck.verify(traced(name), asked).findings]
    for verdict, expected in zip(verdicts, (named, stepped), strict=True):
        assert verdict.status == "passed"
        assert [(b["convolutions"], b["reduction"]) for b in verdict.found] == expected
    assert [block["name"] for block in verdicts[0].found] == names


def test_blocks_that_do_not_comply() -> None:
    parts = [nn.Conv2d(3, 8, 3), nn.MaxPool2d(2), nn.Conv2d(8, 8, 3), nn.Conv2d(8, 8, 3)]
    network = archcheck.trace(nn.Sequential(*parts), SHAPE)

    def judge(**asked: Any) -> Verdict:
        return archcheck.verify(network, {"rules": {"blocks": asked}}).finding("blocks").verdict

    assert judge(reduction=["strided", "pooled"]).status == P
    assert judge(reduction="strided").status == F
    short = judge(reduction=["strided", "dilated"], convolutions={"at_least": 2})
    assert short.status == F
    assert "C1 has 1 convolution" in short.message
    missing = judge(count={"at_least": 1}, names=["c9"])
    assert missing.status == "not-verified"
    assert "c9" in missing.message
