"""A run over the models as a page of the documentation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from benchmarks.models.findings import LARGEST, Found, Run
from benchmarks.table import table

COMMAND = """\
.venv/bin/pip install -q -c constraints.txt -e '.[models]'
.venv/bin/python -m benchmarks.models --update-docs"""


def page(run: Run) -> str:
    """The whole page."""
    versions = ", ".join(f"{name} {version}" for name, version in run.versions.items())
    blocks = [
        "# Published models",
        "Made by `python -m tools.generate` from the run that is kept in "
        "`benchmarks/models/found.json`.",
        f"{len(run.models)} models were built with random weights and traced on {run.date}, with "
        f"{versions}: some of every file of timm's models, all of torchvision's for "
        "classification, segmentation and detection, ultralytics' detectors, and small "
        "configurations of networks that take more than an image: what these are given is said in "
        "`benchmarks/models/configured.yaml`, and they are verified by a spec that says it. "
        "Compared are",
        "- **parameters** with the elements of the module's own;\n"
        "- **MACs** with half of what `torch.utils.flop_counter` counts in a pass of its own;\n"
        "- **published**: parameters and MACs with torchvision's tables, at their sizes of input;\n"
        "- **units**: the exact set of input positions that a unit of a map reads, with its "
        "gradient, all weights positive.",
        _summary(run.models),
        f"Gradients are not measured where a model has more than {LARGEST // 10**6} million "
        "parameters, where the oracle has no linear form of a function (a maximum over a whole "
        "axis), and where its numbers run out.",
        *_differences(run.models),
        *_unknown(run.models),
        f"The numbers are made anew with\n\n```sh\n{COMMAND}\n```",
    ]
    return "\n\n".join(blocks) + "\n"


def _summary(models: Sequence[Found]) -> str:
    titles = ("", "models", "parameters", "MACs", "published", "units", "of models")
    rows = [
        (f"{library}: {family}", *_counts(list(found)))
        for (library, family), found in groupby(models, lambda m: (m.library, m.family))
    ]
    return table(titles, [*rows, ("all", *_counts(models))])


def _counts(models: Sequence[Found]) -> list[str]:
    """How many figures are equal, of those that were compared."""
    ran = sum(not found.raised for found in models)
    wholes = {
        "parameters": ran,
        "MACs": ran,
        "published": 2 * sum(len(found.published) for found in models),
        "units": sum(found.units for found in models),
    }
    differing = [d.quantity.split()[0] for found in models for d in found.differences()]
    shares = [_share(whole - differing.count(name), whole) for name, whole in wholes.items()]
    return [str(len(models)), *shares, str(sum(found.units > 0 for found in models))]


def _share(equal: int, whole: int) -> str:
    if not whole:
        return "–"
    return f"all {whole:,}" if equal == whole else f"{equal:,} of {whole:,}"


def _differences(models: Iterable[Found]) -> list[str]:
    """Those that are alike are one row."""
    found = [difference for model in models for difference in model.differences()]
    rows = [(d.name, d.quantity, d.said, d.truth, d.reason or "**not explained**") for d in found]
    titles = ("model", "", "archcheck", "truth", "why")
    return ["## Differences", table(titles, rows) if rows else "There are none."]


def _unknown(models: Iterable[Found]) -> list[str]:
    """The models whose field in front of the head is not known, by reason."""
    names: dict[str, list[str]] = {}
    for found in models:
        if found.features:
            names.setdefault(found.features, []).append(found.name)
    if not names:
        return []
    rows = [(", ".join(alike), reason) for reason, alike in names.items()]
    return ["## Fields that are not known", table(("model", "why"), rows)]
