"""The pytest plugin: the fixture and the marker for tests written by hand, and its silence."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.support.commands import run_program
from tests.support.grading import BAD, GOOD, QUIET, SPEC, WRONG, clean, write
from tests.support.paths import ROOT

pytest_plugins = "pytester"

HEAVY = {"torch", "numpy", "pydantic", "pydantic_core", "rich", "typer", "yaml", "msgspec"}
TELL = """
import sys
def pytest_unconfigure(config):
    names = sorted({name.partition(".")[0] for name in sys.modules})
    print("\\nimported:", *names)
    print("parts:", *sorted(name for name in sys.modules if name.startswith("archcheck")))
"""


@pytest.fixture
def folder(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a spec and three networks."""
    monkeypatch.setenv("PYTEST_ADDOPTS", " ".join(QUIET))
    (pytester.path / "spec.yaml").write_text(SPEC, "utf-8")
    write(pytester.path, good=GOOD, bad=BAD, wrong=WRONG)
    return pytester.path


def imported(*words: str, folder: Path, **environment: str) -> tuple[set[str], list[str]]:
    """What a run of pytest imports: the libraries, and the modules of archcheck."""
    (folder / "conftest.py").write_text(TELL)
    (folder / "test_plain.py").write_text("def test_plain(): pass\n")
    command = [sys.executable, "-m", "pytest", *QUIET, "-p", "no:xdist", *words]
    done = run_program(command, folder)
    assert done.returncode == 0, done.stdout + done.stderr
    libraries, parts = [
        line.split()[1:]
        for line in done.stdout.splitlines()
        if line.startswith(("imported:", "parts:"))
    ]
    return set(libraries), parts


def test_it_is_silent_unless_asked_for(folder: Path) -> None:
    libraries, parts = imported("test_plain.py", folder=folder)
    assert not libraries & HEAVY
    assert parts == [
        "archcheck",
        "archcheck.pytest_plugin",
        "archcheck.pytest_plugin.suffixes",
    ]
    libraries, _ = imported("test_plain.py", "--archcheck-model", "good.py", folder=folder)
    assert "archcheck" in libraries
    libraries, _ = imported("good.py", "--archcheck-spec", "spec.yaml", folder=folder)
    assert "pydantic" in libraries
    assert "torch" not in libraries


def test_it_works_where_plugins_are_named(
    folder: Path, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("PYTEST_ADDOPTS")
    words = ["--archcheck-spec", "spec.yaml", "good.py"]
    result = pytester.runpytest_subprocess("-p", "archcheck", *words)
    result.assert_outcomes(passed=5, xfailed=2)
    without = pytester.runpytest_subprocess(*words)
    assert without.ret == pytest.ExitCode.USAGE_ERROR
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    off = pytester.runpytest_subprocess(*QUIET, "-p", "no:archcheck", *words)
    assert off.ret == pytest.ExitCode.USAGE_ERROR


@pytest.mark.slow
def test_marker_and_fixture(folder: Path, pytester: pytest.Pytester) -> None:
    (folder / "pytest.ini").write_text(
        "[pytest]\narchcheck_spec = spec.yaml\narchcheck_model = good.py:Net\n"
        "addopts = --strict-markers\nfilterwarnings = error\n"
    )
    pytester.makepyfile(
        test_hand="""
        import pytest
        from torch import nn

        def test_the_ini_values(archcheck):
            assert archcheck.report.passed, str(archcheck.report)
            assert archcheck.report.points.earned == 17.5
            assert archcheck.network.num_parameters == 186
            assert len(archcheck.spec.requirements) == 6

        @pytest.mark.archcheck(model="bad.py")
        class TestBad:
            def test_model(self, archcheck):
                assert not archcheck.report.finding("receptive-field").verdict.status == "passed"

            @pytest.mark.archcheck(spec="mnist-20k")
            def test_both(self, archcheck):
                assert archcheck.spec.title.startswith("MNIST")

            @pytest.mark.archcheck(spec={"input": [3, 9, 9], "rules": {"macs": {"at_most": 9}}})
            def test_mapping(self, archcheck):
                assert archcheck.report.finding("macs").verdict.found == 4 * 27 * 49

        def test_a_live_module(archcheck):
            report = archcheck.verify(nn.Sequential(nn.Conv2d(3, 4, 3)))
            assert str(report.points) == "7.5 of 18.5 points, 3 of 7 bonus points"
            rules = {"rules": {"parameters": {"exactly": 112}}}
            assert archcheck.verify(nn.Conv2d(3, 4, 3), rules, input_shape=(3, 8, 8)).passed
        """
    )
    result = pytester.runpytest_inprocess("test_hand.py")
    result.assert_outcomes(passed=5)
    xdist = pytester.runpytest_subprocess("-n", "2", "test_hand.py", "good.py")
    xdist.assert_outcomes(passed=10, xfailed=2)


def test_the_readme(folder: Path, pytester: pytest.Pytester) -> None:
    root = ROOT
    blocks = re.findall("```python\n(.*?)```", (root / "README.md").read_text("utf-8"), re.DOTALL)
    (block,) = [block for block in blocks if "pytest.mark.archcheck" in block]
    (folder / "alice").mkdir()
    shutil.copy(root / "examples" / "assignment7" / "net003.py", folder / "alice" / "mynet.py")
    pytester.makepyfile(block)
    pytester.runpytest_inprocess().assert_outcomes(passed=1)


def test_arguments_of_the_marker(folder: Path, pytester: pytest.Pytester) -> None:
    write(folder, wide="from torch import nn\ndef net(width): return nn.Conv2d(3, width, 3)\n")
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.archcheck(spec="spec.yaml", model="wide.py:net", arguments={"width": 5})
        def test_five(archcheck):
            assert archcheck.network.num_parameters == 5 * 28

        @pytest.mark.archcheck(spec="spec.yaml", model="wide.py:net", arguments={"width": 2})
        def test_two(archcheck):
            assert archcheck.network.num_parameters == 2 * 28
        """
    )
    pytester.runpytest_inprocess().assert_outcomes(passed=2)


MISTAKES = {
    "model='wrong.py', spec='spec.yaml'": "✗ runs: forward raised in 1 (wrong.py:4): Conv2d(5, 4)",
    "model='no.py', spec='spec.yaml'": "there is no file no.py",
    "model='*.py', spec='spec.yaml'": "networks and a test looks at one",
    "model='good.py', spec='no.yaml'": "there is no file",
    "model='good.py', spec={'rules': {'macss': {}}}": 'unknown rule "macss"; did you mean "macs"?',
    "model='good.py', spec={'rules': {'macs': {'at_most': 3}}}": "the input's shape is not known",
    "model='good.py'": "no spec is given",
    "spec='spec.yaml'": "no network is named",
    "modle='good.py'": "does not know 'modle'; it takes spec=, model=, arguments=",
    "'good.py'": "does not know 'good.py'",
}


@pytest.mark.parametrize("given", MISTAKES)
def test_a_mistake_is_one_message(given: str, folder: Path, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        f"""
        import pytest

        @pytest.mark.archcheck({given})
        def test_it(archcheck):
            archcheck.network
        """
    )
    result = pytester.runpytest_inprocess()
    assert result.ret == 1
    text = clean(result)
    assert MISTAKES[given] in text
    assert "During handling" not in text


def test_help_and_markers(pytester: pytest.Pytester) -> None:
    text = str(pytester.runpytest_inprocess("--help").stdout)
    for option in ("--archcheck-spec=SPEC", "--archcheck-strict", "archcheck_model (linelist)"):
        assert option in text
    assert "@pytest.mark.archcheck(spec=None" in str(
        pytester.runpytest_inprocess("--markers").stdout
    )
