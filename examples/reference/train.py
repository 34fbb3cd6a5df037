"""Train a reference network.

    python examples/reference/train.py --config examples/reference/a.yaml --data DIR \\
        --out RUN_DIR --teacher TEACHER_DIR/weights.safetensors

DIR holds CIFAR-10's official binary files; nothing is downloaded. TEACHER_DIR is the RUN_DIR of the
teacher that the recipe names, trained before with its own recipe. Killed at any moment, the same
command with --resume goes on after the last whole epoch and ends with the same metrics.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

if __name__ == "__main__":
    # cuBLAS is deterministic only with a workspace of a fixed size.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 0 complete, 1 not, 130 interrupted."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", required=True, type=Path, help="the recipe, a YAML file")
    parser.add_argument("--data", required=True, type=Path, help="the folder of the binary files")
    parser.add_argument("--out", required=True, type=Path, help="the folder of this training")
    parser.add_argument("--resume", action="store_true", help="go on with the training in --out")
    parser.add_argument("--device", choices=("auto", "cuda", "cpu"), default="auto")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--workers",
        type=int,
        default=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 4,
        help="processes that augment, 0 for none (default: the number of cores)",
    )
    parser.add_argument(
        "--teacher", type=Path, metavar="FILE", help="the weights of the teacher that it names"
    )
    parser.add_argument(
        "--stop-after",
        type=float,
        metavar="SECONDS",
        help="begin no further epoch after so long; --resume goes on",
    )
    given = parser.parse_args(arguments)
    if given.seed < 0 or given.workers < 0:
        parser.error("--seed and --workers cannot be negative")
    from training.config import load_config
    from training.errors import Problem
    from training.run import train

    try:
        complete = train(
            load_config(given.config),
            given.data,
            given.out,
            device_name=given.device,
            seed=given.seed,
            workers=given.workers,
            teacher_weights=given.teacher,
            resume=given.resume,
            stop_after=given.stop_after,
        )
    except Problem as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; --resume goes on after the last whole epoch", file=sys.stderr)
        return 130
    return 0 if complete else 1


if __name__ == "__main__":
    sys.exit(main())
