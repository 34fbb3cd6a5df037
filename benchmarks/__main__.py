"""``python -m benchmarks``: measure, print, and keep the results."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks import correctness, in_process, whole_process
from benchmarks.processes import ROOT
from benchmarks.ratios import Failed
from benchmarks.results import KEPT, Case, Part, gathered
from benchmarks.table import TITLES, lines, measured_on, section, with_section

ROUNDS = 10
Say = Callable[[str], None]
Measure = Callable[[int, int, bool, Say], Part]


def _network(small: bool) -> str:
    return "tiny" if small else "resnet50"


MEASURES: dict[str, Measure] = {
    "whole-process": lambda rounds, threads, small, log: whole_process.times(
        rounds, threads, _network(small), log
    ),
    "memory": lambda rounds, threads, small, log: whole_process.memory(
        min(rounds, 3), threads, _network(small), log
    ),
    "in-process": in_process.beside_torchinfo,
    "scaling": in_process.scaling,
}


def main(arguments: list[str]) -> int:
    """Run what the command line names; returns the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    chosen = options.parts or list(TITLES)
    for name in chosen:
        if name not in TITLES:
            parser.error(f"there is no part {name!r}; the parts are {', '.join(TITLES)}")
    if options.update_docs and (options.smoke or set(chosen) != set(TITLES)):
        parser.error("--update-docs needs all parts, measured in earnest")
    rounds = 1 if options.smoke else options.rounds
    parts: dict[str, Part] = {}
    cases: tuple[Case, ...] = ()
    for name in TITLES:
        if name not in chosen:
            continue

        def log(text: str, name: str = name) -> None:
            sys.stderr.write(f"{name}: {text}\n")

        if name == "correctness":
            try:
                cases, failed = correctness.compare(options.smoke, log)
            except Failed as error:
                failed = {"gradients": str(error)}
            parts[name] = Part(failed=failed)
        else:
            parts[name] = MEASURES[name](rounds, options.threads, options.smoke, log)
        text = lines(name, parts[name], cases if name == "correctness" else ())
        sys.stdout.write("\n".join(text) + "\n\n")
        sys.stdout.flush()
    results = gathered(parts, cases, rounds=rounds, threads=options.threads)
    sys.stdout.write(f"{measured_on(results)}\n")
    if options.json:
        results.save(options.json)
    if any(_ours(part) for part in parts.values()):
        sys.stderr.write("archcheck itself failed somewhere, see above\n")
        return 1
    if options.update_docs:
        results.save(KEPT)
        document = ROOT / "docs" / "benchmarks.md"
        text = with_section(document.read_text(encoding="utf-8"), section(results))
        document.write_text(text, encoding="utf-8")
    return 0


def _ours(part: Part) -> bool:
    return any(name.startswith(("archcheck", "gradients")) for name in part.failed)


def _rounds(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure archcheck beside other tools. Exit code 1: archcheck itself failed "
        "somewhere; a peer that fails is named and left out.",
    )
    add = parser.add_argument
    add("parts", nargs="*", metavar="PART", help=f"any of {', '.join(TITLES)} (default: all)")
    add("--rounds", type=_rounds, default=ROUNDS, metavar="N", help=f"rounds (default {ROUNDS})")
    add("--threads", type=int, default=0, metavar="N", help="threads of torch (default: its own)")
    add("--json", type=Path, metavar="FILE", help="write what was found here")
    update = add("--update-docs", "--update-readme", action="store_true")
    update.help = "keep it, and write docs/benchmarks.md"
    add("--smoke", action="store_true", help="everything once on tiny networks: do they run?")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
