"""Trace the models and compare: ``python -m benchmarks.models [--json FILE] [NAME ...]``."""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path

import torch

from benchmarks.kept import named
from benchmarks.models.catalogue import Model, models
from benchmarks.models.checks import check
from benchmarks.models.findings import KEPT, Found, load, today
from benchmarks.models.page import page
from benchmarks.models.sources import versions
from benchmarks.processes import ROOT

PAGE = ROOT / "docs" / "models.md"


def main(arguments: list[str]) -> int:
    """Check what the command line names; 1 if a difference is not explained."""
    parser = _parser()
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    try:
        catalogue = list(models())
    except ImportError as error:
        parser.error(f"{error}: install the extra 'models'")
    chosen = [m for m in catalogue if named(m.name, options.names)]
    found = [_told(check(model)) for model in chosen]
    if options.json:
        today(versions(), found).save(options.json)
    if options.update_docs:
        run = today(versions(), _with_kept(found, catalogue))
        run.save(KEPT)
        PAGE.write_text(page(run), encoding="utf-8")
    unexplained = [d for model in found for d in model.differences() if not d.reason]
    return 1 if unexplained else 0


def _with_kept(found: list[Found], catalogue: list[Model]) -> list[Found]:
    """What was found now, and what was kept of the other models."""
    known = {model.key: model for model in load(KEPT).models} if KEPT.exists() else {}
    known |= {model.key: model for model in found}
    keys = [(model.library, model.name) for model in catalogue]
    return [known[key] for key in keys if key in known]


def _told(found: Found) -> Found:
    say = sys.stdout.write
    say(f"{found.library} {found.name}: {found.seconds} s, {found.units} units\n")
    for difference in found.differences():
        why = difference.reason or "not explained"
        say(f"  {difference.quantity}: {difference.said} / {difference.truth}: {why}\n")
    if found.features:
        say(f"  features: {found.features}\n")
    for reason in found.untried:
        say(f"  not tried: {reason}\n")
    sys.stdout.flush()
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.models",
        description="Trace published models of timm, torchvision and ultralytics, and compare "
        "parameters, MACs and fields with what they are. Exit code 1: a difference that is not "
        "explained.",
    )
    add = parser.add_argument
    add("names", nargs="*", metavar="NAME", help="models, or patterns such as 'resnet*'")
    add("--json", type=Path, metavar="FILE", help="write what was found here")
    add(
        "--update-docs",
        action="store_true",
        help="keep it with what is kept of other models, and write docs/models.md",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
