"""``verify`` with weights on the real CIFAR-10 test images, through the installed command."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import nn

import archcheck
from archcheck.spec import Finding
from tests.support.commands import COMMAND, LIMIT, output_in_terminal, output_of, run_command
from tests.support.processes import assert_gone, children, wait_until

DATA = os.environ.get("ARCHCHECK_DATA")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        DATA is None, reason="ARCHCHECK_DATA does not name the folder of CIFAR-10's binary files"
    ),
]

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
SPEC = """\
input: [3, 32, 32]
rules:
  parameters: {at_most: 100k}
  accuracy: {dataset: cifar10, at_least: 30}
"""
NET = """\
import os, sys, time
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3072, 10)

    def forward(self, x):
        # The random numbers of a trace lie further from zero than images do.
        if x.abs().max() < 3:
            FORWARD
        return self.fc(x.flatten(1))
"""


def records(name: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Pixels between 0 and 1, (10000, 3, 1024), and labels: read without archcheck."""
    raw = np.fromfile(Path(DATA or "") / name, np.uint8).reshape(10_000, 3073)
    return raw[:, 1:].reshape(-1, 3, 1024) / 255, raw[:, 0].astype(np.int64)


def normalised(pixels: NDArray[np.float64], mean: Any = MEAN, std: Any = STD) -> Any:
    return ((pixels - np.reshape(mean, (3, 1))) / np.reshape(std, (3, 1))).reshape(-1, 3072)


class Linear:
    """A linear classifier of 3,072 pixels, by ridge regression on 3,000 training images (in its
    dual form, which is as large as there are images)."""

    def __init__(self) -> None:
        pixels, labels = records("data_batch_1.bin")
        x = np.c_[normalised(pixels[:3000]), np.ones(3000)]
        dual = np.linalg.solve(x @ x.T + 3000 * np.eye(3000), np.eye(10)[labels[:3000]])
        solved = np.ascontiguousarray((x.T @ dual).T, "<f4")
        self.weight, self.bias = solved[:, :-1].copy(), solved[:, -1].copy()

    def correct(self, x: NDArray[np.float64], labels: NDArray[np.int64]) -> tuple[int, int]:
        """How many images it classifies right, and of how many rounding could decide."""
        scores = x @ self.weight.T.astype(np.float64) + self.bias
        best = np.sort(scores, 1)[:, -2:]
        return int((scores.argmax(1) == labels).sum()), int((best[:, 1] - best[:, 0] < 2e-6).sum())

    @property
    def state(self) -> dict[str, torch.Tensor]:
        return {"fc.weight": torch.tensor(self.weight), "fc.bias": torch.tensor(self.bias)}


@pytest.fixture(scope="module")
def linear() -> Linear:
    return Linear()


@pytest.fixture
def folder(tmp_path: Path, linear: Linear) -> Path:
    place = tmp_path / "a folder"
    place.mkdir()
    (place / "net.py").write_text(NET.replace("FORWARD", "pass"))
    (place / "spec.yaml").write_text(SPEC)
    save_file(linear.state, place / "w.safetensors")
    return place


WORDS = ("verify", "net.py", "--spec", "spec.yaml")
GIVEN = ("--weights", "w.safetensors", "--data", DATA or "")


def accuracy(folder: Path, *words: str, code: int = 1, **settings: str) -> dict[str, Any]:
    """What the JSON report says of the rule."""
    settings = {"OMP_NUM_THREADS": "1", **settings}
    text = output_of(folder, *WORDS, "--output-format=json", *words, code=code, **settings)
    (found,) = (rule for rule in json.loads(text)["rules"] if rule["rule"] == "accuracy")
    assert isinstance(found, dict)
    return found


def refused(folder: Path, *words: str) -> str:
    """The one line that a run says which cannot be done."""
    done = run_command(folder, *WORDS, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


# -- what is measured --------------------------------------------------------------------------


def test_the_accuracy_is_that_of_other_code(folder: Path, linear: Linear) -> None:
    pixels, labels = records("test_batch.bin")
    expected, unsure = linear.correct(normalised(pixels), labels)
    assert expected > 3000
    report = accuracy(folder, *GIVEN, code=0)
    found = report["found"]
    assert abs(found["correct"] - expected) <= unsure <= 3
    assert found["total"] == 10_000
    assert found["accuracy"] == found["correct"] / 100
    low, high = found["interval"]
    assert low < found["accuracy"] < high
    assert found["device"] == "cpu" or torch.cuda.is_available()
    sha256 = hashlib.sha256((folder / "w.safetensors").read_bytes()).hexdigest()
    assert found["weights"] == {"file": "w.safetensors", "sha256": sha256}
    # The network comes from the cache now, and nothing about the accuracy changes.
    torch.save({"state_dict": linear.state}, folder / "w.pt")
    settings = {"ARCHCHECK_DATA": DATA or ""}
    again = accuracy(folder, "--weights", "w.pt", code=0, **settings)
    assert again["found"]["correct"] == found["correct"]
    assert "weights read under state_dict" in again["message"]
    # Exactly the share that was measured is enough; one image more is not.
    for more, code in ((0, 0), (0.01, 1)):
        bound = round(found["accuracy"] + more, 2)
        text = SPEC.replace("at_least: 30", f"at_least: {bound}")
        (folder / "spec.yaml").write_text(text)
        text = output_of(folder, *WORDS, *GIVEN, code=code)
        assert f"{'✗' if code else '✓'} accuracy" in text
        assert "around the bound" in text


def test_the_normalisation_is_that_of_the_spec(folder: Path, linear: Linear) -> None:
    pixels, labels = records("test_batch.bin")
    entries = {
        "none": ((0, 0, 0), (1, 1, 1)),
        "{mean: [0.5, 0.4, 0.3], std: [0.2, 0.3, 0.4]}": ((0.5, 0.4, 0.3), (0.2, 0.3, 0.4)),
    }
    options = [f"{{dataset: cifar10, at_least: 2, normalization: {text}}}" for text in entries]
    text = "".join(f"    - {option}\n" for option in options)
    (folder / "spec.yaml").write_text(f"input: [3, 32, 32]\nrules:\n  accuracy:\n{text}")
    report = json.loads(output_of(folder, *WORDS, *GIVEN, "--output-format=json", code=0))
    counts = [rule["found"]["correct"] for rule in report["rules"]]
    for count, (mean, std) in zip(counts, entries.values(), strict=True):
        expected, unsure = linear.correct(normalised(pixels, mean, std), labels)
        assert abs(count - expected) <= unsure <= 3
    assert counts[0] != counts[1]


def test_a_live_module_is_measured_as_it_is_and_left_so(folder: Path, linear: Linear) -> None:
    spec = {"input": [3, 32, 32], "rules": {"accuracy": {"dataset": "cifar10", "at_least": 30}}}
    net = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(3072, affine=False), nn.Linear(3072, 10))
    before = {name: value.clone() for name, value in net.state_dict().items()}

    def judged(**given: Any) -> Finding:
        return archcheck.verify(net, spec, **given).finding("accuracy")

    assert judged().verdict.message == "no data given (data=)"
    assert judged(data=DATA).verdict.found["correct"] < 3000  # its random weights
    save_file(
        {
            **{f"2.{name[3:]}": value for name, value in linear.state.items()},
            "1.running_mean": torch.zeros(3072),
            "1.running_var": torch.ones(3072),
        },
        folder / "live.safetensors",
    )
    own = judged(data=DATA, weights=folder / "live.safetensors")
    assert own.verdict.status == "passed"
    assert net.training
    after = net.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    net[1].register_buffer("more", torch.zeros(1))
    wrong = judged(data=DATA, weights=folder / "live.safetensors").verdict
    assert (wrong.status, wrong.note) == ("failed", "the weights do not fit")
    referenced = archcheck.verify(
        folder / "net.py", spec, weights=folder / "w.safetensors", data=DATA
    )
    assert (
        abs(referenced.finding("accuracy").verdict.found["correct"] - own.verdict.found["correct"])
        < 9
    )


# -- what cannot be measured -------------------------------------------------------------------


def test_without_weights_or_images_nothing_is_verified(folder: Path) -> None:
    for words, said in (
        (("--data", DATA or ""), "no weights given (--weights)"),
        (("--weights", "w.safetensors"), "no data given (--data)"),
        ((), "no weights given (--weights)"),
    ):
        report = accuracy(folder, *words, ARCHCHECK_DATA="")
        assert (report["status"], report["message"]) == ("not-verified", said)
    (folder / "spec.yaml").write_text(SPEC.replace("30}", "30, when_unverified: warn}"))
    text = output_of(folder, *WORDS, code=0)
    row = r"\n  \? accuracy +– +at least 30 % +warning: no weights given \(--weights\)\n"
    assert re.search(row, text)


def test_a_network_of_another_input_is_not_shown_the_images(folder: Path) -> None:
    (folder / "spec.yaml").write_text(SPEC.replace("[3, 32, 32]", "[12, 16, 16]"))
    report = accuracy(folder, *GIVEN)
    assert report["status"] == "not-verified"
    assert report["message"] == "cifar10's images are 3×32×32, the network takes 12×16×16"


def test_files_of_the_caller_that_are_wrong_end_the_run(folder: Path) -> None:
    weights, data = ("--weights", "w.safetensors"), ("--data", DATA or "")
    assert "no such folder" in refused(folder, *weights, "--data", "nowhere")
    assert "is not there; see https" in refused(folder, *weights, "--data", ".")
    assert "there is no such file" in refused(folder, *data, "--weights", "nowhere.pt")
    assert "directory" in refused(folder, *data, "--weights", ".")
    (folder / "text.pt").write_text("no weights")
    assert "text.pt: it cannot be read as a checkpoint" in refused(
        folder, *data, "--weights=text.pt"
    )
    torch.save(nn.Linear(3, 3), folder / "whole.pt")
    assert "holds more than tensors" in refused(folder, *data, "--weights", "whole.pt")
    whole = (Path(DATA or "") / "test_batch.bin").read_bytes()
    (folder / "test_batch.bin").write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert "its MD5 checksum is" in refused(folder, *weights, "--data", ".")


# -- what is wrong with the submission ---------------------------------------------------------


def test_weights_of_another_network_fail(folder: Path, linear: Linear) -> None:
    state = {"fc.weight": torch.zeros(10, 99), "head.bias": torch.zeros(10)}
    torch.save(state, folder / "other.pt")
    report = accuracy(folder, "--weights", "other.pt", "--data", DATA or "")
    assert report["status"] == "failed"
    assert report["message"] == (
        "other.pt does not fit the network: it does not have fc.bias; "
        "it has more than the network: head.bias; "
        "fc.weight: file 10×99, network 10×3072"
    )


MISBEHAVING = {
    "raises": ("raise ValueError('no luck')", "failed", "ValueError: no luck"),
    "exits": ("os._exit(0)", "failed", "ended the process with exit code 0"),
    "leaves": ("sys.exit(0)", "failed", "sys.exit(0)"),
    "loops": ("while True: pass", "not-verified", "was not done within 4 seconds"),
    "returns text": ("return 'cat'", "failed", "returned str, not a tensor"),
    "returns two": ("return x, x", "not-verified", "returns 2 tensors"),
    "returns features": ("return x", "failed", "100×3×32×32 for 100 images, 100×10 is wanted"),
    "returns one": ("return x.sum()", "failed", "one number for 100 images"),
    "wants all memory": ("return bytearray(1 << 60)", "not-verified", "memory does not suffice"),
}


@pytest.mark.parametrize("name", MISBEHAVING)
def test_a_network_that_misbehaves_on_images(folder: Path, name: str) -> None:
    forward, status, words = MISBEHAVING[name]
    (folder / "net.py").write_text(NET.replace("FORWARD", forward))
    options = ("--timeout=4",) if name == "loops" else ()
    report = accuracy(folder, *GIVEN, *options)
    assert report["status"] == status
    assert words in report["message"]
    if name == "raises":
        assert [(Path(w["file"]).name, w["line"]) for w in report["locations"]] == [("net.py", 13)]


def test_what_does_not_matter(folder: Path, linear: Linear) -> None:
    forward = "print('page' * 999); os.write(1, b'raw'); os.chdir('/'); time.sleep(0.05); "
    forward += "return [self.fc(x.flatten(1))[:, :, None, None]]"
    (folder / "net.py").write_text(NET.replace("FORWARD", forward))
    # Together all the batches take longer than the limit, which is for one.
    report = accuracy(folder, *GIVEN, "--timeout=4.5", code=0)
    assert report["found"]["seconds"] > 4.5
    pixels, labels = records("test_batch.bin")
    expected, unsure = linear.correct(normalised(pixels), labels)
    assert abs(report["found"]["correct"] - expected) <= unsure


def test_scores_that_are_no_numbers_are_wrong_answers(folder: Path) -> None:
    forward = "return self.fc(x.flatten(1)) * torch.where(x[:, :1, 0, 0] > 0, torch.nan, 1)"
    (folder / "net.py").write_text(NET.replace("FORWARD", forward))
    report = accuracy(folder, *GIVEN, code=1)
    pixels, _ = records("test_batch.bin")
    undefined = int((pixels[:, 0, 0] > MEAN[0]).sum())
    assert f"; {undefined:,} images have NaN among their scores" in report["message"]
    assert report["found"]["correct"] <= 10_000 - undefined


def test_cuda_that_does_not_work_is_no_fault_of_the_network(folder: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("CUDA works here")
    source = "import torch\ntorch.cuda.is_available = lambda: True\n"
    (folder / "net.py").write_text(source + NET.replace("FORWARD", "pass"))
    assert accuracy(folder, *GIVEN, code=0)["found"]["device"] == "cpu"


# -- while it runs -----------------------------------------------------------------------------


def test_a_bar_is_drawn_in_a_terminal(folder: Path) -> None:
    (folder / "net.py").write_text(NET.replace("FORWARD", "time.sleep(0.02)"))
    text = output_in_terminal(folder, *WORDS, *GIVEN)
    drawn = [line for line in text.splitlines() if "images" in line and "/10000" in line]
    assert drawn
    assert "✓ accuracy" in text.rpartition("/10000")[2].replace("\x1b[32m", "").replace(
        "\x1b[0m", ""
    )


def test_ctrl_c_leaves_nothing_behind(folder: Path) -> None:
    told = folder / "told"
    forward = f"open({str(told)!r}, 'w').close(); time.sleep(600)"
    (folder / "net.py").write_text(NET.replace("FORWARD", forward))
    words = [COMMAND, *WORDS, *GIVEN]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        words, cwd=folder, stdout=pipe, stderr=pipe, start_new_session=True
    ) as process:
        wait_until(lambda: told.exists() or process.poll() is not None)
        running = children(process.pid)
        assert running
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=LIMIT)
        assert (process.returncode, output, errors) == (130, b"", b"")
        assert_gone(running)
