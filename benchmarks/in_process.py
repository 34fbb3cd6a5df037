"""One call in a process that has everything imported and the network built, measured by pyperf."""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from benchmarks.processes import run
from benchmarks.ratios import Failed, by_round, interleave
from benchmarks.results import Part, Ratio, Series
from benchmarks.tools import NETWORKS, PROGRAMS, SHAPES, Shape

TIMED_CALLS = 5
"""Calls that are timed in each process, after one that is not."""


class Job(NamedTuple):
    """A tool, a network and the shape of its input."""

    tool: str
    network: str
    shape: Shape

    @property
    def name(self) -> str:
        """What its series is called."""
        return f"{self.tool}, {NETWORKS[self.network]} at {'×'.join(map(str, self.shape[1:]))}"


def beside_torchinfo(rounds: int, threads: int, small: bool, log: Callable[[str], None]) -> Part:
    """ResNet-50 with every tool, DenseNet-201 and Swin-T with archcheck and torchinfo."""
    goals = {"resnet50": 0.3, "densenet201": 2.0, "swin_t": 2.0}
    pairs = []
    for network, goal in ({"tiny": 0.0} if small else goals).items():
        peers = [tool for tool in PROGRAMS if tool not in ("import torch", "torchinfo")]
        over = Job("torchinfo", network, SHAPES[network])
        pairs.append((Job("archcheck", network, SHAPES[network]), over, goal))
        if network in ("resnet50", "tiny"):
            pairs += [(Job(tool, network, SHAPES[network]), over, 0.0) for tool in peers]
    return _measured(pairs, rounds, threads, log)


def scaling(rounds: int, threads: int, small: bool, log: Callable[[str], None]) -> Part:
    """How archcheck's time grows with the image and with the depth."""
    if small:
        pairs = [
            (Job("archcheck", "tiny", (3, 64, 64)), Job("archcheck", "tiny", (3, 32, 32)), 0.0)
        ]
    else:
        shape = SHAPES["residual100"]
        pairs = [
            _grown("resnet50", (3, 1024, 1024), "resnet50", (3, 224, 224), 1.5),
            _grown("residual1000", shape, "residual100", shape, 12.0),
        ]
    return _measured(pairs, rounds, threads, log)


def _grown(
    network: str, shape: Shape, over: str, over_shape: Shape, goal: float
) -> tuple[Job, Job, float]:
    return Job("archcheck", network, shape), Job("archcheck", over, over_shape), goal


def _measured(
    pairs: Iterable[tuple[Job, Job, float]],
    rounds: int,
    threads: int,
    log: Callable[[str], None],
) -> Part:
    jobs = {job.name: job for pair in pairs for job in pair[:2]}
    runs = {name: partial(once, job, threads) for name, job in jobs.items()}
    # Each process drops its own first call, and the processes before have compiled everything.
    values, failed = interleave(runs, rounds, warm_up=rounds > 1, log=log)
    series = [Series(name, jobs[name].tool, tuple(seconds)) for name, seconds in values.items()]
    ratios = [
        Ratio(
            job.name, over.name, tuple(by_round(values[job.name], values[over.name])), goal or None
        )
        for job, over, goal in pairs
        if job.name in values and over.name in values
    ]
    return Part(tuple(series), tuple(ratios), failed)


def once(job: Job, threads: int) -> float:
    """The median of a few calls in one fresh process, in seconds.

    Raises:
        Failed: if it cannot be measured.
    """
    import pyperf

    with tempfile.TemporaryDirectory() as folder:
        output = str(Path(folder) / "output.json")
        command = [sys.executable, "-m", "benchmarks.worker", "--worker", "--output", output]
        command += ["--warmups=1", f"--values={TIMED_CALLS}", "--loops=1"]
        command += ["--tool", job.tool, "--network", job.network]
        command += ["--shape", ",".join(map(str, job.shape)), "--threads", str(threads)]
        run(command, threads=threads)
        values: tuple[float, ...] = pyperf.Benchmark.load(output).get_values()
    if not values:
        raise Failed("pyperf kept no value")
    return statistics.median(values)
