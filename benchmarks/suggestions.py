"""Suggestions for the zoo's networks under made-up specs, each applied and verified anew.

``python -m benchmarks.suggestions [NAME...]`` copies the zoo, searches under each spec that a
network fails, writes every suggestion into the copy and verifies that in a fresh process. It prints
a line a search and exits with 1 if a suggestion does not hold.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from archcheck.cache.tracing import CachedTracing
from archcheck.network import Network
from archcheck.network.shapes import inputs_of
from archcheck.rules import Subject, all_rules
from archcheck.spec import Requirement, Spec, check
from archcheck.suggestions.suggest import Outcome, Suggestion, suggest
from archcheck.tracing.remote import editing_workers
from archcheck.verification.submission import Submission
from archcheck.worker.reference import Reference
from archcheck.worker.warm import WarmWorkers
from tests.support.paths import ROOT
from tests.support.zoo.catalogue import ZOO

ZOO_FOLDER = Path("tests/support/zoo")
BUILDERS = '''\
"""The networks of the catalogue, a function each."""

from tests.support.zoo.catalogue import ZOO

'''


def copied(folder: Path) -> Path:
    """A copy of the zoo in a folder, with a file whose functions build its networks."""
    shutil.copytree(ROOT / ZOO_FOLDER, folder / ZOO_FOLDER, ignore=shutil.ignore_patterns("__py*"))
    for package in ("tests", "tests/support"):
        (folder / package / "__init__.py").write_text("")
    functions = (
        f"\ndef network_{number}():\n    return ZOO[{name!r}].build()\n"
        for number, name in enumerate(ZOO)
    )
    file = folder / ZOO_FOLDER / "built.py"
    file.write_text(BUILDERS + "\n".join(functions))
    return file


def specs(network: Network) -> Iterator[tuple[str, dict[str, Any]]]:
    """Ten specs that ask a little more of a network than it has, by name."""
    subject = Subject(network)

    def found(rule: str, options: dict[str, Any]) -> Any:
        each = all_rules()[rule]
        return each.check(subject, each.Options(**options)).found

    sizes = found("receptive-field", {"at_least": 1})
    size = min(sizes) if sizes else 8
    counts = {
        name: found(name, {"at_least": 0}) or 0
        for name in ("dilated", "depthwise", "depthwise-separable", "strided")
    }
    parameters, macs = network.num_parameters, network.macs or 1000
    fewer, larger = int(parameters * 0.8), int(size * 1.4) + 1
    yield "fewer parameters", {"parameters": {"at_most": fewer}}
    yield "larger field", {"receptive-field": {"at_least": larger}}
    yield "smaller field", {"receptive-field": {"at_most": max(int(size * 0.8), 1)}}
    yield "more dilated", {"dilated": {"at_least": counts["dilated"] + 1}}
    yield "more depthwise", {"depthwise": {"at_least": counts["depthwise"] + 1}}
    yield "separable", {"depthwise-separable": {"at_least": counts["depthwise-separable"] + 1}}
    yield "fewer strided", {"strided": {"at_most": max(counts["strided"] - 1, 0)}}
    yield (
        "no max pool, global average",
        {"max-pool": {"exactly": 0}, "global-average-pool": {"at_least": 1}},
    )
    yield "fewer multiplications", {"macs": {"at_most": int(macs * 0.75)}}
    yield "both", {"parameters": {"at_most": fewer}, "receptive-field": {"at_least": larger}}


def spec_of(rules: dict[str, dict[str, Any]], shape: tuple[int, ...]) -> Spec:
    """A spec of some rules."""
    known = all_rules()
    requirements = tuple(
        Requirement(known[name], known[name].Options(**options)) for name, options in rules.items()
    )
    return Spec(requirements, inputs_of(shape))


def traced(reference: Reference, shape: tuple[int, ...]) -> Network | None:
    """A network, from a process of its own."""
    with CachedTracing(reference, None) as tracer:
        found = tracer.trace(shape, other_batches=True)
    return found if isinstance(found, Network) else None


def holds_applied(
    suggestion: Suggestion, file: Path, name: str, spec: Spec, shape: tuple[int, ...]
) -> bool:
    """Whether a suggestion holds when it is written into the files."""
    for path, content in suggestion.contents.items():
        Path(path).write_bytes(content)
    try:
        network = traced(Reference(str(file), "", name), shape)
        return network is not None and check(network, spec).passed
    finally:
        for path, content in suggestion.read.items():
            Path(path).write_bytes(content)


def searched(
    name: str, number: int, file: Path, workers: WarmWorkers
) -> Iterator[tuple[str, Outcome, float, list[bool]]]:
    """What comes of each spec that a network fails: the seconds, and which suggestions hold."""
    shape = ZOO[name].shape
    reference = Reference(str(file), "", f"network_{number}")
    network = traced(reference, shape)
    assert network is not None
    for title, rules in specs(network):
        spec = spec_of(rules, shape)
        report = check(network, spec, file=str(file))
        if report.passed:
            continue
        started = time.perf_counter()
        outcome = suggest(
            Submission(reference=reference),
            spec,
            report,
            workers.start,
            60.0,
            lambda done, total: None,
        )
        seconds = time.perf_counter() - started
        held = [
            holds_applied(each, file, reference.name, spec, shape) for each in outcome.suggestions
        ]
        yield title, outcome, seconds, held


def main(names: list[str]) -> int:
    """Search for the networks of some names, by default all."""
    broken = 0
    with tempfile.TemporaryDirectory() as folder, editing_workers() as workers:
        file = copied(Path(folder))
        for number, name in enumerate(ZOO):
            if names and name not in names:
                continue
            for title, outcome, seconds, held in searched(name, number, file, workers):
                broken += held.count(False)
                best = str(outcome.suggestions[0].effect) if outcome.suggestions else "none found"
                wrong = f"  {held.count(False)} DO NOT HOLD" if not all(held) else ""
                figures = f"{len(held)} of {outcome.tried} in {seconds:.1f} s{wrong}"
                print(f"{name} | {title} | {figures} | {best}", flush=True)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
