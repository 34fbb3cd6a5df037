"""The five submissions with their training scripts, through the command, in every format.

What each earns was written down first: ``data/assignment7/points.md``.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.support.commands import run_command
from tests.support.paths import DATA, ROOT
from tests.support.readers import MARKDOWN, READERS

pytest.importorskip("albumentations")

TABLE = DATA / "assignment7" / "points.md"
FORMATS = ("full", "concise", *READERS)
POSSIBLE = {
    "parameters": 10,
    "receptive-field": 20,
    "depthwise-separable": 10,
    "dilated": 10,
    "global-average-pool": 10,
    "max-pool": 10,
    "augmentation": 15,
    "accuracy": 15,
}
BONUS = "strided"


def table() -> dict[str, dict[str, int]]:
    rows: list[list[str]] = []
    for token in MARKDOWN.parse(TABLE.read_text("utf-8")):
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline" and rows:
            rows[-1].append(token.content)
    head, *body = rows
    return {
        row[0]: {key: int(cell) for key, cell in zip(head[2:], row[2:], strict=True)}
        for row in body
    }


EARNED = table()


def test_the_table_adds_up() -> None:
    assert sorted(EARNED) == ["000", "001", "002", "003", "004"]
    assert sum(POSSIBLE.values()) == 100
    for row in EARNED.values():
        assert sum(row[rule] for rule in POSSIBLE) == row["points"]
        assert all(row[rule] in (0, most) for rule, most in POSSIBLE.items())


@pytest.fixture(scope="module", params=sorted(EARNED))
def submission(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, int], dict[str, str]]:
    """A row of the table, and the submission's report in each format."""
    name = request.param
    folder = tmp_path_factory.mktemp(name)
    files = [w for form in FORMATS for w in ("--output-format", form, "-o", str(folder / form))]
    words = (
        "verify",
        *(f"examples/assignment7/net{name}.py", "--spec", "specs/assignment7.yaml"),
        *("--augmentation", f"tests/support/scripts/train{name}.py", "--no-cache", *files),
    )
    done = run_command(ROOT, *words, COLUMNS="200")
    row = EARNED[name]
    architecture = (rule for rule in POSSIBLE if rule != "accuracy")
    assert done.returncode == (not all(row[rule] for rule in architecture)), done.stderr
    assert done.stderr == ""
    return row, {form: (folder / form).read_text("utf-8") for form in FORMATS}


def test_points_in_json_and_json_lines(
    submission: tuple[dict[str, int], dict[str, str]],
) -> None:
    row, texts = submission
    for report in (json.loads(texts["json"]), READERS["json-lines"](texts["json-lines"])[0]):
        # A warning beside an answer stands behind all answers, without points.
        found = {entry["rule"]: entry["points"] for entry in report["rules"] if entry["points"]}
        for rule, most in POSSIBLE.items():
            assert (found[rule]["earned"], found[rule]["possible"]) == (row[rule], most), rule
        assert found[BONUS]["bonus"] == row["bonus"]
        assert report["points"] == total(row)


def test_points_in_sarif(submission: tuple[dict[str, int], dict[str, str]]) -> None:
    row, texts = submission
    READERS["sarif"](texts["sarif"])
    (run,) = json.loads(texts["sarif"])["runs"]
    assert run["properties"]["points"] == total(row)


def test_points_in_junit(submission: tuple[dict[str, int], dict[str, str]]) -> None:
    row, texts = submission
    (suite,) = READERS["junit"](texts["junit"])
    found = {
        case.name: {p.get("name"): p.get("value") for p in case._elem.iter("property")}
        for case in suite
    }
    for rule, most in POSSIBLE.items():
        assert found[rule] == {"points": str(row[rule]), "points_possible": str(most)}
    assert found[BONUS]["bonus"] == str(row["bonus"])
    of_suite = {p.name: p.value for p in suite.properties()}
    assert (of_suite["points"], of_suite["points_possible"]) == (str(row["points"]), "100")
    assert of_suite["bonus"] == str(row["bonus"])


def test_points_in_gradescope(submission: tuple[dict[str, int], dict[str, str]]) -> None:
    row, texts = submission
    data = READERS["gradescope"](texts["gradescope"])
    tests = {test["name"]: test for test in data["tests"]}
    for rule, most in POSSIBLE.items():
        assert (tests[rule]["score"], tests[rule]["max_score"]) == (row[rule], most), rule
    assert (tests[BONUS]["score"], tests[BONUS]["max_score"]) == (row["bonus"], 0)
    assert data["score"] == row["points"] + row["bonus"]


def test_points_in_markdown(submission: tuple[dict[str, int], dict[str, str]]) -> None:
    row, texts = submission
    rows = [cells for cells in READERS["markdown"](texts["markdown"]) if len(cells) > 4]
    found = {cells[1]: cells for cells in rows if cells[-1]}
    for rule, most in POSSIBLE.items():
        assert found[rule][-1] == f"{row[rule]}/{most}", rule
    assert sentence(row) in texts["markdown"]


def test_points_in_text(submission: tuple[dict[str, int], dict[str, str]]) -> None:
    row, texts = submission
    for rule, most in POSSIBLE.items():
        line = re.findall(rf"^  . {rule} .*$", texts["full"], re.M)[0]
        assert re.search(rf"(?<!\d){row[rule]}/{most}(?!\d)", line), line
    assert sentence(row) in texts["full"]


@pytest.mark.parametrize("form", ["github", "gitlab", "sarif"])
def test_what_is_lost_is_said_where_only_faults_are_listed(
    submission: tuple[dict[str, int], dict[str, str]], form: str
) -> None:
    row, texts = submission
    key = {"github": "rule", "gitlab": "check_name", "sarif": "rule"}[form]
    text = "description" if form == "gitlab" else "text"
    lost: dict[str, int] = {}
    for entry in READERS[form](texts[form]):
        match = re.search(r"\b0 of (\d+) points", entry[text])
        if match is not None:
            lost[entry[key]] = int(match[1])
    assert lost == {rule: most for rule, most in POSSIBLE.items() if not row[rule]}


def test_concise_names_the_rules_that_do_not_hold(
    submission: tuple[dict[str, int], dict[str, str]],
) -> None:
    row, texts = submission
    named = {match[1] for match in re.finditer(r"^\S+: ([a-z-]+)", texts["concise"], re.M)}
    lost = {rule for rule in POSSIBLE if not row[rule]}
    assert named & set(POSSIBLE) == lost | (
        # What the installed albumentations drops is a warning, not a fault.
        {"augmentation"} if "drops" in texts["concise"] else set()
    )
    assert (BONUS in named) == (not row["bonus"])


def total(row: dict[str, int]) -> dict[str, Any]:
    return {
        "earned": row["points"],
        "possible": 100,
        "bonus": row["bonus"],
        "bonus_possible": 200,
    }


def sentence(row: dict[str, int]) -> str:
    of = "" if row["bonus"] else " of 200"
    return f"{row['points']} of 100 points, {row['bonus']}{of} bonus points"
