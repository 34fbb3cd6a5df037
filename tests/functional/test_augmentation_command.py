"""The augmentation rule through the installed command: scripts, formats, what is wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from torch import nn

import archcheck
from archcheck.network import Network
from tests.support.commands import environment, run_command, run_program
from tests.support.paths import ROOT, SCRIPTS
from tests.support.readers import READERS

pytestmark = pytest.mark.slow

NETWORKS = ROOT / "examples" / "assignment7"
REFERENCE = ROOT / "examples" / "reference"
NET = "from torch import nn\n\nNet = nn.Sequential(nn.Conv2d(3, 4, 3))\n"
SPEC = """\
input: [3, 32, 32]
rules:
  augmentation:
    dataset: cifar10
    transforms:
      - HorizontalFlip
      - CoarseDropout: {max_holes: 1, max_height: 16, max_width: 16, fill_value: mean}
    points: 15
"""
RIGHT = """\
import albumentations as A

train = A.Compose([
    A.HorizontalFlip(),
    A.CoarseDropout(
        num_holes_range=(1, 1), hole_height_range=(16, 16), hole_width_range=(16, 16),
        fill=(125, 123, 114),
    ),
])
"""
# The library is not there if asked for; every step out to the network is written down.
SITE = """\
import os, sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "albumentations" and "WITHOUT" in os.environ:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Blocked())
def hear(event, args):
    if event in ("socket.connect", "socket.getaddrinfo") and "HEARD" in os.environ:
        with open(os.environ["HEARD"], "a") as file:
            file.write(event)
sys.addaudithook(hear)
"""


def run(folder: Path, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return run_command(folder, "verify", *words, **{"COLUMNS": "200", **settings})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "net.py").write_text(NET)
    (tmp_path / "spec.yaml").write_text(SPEC)
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(SITE)
    return tmp_path


@lru_cache(maxsize=1)
def any_network() -> Network:
    return archcheck.trace(nn.Conv2d(3, 8, 3), (3, 32, 32))


def verify(folder: Path, *words: str, **settings: str) -> tuple[int, list[dict[str, Any]]]:
    """The exit code, and what JSON says of the rule: its answer, then what else was noticed."""
    done = run(folder, "net.py", "-s", "spec.yaml", "--output-format", "json", *words, **settings)
    assert not done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout)["rules"]


def without_the_library(folder: Path) -> dict[str, str]:
    return {"PYTHONPATH": str(folder / "site"), "WITHOUT": "1"}


# -- the five scripts --------------------------------------------------------------------------

P, F = "passed", "failed"
EXPECTED = {"000": (P, 15), "001": (P, 15), "002": (F, 0), "003": (F, 0), "004": (P, 15)}
DROPPED = {"000"}
"""Written in the names of version 1."""


@pytest.mark.parametrize("name", EXPECTED)
def test_scripts_of_the_five_networks(name: str) -> None:
    pytest.importorskip("albumentations")
    report = archcheck.verify(
        any_network(), "assignment7", augmentation=SCRIPTS / f"train{name}.py"
    )
    answer, *warnings = [f for f in report.findings if f.rule == "augmentation"]
    assert (answer.verdict.status, answer.points.earned) == EXPECTED[name]
    assert len(warnings) == (name in DROPPED)
    for warning in warnings:
        assert (warning.verdict.status, warning.level, warning.aside) == (F, "warning", True)
        assert warning.message.startswith("albumentations 2.0.8 drops max_holes, max_height")
        assert not warning.points
        assert not warning.fails


@pytest.mark.parametrize("name", ["000", "003", "004"])
def test_scripts_without_the_library(folder: Path, name: str) -> None:
    (folder / "spec.yaml").write_text("extends: assignment7\n")
    settings = without_the_library(folder)
    _, rules = verify(folder, "--augmentation", str(SCRIPTS / f"train{name}.py"), **settings)
    (answer,) = [rule for rule in rules if rule["rule"] == "augmentation"]
    assert (answer["status"], answer["points"]["earned"]) == EXPECTED[name]


@pytest.mark.parametrize("name", ["000", "003"])
def test_grayscale_is_asked_for_by_the_harder_assignment(name: str) -> None:
    script = SCRIPTS / f"train{name}.py"
    report = archcheck.verify(any_network(), "assignment7-dilated", augmentation=script)
    finding = report.finding("augmentation")
    assert finding.verdict.status == F
    assert ("ToGray is missing" in finding.message) == (name == "000")
    assert ("fill (0.4914" in finding.message) == (name == "003")


WRONG_FILL = """\
import albumentations as A

MEAN = (0.4914, 0.4822, 0.4465)
train = A.Compose([
    A.HorizontalFlip(),
    A.ShiftScaleRotate(),
    A.CoarseDropout(max_holes=1, max_height=16, max_width=16, fill_value=MEAN),
    A.Normalize(MEAN),
])
"""


def test_every_format_carries_the_fault_and_the_warning(folder: Path) -> None:
    pytest.importorskip("albumentations")
    formats = ("full", "concise", *READERS)
    words = [w for f in formats for w in ("--output-format", f, "-o", str(folder / f))]
    script = folder / "train.py"
    script.write_text(WRONG_FILL)
    net = str(NETWORKS / "net004.py")
    done = run(ROOT, net, "-s", "assignment7", "--augmentation", str(script), "--no-cache", *words)
    assert (done.returncode, done.stderr) == (1, "")
    texts = {name: (folder / name).read_text("utf-8") for name in formats}
    for name, text in texts.items():
        flat = text.replace("\\", "").replace("%2C", ",")
        assert "CoarseDropout has fill" in flat, name
        assert "albumentations 2.0.8 drops max" in flat, name
        if name in READERS:
            READERS[name](text)
    assert f"{script}:7:74: augmentation train (train.py:4): " in texts["concise"]
    assert f"{script}:7" in texts["full"]
    assert "50 of 100 points" in texts["full"]
    counts = "2 of 10 rules failed, 1 warned, 1 not verified, 5 hold, 1 bonus not earned, "
    assert f"{counts}1 other warning" in texts["full"]


# -- what the command is given -----------------------------------------------------------------


def test_the_networks_own_file_is_looked_at_by_itself(folder: Path) -> None:
    pytest.importorskip("albumentations")
    assert verify(folder)[1][0]["message"] == "no training script given (--augmentation)"
    (folder / "net.py").write_text(RIGHT + NET)
    code, (answer,) = verify(folder)
    assert (code, answer["status"], answer["found"]["pipeline"]) == (0, P, "train")
    assert [where["line"] for where in answer["locations"]] == [4, 5]


def test_a_script_is_named_with_its_pipeline(folder: Path) -> None:
    name = "my training.py"
    (folder / name).write_text(RIGHT + "other = A.Compose([A.Blur()])\n")
    settings = without_the_library(folder)
    code, (answer,) = verify(folder, "--augmentation", name, **settings)
    assert (code, answer["status"]) == (1, "not-verified")
    assert "train (my training.py:3) holds it, other" in answer["message"]
    assert verify(folder, "--augmentation", f"{name}:train", **settings)[0] == 0
    assert verify(folder, "--augmentation", f"{name}:other", **settings)[1][0]["status"] == F
    wrong = verify(folder, "--augmentation", f"{name}:tain", **settings)[1][0]
    assert wrong["status"] == "not-verified"
    assert "did you mean train?" in wrong["message"]


WRONG = {
    "nothing.py": "there is no file nothing.py",
    ".": "is a folder",
    "spec.yaml": "not a Python file",
    "": "there is no file",
}


@pytest.mark.parametrize(("text", "said"), WRONG.items())
def test_a_script_that_is_none_ends_the_run(folder: Path, text: str, said: str) -> None:
    done = run(folder, "net.py", "-s", "spec.yaml", "--augmentation", text)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


UNREADABLE = {"def (": "is not Python", "": "no albumentations pipeline was found"}


@pytest.mark.parametrize(("text", "said"), UNREADABLE.items())
def test_a_script_with_nothing_in_it_is_a_finding(folder: Path, text: str, said: str) -> None:
    (folder / "train.py").write_text(text)
    settings = without_the_library(folder)
    code, (answer,) = verify(folder, "--augmentation", "train.py", **settings)
    assert code == 1
    assert answer["status"] == ("not-verified" if text else F)
    assert said in answer["message"]


def test_what_no_hole_can_have_is_refused(folder: Path) -> None:
    spec = SPEC.replace("max_width: 16,", "max_width: 1, min_width: 16,")
    (folder / "spec.yaml").write_text(spec)
    done = run(folder, "net.py", "-s", "spec.yaml", "--augmentation", str(SCRIPTS / "train000.py"))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: spec.yaml:7:")
    assert "min_width is 16, max_width is 1" in done.stderr


def test_without_the_library_a_note_says_so(folder: Path) -> None:
    (folder / "train.py").write_text(RIGHT)
    done = run(
        folder,
        "net.py",
        "-s",
        "spec.yaml",
        "--augmentation",
        "train.py",
        **without_the_library(folder),
    )
    assert done.returncode == 0
    assert "albumentations is not installed: the source alone is judged" in done.stdout


def test_nothing_goes_out_to_the_network(folder: Path) -> None:
    pytest.importorskip("albumentations")
    heard = folder / "heard"
    settings = {"PYTHONPATH": str(folder / "site"), "HEARD": str(heard)}
    settings["NO_ALBUMENTATIONS_UPDATE"] = ""
    (folder / "net.py").write_text(RIGHT + NET)
    assert verify(folder, "--no-cache", **settings)[0] == 0
    assert not heard.exists()
    # The ear is open: the same import by itself is heard.
    words = [sys.executable, "-W", "ignore", "-c", "import albumentations"]
    assert run_program(words, env=environment(**settings)).returncode == 0
    assert heard.exists()


# -- from Python, and the pipelines that trained the reference networks ------------------------


@pytest.mark.parametrize(("name", "spec"), [("a", "assignment7"), ("b", "assignment7-dilated")])
def test_the_reference_pipelines_hold_what_is_asked(name: str, spec: str) -> None:
    pytest.importorskip("albumentations")
    script = f"{REFERENCE / 'augmentations.py'}:augmentations_{name}"
    report = archcheck.verify(any_network(), spec, augmentation=script)
    finding = report.finding("augmentation")
    assert finding.verdict.status == P, finding.message
    assert finding.points.earned == 15
    assert finding.verdict.found["pipeline"] == f"augmentations_{name}"


def test_a_live_module_and_a_network_come_with_a_script_too(folder: Path) -> None:
    (folder / "train.py").write_text(RIGHT)
    net = nn.Conv2d(3, 8, 3)
    for network in (net, any_network()):
        report = archcheck.verify(network, folder / "spec.yaml", augmentation=folder / "train.py")
        assert report.passed
        alone = archcheck.verify(network, folder / "spec.yaml")
        assert alone.finding("augmentation").verdict.status == "not-verified"
