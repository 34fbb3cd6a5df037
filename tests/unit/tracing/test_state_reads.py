"""What forward reads beside its input is told, with its line; what training alone does is not."""

from __future__ import annotations

from pathlib import Path

import pytest

import archcheck
from archcheck.network import Remark
from archcheck.tracing.module_tree import paths_of
from archcheck.tracing.state_reads import state_reads
from archcheck.worker.loading import loaded
from archcheck.worker.reference import parse_reference

NET = """\
import datetime, os, random, sys, time
import time as T
from itertools import count
from time import time as now
import numpy as np
import torch
from torch import nn

clock = time.time
TURNS = 0
STATE = {{"n": 0}}

def outer(x): return inner(x)
def inner(x): return x * now()

class Scale:
    def __call__(self, x): return x * os.getpid()

class Net(nn.Module):
    turns = 0

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3, padding=1)
        self.n, self.kept, self.order = 0, None, count()
        self.draws, self.numbers = random.Random(0), np.random.default_rng(0)
        self.f, self.parts, self.scale = lambda x: x * clock(), [inner], Scale()
        self.register_buffer("steps", torch.zeros(()))

    @property
    def late(self): return datetime.datetime.now().hour > 20

    def some(self, x): return x if random.random() > 2 else -x

    def forward(self, x):
        x = self.a(x)
        {line}
        return x
"""
LINE = NET[: NET.index("{line}")].count("\n") + 1
READ = {
    "x = x * time.time()": "the clock",
    "x = x * now()": "the clock",
    "x = x * T.perf_counter()": "the clock",
    "x = x * clock()": "the clock",
    "x = outer(x)": "the clock",
    "x = self.f(x)": "the clock",
    "x = self.parts[0](x)": "the clock",
    "x = x if self.late else -x": "the clock",
    "import time as t; x = x * t.time()": "the clock",
    "x = x * getattr(time, 'time')()": "the clock",
    "x = x * __import__('time').time()": "the clock",
    "x = (lambda y: y * time.time())(x)": "the clock",
    "x = self.some(x)": "random numbers of Python",
    "x = x * self.draws.random()": "random numbers of Python",
    "x = x * np.random.rand()": "random numbers of Python",
    "x = x * self.numbers.random()": "random numbers of Python",
    "x = self.b(x) if torch.is_grad_enabled() else x": "whether gradients are kept",
    "if x.requires_grad: x = self.b(x)": "whether gradients are kept",
    "if torch.is_inference_mode_enabled(): x = self.b(x)": "whether gradients are kept",
    "x = self.scale(x)": "the state of its process",
    "if 'HOME' in os.environ: x = self.b(x)": "the environment",
    "if sys.argv[1:]: x = self.b(x)": "the environment",
    "if os.path.exists('here'): x = self.b(x)": "files",
    "if torch.cuda.is_available(): x = self.b(x)": "which devices there are",
    "x = eval('-x')": "text as code",
}
CHANGED = {
    "self.n += 1; x = x if self.n < 3 else self.b(x)": "self.n",
    "self.n = self.n + 1; x = self.b(x) if self.n > 3 else x": "self.n",
    "global TURNS; TURNS += 1; x = self.b(x) if TURNS > 3 else x": "TURNS",
    "STATE['n'] += 1; x = self.b(x) if STATE['n'] > 3 else x": "STATE['n']",
    "Net.turns += 1; x = self.b(x) if Net.turns > 3 else x": "Net.turns",
    "self.steps.add_(1); x = self.b(x) if self.steps > 3 else x": "self.steps",
    "x = self.b(x) if next(self.order) > 3 else x": "self.order",
}
PLAIN = [
    "x = nn.functional.dropout(x, 0.5, self.training)",
    "if self.training and random.random() < 0.5: x = self.b(x)",
    "x = x * random.random() if self.training else x",
    "x = x + torch.randn_like(x)",
    "self.kept = torch.ones(1) if self.kept is None else self.kept; x = x * self.kept",
    "n = 0; n += 1; x = self.b(x) if n > 1 else x",
    "self.n = 0; self.n += 1; x = x * self.n",
    "time.sleep(0)",
    "x = x * self.n",
]


def remarks(folder: Path, line: str) -> list[Remark]:
    file = folder / "net.py"
    file.write_text(NET.format(line=line), "utf-8")
    with loaded(parse_reference(f"{file}:Net"), {}) as network:
        return state_reads(paths_of(network.model))


@pytest.mark.parametrize("line", READ)
def test_what_forward_reads_is_told(tmp_path: Path, line: str) -> None:
    (remark,) = remarks(tmp_path, line)
    assert remark.text.startswith(f"forward reads {READ[line]}: ")
    source = (tmp_path / "net.py").read_text("utf-8").splitlines()
    assert remark.place is not None
    told = source[remark.place.line - 1]
    assert remark.place.line == LINE or told.lstrip().startswith(("def", "self.f"))


@pytest.mark.parametrize("line", CHANGED)
def test_what_one_pass_leaves_to_the_next_is_told(tmp_path: Path, line: str) -> None:
    (remark,) = remarks(tmp_path, line)
    assert remark.text.startswith(f"forward changes {CHANGED[line]} and reads it: ")
    assert remark.place is not None and remark.place.line == LINE


@pytest.mark.parametrize("line", PLAIN)
def test_plain_code_and_training_get_no_remark(tmp_path: Path, line: str) -> None:
    assert remarks(tmp_path, line) == []


def test_what_runs_in_training_alone_is_not_told(tmp_path: Path) -> None:
    line = "if not self.training:\n            return x\n        x = x * random.random()"
    assert remarks(tmp_path, line) == []


def test_the_remark_has_its_line_in_the_report(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(NET.format(line="x = x * time.time()"), "utf-8")
    spec = {"input": [3, 8, 8], "rules": {"parameters": {"at_most": "10k"}}}
    report = archcheck.verify(f"{tmp_path / 'net.py'}:Net", spec)
    (remark,) = report.as_dict()["remarks"]
    assert remark["message"].startswith("forward reads the clock")
    assert remark["line"] == LINE
