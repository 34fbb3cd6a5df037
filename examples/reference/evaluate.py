"""Measure the accuracy of trained weights.

    python examples/reference/evaluate.py --config examples/reference/a.yaml \\
        --weights examples/reference/a.safetensors --data DIR

Every choice is made on the held-out images (--split heldout). The test images are for the end.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 0, or 1 with a message."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", required=True, type=Path)
    parser.add_argument("--weights", required=True, type=Path, help="a safetensors file")
    parser.add_argument("--data", required=True, type=Path, help="the folder of the binary files")
    parser.add_argument("--split", choices=("test", "heldout"), default="test")
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    given = parser.parse_args(arguments)
    from training.checkpoint import write_whole
    from training.cifar import CLASSES, read_test, read_training
    from training.config import load_config
    from training.errors import Problem
    from training.evaluation import measure
    from training.networks import load_trained

    try:
        config = load_config(given.config)
        network = load_trained(config, given.weights)
        if given.split == "test":
            images = read_test(given.data)
        else:
            images = read_training(given.data, config.data)[1]
            if not len(images.labels):
                raise Problem(f"{given.config}: holds no images out")
        found = measure(config, network, images)
        low, high = found["interval95"]
        print(
            f"{found['accuracy']:.2%} of {found['images']:,} {given.split} images, "
            f"95 % interval {low:.2%} to {high:.2%}"
        )
        for name, row in zip(CLASSES, found["confusion"], strict=True):
            print(f"  {name:<12}{row[CLASSES.index(name)] / max(1, sum(row)):7.1%}")
        if given.json:
            text = json.dumps({"split": given.split, **found}) + "\n"
            write_whole(given.json, text.encode())
    except Problem as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
