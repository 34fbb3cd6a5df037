"""Which pipeline of a script is judged."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from archcheck.errors import closest
from archcheck.evidence.augmentation import Augmentation, Pipeline
from archcheck.shell_words import worded

PLAIN = frozenset(
    "Normalize ToTensorV2 ToTensor3D ToFloat FromFloat ToRGB Resize CenterCrop Crop Pad "
    "PadIfNeeded SmallestMaxSize LongestMaxSize NoOp".split()
)
"""Transforms that do the same to every image, which is what test images need."""


@dataclass(frozen=True)
class Choice:
    """The pipelines that may be meant; none, with the reason, if that is not known."""

    pipelines: tuple[Pipeline, ...] = ()
    reason: str = ""

    @staticmethod
    def name(pipeline: Pipeline) -> str:
        """``train_transforms (train.py:31)``."""
        place = pipeline.root.place
        where = str(place) if place else ""
        if not pipeline.name:
            return f"the pipeline at {where}" if where else "one that is not seen"
        return f"{pipeline.name} ({where})" if where else pipeline.name


def choose(script: Augmentation, name: str | None) -> Choice:
    """The pipelines that a name means, by itself those that augment.

    The name that the script was given with goes before ``name``.
    """
    file = Path(script.file).name
    if not script.pipelines:
        notes = f" ({'; '.join(script.notes)})" if script.notes else ""
        given = worded("--augmentation FILE", 'augmentation="FILE"')
        hint = f"; {given} names the script that has one"
        return Choice(reason=f"{script.reason}{notes}{hint}")
    wanted = script.chosen or name
    if wanted:
        found = tuple(p for p in script.pipelines if p.answers_to(wanted))
        if found:
            return Choice(found)
        names = [pipeline.name for pipeline in script.pipelines if pipeline.name]
        hint = closest(wanted, names, quoted=False) or f"; it has {', '.join(names) or 'none'}"
        return Choice(reason=f"there is no pipeline {wanted} in {file}{hint}")
    augmenting = tuple(p for p in script.pipelines if not _is_plain(p))
    return Choice(augmenting or script.pipelines)


def _is_plain(pipeline: Pipeline) -> bool:
    if not pipeline.root.name:
        return False  # it is not known what it is
    return all(part.children or part.name in PLAIN for part in pipeline.root.walk()) or not (
        pipeline.root.children
    )
