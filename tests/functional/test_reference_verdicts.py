"""The reference networks with their weights and augmentations, through the command."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from tests.support.commands import run_command
from tests.support.paths import ROOT

pytestmark = pytest.mark.slow

pytest.importorskip("albumentations", reason="the augmentations are albumentations'")

FOLDER = ROOT / "examples" / "reference"
SPEC = {"a": "assignment7.yaml", "b": "assignment7-dilated.yaml"}
DATA = os.environ.get("ARCHCHECK_DATA")
both = pytest.mark.parametrize("name", SPEC)


def verdicts(name: str, *options: str) -> tuple[int, dict[str, Any]]:
    """The exit code, and the entry of each rule that the network is held to."""
    weights = FOLDER / f"{name}.safetensors"
    if not weights.exists():
        pytest.skip(f"no trained weights of {name} are here")
    words = (
        *("verify", str(FOLDER / f"{name}.py")),
        *("--spec", str(ROOT / "specs" / SPEC[name]), "--weights", str(weights)),
        *("--augmentation", f"{FOLDER / 'augmentations.py'}:augmentations_{name}"),
        *("--no-cache", "--output-format", "json", "--timeout", "300", *options),
    )
    done = run_command(ROOT, *words)
    assert done.stderr == ""
    report = json.loads(done.stdout)
    return done.returncode, {
        entry["rule"]: entry
        for entry in report["rules"]
        if entry["rule"] != "strided" or name == "b"  # a bonus that is only B's
    }


@both
def test_everything_but_the_accuracy_holds_without_images(name: str) -> None:
    code, found = verdicts(name)
    assert code == 0
    assert {rule for rule, entry in found.items() if entry["status"] != "passed"} == {"accuracy"}
    assert found["accuracy"]["status"] == "not-verified"


@pytest.mark.skipif(DATA is None, reason="ARCHCHECK_DATA names no folder")
@both
def test_every_rule_holds_on_the_real_test_images(name: str) -> None:
    assert DATA is not None
    code, found = verdicts(name, "--data", DATA)
    assert code == 0
    assert {entry["status"] for entry in found.values()} == {"passed"}
    measured = found["accuracy"]["found"]
    card = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))["runs"][0]["test"]
    assert measured["total"] == card["images"] == 10_000
    # The card was measured by another program; rounding may move an image on a border.
    assert abs(measured["correct"] - card["right"]) <= 5
