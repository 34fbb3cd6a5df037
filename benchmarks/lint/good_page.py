"""The section of docs/lint.md on published networks."""

from __future__ import annotations

from collections.abc import Iterable

from benchmarks.lint.good_found import Good, GoodRun, Said
from benchmarks.table import table, with_section

BEGIN, END = "<!-- known good -->", "<!-- end of known good -->"
COMMAND = """\
.venv/bin/pip install -q -c constraints.txt -e '.[models]'
.venv/bin/python -m benchmarks.lint.known_good --update-docs"""
MOST_NAMED = 6
"""The most networks and lines that a row names."""


def with_known_good(document: str, run: GoodRun) -> str:
    """A document with the section between its markers replaced."""
    return with_section(document, known_good(run), BEGIN, END)


def known_good(run: GoodRun) -> str:
    """The whole section."""
    linted = [each for each in run.networks if not each.raised]
    versions = ", ".join(f"{name} {number}" for name, number in run.versions.items())
    silent = sum(not each.faults for each in linted)
    blocks = [
        f"{len(linted)} networks of timm and torchvision, one or two of a family, as they are "
        f"published and at their own input size, linted on {run.date} with {versions}. "
        f"{silent} of them get neither an error nor a warning. What the others "
        "get was read in their code, and is true:",
        _true(linted),
        *_unknown(linted),
        "### The networks",
        *(_named(library, linted) for library in dict.fromkeys(each.library for each in linted)),
        *_left_out(run.networks),
        f"To lint them anew:\n\n```sh\n{COMMAND}\n```",
    ]
    return "\n\n".join(blocks)


def _true(linted: Iterable[Good]) -> str:
    """A row for a rule and the reason why it is right."""
    alike: dict[tuple[str, str, str], list[tuple[Good, Said]]] = {}
    for network in linted:
        for said, why in network.faults:
            key = said.level, said.rule, why or "**not explained**"
            alike.setdefault(key, []).append((network, said))
    rows = []
    for (level, rule, why), found in sorted(alike.items()):
        names = dict.fromkeys(network.name for network, _ in found)
        places = dict.fromkeys(f"{said.file}:{said.line}" for _, said in found)
        rows.append((level, f"`{rule}`", _listed(names), _listed(places), why))
    return table(("", "rule", "networks", "lines", "why it is true"), rows)


def _unknown(linted: Iterable[Good]) -> list[str]:
    """What rules could not tell, by rule and reason."""
    alike: dict[tuple[str, str], list[str]] = {}
    for network in linted:
        for said in network.said:
            if said.level == "cannot tell":
                alike.setdefault((said.rule, said.message), []).append(network.name)
    if not alike:
        return []
    rows = [
        (f"`{rule}`", message, _listed(dict.fromkeys(names)))
        for (rule, message), names in sorted(alike.items())
    ]
    return ["Where a rule cannot tell, it says so:", table(("rule", "why", "networks"), rows)]


def _named(library: str, linted: Iterable[Good]) -> str:
    names = [f"`{each.name}`" for each in linted if each.library == library]
    return f"{library}: {', '.join(names)}."


def _left_out(networks: Iterable[Good]) -> list[str]:
    rows = [f"- `{each.name}`: {each.raised}" for each in networks if each.raised]
    return ["Left out are", "\n".join(rows)] if rows else []


def _listed(words: Iterable[str]) -> str:
    words = list(words)
    more = len(words) - MOST_NAMED
    shown = ", ".join(words[:MOST_NAMED])
    return f"{shown} and {more} more" if more > 0 else shown
