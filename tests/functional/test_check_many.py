"""``archcheck check`` over many networks: each is judged as if it were alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.commands import COMMAND, LIMIT, output_of
from tests.support.processes import wait_until

pytestmark = pytest.mark.slow

NET = """\
import ctypes, os, random, sys, time
from torch import nn
{top}
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, random.randint(4, 40), 3)
    def forward(self, x):
        {forward}
        return self.conv(x)
"""
FORWARDS = {
    "a_good": "pass",
    "b_crashes": "ctypes.string_at(0)",
    "c_exits": "print('bye', flush=True); os._exit(3)",
    "d_hangs": "time.sleep(600)",
    "e_prints": "[print('page', i) for i in range(9999)]; 1 / 0",
    "f_raises": "raise ValueError('no luck')",
    "g_changes_the_rest": "nn.ReLU.forward = None; random.seed(7)",
    "h_leaves_the_folder": "os.chdir('/'); os.environ['PATH'] = ''",
    "i_good": "pass",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, forward in FORWARDS.items():
        (tmp_path / f"{name}.py").write_text(NET.format(top="", forward=forward))
    needs = NET.format(top="import nope", forward="x = nope.scale(x)")
    (tmp_path / "z_misses_a_module.py").write_text(needs)
    (tmp_path / "spec.yaml").write_text("input: [3, 8, 8]\nrules:\n  parameters: {at_most: 2k}\n")
    (tmp_path / "pyproject.toml").write_text(
        '[tool.archcheck]\ntimeout = 5\n[tool.archcheck.networks]\n"*.py" = "spec.yaml"\n'
    )
    return tmp_path


def report(project: Path, *words: str) -> dict[str, Any]:
    text = output_of(project, *words, "--output-format=json", "--no-cache", code=1)
    found: dict[str, Any] = json.loads(text)
    return found


def timeless(report: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in report.items() if key != "seconds"}


def test_a_network_that_misbehaves_hurts_no_other(project: Path) -> None:
    together = report(project, "check")["reports"]
    files = [each["network"].partition(".py")[0] + ".py" for each in together]
    statuses = {Path(f).stem: each["passed"] for f, each in zip(files, together, strict=True)}
    assert [name for name, passed in statuses.items() if passed] == [
        "a_good",
        "g_changes_the_rest",
        "h_leaves_the_folder",
        "i_good",
    ]
    for file, each in zip(files, together, strict=True):
        if not each["passed"]:
            alone = report(project, "verify", file, "--spec=spec.yaml", "--timeout=5")
            assert timeless(each) == timeless(alone)


def processes(pid: int) -> list[psutil.Process]:
    found: list[psutil.Process] = psutil.Process(pid).children(recursive=True)
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_process_is_left_behind(tmp_path: Path, number: signal.Signals) -> None:
    marks = [tmp_path / "first", tmp_path / "second"]
    forward = (
        f"os.fork(); open({str(marks[0])!r}, 'w').close() if not os.path.exists("
        f"{str(marks[0])!r}) else open({str(marks[1])!r}, 'w').close(); time.sleep(600)"
    )
    for name in ("one", "two"):
        (tmp_path / f"{name}.py").write_text(NET.format(top="", forward=forward))
    (tmp_path / "spec.yaml").write_text("input: [3, 8, 8]\nrules:\n  parameters: {at_most: 2k}\n")
    (tmp_path / "pyproject.toml").write_text(
        '[tool.archcheck.networks]\n"*.py" = "spec.yaml"\n[tool.archcheck]\ntimeout = 600\n'
    )
    words = [COMMAND, "check", "--no-cache"]
    with subprocess.Popen(words, cwd=tmp_path, start_new_session=True) as process:
        try:
            wait_until(marks[1].exists)
            found = processes(process.pid)
            assert len(found) >= 3  # the warm process, the network's, and the one that it forked
            process.send_signal(number)
            code = process.wait(LIMIT)
        finally:
            if process.poll() is None:
                process.kill()
    expected = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -9}
    assert code == expected[number]
    _, alive = psutil.wait_procs(found, timeout=60)
    if number is signal.SIGKILL:  # what a network started itself has no parent then
        alive = [one for one in alive if one.ppid() != 1]
    assert alive == []
    for left in alive:
        os.kill(left.pid, signal.SIGKILL)
