"""``examples/grading``: what its README says happens in a copy of it."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import junitparser
import pytest
import yaml

from archcheck.spec import load_spec
from archcheck.spec.points import exact_sum
from tests.support.commands import run_program
from tests.support.grading import QUIET, clean, summary
from tests.support.paths import EXAMPLES

pytestmark = pytest.mark.slow

pytest_plugins = "pytester"

EXAMPLE = EXAMPLES / "grading"
README = (EXAMPLE / "README.md").read_text("utf-8")
WORKFLOW = EXAMPLE / ".github" / "workflows" / "grade.yml"
POINTS = {"alice": (100, 20), "bob": (70, 0), "carol": (20, 0), "dave": (0, 0)}
"""Points and bonus points of every submission."""
FAILED = {
    "alice": [],
    "bob": ["receptive-field"],
    "carol": [
        "receptive-field",
        "depthwise-separable",
        "dilated",
        "global-average-pool",
        "max-pool",
    ],
    "dave": ["runs"],
}


@pytest.fixture
def copy(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the example."""
    monkeypatch.setenv("PYTEST_ADDOPTS", " ".join(QUIET))
    shutil.copytree(EXAMPLE, pytester.path, dirs_exist_ok=True)
    return pytester.path


def test_the_points_are_those_of_the_readme(copy: Path, pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_subprocess()
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    lines = [f"{name}   {said}" for name, said in summary(result).items()]
    assert len(lines) == len(POINTS)
    shown = [re.sub(" {4,}", "   ", line) for line in README.splitlines()]
    assert [line for line in shown if line in lines] == lines
    for who, (points, bonus) in POINTS.items():
        (line,) = [line for line in lines if f"/{who}/" in line]
        assert f"   {points} of 100 points, {bonus} " in line
    result.stdout.fnmatch_lines(
        [
            "✗ max-pool: max pools are not allowed, convolve with a stride",
            "XFAIL *bonus not earned*",
        ]
    )
    clean(result)


def test_the_workflows_commands(copy: Path, pytester: pytest.Pytester) -> None:
    steps = yaml.safe_load(WORKFLOW.read_text("utf-8"))["jobs"]["grade"]["steps"]
    runs = [step["run"] for step in steps if "run" in step]
    assert runs[0] == "pip install -r requirements.txt"
    words = runs[1].split()
    assert words[:3] == ["python", "-m", "pytest"]
    # What is handed in with a submission is not obeyed.
    (copy / "submissions" / "bob" / "pytest.ini").write_text("[pytest]\narchcheck_spec = mine\n")
    (copy / "submissions" / "bob" / "conftest.py").write_text("raise SystemExit('conftest')\n")
    result = pytester.runpytest_subprocess(*words[3:])
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    earned: dict[str, list[float]] = {}
    failed: dict[str, list[str]] = {}
    for suite in junitparser.JUnitXml.fromfile(str(copy / "points.xml")):
        for case in suite:
            who = case.classname.split(".")[1]
            listed = case.child(junitparser.Properties)  # type: ignore[no-untyped-call]
            properties = {prop.name: prop.value for prop in listed or ()}
            earned.setdefault(who, []).append(float(properties.get("points", 0)))
            failed.setdefault(who, []).extend([case.name] if case.is_failure else [])
    assert {who: exact_sum(found) for who, found in earned.items()} == {
        who: points for who, (points, _) in POINTS.items()
    }
    assert failed == FAILED


def test_one_submission_and_one_rule(copy: Path, pytester: pytest.Pytester) -> None:
    words = [line.split()[3:] for line in README.splitlines() if " -m pytest sub" in line]
    (one, _), (rule, _) = [[word for word in line if "/" in word] + [""] for line in words]
    result = pytester.runpytest_subprocess(one)
    assert list(summary(result)) == ["submissions/bob/mynet.py"]
    alone = pytester.runpytest_subprocess(rule)
    alone.assert_outcomes(failed=1)


def test_the_files_beside_it_are_valid() -> None:
    spec = load_spec(EXAMPLE / "assignment.yaml")
    assert sum(r.options.points or 0 for r in spec.requirements) == 100
    schema = ["--builtin-schema", "vendor.github-workflows", str(WORKFLOW)]
    command = [sys.executable, "-m", "check_jsonschema", *schema]
    done = run_program(command)
    assert done.returncode == 0, done.stdout
    project = (EXAMPLE.parent.parent / "pyproject.toml").read_text("utf-8")
    extra = re.search(r"^pytest = \[(.*)\]$", project, re.MULTILINE)
    assert (EXAMPLE / "requirements.txt").read_text().strip() == "./archcheck[pytest]"
    assert extra and "pytest>=" in extra[1] and "pytest-xdist>=" in extra[1]
