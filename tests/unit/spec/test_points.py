"""Points: what a rule gives, what a network earns, and where both are said."""

from __future__ import annotations

from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from torch import nn

import archcheck
from archcheck.reporters.text import print_concise, print_report
from archcheck.spec import Points, Report, spec_from
from archcheck.spec.points import added, exact_sum

SMALL = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
HOLDS, FAILS = {"at_least": 1}, {"at_least": 10**6}
UNKNOWN = {"at_least": 1, "at": "nowhere"}


def verified(**entries: Any) -> Report:
    rules = {name.replace("_", "-"): entry for name, entry in entries.items()}
    return archcheck.verify(SMALL, {"rules": rules}, input_shape=(3, 8, 8))


def points(**entries: Any) -> Points:
    return verified(**entries).points


def shown(report: Report, *, concise: bool = False) -> str:
    buffer = StringIO()
    show = print_concise if concise else print_report
    show(report, Console(file=buffer, width=120))
    return buffer.getvalue()


def test_only_what_holds_gives_points() -> None:
    assert points(parameters={**HOLDS, "points": 10}) == Points(10, 10, 0, 0)
    assert points(parameters={**FAILS, "points": 10}) == Points(0, 10, 0, 0)
    assert points(receptive_field={**UNKNOWN, "points": 10}) == Points(0, 10, 0, 0)
    warned = {**UNKNOWN, "points": 10, "when_unverified": "warn"}
    assert points(receptive_field=warned) == Points(0, 10, 0, 0)
    advised = {**FAILS, "points": 10, "severity": "warning"}
    report = verified(parameters=advised)
    assert (report.passed, report.points) == (True, Points(0, 10, 0, 0))


def test_a_bonus_is_extra() -> None:
    both = points(
        parameters={**HOLDS, "points": 10},
        macs={**HOLDS, "bonus": 5},
        max_pool={**FAILS, "bonus": 7},
    )
    assert both == Points(10, 10, 5, 12)
    assert both.total == 15
    assert points(parameters={**HOLDS, "points": 10, "bonus": 5}) == Points(10, 10, 5, 5)


@pytest.mark.parametrize(
    ("entry", "passed", "level"),
    [
        ({**FAILS, "bonus": 5}, True, "note"),
        ({**FAILS, "bonus": 5, "points": 1}, False, "error"),
        ({**FAILS, "bonus": 5, "severity": "error"}, False, "error"),
        ({**FAILS, "bonus": 5, "severity": "warning"}, True, "warning"),
        ({**HOLDS, "bonus": 5}, True, "note"),
    ],
)
def test_a_bonus_alone_fails_no_run(entry: dict[str, Any], passed: bool, level: str) -> None:
    report = verified(parameters=entry)
    assert (report.passed, report.findings[0].level) == (passed, level)


def test_a_network_that_cannot_be_run_gets_none() -> None:
    spec = {"rules": {"parameters": {**HOLDS, "points": 10}, "macs": {**HOLDS, "bonus": 5}}}
    report = archcheck.verify(nn.Conv2d(9, 4, 3), spec, input_shape=(3, 8, 8))
    assert report.network is None
    assert report.points == Points(0, 10, 0, 5)


def test_the_same_rule_gives_points_for_each_entry() -> None:
    entries = [{**HOLDS, "points": 2.5}, {**FAILS, "points": 1}, {**HOLDS, "points": 0.5}]
    assert points(parameters=entries) == Points(3, 4, 0, 0)


amounts = st.lists(
    st.one_of(st.integers(1, 1000), st.decimals("0.01", 1000, places=2).map(float)), max_size=20
)


@given(amounts)
def test_sums_are_those_on_paper(numbers: list[int | float]) -> None:
    assert Decimal(repr(exact_sum(numbers))) == sum(Decimal(repr(number)) for number in numbers)
    assert isinstance(exact_sum(numbers), int) == (sum(Decimal(repr(n)) for n in numbers) % 1 == 0)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 50), st.integers(0, 50)), max_size=9))
def test_points_add_up(rules: list[tuple[bool, int, int]]) -> None:
    parts = [Points(given * holds, given, extra * holds, extra) for holds, given, extra in rules]
    total = added(parts)
    assert total.earned == sum(given for holds, given, _ in rules if holds)
    assert total.bonus <= total.bonus_possible
    assert total.total == total.earned + total.bonus
    assert bool(total) == any(given or extra for _, given, extra in rules)


# -- where they are said -----------------------------------------------------------------------


def test_text_says_the_points_of_each_rule_and_their_sum() -> None:
    report = verified(
        parameters={**HOLDS, "points": 10},
        macs={**FAILS, "points": 2.5},
        dilated={**FAILS, "bonus": 7},
    )
    lines = shown(report).splitlines()
    assert any(line.startswith("  ✓ parameters") and " 10/10" in line for line in lines)
    assert any(line.startswith("  ✗ macs") and "0/2.5" in line for line in lines)
    assert any(line.startswith("  ✗ dilated") and "+0/7" in line for line in lines)
    counts, points = lines[-1].split("      ")[:2]
    assert counts == "1 of 3 rules failed, 1 holds, 1 bonus not earned"
    assert points == "10 of 12.5 points, 0 of 7 bonus points"
    assert "10 of 12.5 points" in str(report)


def test_text_without_points_says_nothing_of_them() -> None:
    text = shown(verified(parameters=HOLDS, macs=FAILS))
    assert "points" not in text
    assert "/" not in text


def test_concise_tells_advice_from_failure() -> None:
    report = verified(
        parameters=FAILS,
        macs={**FAILS, "severity": "warning"},
        dilated={**FAILS, "bonus": 7},
        receptive_field={**UNKNOWN, "when_unverified": "warn"},
    )
    rests = [line.split(" ", 1)[1] for line in shown(report, concise=True).splitlines()]
    starts = (
        "parameters the",
        "macs warning: one",
        "dilated bonus: no",
        "receptive-field warning: not",
    )
    assert [rest.startswith(start) for rest, start in zip(rests, starts, strict=True)] == [True] * 4


def test_data_says_the_same() -> None:
    report = verified(
        parameters={**HOLDS, "points": 10}, macs={**FAILS, "bonus": 2.5}, dilated=FAILS
    )
    data = report.as_dict()
    expected = {"earned": 10, "possible": 10, "bonus": 0, "bonus_possible": 2.5}
    assert data["points"] == expected
    first, second, third = data["rules"]
    assert first["points"] == {"earned": 10, "possible": 10, "bonus": 0, "bonus_possible": 0}
    assert second["points"] == {"earned": 0, "possible": 0, "bonus": 0, "bonus_possible": 2.5}
    assert [rule["severity"] for rule in (first, second, third)] == ["error", "note", "error"]
    assert third["points"] is None
    assert verified(parameters=HOLDS).as_dict()["points"] is None


def test_options_carry_their_points() -> None:
    (entry,) = spec_from({"rules": {"max-pool": {"exactly": 0, "points": 3.0}}}).requirements
    assert entry.options.points == 3
    assert isinstance(entry.options.points, int)
