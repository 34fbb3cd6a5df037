"""Whole processes, from start to exit: what a person waits for, and the memory that it takes."""

from __future__ import annotations

import shlex
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import msgspec

from benchmarks.processes import ROOT, Usage, run
from benchmarks.ratios import Failed, by_round, interleave
from benchmarks.results import Part, Ratio, Series
from benchmarks.tools import (
    ASSIGNMENT,
    CHECK_CACHED,
    CHECK_MANY,
    PROGRAMS,
    SHAPES,
    UNET,
    VERIFY_CACHED,
    VERIFY_MANY,
    VERIFY_ONE,
    Shape,
    archcheck,
    program,
    summary_of,
)

NET = "examples/assignment7/net004.py"
SPEC = "specs/assignment7.yaml"
GOALS = {
    ("archcheck verify", "import torch"): 1.0,
    ("archcheck inspect", "torchinfo"): 0.85,
    ("archcheck inspect, cached", "torchinfo"): 0.15,
    (VERIFY_CACHED, ASSIGNMENT): 0.15,
    (CHECK_CACHED, ASSIGNMENT): 0.15,
}
"""The largest ratios of times."""
MEMORY_GOALS = {("archcheck inspect", "torchinfo"): 1.0}
MOST_BYTES = {
    UNET: (300e6, "300 MB"),
    VERIFY_CACHED: (60e6, "60 MB"),
    CHECK_CACHED: (60e6, "60 MB"),
}
"""The most memory that some runs may take, in bytes and in words."""
MANY_NETWORKS = 20
"""The small networks that are checked in one run."""
MOST_SECONDS_EACH = 0.06
"""The most time that each of them may take, beside importing torch once."""
VERIFIED = 100
"""The small networks that are verified in one run, two at once."""
MOST_OF_A_PROCESS = 0.1
"""The most that each of them may take of the time of a process that verifies one of them."""
NOT_PAIRED = (
    *("torchinfo", "archcheck verify", VERIFY_CACHED, CHECK_CACHED, CHECK_MANY),
    *(VERIFY_MANY, VERIFY_ONE),
    *(ASSIGNMENT, UNET),
)
"""The runs that are not compared with torchinfo's summary of the large network."""


class Contestant(NamedTuple):
    """A command that is run: `line` is what a person would type, `start` runs it once."""

    line: str
    start: Callable[[bool], Usage]


def contestants(network: str, threads: int, folder: Path) -> dict[str, Contestant]:
    """All commands: the bare import, archcheck with an empty and a full cache, and its peers."""
    shape = SHAPES[network]
    commands = {"import torch": _python("import torch", network, shape, threads)}
    verify = ("verify", NET, "--spec", SPEC)
    inspect = inspection(network, shape)
    # net004 breaks one rule of its spec: exit code 1 is the right answer.
    commands["archcheck verify"] = _archcheck(verify, (1,), threads, folder, cached=False)
    commands["archcheck inspect"] = _archcheck(inspect, (0,), threads, folder, cached=False)
    commands["torchinfo"] = _python("torchinfo", network, shape, threads)
    commands["archcheck inspect, cached"] = _archcheck(inspect, (0,), threads, folder, cached=True)
    commands[ASSIGNMENT] = _command(summary_of(Path(NET), (3, 32, 32)), threads)
    commands[VERIFY_CACHED] = _archcheck(verify, (1,), threads, folder, cached=True)
    check = ("check", "--config", str(_project(folder)))
    commands[CHECK_CACHED] = _archcheck(check, (1,), threads, folder, cached=True)
    check = ("check", "--config", str(_small_networks(folder / "few", MANY_NETWORKS)))
    commands[CHECK_MANY] = _archcheck(check, (0,), threads, folder, cached=False)
    settings = _small_networks(folder / "many", _verified(network))
    nets, spec = sorted(map(str, settings.parent.glob("*.py"))), str(settings.parent / "spec.yaml")
    many, one = ("verify", *nets, "--spec", spec, "-j", "2"), ("verify", nets[0], "--spec", spec)
    commands[VERIFY_MANY] = _archcheck(many, (0,), threads, folder, cached=False)
    commands[VERIFY_ONE] = _archcheck(one, (0,), threads, folder, cached=False)
    for tool in PROGRAMS:
        if tool not in commands:
            commands[tool] = _python(tool, network, shape, threads)
    return commands


def _project(folder: Path) -> Path:
    """The settings of a project that holds the assignment's networks to their spec."""
    root = folder / "project"
    if not root.exists():
        shutil.copytree(ROOT / Path(NET).parent, root)
    settings = root / "pyproject.toml"
    spec = str(ROOT / SPEC)
    settings.write_text(f'[tool.archcheck.networks]\n"net00*.py" = "{spec}"\n', encoding="utf-8")
    return settings


def _verified(network: str) -> int:
    """How many small networks are verified in one run."""
    return 4 if network == "tiny" else VERIFIED


def _small_networks(root: Path, many: int) -> Path:
    """The settings of a project of many small networks, all of which pass."""
    root.mkdir(exist_ok=True)
    for number in range(many):
        (root / f"net{number}.py").write_text(_SMALL.format(number + 1), encoding="utf-8")
    (root / "spec.yaml").write_text(_SMALL_SPEC, encoding="utf-8")
    settings = root / "pyproject.toml"
    settings.write_text('[tool.archcheck.networks]\n"net*.py" = "spec.yaml"\n', encoding="utf-8")
    return settings


_SMALL = """\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, {}, 3)
        )
        self.pool = nn.AdaptiveAvgPool2d(1)

    def forward(self, x):
        return self.pool(self.features(x)).flatten(1)
"""
_SMALL_SPEC = """\
input: [3, 32, 32]
rules:
  parameters: {at_most: 10k}
  receptive-field: {exactly: 5}
  global-average-pool: {exactly: 1}
  max-pool: forbidden
"""


def inspection(network: str, shape: Shape) -> tuple[str, ...]:
    """The arguments that inspect a network of :mod:`benchmarks.networks`."""
    sides = ",".join(map(str, shape))
    return ("inspect", f"benchmarks/networks.py:{network}", "--input", sides)


def times(rounds: int, threads: int, network: str, log: Callable[[str], None]) -> Part:
    """How long each command takes."""
    with tempfile.TemporaryDirectory() as folder:
        entered = contestants(network, threads, Path(folder))
        runs = {name: partial(entry.start, False) for name, entry in entered.items()}
        used, failed = interleave(runs, rounds, warm_up=rounds > 1, log=log)
    seconds = {name: [usage.seconds for usage in values] for name, values in used.items()}
    part = _part(entered, seconds, failed, GOALS)
    beside = []
    if CHECK_MANY in seconds and "import torch" in seconds:
        allowed = [each + MANY_NETWORKS * MOST_SECONDS_EACH for each in seconds["import torch"]]
        words = f"import torch + {MANY_NETWORKS} × {MOST_SECONDS_EACH * 1000:g} ms"
        ratios = by_round(seconds[CHECK_MANY], allowed)
        beside.append(Ratio(CHECK_MANY, words, tuple(ratios), goal=1.0))
    if VERIFY_MANY in seconds and VERIFY_ONE in seconds:
        many = _verified(network)
        ratios = by_round(seconds[VERIFY_MANY], [many * each for each in seconds[VERIFY_ONE]])
        words = f"a process each, {many} × archcheck verify"
        goal = MOST_OF_A_PROCESS if many == VERIFIED else None
        beside.append(Ratio(VERIFY_MANY, words, tuple(ratios), goal=goal))
    return msgspec.structs.replace(part, ratios=(*part.ratios, *beside))


def memory(rounds: int, threads: int, network: str, log: Callable[[str], None]) -> Part:
    """How much memory each command and all that it starts hold at most, and a large U-Net."""
    with tempfile.TemporaryDirectory() as folder:
        entered = contestants(network, threads, Path(folder))
        large = "tiny" if network == "tiny" else "unet31m"
        entered[UNET] = _archcheck(
            inspection(large, SHAPES[large]), (0,), threads, Path(folder), cached=False
        )
        runs = {name: partial(entry.start, True) for name, entry in entered.items()}
        used, failed = interleave(runs, rounds, warm_up=rounds > 1, log=log)
    sizes = {
        name: [float(usage.memory) for usage in values if usage.memory is not None]
        for name, values in used.items()
    }
    part = _part(entered, sizes, failed, MEMORY_GOALS)
    of_goals = tuple(
        Ratio(name, words, tuple(size / most for size in sizes[name]), goal=1.0)
        for name, (most, words) in MOST_BYTES.items()
        if name in sizes
    )
    return msgspec.structs.replace(part, ratios=(*part.ratios, *of_goals))


def _part(
    entered: dict[str, Contestant],
    values: dict[str, list[float]],
    failed: dict[str, str],
    goals: dict[tuple[str, str], float],
) -> Part:
    series = [
        Series(name, entered[name].line, tuple(measured)) for name, measured in values.items()
    ]
    pairs = dict(goals)
    for name in values:  # all others beside torchinfo, which is what people use today
        if name not in NOT_PAIRED:
            pairs.setdefault((name, "torchinfo"), 0.0)
    ratios = [
        Ratio(name, over, tuple(by_round(values[name], values[over])), goal or None)
        for (name, over), goal in pairs.items()
        if name in values and over in values
    ]
    return Part(tuple(series), tuple(ratios), failed)


def _python(tool: str, network: str, shape: Shape, threads: int) -> Contestant:
    return _command(program(tool, network, shape), threads)


def _command(text: str, threads: int) -> Contestant:
    def start(memory: bool) -> Usage:
        return run([sys.executable, "-c", text], threads=threads, memory=memory)

    return Contestant(shlex.join(["python", "-c", text]), start)


def _archcheck(
    arguments: Sequence[str], codes: Sequence[int], threads: int, folder: Path, *, cached: bool
) -> Contestant:
    """archcheck with a cache of its own: one that is always empty, or one that is filled."""
    kept = tempfile.mkdtemp(dir=folder)

    def start(memory: bool) -> Usage:
        place = kept if cached else tempfile.mkdtemp(dir=folder)
        command = archcheck(*arguments, "--cache-dir", place)
        if cached and not any(Path(kept).iterdir()):
            run(command, codes=codes, threads=threads)
            if not any(Path(kept).iterdir()):
                raise Failed("nothing was kept in the cache")
        return run(command, codes=codes, threads=threads, memory=memory)

    return Contestant(shlex.join(["archcheck", *arguments]), start)
