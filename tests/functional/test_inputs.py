"""Named inputs in the command, the settings, the cache, the plugin and a written spec."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.support.commands import output_of, run_command
from tests.support.grading import QUIET

pytest_plugins = "pytester"
pytestmark = pytest.mark.slow

NET = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.head = nn.Embedding(100, 8), nn.Linear(8, 3)

    def forward(self, input_ids, *, attention_mask, scale=1):
        x = self.embed(input_ids) * attention_mask[..., None] * scale
        return {"logits": self.head(x.mean(1)), "states": x}
"""
INPUTS = {"input_ids": {"shape": [6], "below": 100}, "attention_mask": {"shape": [6], "value": 1}}
RULES = {"parameters": {"exactly": 827}, "macs": {"exactly": 24}}
OPTIONS = ("--input", "input_ids=6:int64:below=100", "--input", "attention_mask=6:value=1")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "net.py").write_text(NET)
    (tmp_path / "spec.yaml").write_text(
        yaml.safe_dump({"inputs": INPUTS, "rules": RULES}, sort_keys=False)
    )
    (tmp_path / "bare.yaml").write_text(yaml.safe_dump({"rules": RULES}))
    return tmp_path


def test_a_spec_and_the_command_line_say_the_same(folder: Path) -> None:
    for words in (["--spec", "spec.yaml"], ["--spec", "./bare.yaml", *OPTIONS]):
        for number in range(2):
            remarks = "the network is traced" if (words[1], number) == ("spec.yaml", 0) else "cache"
            done = run_command(folder, "verify", "net.py", *words, "-v")
            assert done.returncode == 0, done.stdout + done.stderr
            assert remarks in done.stderr  # one entry serves both
            assert "input_ids 6 int64, attention_mask 6 int64 → 3, 6×8" in done.stdout
    data = json.loads(output_of(folder, "inspect", "net.py", *OPTIONS, "--output-format", "json"))
    assert data["input"] == [[6], [6]]
    assert [each["name"] for each in data["inputs"]] == list(INPUTS)


def test_spec_init_writes_the_inputs_that_were_given(folder: Path) -> None:
    text = output_of(folder, "spec", "init", "net.py", *OPTIONS, "--input", "scale=python=2")
    said = yaml.safe_load(text)["inputs"]
    assert said["input_ids"] == {"shape": [6], "dtype": "int64", "below": 100}
    assert said["scale"] == 2
    (folder / "written.yaml").write_text(text)
    assert "hold" in output_of(folder, "verify", "net.py", "--spec", "written.yaml")


def test_the_settings_say_inputs(folder: Path) -> None:
    ids = "{shape = [6], below = 100}"
    entry = f'{{spec = "bare.yaml", inputs = {{input_ids = {ids}, attention_mask = MASK}}}}'
    settings = f'[tool.archcheck.networks]\n"net.py" = {entry}\n'
    (folder / "pyproject.toml").write_text(settings.replace("MASK", "{shape = [6], value = 1}"))
    assert "all 2 rules hold" in output_of(folder, "check", errors=None)
    (folder / "pyproject.toml").write_text(settings.replace("MASK", "{shape = [6], dtype = 'in'}"))
    done = run_command(folder, "check")
    assert done.returncode == 2
    assert 'pyproject.toml:2:114: there is no dtype "in"' in done.stderr


def test_a_name_that_forward_does_not_have_fails_the_network(folder: Path) -> None:
    words = ("--input", "inputs_id=6:int64:below=100", *OPTIONS[2:])
    text = output_of(folder, "verify", "net.py", "--spec", "bare.yaml", *words, code=1)
    assert 'forward has no parameter "inputs_id"; did you mean "input_ids"?' in text
    assert "net.py:11" in text


def test_the_marker_says_inputs(folder: Path, pytester: pytest.Pytester) -> None:
    (pytester.path / "net.py").write_text(NET)
    (pytester.path / "bare.yaml").write_text((folder / "bare.yaml").read_text())
    pytester.makepyfile(
        f"""
        import pytest

        @pytest.mark.archcheck(spec="bare.yaml", model="net.py", inputs={INPUTS!r})
        def test_named(archcheck):
            assert archcheck.report.passed, str(archcheck.report)

        @pytest.mark.archcheck(spec="bare.yaml", model="net.py", inputs={{"input_ids": [-1]}})
        def test_wrong(archcheck):
            archcheck.report
        """
    )
    result = pytester.runpytest_inprocess(*QUIET)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*a shape is whole numbers above 0*"])
