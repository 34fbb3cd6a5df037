"""The pytest plugin: what is handed in beside a network, its weights and its training script."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from tests.support.grading import QUIET, clean, summary, write

pytestmark = pytest.mark.slow

pytest_plugins = "pytester"

DATA = os.environ.get("ARCHCHECK_DATA")
with_data = pytest.mark.skipif(DATA is None, reason="ARCHCHECK_DATA names no folder")
NET = "from torch import nn\n\nNet = nn.Sequential(nn.Flatten(), nn.Linear(3072, 10))\n"
SCRIPT = "import albumentations as A\n\ntrain = A.Compose([A.{}])\ntest = A.Compose([A.Blur()])\n"
OLD = SCRIPT.format("CoarseDropout(max_holes=1, p=0.5)")
SPEC = """\
input: [3, 32, 32]
rules:
  augmentation: {transforms: [CoarseDropout], points: 2}
  accuracy: {dataset: cifar10, at_least: 2, points: 3}
  parameters: {at_most: 100k, points: 1}
"""
INI = "[pytest]\narchcheck_spec = spec.yaml\narchcheck_model = */mynet.py\n"
BESIDE = "archcheck_weights = w.pt\narchcheck_augmentation = train.py:train\n"


@pytest.fixture
def folder(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Alice hands in weights and a script, bob nothing, carol what cannot be read."""
    monkeypatch.setenv("PYTEST_ADDOPTS", " ".join(QUIET))
    monkeypatch.delenv("ARCHCHECK_DATA", raising=False)
    (pytester.path / "spec.yaml").write_text(SPEC, "utf-8")
    (pytester.path / "pytest.ini").write_text(INI + BESIDE)
    write(pytester.path, alice__mynet=NET, bob__mynet=NET, carol__mynet=NET)
    write(pytester.path, alice__train=OLD, carol__train=SCRIPT.format("ToGray()"))
    torch.manual_seed(0)
    state = {"1.weight": torch.randn(10, 3072), "1.bias": torch.zeros(10)}
    torch.save(state, pytester.path / "alice" / "w.pt")
    (pytester.path / "carol" / "w.pt").write_bytes(b"no checkpoint")
    return pytester.path


def test_a_script_beside_each_submission(folder: Path, pytester: pytest.Pytester) -> None:
    """What is not handed in is not verified; weights are not measured on no images."""
    result = pytester.runpytest_inprocess("-rs")
    result.assert_outcomes(passed=7, failed=1, skipped=4)
    text = clean(result)
    assert summary(result).items() >= {
        ("alice/mynet.py", "3 of 6 points"),
        ("bob/mynet.py", "1 of 6 points"),
        ("carol/mynet.py", "1 of 6 points"),
    }
    assert "train.py cannot be read: No such file or directory" in text
    assert "not verified: there is no w.pt beside the network." in text
    assert "not verified: no data given (archcheck_data)." in text
    (line,) = [line for line in result.outlines if ": warning: " in line]
    assert line.startswith("alice/mynet.py::augmentation: warning: albumentations ")
    assert "drops max_holes of CoarseDropout" in line
    assert line.endswith("(alice/train.py:3)")


def test_one_script_for_all(folder: Path, pytester: pytest.Pytester) -> None:
    """That of the submission comes first; the marker's word is over the ini value's."""
    write(folder, train=SCRIPT.format("ToGray()"))
    test = """
        import pytest

        @pytest.mark.archcheck(model="{}/mynet.py"{})
        def test_{}(archcheck):
            assert archcheck.report.finding("augmentation").verdict.status == "{}"
    """
    other = ', augmentation="alice/train.py:train"'
    cases = (("alice", "", "passed"), ("bob", "", "failed"), ("bob", other, "passed"))
    for number, (who, given, status) in enumerate(cases):
        pytester.makepyfile(**{f"test_{number}": test.format(who, given, who, status)})
    tests = [f"test_{number}.py" for number in range(len(cases))]
    pytester.runpytest_inprocess(*tests).assert_outcomes(passed=3)


def test_a_wrong_data_folder_ends_the_run(folder: Path, pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_inprocess("--archcheck-data", "nowhere")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "--archcheck-data = nowhere: there is no such folder" in clean(result)
    result = pytester.runpytest_inprocess("--archcheck-data", "alice")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "test_batch.bin (the binary version) is not there" in clean(result)


@with_data
def test_accuracy_of_what_was_handed_in(folder: Path, pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_inprocess("-rs", "-k", "accuracy", f"--archcheck-data={DATA}")
    result.assert_outcomes(passed=1, skipped=2)
    text = clean(result)
    assert "carol/w.pt: it cannot be read as a checkpoint" in text
    assert "there is no w.pt beside the network" in text
