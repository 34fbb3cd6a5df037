"""The pytest plugin: points in JUnit and in the summary, under pytest-xdist and without."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import junitparser
import pytest

from tests.support.commands import LIMIT, environment
from tests.support.grading import BAD, GOOD, QUIET, RULES, SPEC, WRONG, clean, summary, write
from tests.support.processes import assert_gone, wait_until

pytestmark = pytest.mark.slow

pytest_plugins = "pytester"

FULL = "17.5 of 18.5 points, 3 of 7 bonus points"
SMALL = "7.5 of 18.5 points, 3 of 7 bonus points"
NONE = "0 of 18.5 points, 0 of 7 bonus points   could not be run"
COUNTED = "import os\nwith open(os.environ['COUNT'], 'a') as file:\n    file.write('x')\n"
"""The beginning of a submission that counts how often it is imported."""
SLEEPER = """\
import os, time
with open("started.part", "w") as file:
    file.write(str(os.getpid()))
os.rename("started.part", "started")
time.sleep(999)
"""
"""A submission that writes down the process that imports it, and never returns."""


@pytest.fixture
def folder(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with three submissions."""
    monkeypatch.setenv("PYTEST_ADDOPTS", " ".join(QUIET))
    monkeypatch.setenv("COUNT", str(pytester.path / "count"))
    (pytester.path / "spec.yaml").write_text(SPEC, "utf-8")
    (pytester.path / "pytest.ini").write_text(
        "[pytest]\narchcheck_spec = spec.yaml\narchcheck_model = */mynet.py\n"
        "archcheck_load = plain\n"  # they count how often they are imported
    )
    write(pytester.path, alice__mynet=GOOD, bob__mynet=BAD, carol__mynet=WRONG)
    return pytester.path


def imports(folder: Path) -> int:
    """How often submissions that count it were imported since the last question."""
    file = folder / "count"
    number = len(file.read_text()) if file.exists() else 0
    file.unlink(missing_ok=True)
    return number


def read(file: Path) -> dict[str, dict[str, dict[str, str]]]:
    """The properties of every case of a JUnit file, by class and name."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    for suite in junitparser.JUnitXml.fromfile(str(file)):
        for case in suite:
            listed = case.child(junitparser.Properties)  # type: ignore[no-untyped-call]
            properties = {prop.name: prop.value for prop in listed or ()}
            found.setdefault(case.classname, {})[case.name] = properties
    return found


def assert_points(file: Path) -> None:
    """Every rule's points stand in a JUnit file."""
    found = read(file)
    assert set(found) == {"alice.mynet", "bob.mynet", "carol.mynet"}
    assert all(sorted(cases) == sorted(RULES) for cases in found.values())
    assert found["bob.mynet"] == {
        "runs": {},
        "parameters": {"points": "5", "points_possible": "5"},
        "receptive-field": {"points": "0", "points_possible": "10"},
        "layers": {"points": "2.5", "points_possible": "2.5"},
        "layers[2]": {"points": "0", "points_possible": "1"},
        "max-pool": {"bonus": "3", "bonus_possible": "3"},
        "depthwise": {"bonus": "0", "bonus_possible": "4"},
    }
    for properties in found["carol.mynet"].values():
        assert {value for name, value in properties.items() if "possible" not in name} <= {"0"}


def test_points_reach_junit_and_the_summary(folder: Path, pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_subprocess("--junit-xml=points.xml")
    result.assert_outcomes(passed=9, failed=2, xfailed=4, skipped=6)
    assert summary(result) == {
        "alice/mynet.py": FULL,
        "bob/mynet.py": SMALL,
        "carol/mynet.py": NONE,
    }
    assert_points(folder / "points.xml")
    (suite,) = junitparser.JUnitXml.fromfile(str(folder / "points.xml"))
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (21, 2, 0, 10)
    messages = [r.message for case in suite for r in case.result if r.message and case.is_failure]
    assert [message.partition(":")[0] for message in messages] == ["receptive-field", "runs"]
    assert "┌─ bob/mynet.py:3" in (folder / "points.xml").read_text("utf-8")
    clean(result)


@pytest.mark.parametrize("dist", ["", "loadscope", "loadgroup", "worksteal"])
def test_points_are_right_under_xdist(
    dist: str, folder: Path, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And but for worksteal, every submission is traced once, even without a cache."""
    monkeypatch.setenv("ARCHCHECK_NO_CACHE", "1")
    write(folder, alice__mynet=COUNTED + GOOD, bob__mynet=COUNTED + BAD)
    words = ["--dist", dist] if dist else []
    result = pytester.runpytest_subprocess("-n", "2", *words, "--junit-xml=points.xml")
    result.assert_outcomes(passed=9, failed=2, xfailed=4, skipped=6)
    assert summary(result) == {
        "alice/mynet.py": FULL,
        "bob/mynet.py": SMALL,
        "carol/mynet.py": NONE,
    }
    assert "bob/mynet.py::receptive-field" in str(result.stdout)
    assert imports(folder) == 2 or dist == "worksteal"
    clean(result)


def test_points_reach_junit_from_workers(folder: Path, pytester: pytest.Pytester) -> None:
    """Beside tests of another kind, which are spread one by one."""
    write(
        folder,
        test_more="import pytest\n@pytest.mark.parametrize('n', range(5))\ndef test_it(n): pass\n",
    )
    result = pytester.runpytest_subprocess(
        "-n", "2", "--junit-xml=points.xml", "alice", "bob", "carol"
    )
    result.assert_outcomes(passed=9, failed=2, xfailed=4, skipped=6)
    assert_points(folder / "points.xml")
    more = pytester.runpytest_subprocess("-n", "2", "alice", "test_more.py")
    more.assert_outcomes(passed=10, xfailed=2)


def test_a_second_run_traces_nothing(folder: Path, pytester: pytest.Pytester) -> None:
    """Unless the cache is off; and without a place for it everything works all the same."""
    text = "import json, sys\nwhere = 'imported'\nopen(where, 'a').close()\n"
    write(folder, alice__mynet=text + GOOD)
    words = ["alice", "-p", "no:cacheprovider"]
    pytester.runpytest_inprocess(*words).assert_outcomes(passed=5, xfailed=2)
    assert (folder / ".archcheck_cache").is_dir()
    (folder / "imported").unlink()
    pytester.runpytest_inprocess(*words).assert_outcomes(passed=5, xfailed=2)
    known = not (folder / "imported").exists()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ARCHCHECK_NO_CACHE", "1")
        pytester.runpytest_inprocess(*words).assert_outcomes(passed=5, xfailed=2)
        assert (folder / "imported").exists()
        patch.delenv("ARCHCHECK_NO_CACHE")
        patch.setenv("ARCHCHECK_CACHE_DIR", "/proc/nowhere")
        pytester.runpytest_inprocess(*words).assert_outcomes(passed=5, xfailed=2)
        patch.setenv("ARCHCHECK_CACHE_DIR", str(folder / "spec.yaml"))
        wrong = pytester.runpytest_inprocess(*words)
        wrong.assert_outcomes(errors=7)
        assert "is not a folder" in clean(wrong)
        assert summary(wrong) == {}
    assert known


def test_only_what_ran_is_counted(folder: Path, pytester: pytest.Pytester) -> None:
    chosen = pytester.runpytest_inprocess("-k", "parameters or depthwise", "alice", "bob")
    bonus = "5 of 5 points, 0 of 4 bonus points of the rules that ran (2 of 6)"
    assert summary(chosen) == {"alice/mynet.py": bonus, "bob/mynet.py": bonus}
    first = pytester.runpytest_inprocess("-x", "bob", "carol")
    assert summary(first) == {"bob/mynet.py": "5 of 15 points of the rules that ran (2 of 6)"}
    one = pytester.runpytest_inprocess("-x", "carol")
    assert summary(one) == {"carol/mynet.py": "none of the rules ran   could not be run"}


def test_the_last_failures_again(folder: Path, pytester: pytest.Pytester) -> None:
    pytester.runpytest_inprocess().assert_outcomes(passed=9, failed=2, xfailed=4, skipped=6)
    again = pytester.runpytest_inprocess("--lf")
    again.assert_outcomes(failed=2)
    write(folder, bob__mynet=GOOD, carol__mynet=GOOD)
    pytester.runpytest_inprocess("--lf").assert_outcomes(passed=2)


def test_a_spec_without_points_has_no_summary(folder: Path, pytester: pytest.Pytester) -> None:
    (folder / "spec.yaml").write_text("input: [3, 8, 8]\nrules: {parameters: {at_most: 200}}\n")
    result = pytester.runpytest_inprocess("alice")
    result.assert_outcomes(passed=2)
    assert summary(result) == {}


def test_reports_are_data(folder: Path, pytester: pytest.Pytester) -> None:
    """What reports carry can be written as JSON, as plugins that log them do."""
    pytester.makeconftest(
        "import json\n"
        "def pytest_runtest_logreport(report):\n"
        "    if report.when == 'call':\n"
        "        with open('log', 'a') as file:\n"
        "            facts = dict(report.user_properties), report.archcheck, report.nodeid\n"
        "            file.write(json.dumps(facts) + '\\n')\n"
    )
    pytester.runpytest_inprocess("bob")
    log = [json.loads(line) for line in (folder / "log").read_text().splitlines()]
    assert len(log) == len(RULES)
    assert sum(properties.get("points", 0) for properties, _, _ in log) == 7.5
    assert {facts["submission"] for _, facts, _ in log} == {"bob/mynet.py"}


@pytest.mark.parametrize("words", [[], ["-n", "2"]])
def test_an_interrupted_run_leaves_nothing_behind(
    words: list[str], folder: Path, pytester: pytest.Pytester
) -> None:
    write(folder, bob__mynet=SLEEPER)
    started, log = folder / "started", folder / "log"
    with log.open("w") as file:
        run = subprocess.Popen(
            [sys.executable, "-m", "pytest", "alice", "bob", *words],
            cwd=folder,
            env=environment(),
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def bob_runs() -> bool:
        # Bob's network may start while Alice's is judged; pytest tells when it comes to Bob.
        return started.exists() and (bool(words) or "bob/mynet.py " in log.read_text("utf-8"))

    try:
        wait_until(lambda: bob_runs() or run.poll() is not None)
        os.killpg(run.pid, signal.SIGINT)
        run.wait(LIMIT)
    finally:
        run.kill()
    text = log.read_text("utf-8")
    assert run.returncode == pytest.ExitCode.INTERRUPTED, text
    assert "INTERNALERROR" not in text
    if not words:
        assert f"alice/mynet.py   {FULL}" in text
        assert "bob/mynet.py   " not in text
    assert_gone([int(started.read_text())])
