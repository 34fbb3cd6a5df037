"""The pytest plugin: what is collected, what an item says, and what other plugins leave alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.grading import (
    BAD,
    GOOD,
    NOT_HERE,
    QUIET,
    RULES,
    SPEC,
    WRONG,
    clean,
    summary,
    write,
)
from tests.support.notebooks import write_notebook

pytestmark = pytest.mark.slow

pytest_plugins = "pytester"


@pytest.fixture
def folder(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a spec and three submissions, of which each file is called mynet.py."""
    monkeypatch.setenv("PYTEST_ADDOPTS", " ".join(QUIET))
    monkeypatch.setenv("COLUMNS", "200")
    (pytester.path / "spec.yaml").write_text(SPEC, "utf-8")
    write(pytester.path, alice__mynet=GOOD, bob__mynet=BAD, carol__mynet=WRONG)
    return pytester.path


def collected(pytester: pytest.Pytester, *words: str) -> list[str]:
    result = pytester.runpytest_inprocess("--collect-only", "-q", *words)
    return [line for line in result.outlines if "::" in line]


def test_node_ids_are_known_without_the_network(folder: Path, pytester: pytest.Pytester) -> None:
    write(folder, dave__mynet="import os\nopen('imported', 'w')\nos._exit(7)\n")
    words = ["--archcheck-spec", "spec.yaml", "alice/mynet.py", "dave/mynet.py"]
    ids = collected(pytester, *words)
    assert ids == [f"{who}/mynet.py::{rule}" for who in ("alice", "dave") for rule in RULES]
    assert not (folder / "imported").exists()


def test_a_failure_says_what_the_report_says(folder: Path, pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_inprocess("--archcheck-spec", "spec.yaml", "bob/mynet.py")
    result.assert_outcomes(passed=4, failed=1, xfailed=2)
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            "*_ bob/mynet.py: receptive-field _*",
            "✗ receptive-field: * sees 3 × 3 of the input, 5 are needed",
            "  ┌─ bob/mynet.py:3",
            "3 │     Net = nn.Sequential(nn.Conv2d(3, 4, 3))",
            "  │ 5  ████████████████████ needed",
            "0 of 10 points",
            "FAILED bob/mynet.py::receptive-field - receptive-field: * 5 are needed.",
        ]
    )
    clean(result)
    short = pytester.runpytest_inprocess(
        "--archcheck-spec", "spec.yaml", "bob/mynet.py", "--tb=line"
    )
    short.stdout.fnmatch_lines(["bob/mynet.py:3: receptive-field: * 5 are needed."])


def test_rules_are_selected_by_id_and_by_keyword(folder: Path, pytester: pytest.Pytester) -> None:
    words = ["--archcheck-spec", "spec.yaml"]
    assert collected(pytester, *words, "bob/mynet.py::layers[2]") == ["bob/mynet.py::layers[2]"]
    assert len(collected(pytester, *words, "bob/mynet.py::layers")) == 2
    assert collected(pytester, *words, "bob/mynet.py", "-k", "field or runs") == [
        "bob/mynet.py::runs",
        "bob/mynet.py::receptive-field",
    ]
    result = pytester.runpytest_inprocess(*words, "bob/mynet.py::parameters")
    result.assert_outcomes(passed=1)
    assert summary(result) == {"bob/mynet.py": "5 of 5 points of the rules that ran (1 of 6)"}
    missing = pytester.runpytest_inprocess(*words, "bob/mynet.py::macs")
    assert missing.ret == pytest.ExitCode.USAGE_ERROR


BROKEN = {
    "imports": (
        "import no_such_module",
        "imports: importing the file failed: the module 'no_such_module' is not installed",
    ),
    "leaves": ("import os\nos._exit(3)", "imports: the network ended the process with exit code 3"),
    "loops": ("while True: pass", "imports: *did not return within 5 seconds"),
    "builds": (
        "from torch import nn\nclass Net(nn.Module):\n def __init__(self): 1 / 0",
        "builds: *Net() raised ZeroDivisionError",
    ),
    "runs": (WRONG, "runs: forward raised in 1 (*): Conv2d(5, 4) was given 4 channels"),
    "nothing": ("", "builds: *is empty"),
    "syntax": ("class", "imports: importing the file failed: SyntaxError"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_network_that_does_not_run_has_the_same_items(
    how: str, folder: Path, pytester: pytest.Pytester
) -> None:
    text, said = BROKEN[how]
    write(folder, dave__mynet=text)
    seconds = "5" if how == "loops" else "60"
    result = pytester.runpytest_inprocess(
        *("--archcheck-spec", "spec.yaml", "--archcheck-timeout", seconds, "dave/mynet.py", "-rs")
    )
    result.assert_outcomes(failed=1, skipped=6)
    result.stdout.fnmatch_lines([f"✗ {said}*", "*SKIPPED [[]6[]] *the network could not be run."])
    clean(result)
    points = "0 of 18.5 points, 0 of 7 bonus points   could not be run"
    assert summary(result) == {"dave/mynet.py": points}


def test_a_rule_alone_tells_that_the_network_does_not_run(
    folder: Path, pytester: pytest.Pytester
) -> None:
    result = pytester.runpytest_inprocess(
        *("--archcheck-spec", "spec.yaml", "carol/mynet.py::parameters")
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["✗ runs: forward raised in 1 *", "0 of 5 points"])
    whole = pytester.runpytest_inprocess("--archcheck-spec", "spec.yaml", "carol/mynet.py")
    whole.stdout.fnmatch_lines(["*Captured stdout call*", "some words"])


UNKNOWN = """\
input: [3, 8, 8]
rules:
  receptive-field: {at_least: 1, at: nowhere, points: 5}
  parameters: {at_most: 200}
"""


def test_what_is_not_verified_is_skipped_or_fails(folder: Path, pytester: pytest.Pytester) -> None:
    (folder / "spec.yaml").write_text(UNKNOWN)
    words = ["--archcheck-spec", "spec.yaml", "alice/mynet.py", "-rs"]
    result = pytester.runpytest_inprocess(*words)
    result.assert_outcomes(passed=2, skipped=1)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["SKIPPED [[]1[]] alice/mynet.py*: not verified: *nowhere*"])
    assert summary(result) == {"alice/mynet.py": "0 of 5 points"}
    strict = pytester.runpytest_inprocess(*words, "--archcheck-strict")
    strict.assert_outcomes(passed=2, failed=1)
    strict.stdout.fnmatch_lines(["? receptive-field not verified: *nowhere*"])
    (folder / "pytest.ini").write_text("[pytest]\narchcheck_strict = true\n")
    pytester.runpytest_inprocess(*words).assert_outcomes(passed=2, failed=1)
    (folder / "spec.yaml").write_text(UNKNOWN.replace("points: 5", "when_unverified: warn"))
    pytester.runpytest_inprocess(*words).assert_outcomes(passed=2, skipped=1)


@pytest.mark.parametrize("more", [["-W", "error"], ["--runxfail"], ["-o", "xfail_strict=true"]])
def test_advice_and_bonuses_fail_nothing(
    more: list[str], folder: Path, pytester: pytest.Pytester
) -> None:
    result = pytester.runpytest_inprocess(
        "--archcheck-spec", "spec.yaml", "alice/mynet.py", "-rx", *more
    )
    assert result.ret == 0
    if more != ["--runxfail"]:
        result.assert_outcomes(passed=5, xfailed=2)
        result.stdout.fnmatch_lines(
            [
                "XFAIL alice/mynet.py::layers[[]2[]] - *warning: *",
                "XFAIL alice/mynet.py::depthwise - *bonus not earned: *",
            ]
        )
    clean(result)


def test_arguments_come_from_the_spec(folder: Path, pytester: pytest.Pytester) -> None:
    (folder / "spec.yaml").write_text(
        "input: [3, 8, 8]\narguments: {width: 2}\nrules: {parameters: {exactly: 56}}\n"
    )
    write(folder, dave__mynet="from torch import nn\ndef net(width): return nn.Conv2d(3, width, 3)")
    (folder / "pytest.ini").write_text(
        "[pytest]\narchcheck_spec = spec.yaml\narchcheck_model = dave/mynet.py:net\n"
    )
    pytester.runpytest_inprocess().assert_outcomes(passed=2)


# -- which files are submissions -----------------------------------------------------------------


def test_no_other_plugin_collects_a_submission(folder: Path, pytester: pytest.Pytester) -> None:
    """Neither pytest itself, whatever the names are, nor its doctests; and no package is
    imported for its ``__init__.py``."""
    for who in ("alice", "bob"):
        write(folder, **{f"{who}____init__": NOT_HERE, f"{who}__test_net": NOT_HERE + GOOD})
    write(folder, test_top=NOT_HERE + GOOD)
    files = ["alice/test_net.py", "bob/test_net.py", "test_top.py"]
    words = ["--archcheck-spec", "spec.yaml"]
    result = pytester.runpytest_inprocess(*words, "--doctest-modules", *files)
    result.assert_outcomes(passed=15, xfailed=6)
    (folder / "pytest.ini").write_text(
        "[pytest]\narchcheck_model =\n  */test_net.py\n  test_t*.py\n"
    )
    for arguments in (["."], ["alice", "bob", "test_top.py"], []):
        again = pytester.runpytest_inprocess(*words, *arguments)
        again.assert_outcomes(passed=15, xfailed=6)
        assert set(summary(again)) == set(files)


def test_ini_values_are_relative_to_their_file(folder: Path, pytester: pytest.Pytester) -> None:
    (folder / "pyproject.toml").write_text(
        "[tool.pytest.ini_options]\narchcheck_spec = 'spec.yaml'\n"
        "archcheck_model = ['alice/*.py:Net', 'b*/mynet.py']\n"
    )
    write(folder, test_hand="def test_hand(): pass\n")
    assert len(collected(pytester)) == 2 * len(RULES) + 1
    pytester.chdir()
    assert len(collected(pytester, "bob")) == len(RULES)
    (folder / "deep").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder / "deep")
        assert len(collected(pytester, "..")) == 2 * len(RULES) + 1
        named = ["--archcheck-spec", "../spec.yaml", "../carol/mynet.py"]
        assert len(collected(pytester, *named)) == len(RULES)


def test_test_files_stay_tests_where_it_is_said_what_is_a_submission(
    folder: Path, pytester: pytest.Pytester
) -> None:
    write(folder, test_hand="def test_hand(): pass\n")
    words = ["--archcheck-spec", "spec.yaml", "--archcheck-model", "alice/mynet.py"]
    assert collected(pytester, *words, "test_hand.py") == ["test_hand.py::test_hand"]
    assert len(collected(pytester, *words, "bob/mynet.py", "test_hand.py")) == len(RULES) + 1


def test_two_networks_of_one_file(folder: Path, pytester: pytest.Pytester) -> None:
    write(folder, two=f"{GOOD}\nSmall = nn.Sequential(nn.Conv2d(3, 4, 3))\n")
    words = ["--archcheck-spec", "spec.yaml", "two.py"]
    alone = pytester.runpytest_inprocess(*words)
    alone.assert_outcomes(failed=1, skipped=6)
    alone.stdout.fnmatch_lines(["✗ builds: *2 networks; name one: two.py:Net, two.py:Small*"])
    models = ["--archcheck-model", "two.py:Net", "--archcheck-model", "two.py:Small"]
    result = pytester.runpytest_inprocess(*words, *models)
    assert summary(result) == {
        "two.py::Net": "17.5 of 18.5 points, 3 of 7 bonus points",
        "two.py::Small": "7.5 of 18.5 points, 3 of 7 bonus points",
    }


def test_a_spec_is_a_test_file(folder: Path, pytester: pytest.Pytester) -> None:
    (folder / "field.archcheck.yaml").write_text(SPEC, "utf-8")
    models = ["--archcheck-model", "*/mynet.py:Net"]
    result = pytester.runpytest_inprocess("spec.yaml", *models)
    assert list(summary(result)) == [
        f"spec.yaml::{who}/mynet.py:Net" for who in ("alice", "bob", "carol")
    ]
    first = "field.archcheck.yaml::alice/mynet.py:Net"
    assert collected(pytester, *models)[:7] == [f"{first}::{rule}" for rule in RULES]
    one = pytester.runpytest_inprocess(f"{first}::parameters", *models)
    one.assert_outcomes(passed=1)
    assert collected(pytester) == []


WRONG_SPECS = {
    "no network": (SPEC, [], "of which network is this asked?"),
    "no file": (SPEC, ["--archcheck-model", "dave.py"], "there is no file dave.py"),
    "misspelt": (
        "rules:\n  macss: {}\n",
        ["--archcheck-model", "alice/mynet.py"],
        'spec.yaml:2:3: unknown rule "macss"; did you mean "macs"?\n2 │   macss: {}\n  │   ^^^^^',
    ),
    "no input": (
        "rules: {parameters: {at_most: 3}}",
        ["--archcheck-model", "alice/mynet.py"],
        "spec.yaml: the input's shape is not known",
    ),
    "empty": ("", ["--archcheck-model", "alice/mynet.py"], "spec.yaml: the spec is empty"),
}


@pytest.mark.parametrize("what", WRONG_SPECS)
def test_a_spec_that_cannot_be_asked(what: str, folder: Path, pytester: pytest.Pytester) -> None:
    text, words, said = WRONG_SPECS[what]
    (folder / "spec.yaml").write_text(text)
    result = pytester.runpytest_inprocess("spec.yaml", *words)
    result.assert_outcomes(errors=1)
    assert said in clean(result)


def test_other_yaml_is_left_alone(folder: Path, pytester: pytest.Pytester) -> None:
    (folder / "other.yaml").write_text("name: a thing with its own plugin\n")
    result = pytester.runpytest_inprocess("other.yaml")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "archcheck" not in str(result.stderr)


USAGE = {
    "missing spec": (["--archcheck-spec", "no.yaml", "bob/mynet.py"], "there is no file"),
    "unknown spec": (["--archcheck-spec", "assignment8", "bob/mynet.py"], "assignment7"),
    "folder": (["--archcheck-spec", "spec.yaml", "bob"], "--archcheck-model 'bob/*.py'"),
    "here": (["--archcheck-spec", "spec.yaml"], "--archcheck-model '*.py'"),
    "timeout": (["--archcheck-spec", "spec.yaml", "--archcheck-timeout", "0"], "at least 0.1"),
    "ini": (["spec.yaml", "-o", "archcheck_timeout=soon"], "a number of seconds"),
}


@pytest.mark.parametrize("what", USAGE)
def test_a_run_that_cannot_be_done(what: str, folder: Path, pytester: pytest.Pytester) -> None:
    words, said = USAGE[what]
    result = pytester.runpytest_inprocess(*words)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert str(result.stderr).count("ERROR: ") == 1
    assert said in clean(result)


def test_a_notebook_is_a_submission(folder: Path, pytester: pytest.Pytester) -> None:
    write_notebook(folder / "net.ipynb", "!pip install timm", BAD)
    (folder / "broken.ipynb").write_text("{}")
    words = ["--archcheck-spec", "spec.yaml", "net.ipynb", "broken.ipynb"]
    result = pytester.runpytest_inprocess(*words)
    assert "  ┌─ net.ipynb:cell 2:3" in result.outlines
    assert "the file holds no notebook" in clean(result)


def test_a_folder_is_a_submission(folder: Path, pytester: pytest.Pytester) -> None:
    write(folder, alice__notes="raise SystemExit\n", alice__test_it="def test_it(): pass\n")
    write(folder, bob__other=GOOD)
    words = ("--archcheck-spec", "spec.yaml", "--archcheck-model", "[ab]*/")
    assert collected(pytester, *words, "alice") == [f"alice::{rule}" for rule in RULES]
    result = pytester.runpytest_inprocess(*words, "-rA", "-k", "runs")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["* bob holds 2 networks that fit; name one: mynet.py, other.py*"])
    named = (*words[:-1], "[ab]*/:Net")
    pytester.runpytest_inprocess(*named, "-k", "runs", "alice").assert_outcomes(passed=1)


def test_nothing_to_check_says_so(folder: Path, pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_inprocess(
        "--archcheck-spec", "spec.yaml", "--archcheck-model", "no/*.py"
    )
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    result.stdout.fnmatch_lines(["no network was checked: archcheck_model = no/*.py*"])
