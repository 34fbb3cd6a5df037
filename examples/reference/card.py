"""Make the model card of a reference network from finished trainings.

    python examples/reference/card.py --network a --config examples/reference/a.yaml \\
        --run RUN_DIR [--run RUN_DIR ...] --data DIR

Each RUN_DIR holds a finished training and, as test.json, what evaluate.py found. The weights of the
first one are shipped. Writes NAME.safetensors, NAME.json, NAME.md and the plots beside this file.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).parent
TITLES = {
    "a": ("Reference network A: under 200,000 parameters", "specs/assignment7.yaml"),
    "b": (
        "Reference network B: under 100,000 parameters, no strides",
        "specs/assignment7-dilated.yaml",
    ),
}
IMAGES = 200


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 0, or 1 with a message."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--network", choices=tuple(TITLES), required=True)
    parser.add_argument("--config", required=True, type=Path)
    parser.add_argument("--run", required=True, type=Path, action="append", dest="runs")
    parser.add_argument("--data", required=True, type=Path, help="the folder of the binary files")
    parser.add_argument("--out", type=Path, default=HERE, help="the folder of the card")
    parser.add_argument("--note", default="", help="what else there is to say of the accuracy")
    given = parser.parse_args(arguments)
    from training.errors import Problem

    try:
        make(given.network, given.config, given.runs, given.data, given.out, given.note)
    except Problem as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def make(
    name: str, config_file: Path, runs: list[Path], data: Path, out: Path, note: str = ""
) -> None:
    """Write the card and all that it shows."""
    from training.card import gather, render
    from training.checkpoint import write_whole
    from training.cifar import CLASSES, read_training
    from training.config import load_config
    from training.effective import effective_field, side_of, theoretical_field
    from training.evaluation import normalised
    from training.networks import load_trained
    from training.plots import draw_confusion, draw_curve, draw_fields

    config = load_config(config_file)
    measured = gather(name, *TITLES[name], config_file, runs)
    measured["note"] = note
    network = load_trained(config, runs[0] / "weights.safetensors")
    field = theoretical_field(network, (3, 32, 32))
    images = read_training(data, config.data)[0]
    effective = effective_field(network, normalised(config, images, slice(0, IMAGES)))
    hull = field["centre_hull"]
    centre = (sum(hull[0]) / 2, sum(hull[1]) / 2)
    field["images"] = IMAGES
    for share in (50, 95):
        field[f"side{share}"] = side_of(effective, centre, share / 100)
    measured["field"] = field
    shutil.copyfile(runs[0] / "weights.safetensors", out / f"{name}.safetensors")
    shutil.copyfile(runs[0] / "metrics.csv", out / f"{name}-metrics.csv")
    draw_curve(runs[0] / "metrics.csv", out / f"{name}-curve.svg")
    draw_confusion(measured["runs"][0]["test"]["confusion"], CLASSES, out / f"{name}-confusion.svg")
    draw_fields(effective, hull, field["size"], out / f"{name}-field.png")
    write_whole(out / f"{name}.json", (json.dumps(measured, indent=1) + "\n").encode())
    write_whole(out / f"{name}.md", render(measured).encode())


if __name__ == "__main__":
    sys.exit(main())
