"""The rule ``accuracy``: its interval, its comparisons, its options, its verdicts on evidence."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import Any, get_args

import jsonschema
import pytest
from torch import nn

import archcheck
from archcheck.evidence import Evidence
from archcheck.evidence.accuracy import Accuracy, Measured, NotMeasured, Task, Unfit, wilson
from archcheck.evidence.datasets import DATASETS, MEANS
from archcheck.network import Network, Place
from archcheck.rules import Verdict
from archcheck.rules.accuracy import AccuracyOptions
from archcheck.rules.augmentation import AugmentationOptions
from archcheck.spec import SpecError, check, json_schema, parse_spec, spec_from

CIFAR10 = DATASETS["cifar10"]
TASK = Task("cifar10", CIFAR10.mean, CIFAR10.std)


SCHEMA = jsonschema.Draft7Validator(json_schema())


def schema_accepts(**options: Any) -> bool:
    asked = {"rules": {"accuracy": {"dataset": "cifar10", **options}}}
    return bool(SCHEMA.is_valid(asked))


@lru_cache
def network() -> Network:
    parts = (nn.Conv2d(3, 10, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return archcheck.trace(nn.Sequential(*parts), (3, 32, 32))


def judge(result: Any, **options: Any) -> Verdict:
    spec = spec_from({"rules": {"accuracy": {"dataset": "cifar10", **options}}})
    evidence = Evidence(accuracy=(Accuracy(TASK, result),))
    return check(network(), spec, evidence).finding("accuracy").verdict


def measured(correct: int, **other: Any) -> Measured:
    return Measured(correct, 10_000, other.pop("undefined", 0), "cpu", 1.5, **other)


# -- the interval ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("correct", "total", "low", "high"),
    [
        # R. G. Newcombe, "Two-sided confidence intervals for the single proportion", Statistics
        # in Medicine 17 (1998), table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_published_intervals(correct: int, total: int, low: float, high: float) -> None:
    assert wilson(correct, total) == pytest.approx((low, high), abs=5e-5)
    mirrored = wilson(total - correct, total)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=5e-5)


def test_the_interval_solves_the_score_equation() -> None:
    # |p - share| = z sqrt(p (1 - p) / n) at both ends: the definition, not the solved form.
    for correct in (1, 137, 5000, 8500, 9999):
        share = correct / 10_000
        for end in wilson(correct, 10_000):
            z = abs(end - share) / (end * (1 - end) / 10_000) ** 0.5
            assert z == pytest.approx(1.959964, abs=1e-6)
    assert wilson(0, 10_000)[0] == 0
    assert wilson(10_000, 10_000)[1] == 1


# -- comparisons -------------------------------------------------------------------------------


@pytest.mark.parametrize("bound", [85, 85.4, "85.4%", 12.35, 99.99, 0.0, 100])
def test_comparisons_are_exact(bound: int | float | str) -> None:
    correct = int(Fraction(str(bound).rstrip("%")) * 100)
    cases = {"at_least": (0, -1), "more_than": (1, 0), "at_most": (0, 1), "less_than": (-1, 0)}
    for word, (holds, fails) in cases.items():
        for offset, status in ((holds, "passed"), (fails, "failed")):
            if 0 <= correct + offset <= 10_000:
                try:
                    verdict = judge(measured(correct + offset), **{word: bound})
                except SpecError as error:
                    assert "nothing can be" in str(error)
                    assert (word, correct) in (("more_than", 10_000), ("less_than", 0))
                else:
                    assert verdict.status == status, (word, offset)
    assert judge(measured(correct), exactly=bound).status == "passed"


@pytest.mark.parametrize(
    ("bound", "message"),
    [
        (0.85, r"0.85 would be 0.85 %: .* write 85, or \"0.85%\""),
        (1, "1 would be 1 %.* write 100"),
        (1e-3, "write 0.1"),
        (101, "no percentage"),
        (-1, "no percentage"),
        ("200 %", "no percentage between 0 and 100"),
        (True, "not a number"),
        ("85", "no percentage"),
        ("85k%", "not a number"),
        ("most", "no percentage"),
        (float("nan"), "not a number"),
    ],
)
def test_bounds_that_are_no_percentages(bound: Any, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        judge(measured(1), at_least=bound)
    if bound == bound:
        assert not schema_accepts(at_least=bound)


@pytest.mark.parametrize("bound", [0, 2, 85, 85.5, 100, "85 %", "0.5%", "100%"])
def test_bounds_that_are_percentages(bound: Any) -> None:
    assert judge(measured(10_000), at_least=bound).status == "passed"
    assert schema_accepts(at_least=bound)


def test_what_nothing_can_be_is_refused() -> None:
    for asked in ({"more_than": 100}, {"at_least": 90, "less_than": 90}):
        with pytest.raises(SpecError, match="nothing can be"):
            judge(measured(1), **asked)
    with pytest.raises(SpecError, match="say how much"):
        judge(measured(1))


# -- options -----------------------------------------------------------------------------------


def test_the_normalisation_is_part_of_the_task() -> None:
    def task(**other: Any) -> Task:
        return AccuracyOptions.model_validate({"dataset": "cifar10", "at_least": 9, **other}).task

    assert task() == TASK
    assert task(normalization="none") == Task("cifar10", (0.0,) * 3, (1.0,) * 3)
    own = {"mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25]}
    assert task(normalization=own) == Task("cifar10", (0.5,) * 3, (0.25,) * 3)
    verdict = judge(measured(9000), at_least=85, normalization=own)
    assert verdict.status == "not-verified"  # measured under another one


@pytest.mark.parametrize(
    ("normalization", "line", "message"),
    [
        ("{mean: [125.3, 123.0, 113.9], std: [63.0, 62.1, 66.7]}", 5, "divide by 255"),
        ("{mean: [0.5, 0.5], std: [0.5, 0.5, 0.5]}", 3, "mean has to have a number for each"),
        ("{mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0]}", 5, "is above 0"),
        ("{mean: [0.5, 0.5, 0.5], std: [0.5, .inf, 0.5]}", 5, "between 0 and 1"),
        ("{mean: [0.5, 0.5, 0.5]}", 5, 'the key "std" is missing'),
        ("{mean: [0.5, 0.5, 0.5], sdt: [0.5, 0.5, 0.5]}", 5, 'unknown key "sdt"'),
        ("non", 5, "'non' is not one of 'none'"),
    ],
)
def test_a_wrong_normalisation_is_told_with_its_line(
    normalization: str, line: int, message: str
) -> None:
    text = (
        "rules:\n  accuracy:\n    dataset: cifar10\n    at_least: 85\n"
        f"    normalization: {normalization}\n"
    )
    with pytest.raises(SpecError, match=message) as caught:
        parse_spec(text)
    assert caught.value.line == line


def test_the_data_sets_of_the_rules_are_those_of_the_tables() -> None:
    annotation = AccuracyOptions.model_fields["dataset"].annotation
    assert get_args(annotation) == tuple(DATASETS)
    augmentation = AugmentationOptions.model_fields["dataset"].annotation
    assert get_args(get_args(augmentation)[0]) == tuple(MEANS)
    with pytest.raises(SpecError, match="'cifar' is not one of 'cifar10'; did you mean"):
        spec_from({"rules": {"accuracy": {"dataset": "cifar", "at_least": 85}}})
    with pytest.raises(SpecError, match=r"a mapping such as \{dataset: cifar10, at_least: 85\}"):
        spec_from({"rules": {"accuracy": 85}})
    with pytest.raises(SpecError, match='the key "dataset" is missing'):
        spec_from({"rules": {"accuracy": {"at_least": 85}}})


# -- verdicts ----------------------------------------------------------------------------------


def test_the_verdict_says_how_many_and_how_sure() -> None:
    verdict = judge(measured(9000, weights="w.pt", sha256="ab", remark="under model"), at_least=85)
    assert (verdict.status, verdict.found_text) == ("passed", "90.00 %")
    assert verdict.required == "at least 85 %"
    assert "9,000 of CIFAR-10's 10,000 test images" in verdict.message
    assert "(95 % interval 89.40 to 90.57 %), on cpu" in verdict.message
    assert "weights read under model" in verdict.message
    assert verdict.note == "95 % interval 89.4–90.6 %"
    assert verdict.hint == ""
    low, high = verdict.found.pop("interval")
    assert (low, high) == pytest.approx((89.397, 90.573), abs=1e-3)
    assert verdict.found == {
        "dataset": "cifar10",
        "correct": 9000,
        "total": 10_000,
        "accuracy": 90.0,
        "device": "cpu",
        "seconds": 1.5,
        "weights": {"file": "w.pt", "sha256": "ab"},
    }


@pytest.mark.parametrize(("correct", "status"), [(8540, "passed"), (8460, "failed")])
def test_a_bound_inside_the_interval_is_said(correct: int, status: str) -> None:
    verdict = judge(measured(correct), at_least=85)
    assert verdict.status == status
    assert verdict.note.endswith(" %, around the bound")
    assert " %, around the bound), on cpu" in verdict.message
    assert "might have told otherwise" in verdict.hint


def test_scores_that_are_no_numbers_are_said() -> None:
    verdict = judge(measured(8600, undefined=37), at_least=85)
    assert verdict.status == "passed"
    assert "37 images have NaN among their scores" in verdict.message


def test_answers_that_depend_on_the_order_are_a_warning() -> None:
    steady = judge(measured(8600, repeated=1000, changed=10), at_least=85)
    assert steady.asides == ()
    verdict = judge(measured(8600, repeated=1000, changed=11), at_least=85)
    assert verdict.status == "passed"
    (aside,) = verdict.asides
    assert "11 of 1,000 images that were shown twice" in aside.verdict.message
    assert "depend on the order of the images" in aside.verdict.message


def test_what_was_not_measured_is_not_verified() -> None:
    verdict = judge(NotMeasured("no weights given (--weights)", "a hint"), at_least=85)
    assert (verdict.status, verdict.found, verdict.found_text) == ("not-verified", None, "–")
    assert verdict.note == verdict.message == "no weights given (--weights)"
    assert verdict.hint == "a hint"
    # A Network is data: nothing could be run.
    spec = {"rules": {"accuracy": {"dataset": "cifar10", "at_least": 85}}}
    assert archcheck.verify(network(), spec).finding("accuracy").verdict.status == "not-verified"
    with pytest.raises(TypeError, match="a Network is data"):
        archcheck.verify(network(), spec, weights="w.pt")


def test_what_is_wrong_with_weights_or_network_fails() -> None:
    place = Place(__file__, 3)
    verdict = judge(Unfit("w.pt does not fit the network", "the weights do not fit"), at_least=0)
    assert (verdict.status, verdict.found, verdict.locations) == ("failed", None, ())
    assert (verdict.message, verdict.note) == (
        "w.pt does not fit the network",
        "the weights do not fit",
    )
    where = judge(Unfit("forward raised", "it does not run", place), at_least=0).locations
    assert [location.place for location in where] == [place]
