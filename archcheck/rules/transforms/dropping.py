"""Arguments that the installed version of albumentations drops, as warnings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from archcheck.evidence.augmentation import Pipeline, Transform, Unknown
from archcheck.rules.base import Aside, Location, Verdict
from archcheck.rules.transforms.arguments import Contradiction, Given, Unclear, canonical, shown
from archcheck.rules.transforms.matching import Remark
from archcheck.rules.transforms.names import CURRENT, FILL_ALIASES


def dropped(pipeline: Pipeline, library: str, faults: Sequence[Remark]) -> tuple[Aside, ...]:
    """A warning for each transform that is not run with the arguments that it was written with.

    What it says to write instead has none of the ``faults`` of the pipeline.
    """
    return tuple(
        Aside(_warning(transform, library, [f for f in faults if f.transform is transform]))
        for transform in pipeline.root.walk()
        if transform.dropped
    )


def _warning(transform: Transform, library: str, faults: Sequence[Remark]) -> Verdict:
    names = transform.dropped
    message = f"albumentations {library} drops {', '.join(names)} of {transform.name}"
    runs, instead = _runs(transform, {fault.name: fault.right for fault in faults})
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


def _runs(transform: Transform, right: Mapping[str, Any]) -> tuple[str, str]:
    """What the installed version runs with in place of what was written, and how to write that;
    ``right`` are the values that arguments at fault have to have."""
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
    instead = [
        _instead(name, right.get(name, value))
        for name, value in changed.items()
        if name in known and (name not in right or right[name] is not None)
    ]
    return runs, ", ".join(instead)


def _instead(name: str, value: Any) -> str:
    parts = value if isinstance(value, tuple) else (value,)
    if any(isinstance(part, Unknown) for part in parts):
        aliases = " or ".join(FILL_ALIASES.get(name, ())[:1])
        return f"{name} in place of {aliases}" if aliases else f"{name}=…"
    return f"{name}={shown(value)}"
