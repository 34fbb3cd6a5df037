"""What a lint of ResNet-50 costs, beside the traces with fields that it needs:
``python -m benchmarks.lint.cost [ROUNDS]``.

All is done in this process, on a network that is built already. A lint runs the network three
times, in evaluation with one sample and with several, and in training; the peers are the same
three passes with their receptive fields, and one of them.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from statistics import median

import torch
from torch import nn

import archcheck
from archcheck.evidence.passes import SEVERAL
from archcheck.lint import LintOptions
from archcheck.lint.judge import asides_of
from archcheck.lint.linted import Linted
from archcheck.network import Network
from archcheck.tracing.trace import trace
from archcheck.verification.passes import passes_of
from benchmarks.networks import resnet50
from benchmarks.ratios import interleave

SHAPE = (3, 224, 224)
PASSES: tuple[dict[str, int | bool], ...] = ({}, {"batch": SEVERAL}, {"training": True})


def main(arguments: list[str]) -> int:
    """Print both ratios, of the medians of alternating rounds."""
    torch.set_num_threads(1)
    rounds = int(arguments[0]) if arguments else 9
    net = resnet50().eval()
    jobs: dict[str, Callable[[], object]] = {
        "a lint": lambda: _lint(net),
        "three traces with fields": lambda: [_field(net, **each) for each in PASSES],
        "one trace with fields": lambda: _field(net),
    }
    times, failed = interleave({name: partial(_seconds, job) for name, job in jobs.items()}, rounds)
    assert not failed
    lint, *peers = ((name, median(each)) for name, each in times.items())
    for name, seconds in (lint, *peers):
        ratio = f", {lint[1] / seconds:.2f} of it" if name != lint[0] else ""
        sys.stdout.write(f"{name}: {1000 * seconds:.1f} ms{ratio}\n")
    return 0


def _seconds(job: Callable[[], object]) -> float:
    begun = time.perf_counter()
    job()
    return time.perf_counter() - begun


def _lint(net: nn.Module) -> object:
    def run(*, training: bool, batch: int = 0) -> Network:
        return trace(net, SHAPE, training=training, batch=batch)

    passes = passes_of(trace(net, SHAPE), run)
    return list(asides_of(Linted(passes), LintOptions()))


def _field(net: nn.Module, **options: int | bool) -> object:
    field = archcheck.receptive_field(trace(net, SHAPE, **options))  # type: ignore[arg-type]
    return field.size, field.jump


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
