"""The process that measures one tool on one network: a pyperf worker, ``-m benchmarks.worker``.

The network is built and handed to the tool outside what is timed, and the first call is dropped.
"""

from __future__ import annotations

from functools import cache
from time import perf_counter
from typing import Any

import pyperf


def main() -> None:
    """Measure what the command line names."""
    runner = pyperf.Runner()
    add = runner.argparser.add_argument
    add("--tool", required=True)
    add("--network", required=True)
    add("--shape", required=True)
    add("--threads", type=int, default=0)
    options = runner.parse_args()
    shape = tuple(int(side) for side in options.shape.split(","))

    @cache
    def prepared() -> Any:
        import torch

        from benchmarks import networks
        from benchmarks.tasks import task

        if options.threads:
            torch.set_num_threads(options.threads)
        torch.manual_seed(0)
        return task(options.tool, getattr(networks, options.network)(), shape)

    def measure(loops: int) -> float:
        call = prepared()
        started = perf_counter()
        for _ in range(loops):
            call()
        return perf_counter() - started

    runner.bench_time_func(f"{options.tool} {options.network} {options.shape}", measure)


if __name__ == "__main__":
    main()
