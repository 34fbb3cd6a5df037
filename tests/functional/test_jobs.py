"""``--jobs``: several networks at once, with the same results in the same order."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.commands import COMMAND, LIMIT, output_of
from tests.support.processes import assert_gone, children, wait_until

pytestmark = pytest.mark.slow

NET = """\
import os, time
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        {first}
        self.conv = nn.Conv2d(3, {width}, 3)
    def forward(self, x):
        return self.conv(x)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "spec.yaml").write_text("input: [3, 8, 8]\nrules:\n  parameters: {at_most: 150}\n")
    (tmp_path / "pyproject.toml").write_text('[tool.archcheck.networks]\n"n*.py" = "spec.yaml"\n')
    return tmp_path


def add(folder: Path, name: str, first: str = "pass", width: int = 5) -> None:
    (folder / f"{name}.py").write_text(NET.format(first=first, width=width))


def test_results_stand_in_order_however_long_each_takes(folder: Path) -> None:
    add(folder, "n1", "time.sleep(1)")
    add(folder, "n2", "1 / 0")
    add(folder, "n3", width=6)
    add(folder, "n10")
    words = ("check", "--no-cache", "--output-format", "json")
    alone = json.loads(output_of(folder, *words, code=1))
    together = json.loads(output_of(folder, *words, "--jobs", "3", code=1))
    assert together == alone
    names = [report["network"].partition(".")[0] for report in together["reports"]]
    assert names == ["n1", "n2", "n3", "n10"]
    assert [report["passed"] for report in together["reports"]] == [True, False, False, True]


def test_what_was_late_beside_others_is_judged_by_itself(folder: Path) -> None:
    slow_once = "seen = os.path.exists('seen'); open('seen', 'w').close(); seen or time.sleep(99)"
    add(folder, "n1", slow_once)
    add(folder, "n2")
    words = ("check", "--no-cache", "--timeout", "2")
    assert output_of(folder, *words, "-j", "2").count("✓") == 2
    (folder / "seen").unlink()
    assert "did not return within 2 seconds" in output_of(folder, *words, code=1)
    add(folder, "n1", "time.sleep(99)")
    assert "did not return within 2 seconds" in output_of(folder, *words, "-j", "2", code=1)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_ends_all_that_run_at_once(folder: Path, number: signal.Signals, code: int) -> None:
    for name in ("n1", "n2", "n3"):
        add(folder, name, f"open('{name}.started', 'w').close(); time.sleep(999)")
    words = [COMMAND, "check", "--no-cache", "-j", "2"]
    process = subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    for name in ("n1", "n2"):
        wait_until((folder / f"{name}.started").exists)
    (warm,) = children(process.pid)
    running = [warm, *children(warm)]
    process.send_signal(number)
    output, errors = process.communicate(timeout=LIMIT)
    assert (process.returncode, output, errors) == (code, b"", b"")
    assert not (folder / "n3.started").exists()
    assert_gone(running)
