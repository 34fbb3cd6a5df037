"""Measure images a second: augmentation alone, training alone, both together.

python examples/reference/throughput.py --config examples/reference/a.yaml --data DIR
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

if __name__ == "__main__":
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 0, or 1 with a message."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--config", required=True, type=Path)
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--device", choices=("auto", "cuda", "cpu"), default="auto")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument(
        "--teacher", type=Path, metavar="FILE", help="the weights of the teacher that it names"
    )
    parser.add_argument("--epochs", type=int, default=3, help="timed, after one that is not")
    parser.add_argument("--images", type=int, help="only so many, for slow devices")
    given = parser.parse_args(arguments)
    from training import throughput
    from training.cifar import Images, read_training
    from training.config import load_config
    from training.distillation import load_teacher
    from training.errors import Problem
    from training.run import choose_device, describe_device

    try:
        config = load_config(given.config)
        teacher = load_teacher(config, given.teacher)
        whole, _ = read_training(given.data, config.data)
        images = Images(whole.pixels[: given.images], whole.labels[: given.images])
        epochs, workers = given.epochs, given.workers
        found = {
            "network": Path(config.network).name,
            "workers": workers,
            "augmentation": throughput.augmentation(
                config, images.pixels, workers=workers, epochs=epochs
            ),
        }
        # After the first measurement: its workers start before this process touches CUDA.
        device = choose_device(given.device)
        for name, count in (("both", workers), ("training", None)):
            found[name] = throughput.training(
                config, images, device, workers=count, epochs=epochs, teacher=teacher
            )
        found["device"] = describe_device(device)
    except Problem as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 1
    print(json.dumps({k: round(v) if isinstance(v, float) else v for k, v in found.items()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
