"""Arguments that the installed version of albumentations drops, as warnings."""

from __future__ import annotations

from archcheck.evidence.augmentation import Pipeline, Transform
from archcheck.rules.base import Location, Verdict
from archcheck.rules.transforms.arguments import Contradiction, Given, Unclear, canonical, shown
from archcheck.rules.transforms.names import CURRENT


def dropped(pipeline: Pipeline, library: str) -> tuple[Verdict, ...]:
    """A warning for each transform that is not run with the arguments that it was written with."""
    return tuple(
        _warning(transform, library) for transform in pipeline.root.walk() if transform.dropped
    )


def _warning(transform: Transform, library: str) -> Verdict:
    names = transform.dropped
    message = f"albumentations {library} drops {', '.join(names)} of {transform.name}"
    runs, instead = _runs(transform)
    if runs:
        message += f" and runs {runs}"
    return Verdict(
        status="failed",
        found=list(names),
        found_text=f"{len(names)} dropped",
        required=f"arguments that {library} takes",
        message=message,
        locations=(Location(transform.place, "", f"{transform.name} drops {', '.join(names)}"),),
        hint=f"write {instead}" if instead else "",
    )


def _runs(transform: Transform) -> tuple[str, str]:
    """What the installed version runs with in place of what was written, and how to write that."""
    given = Given(transform)
    try:
        meant = canonical(
            transform.name, {n: given.raw[n] for n in transform.dropped if n in given.raw}
        )
    except (Contradiction, Unclear):
        return "", ""
    effective = transform.effective or {}
    changed = {name: value for name, value in meant.items() if name in effective}
    runs = ", ".join(f"{name} {shown(effective[name])}" for name in changed)
    known = CURRENT.get(transform.name, frozenset())
    instead = ", ".join(
        f"{name}={shown(value)}" for name, value in changed.items() if name in known
    )
    return runs, instead
