"""``archcheck spec``: ``check``, ``init``, ``list`` and ``show``."""

from __future__ import annotations

import json
import subprocess
from functools import lru_cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import torch
import yaml
from torch import nn

import archcheck
from archcheck.network import Network
from archcheck.network.inputs import of_shapes
from archcheck.spec import json_schema, parse_spec
from archcheck.spec.baseline import baseline_spec
from tests.support.commands import run_command
from tests.support.networks import CASES
from tests.support.paths import SPECS

WRONG = "titel: x\nrules:\n  parameters: {less_then: 5, severity: warn}\n  max_pool: forbidden\n"


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return run_command(folder, "spec", *words)


# -- check -------------------------------------------------------------------------------------


def test_valid_specs(tmp_path: Path) -> None:
    files = [str(file) for file in sorted(SPECS.glob("*.yaml"))]
    done = run(tmp_path, "check", *files, "assignment7")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("✓") == len(files) + 1
    assert "10 rules, 100 points, 200 bonus points" in done.stdout
    assert done.stdout.splitlines()[-1] == f"all {len(files) + 1} specs are valid"


def test_every_error_of_every_file(tmp_path: Path) -> None:
    (tmp_path / "wrong.yaml").write_text(WRONG)
    (tmp_path / "broken.yaml").write_text("rules: {max-pool: forbidden\n")
    (tmp_path / "good.yaml").write_text("rules: {max-pool: forbidden}\n")
    files = ("wrong.yaml", "broken.yaml", "good.yaml", "missing.yaml")
    done = run(tmp_path, "check", *files)
    assert (done.returncode, done.stderr) == (2, "")
    assert "3 of 4 specs wrong, 6 errors" in done.stdout
    assert "3 │   parameters: {less_then: 5, severity: warn}\n  │                ^^^^^^^^^\n" in (
        done.stdout
    )
    lines = run(tmp_path, "check", *files, "--output-format=concise").stdout.splitlines()
    places = [line.split(": spec ")[0] for line in lines]
    assert places == [
        *("wrong.yaml:1:1", "wrong.yaml:3:16", "wrong.yaml:3:40", "wrong.yaml:4:3"),
        *("broken.yaml:1:8", "missing.yaml:1:1"),
    ]
    assert run(tmp_path, "check", *files, "--output-format=json", "-o", "r.json").stdout == ""
    data = json.loads((tmp_path / "r.json").read_text("utf-8"))
    assert (data["version"], data["valid"]) == (1, False)
    assert [(s["file"], s["valid"], len(s["errors"])) for s in data["specs"]] == [
        *(("wrong.yaml", False, 4), ("broken.yaml", False, 1)),
        *(("good.yaml", True, 0), ("missing.yaml", False, 1)),
    ]
    assert data["specs"][0]["errors"][3]["line"] == 4
    assert data["specs"][2]["rules"] == ["max-pool"]


def test_no_file_is_a_wrong_command_line(tmp_path: Path) -> None:
    assert run(tmp_path, "check").returncode == 2


# -- init --------------------------------------------------------------------------------------

SCHEMA = jsonschema.Draft7Validator(json_schema())


@lru_cache(maxsize=1)
def traced(name: str) -> Network:
    factory, shape = CASES[name]
    torch.manual_seed(0)
    return archcheck.trace(factory().eval(), shape)


def baseline_of(network: Network) -> tuple[str, dict[str, Any]]:
    text = baseline_spec(network, source=f"{network.name} of a file", arguments={})
    data: dict[str, Any] = yaml.safe_load(text)
    return text, data


@pytest.mark.parametrize("name", CASES)
def test_every_network_holds_its_own_spec(name: str) -> None:
    network = traced(name)
    text, data = baseline_of(network)
    assert [error.message for error in SCHEMA.iter_errors(data)] == []
    report = archcheck.verify(network, parse_spec(text))
    assert [str(f.message) for f in report.findings if f.verdict.status != "passed"] == []
    assert report.spec.inputs == of_shapes([CASES[name][1]])
    assert data["rules"]["parameters"] == {"at_most": network.num_parameters}
    assert {"model-size", "output-shape"} <= set(data["rules"])
    assert ("macs" in data["rules"]) == (network.macs is not None)


def tightened(entry: Any) -> Any:
    if entry == "forbidden":
        return "required"
    ((key, value),) = entry.items()
    if key == "shape":
        return {"shape": [7, 7]}
    return {key: value - 1 if key == "at_most" else value + 1}


@pytest.mark.parametrize("name", ["net000", "net003", "mobilenet_v2", "unet", "tcn"])
def test_nothing_in_it_can_be_tightened(name: str) -> None:
    network = traced(name)
    _, data = baseline_of(network)
    for rule, entry in data["rules"].items():
        asked = {"input": data["input"], "rules": {rule: tightened(entry)}}
        report = archcheck.verify(network, asked)
        assert report.findings[0].verdict.status == "failed", rule


def test_what_cannot_be_known_is_a_comment() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 8, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            out: torch.Tensor = self.conv(torch.linalg.qr(x)[0])
            return out

    network = archcheck.trace(Net(), (3, 8, 8))
    text, data = baseline_of(network)
    assert not {"macs", "receptive-field"} & set(data["rules"])
    assert "  # receptive-field: the field is not known: torch.linalg.qr" in text
    assert archcheck.verify(network, parse_spec(text)).passed


def test_several_inputs_and_outputs_of_different_shapes() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Conv2d(3, 4, 3), nn.Conv2d(1, 4, 5)

        def forward(self, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return self.a(x), self.b(y)

    network = archcheck.trace(Net(), [(3, 8, 8), (1, 9, 9)])
    text, data = baseline_of(network)
    assert data["input"] == [[3, 8, 8], [1, 9, 9]]
    assert data["rules"]["receptive-field"] == {"at_least": 3}
    assert "# output-shape: the outputs differ in shape" in text
    assert archcheck.verify(network, parse_spec(text)).passed


NET = """\
from torch import nn

class Net(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3, dilation=2)

    def forward(self, x):
        return self.conv(x)
"""


@pytest.mark.slow
def test_the_command(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(NET)
    made = ("init", "net.py", "--input", "3,16,16", "--arg", "width=8", "-o", "net.yaml")
    done = run(tmp_path, *made)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    text = (tmp_path / "net.yaml").read_text("utf-8")
    assert text.startswith("# yaml-language-server: $schema=archcheck.schema.json\n# net.py:Net as")
    assert yaml.safe_load(text)["arguments"] == {"width": 8}
    assert "dilated: {at_least: 1}" in text
    refused = run(tmp_path, *made)
    assert refused.returncode == 2
    assert "net.yaml is already there; --force overwrites it" in refused.stderr
    verify = ("verify", "net.py", "--spec", "net.yaml")
    assert run_command(tmp_path, *verify).returncode == 0
    (tmp_path / "net.py").write_text(NET.replace("dilation=2", "dilation=1"))
    changed = run_command(tmp_path, *verify)
    assert changed.returncode == 1
    assert "✗ dilated" in changed.stdout


def test_a_network_that_cannot_be_run_has_no_spec(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(NET)
    done = run(tmp_path, "init", "net.py", "--input", "1,16,16", "-o", "net.yaml")
    assert (done.returncode, done.stdout) == (1, "")
    assert "✗ runs: forward raised in conv" in done.stderr
    assert not (tmp_path / "net.yaml").exists()


# -- list and show -----------------------------------------------------------------------------


def test_the_shipped_specs_are_listed_with_what_they_ask(tmp_path: Path) -> None:
    text = run(tmp_path, "list").stdout
    assert "mnist-20k   MNIST under 20k parameters" in text
    assert "1×28×28; parameters, fully-connected, global-average-pool, output-shape" in text
    listed = json.loads(run(tmp_path, "list", "--output-format=json").stdout)["specs"]
    assert [each["name"] for each in listed] == sorted(file.stem for file in SPECS.glob("*.yaml"))
    assert listed[0]["points"]["possible"] == 100


def test_a_spec_is_shown_as_it_is_written(tmp_path: Path) -> None:
    own = SPECS / "assignment7-dilated.yaml"
    assert run(tmp_path, "show", "assignment7-dilated").stdout == own.read_text("utf-8")
    (tmp_path / "own.yaml").write_text("extends: mnist-20k\nrules: {parameters: {at_most: 9}}")
    shown = run(tmp_path, "show", "own.yaml").stdout
    assert shown == "extends: mnist-20k\nrules: {parameters: {at_most: 9}}\n"


def test_a_resolved_spec_asks_the_same_without_extending(tmp_path: Path) -> None:
    text = run(tmp_path, "show", "assignment7-dilated", "--resolved").stdout
    assert "extends" not in yaml.safe_load(text)
    resolved, named = parse_spec(text), archcheck.load_spec("assignment7-dilated")
    assert resolved.requirements == named.requirements
    assert (resolved.title, resolved.inputs) == (named.title, named.inputs)


def test_a_spec_that_cannot_be_shown_is_told(tmp_path: Path) -> None:
    (tmp_path / "wrong.yaml").write_text("rules: {max_pool: forbidden}\n")
    for words, message in {
        ("assignment",): 'did you mean "assignment7"?',
        ("nothing.yaml",): "there is no file nothing.yaml",
        ("wrong.yaml", "--resolved"): "wrong.yaml:1:9: unknown rule",
    }.items():
        done = run(tmp_path, "show", *words)
        assert (done.returncode, done.stdout) == (2, "")
        assert message in done.stderr
