"""``archcheck lint``: what it finds, how it is told, and what is known or suppressed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.commands import output_of, run_command
from tests.support.readers import read_github, read_junit, read_sarif

pytestmark = pytest.mark.slow

NET = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 64, 3)
        self.norm = nn.BatchNorm2d(64)
        self.score = nn.Conv2d(64, 1, 1)

    def forward(self, x):
        x = self.norm(self.conv(x)).relu()
        return x * torch.softmax(self.score(x), 1)
"""
SHAPE = ("--input", "3,32,32")
SOFTMAX = "net.py:14:20: softmax-of-one softmax along axis 1"
DEAD = "net.py:14:34: remark score reaches no output: computed, but no layer"
BIAS = "net.py:8:21: bias-before-batchnorm warning: the bias is taken away again by norm"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "net.py").write_text(NET)
    (tmp_path / "pyproject.toml").write_text("[tool.archcheck]\n")
    return tmp_path


def lint(folder: Path, *words: str, code: int = 0, errors: str | None = "") -> str:
    return output_of(folder, "lint", "net.py", *SHAPE, *words, code=code, errors=errors)


def concise(folder: Path, *words: str, code: int = 0, errors: str | None = "") -> list[str]:
    text = lint(folder, "--output-format", "concise", *words, code=code, errors=errors)
    return text.splitlines()


def test_each_finding_quotes_its_line_and_says_what_to_do(folder: Path) -> None:
    text = lint(folder, code=1)
    assert "8 │     self.conv = nn.Conv2d(3, 64, 3)" in text
    assert "without the bias: 64 parameters fewer, same function" in text
    assert "1 error, 1 warning by" in text
    assert lint(folder, code=1).partition("1 error")[0] == text.partition("1 error")[0]
    assert lint(folder, "--exit-zero")


def test_a_network_without_an_error_passes(folder: Path) -> None:
    (folder / "net.py").write_text(NET.replace("64, 1, 1", "64, 2, 1").replace("x * ", ""))
    lines = concise(folder)
    assert lines == [BIAS]


def test_rules_are_selected_and_left_out(folder: Path) -> None:
    assert concise(folder, "--select", "bias-before-batchnorm") == [BIAS, DEAD]
    assert concise(folder, "--ignore", "softmax-of-one,flatten-head") == [BIAS, DEAD]
    done = run_command(folder, "lint", "net.py", *SHAPE, "--select", "softmax-of-on")
    assert done.returncode == 2
    assert 'no lint rule "softmax-of-on"; did you mean "softmax-of-one"?' in done.stderr
    for choice in (("--select", ","), ("--ignore", "all"), ("--loss", "")):
        done = run_command(folder, "lint", "net.py", *SHAPE, *choice)
        assert (done.returncode, done.stderr.startswith(f"error: {choice[0]}: ")) == (2, True)
    done = run_command(folder, "lint", "net.py", *SHAPE, "--loss", "crossentropy")
    assert done.returncode == 2
    assert "'cross-entropy'" in done.stderr
    assert "\n" not in done.stderr.strip()


def test_settings_choose_rules_and_severities(folder: Path) -> None:
    (folder / "pyproject.toml").write_text(
        '[tool.archcheck.lint]\nignore = ["softmax-of-one"]\n'
        'severities = {bias-before-batchnorm = "error"}\n'
    )
    assert concise(folder, code=1) == [BIAS.replace(" warning:", ""), DEAD]
    (folder / "pyproject.toml").write_text('[tool.archcheck.lint]\nselct = ["softmax-of-one"]\n')
    done = run_command(folder, "lint", "net.py", *SHAPE)
    assert done.returncode == 2
    assert 'pyproject.toml:2:1: unknown key "selct"; did you mean "select"?' in done.stderr


def test_every_format_has_the_findings(folder: Path) -> None:
    data = json.loads(lint(folder, "--output-format", "json", code=1))
    found = [(each["rule"], each["severity"]) for each in data["rules"]]
    assert found == [
        ("lint", "error"),
        ("bias-before-batchnorm", "warning"),
        ("softmax-of-one", "error"),
    ]
    log = lint(folder, "--output-format", "sarif", code=1)
    assert [each["rule"] for each in read_sarif(log)] == [*(name for name, _ in found), "remark"]
    assert "A softmax along an axis that has one element" in log
    assert "error" in lint(folder, "--output-format", "markdown", code=1)
    commands = read_github(lint(folder, "--output-format", "github", code=1))
    assert len(commands) == 4  # with the remark on a layer that reaches no output
    read_junit(lint(folder, "--output-format", "junit", code=1))


def test_a_comment_suppresses_and_one_too_many_is_found(folder: Path) -> None:
    text = NET.replace(", 1)\n", ", 1)  # archcheck: ignore[softmax-of-one] a gate\n")
    (folder / "net.py").write_text(text)
    assert concise(folder)[0] == BIAS
    assert SOFTMAX in "\n".join(concise(folder, "--no-ignores", code=1))
    (folder / "net.py").write_text(text.replace("softmax-of-one]", "flatten-head]"))
    lines = concise(folder, code=1)
    assert "unused-ignore warning: flatten-head finds nothing here" in "\n".join(lines)


def test_a_notebook_is_linted_by_cell(folder: Path) -> None:
    cells = [
        {"cell_type": "code", "source": NET.splitlines(keepends=True), "metadata": {}},
    ]
    notebook = {"cells": cells, "nbformat": 4, "nbformat_minor": 5, "metadata": {}}
    (folder / "net.ipynb").write_text(json.dumps(notebook))
    text = output_of(folder, "lint", "net.ipynb", *SHAPE, "--output-format", "concise", code=1)
    assert "net.ipynb:cell 1:14:20: softmax-of-one" in text


def test_a_baseline_keeps_what_is_known_quiet_and_only_shrinks(folder: Path) -> None:
    base = ("--baseline", "known.json")
    done = run_command(folder, "lint", "net.py", *SHAPE, *base)
    assert (done.returncode, "--write-baseline" in done.stderr) == (2, True)
    assert concise(folder, *base, "--write-baseline", errors=None) == [DEAD]
    known = (folder / "known.json").read_text()
    (folder / "net.py").write_text(f"# moved\n{NET}")
    assert concise(folder, *base) == [DEAD.replace(":14:", ":15:")]
    assert (folder / "known.json").read_text() == known
    (folder / "net.py").write_text(NET.replace("3, 64, 3)", "3, 64, 3, bias=False)"))
    assert concise(folder, *base, errors="1 finding less in known.json\n") == [DEAD]
    (folder / "net.py").write_text(NET)
    assert concise(folder, *base) == [BIAS, DEAD]
    (folder / "known.json").write_text("[]")
    done = run_command(folder, "lint", "net.py", *SHAPE, *base)
    assert (done.returncode, "no baseline" in done.stderr) == (2, True)


def test_check_lints_where_the_settings_ask_for_it(folder: Path) -> None:
    (folder / "spec.yaml").write_text("input: [3, 32, 32]\nrules: {max-pool: forbidden}\n")
    table = '[tool.archcheck.networks]\n"net.py" = "spec.yaml"\n'
    (folder / "pyproject.toml").write_text(table)
    assert "passed" in output_of(folder, "check", "--output-format", "json").replace(
        "true", "passed"
    )
    (folder / "pyproject.toml").write_text(f"{table}[tool.archcheck.lint]\ncheck = true\n")
    text = output_of(folder, "check", "--output-format", "concise", code=1)
    assert SOFTMAX in text
    output_of(folder, "check", "--skip", "lint")


def test_a_spec_gives_points_for_it(folder: Path) -> None:
    rules = "[bias-before-batchnorm, softmax-of-one]"
    spec = f"input: [3, 32, 32]\nlint:\n  select: {rules}\n  points: 5\n"
    (folder / "spec.yaml").write_text(spec)
    words = ("verify", "net.py", "--spec", "spec.yaml")
    assert "0 of 5 points" in output_of(folder, *words, code=1)
    (folder / "spec.yaml").write_text(f"{spec}  severities: {{softmax-of-one: warning}}\n")
    assert "5 of 5 points" in output_of(folder, *words)
    (folder / "spec.yaml").write_text("input: [3, 32, 32]\nlint: {selct: [softmax-of-one]}\n")
    done = run_command(folder, *words)
    assert (done.returncode, 'did you mean "select"?' in done.stderr) == (2, True)


def test_a_network_that_one_sample_is_too_few_for_is_linted_with_several(folder: Path) -> None:
    text = NET.replace("nn.Conv2d(64, 1, 1)", "nn.Linear(64, 1)")
    text = text.replace("(x)).relu()", "(x)).relu().mean((2, 3), keepdim=True).squeeze()")
    (folder / "net.py").write_text(text.replace("x * torch", "x[:, :9] * torch"))
    found = concise(folder, "--select", "batch-size-changes-rank,softmax-of-one", code=1)
    (rank,) = [line for line in found if "batch-size-changes-rank warning" in line]
    assert rank.startswith("net.py:13:13: batch-size-changes-rank warning: squeeze takes the batch")
    assert "with one sample forward raised (net.py:14): IndexError" in rank
    assert "with 3 it runs" in rank
    assert any("softmax-of-one" in line for line in found)


def test_what_does_not_run_is_told_as_verify_tells_it(folder: Path) -> None:
    (folder / "net.py").write_text(NET.replace("x = self.norm", "x = self.nrom"))
    text = lint(folder, code=1)
    assert "nrom" in text
    assert "Traceback" not in text
    done = run_command(folder, "lint", "net.py")
    assert (done.returncode, "--input 3,32,32" in done.stderr) == (2, True)
