"""The network of a folder: the one that the spec names, else the one that fits."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from msgspec import structs

from archcheck.network import Network, Remark
from archcheck.phrases import some_of
from archcheck.spec import Spec, check
from archcheck.verification.folders import named_file, python_files
from archcheck.verification.outlines import Outlines
from archcheck.verification.wording import failure_finding
from archcheck.worker.failures import Failure, InputError
from archcheck.worker.reference import Reference, near

MOST_TRIED = 16
"""The most networks of a folder that are tried."""
MOST_NAMED = 4
"""The most networks that a message names."""

Trace = Callable[[Reference], Network | Failure]
"""Runs a network as it will be run when it is verified."""


@dataclass(frozen=True)
class Choice:
    """The network of a folder, and what there is to say about the choice."""

    reference: Reference
    remarks: tuple[Remark, ...] = ()


@dataclass(frozen=True)
class _Trial:
    """A network that was tried. ``reason`` is why it cannot be run, and ``may_fit`` whether it may
    be the folder's all the same: it does not even import, say."""

    reference: Reference
    network: Network | None = None
    reason: str = ""
    may_fit: bool = True


def choose(folder: Reference, spec: Spec | None, trace: Trace) -> Choice:
    """The network of a folder.

    It is the one that the reference or the spec names, or the only one that is there. Of several
    it is the only one that runs and has the output that the rule ``output-shape`` asks for, or the
    only one that runs at all.

    Raises:
        InputError: if there is none, or a choice.
    """
    place = Path(folder.file)
    file, name = named_file(place, spec.network) if spec is not None and not folder.name else _NONE
    name = folder.name or name
    if file is not None:
        return Choice(Reference(str(file), "", name, folder.load))
    found = _candidates(place, name)
    only = [(path, names) for path, names in found.items() if len(names) == 1]
    if len(found) == len(only) == 1:
        return Choice(Reference(str(only[0][0]), "", name, folder.load))
    references = [Reference(str(path), "", name, folder.load) for path in found]
    if len(found) > MOST_TRIED:
        raise _name_one(place, f"{len(found)} files with networks", list(map(_Trial, references)))
    return _chosen(place, list(_tried(references, trace)), spec)


_NONE: tuple[Path | None, str] = (None, "")


def _candidates(folder: Path, name: str) -> dict[Path, tuple[str, ...]]:
    """The files that may hold the network, each with the networks that it defines."""
    files = python_files(folder)
    outlines = Outlines(folder, files)
    found: dict[Path, tuple[str, ...]]
    if name:
        found = dict.fromkeys(outlines.defining(name.partition(".")[0]), (name,))
    else:
        # A file that is no Python may be the network's: it is not passed over.
        found = {**outlines.networks(), **dict.fromkeys(outlines.unread, ("",))}
    if found:
        return found
    where, wanted = near(str(folder)), name or "an nn.Module"
    if not files:
        raise InputError(f"{where} holds no Python file and no notebook", says_where=True)
    which = f"none of its {len(files)} files defines"
    if len(files) == 1:
        which = f"{files[0].relative_to(folder)} does not define"
    raise InputError(f"{where} holds no network: {which} {wanted}", says_where=True)


def _tried(references: list[Reference], trace: Trace) -> Iterator[_Trial]:
    """Each network, run; of a file that holds several each of them."""
    waiting = deque(references)
    for _ in range(MOST_TRIED):
        if not waiting:
            return
        reference = waiting.popleft()
        try:
            traced = trace(reference)
        except InputError as error:
            if error.input not in ("network", "arguments"):
                raise
            if error.choices and not reference.name:
                waiting.extendleft(structs.replace(reference, name=n) for n in error.choices[::-1])
            else:
                yield _Trial(reference, None, error.message, may_fit=False)
            continue
        if isinstance(traced, Network):
            yield _Trial(reference, traced)
        else:
            ran = traced.stage in ("builds", "runs") and traced.cause in ("raised", "unusable")
            yield _Trial(reference, None, failure_finding(traced).message, may_fit=not ran)
    yield from (_Trial(reference, None, "not tried") for reference in waiting)


def _chosen(folder: Path, trials: list[_Trial], spec: Spec | None) -> Choice:
    """The only network that fits. Without an output that is asked for, or where no output is so,
    another one that may be meant and cannot be run leaves the choice open."""
    running = [trial for trial in trials if trial.network is not None]
    fitting = [trial for trial in running if _has_the_output(trial, spec)]
    broken = [trial for trial in trials if trial.network is None and trial.may_fit]
    if len(fitting) == 1:
        why = "has the output that the spec asks for"
    elif len(running) == 1 and not broken:
        fitting, why = running, "runs"
    elif len(fitting or running) > 1:
        raise _name_one(folder, f"{len(fitting or running)} networks that fit", fitting or running)
    else:
        what = "none can be run" if not running else f"only {_within(folder, running[0])} runs"
        reasons = [f"{_within(folder, t)}: {t.reason}" for t in trials if t.network is None]
        listed = "; ".join(reasons[:MOST_NAMED])
        raise _name_one(folder, f"{len(trials)} networks, and {what} ({listed})", trials)
    others = [_within(folder, trial) for trial in trials if trial is not fitting[0]]
    if not others:
        return Choice(fitting[0].reference)
    text = f"taken out of {len(trials)} networks, as the one that {why}; the others: "
    return Choice(fitting[0].reference, (Remark(text + some_of(others, MOST_NAMED)),))


def _has_the_output(trial: _Trial, spec: Spec | None) -> bool:
    """Whether a spec asks for an output, and this network has it."""
    asked = [r for r in spec.requirements if r.rule.name == "output-shape"] if spec else []
    if spec is None or not asked or trial.network is None:
        return False
    return check(trial.network, replace(spec, requirements=tuple(asked))).passed


def _name_one(folder: Path, what: str, trials: Sequence[_Trial]) -> InputError:
    names = [_within(folder, trial) for trial in trials]
    return InputError(
        f"{near(str(folder))} holds {what}; name one: {some_of(names, MOST_NAMED)}",
        says_where=True,
        choices=tuple(names),
    )


def _within(folder: Path, trial: _Trial) -> str:
    """A network's name in its folder."""
    file, name = Path(trial.reference.file).relative_to(folder), trial.reference.name
    return f"{file}:{name}" if name else str(file)
