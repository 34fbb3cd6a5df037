"""A model card, from measured figures alone."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

import yaml

from training.cifar import CLASSES
from training.errors import Problem


def gather(name: str, title: str, spec: str, config: Path, runs: list[Path]) -> dict[str, Any]:
    """The figures of finished trainings, the first of which is the one that is shipped.

    Every folder holds the ``run.json`` of train.py and the ``test.json`` of evaluate.py.

    Raises:
        Problem: if a file is missing.
    """
    found = []
    for folder in runs:
        try:
            run = json.loads((folder / "run.json").read_text("utf-8"))
            test = json.loads((folder / "test.json").read_text("utf-8"))
        except OSError as error:
            raise Problem(
                f"{error.filename}: {error.strerror}: is the training evaluated?"
            ) from None
        if test["split"] != "test":
            raise Problem(f"{folder / 'test.json'}: is of the {test['split']} images")
        found.append({**run, "test": test})
    recipe = yaml.safe_load(config.read_text("utf-8"))
    return {
        "name": name,
        "title": title,
        "spec": spec,
        "recipe": config.name,
        "settings": recipe,
        "runs": found,
    }


def render(measured: dict[str, Any]) -> str:
    """The card as Markdown."""
    name, field, runs = measured["name"], measured["field"], measured["runs"]
    first = runs[0]
    low, high = first["test"]["interval95"]
    parts = [
        f"# {measured['title']}",
        f"{field['parameters']:,} parameters, {field['macs'] / 1e6:.1f} million "
        f"multiply-accumulates on a 3 × 32 × 32 image. Written from measured figures "
        f"([{name}.json]({name}.json)) by `card.py`.",
        "## Accuracy",
        f"**{first['test']['accuracy']:.2%}** of the {first['test']['images']:,} CIFAR-10 test "
        f"images, 95 % interval {low:.2%} to {high:.2%} (Wilson), in float32 on a CPU, no "
        "augmentation at test time, by",
        f"```sh\npython examples/reference/evaluate.py --config examples/reference/"
        f"{measured['recipe']} --weights examples/reference/{name}.safetensors --data DIR\n```",
        " ".join(filter(None, (_seeds(runs), measured.get("note", "")))),
        f"![Confusion matrix]({name}-confusion.svg)",
        _classes(first["test"]["confusion"]),
        "## Training",
        _training(measured),
        f"![Accuracy and loss over the epochs]({name}-curve.svg)",
        "## Receptive field",
        _field(field),
        f"![Effective and theoretical receptive field]({name}-field.png)",
    ]
    return "\n\n".join(parts) + "\n"


def _seeds(runs: list[dict[str, Any]]) -> str:
    if len(runs) == 1:
        return f"One training, seed {runs[0]['seed']}: nothing is known of the spread over seeds."
    values = [run["test"]["accuracy"] for run in runs]
    shown = ", ".join(f"{run['seed']}: {run['test']['accuracy']:.2%}" for run in runs)
    return (
        f"Over {len(runs)} seeds: mean {statistics.mean(values):.2%}, standard deviation "
        f"{statistics.stdev(values) * 100:.2f} points ({shown}). The weights shipped are those of "
        f"seed {runs[0]['seed']}, named before the test images were read."
    )


def _classes(matrix: list[list[int]]) -> str:
    rows = ["| class | right |", "| --- | ---: |"]
    for index, (name, row) in enumerate(zip(CLASSES, matrix, strict=True)):
        rows.append(f"| {name} | {row[index] / sum(row):.1%} |")
    return "\n".join(rows)


def _training(measured: dict[str, Any]) -> str:
    first = measured["runs"][0]
    held = first["last_epoch"].get("heldout_accuracy")
    parts = [
        f"{part['epochs']} in {part['seconds'] / 60:.1f} minutes on {part['device']} with torch "
        f"{part['torch']}"
        for part in first["devices"]
    ]
    text = (
        f"{first['epochs']} epochs of {first['training_images']:,} images: {', '.join(parts)}"
        f"{' (the first of the trainings)' if len(measured['runs']) > 1 else ''}."
    )
    if held not in (None, ""):
        text += (
            f" Of the {first['heldout_images']:,} training images that were held out "
            f"{held:.2%} were right after the last epoch."
        )
    if "averaged_heldout_accuracy" in first:
        text += (
            f" The weights are the mean of those that the last {measured['settings']['average']} "
            f"cycles ended with, with which "
            f"{first['averaged_heldout_accuracy']:.2%} of them are right."
        )
    teaching = measured["settings"].get("teacher")
    if teaching:
        text += (
            f" It learnt {teaching['share']:.0%} of its loss from the scores of a teacher "
            f"({teaching['recipe']}), the rest from the labels. The training's loss in the plot is "
            "that sum; of the held-out images it is the cross-entropy."
        )
    return (
        f"{text} The recipe, {measured['recipe']}, whole:\n\n```yaml\n"
        f"{yaml.safe_dump(measured['settings'], sort_keys=False)}```"
    )


def _field(field: dict[str, Any]) -> str:
    rows = ["| block | field | jump |", "| --- | ---: | ---: |"]
    for name, size, jump in field["blocks"]:
        rows.append(f"| {name} | {size[0]} × {size[1]} | {jump[0]} |")
    height, width = field["size"]
    return (
        f"{height} × {width} at the last map before the pool, without holes "
        f"(coverage {field['coverage'][0]:.0%}). It comes from:\n\n" + "\n".join(rows) + "\n\n"
        f"So much a unit can see. What the trained weights make of it is less: half of the "
        f"gradient of the centre unit lies in {field['side50']} × {field['side50']} positions, "
        f"95 % in {field['side95']} × {field['side95']} (mean over {field['images']} images)."
    )
