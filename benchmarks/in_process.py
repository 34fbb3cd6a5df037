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

VALUES = 5
"""Calls that are timed in each process, behind one that is not."""


class Job(NamedTuple):
    """A tool, a network and the input it is given."""

    tool: str
    network: str
    shape: Shape

    @property
    def name(self) -> str:
        """What its series is called."""
        return f"{self.tool}, {NETWORKS[self.network]} at {'×'.join(map(str, self.shape[1:]))}"


def beside_torchinfo(rounds: int, threads: int, small: bool, say: Callable[[str], None]) -> Part:
    """ResNet-50 with every tool, DenseNet-201 and Swin-T with archcheck and torchinfo."""
    wanted = {"resnet50": 0.3, "densenet201": 2.0, "swin_t": 2.0}
    pairs = []
    for network, goal in ({"tiny": 0.0} if small else wanted).items():
        peers = [tool for tool in PROGRAMS if tool not in ("import torch", "torchinfo")]
        over = Job("torchinfo", network, SHAPES[network])
        pairs.append((Job("archcheck", network, SHAPES[network]), over, goal))
        if network in ("resnet50", "tiny"):
            pairs += [(Job(tool, network, SHAPES[network]), over, 0.0) for tool in peers]
    return _measured(pairs, rounds, threads, say)


def scaling(rounds: int, threads: int, small: bool, say: Callable[[str], None]) -> Part:
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
    return _measured(pairs, rounds, threads, say)


def _grown(
    network: str, shape: Shape, over: str, over_shape: Shape, goal: float
) -> tuple[Job, Job, float]:
    return Job("archcheck", network, shape), Job("archcheck", over, over_shape), goal


def _measured(
    pairs: Iterable[tuple[Job, Job, float]],
    rounds: int,
    threads: int,
    say: Callable[[str], None],
) -> Part:
    jobs = {job.name: job for pair in pairs for job in pair[:2]}
    runs = {name: partial(once, job, threads) for name, job in jobs.items()}
    # Each process drops its own first call, and the processes before have compiled everything.
    found, failed = interleave(runs, rounds, warm_up=rounds > 1, say=say)
    series = [Series(name, jobs[name].tool, tuple(values)) for name, values in found.items()]
    ratios = [
        Ratio(job.name, over.name, tuple(by_round(found[job.name], found[over.name])), goal or None)
        for job, over, goal in pairs
        if job.name in found and over.name in found
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
        command += ["--warmups=1", f"--values={VALUES}", "--loops=1"]
        command += ["--tool", job.tool, "--network", job.network]
        command += ["--shape", ",".join(map(str, job.shape)), "--threads", str(threads)]
        run(command, threads=threads)
        values: tuple[float, ...] = pyperf.Benchmark.load(output).get_values()
    if not values:
        raise Failed("pyperf kept no value")
    return statistics.median(values)
