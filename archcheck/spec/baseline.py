"""A spec made from a network: its budgets as they are, so that a later change cannot break them
unnoticed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from archcheck.network import Network
from archcheck.rules import Subject, Verdict, all_rules

Options = dict[str, Any]
SCHEMA = "archcheck.schema.json"


@dataclass(frozen=True)
class Entry:
    """A line of the spec: a rule, what it asks, and a word on it."""

    rule: str
    options: Options | str
    comment: str = ""


def guard_spec(network: Network, *, source: str, arguments: Mapping[str, Any]) -> str:
    """The text of a spec that the network holds and that one with larger budgets does not.

    What cannot be verified is left out, with the reason in a comment.
    """
    subject = Subject(network)
    entries, unknown = [], []
    for rule, propose in _PROPOSALS.items():
        proposal = propose(subject)
        if isinstance(proposal, Entry):
            entries.append(proposal)
        elif proposal:
            unknown.append(f"  # {rule}: {_one_line(proposal)}")
    shapes = [list(network.shape(tensor)[1:]) for tensor in network.inputs]
    lines = [
        f"# yaml-language-server: $schema={SCHEMA}",
        f"# {_one_line(source)} as it is: what it may not lose, and what it may not exceed.",
        f"# Loosen what may change. `archcheck schema > {SCHEMA}` lets editors complete the keys.",
        f"title: {_flow(f'{network.name}, as it is')}",
        f"input: {_flow(shapes[0] if len(shapes) == 1 else shapes)}",
    ]
    if arguments:
        lines.append(f"arguments: {_flow(dict(arguments))}")
    lines.append("rules:")
    written = [(f"  {entry.rule}: {_flow(entry.options)}", entry.comment) for entry in entries]
    widest = max(len(line) for line, _ in written)
    for line, comment in written:
        lines.append(f"{line:<{widest}}   # {_one_line(comment)}" if comment else line)
    return "\n".join([*lines, *unknown]) + "\n"


def _one_line(text: str) -> str:
    return re.sub(r"[^\x20-\x7e\xa0-\ud7ff\ue000-\ufffd]+", " ", text)


def _flow(value: Any) -> str:
    """A value in one line of YAML."""
    text = yaml.safe_dump(
        value, default_flow_style=True, sort_keys=False, width=float("inf"), allow_unicode=True
    )
    return text.removesuffix("\n").removesuffix("...").rstrip("\n")


def _judged(subject: Subject, rule: str, options: Options | str) -> Verdict:
    from archcheck.rules.options import SHORT

    asked = all_rules()[rule]
    given = SHORT[options] if isinstance(options, str) else options
    return asked.check(subject, asked.Options.model_validate(given))


def _offered(subject: Subject, rule: str, options: Options | str, comment: str = "") -> Entry | str:
    """An entry that the network holds; else why it cannot be known."""
    verdict = _judged(subject, rule, options)
    if verdict.status == "passed":
        return Entry(rule, options, comment)
    return verdict.message if verdict.status == "not-verified" else ""


def _at_most(rule: str) -> Callable[[Subject], Entry | str]:
    def propose(subject: Subject) -> Entry | str:
        found = _judged(subject, rule, {"at_least": 0})
        if found.status != "passed":
            return found.message
        return _offered(subject, rule, {"at_most": found.found}, f"{found.found_text} now")

    return propose


def _at_least(rule: str) -> Callable[[Subject], Entry | str]:
    """At least as many as there are, if there are any."""

    def propose(subject: Subject) -> Entry | str:
        found = _judged(subject, rule, {"at_least": 0}).found
        if not found:
            return ""
        where = _judged(subject, rule, {"at_least": found}).note
        return _offered(subject, rule, {"at_least": found}, where)

    return propose


def _forbidden(rule: str) -> Callable[[Subject], Entry | str]:
    return lambda subject: _offered(subject, rule, "forbidden", "it has none")


def _receptive_field(subject: Subject) -> Entry | str:
    least, verdict = 1, _judged(subject, "receptive-field", {"at_least": 1})
    if verdict.status != "passed":
        return verdict.message
    least = min(verdict.found)
    # Of several inputs and outputs the first one answers; another may be seen less widely.
    while (verdict := _judged(subject, "receptive-field", {"at_least": least})).status == "failed":
        least = min(verdict.found)
    return _offered(
        subject, "receptive-field", {"at_least": least}, f"{verdict.found_text} {verdict.note}"
    )


def _output_shape(subject: Subject) -> Entry | str:
    network = subject.network
    if not all(network.batched(tensor) for _, tensor in network.outputs):
        return "the first axis of an output is not the batch"
    shapes = {network.sample_shape(tensor) for _, tensor in network.outputs}
    if len(shapes) > 1:
        return "the outputs differ in shape"
    (shape,) = shapes
    return _offered(subject, "output-shape", {"shape": list(shape)})


def _global_average_pool(subject: Subject) -> Entry | str:
    found = _judged(subject, "global-average-pool", {"at_least": 0}).found
    if not found:
        return ""
    return _offered(subject, "global-average-pool", {"exactly": found})


_PROPOSALS: dict[str, Callable[[Subject], Entry | str]] = {
    "parameters": _at_most("parameters"),
    "macs": _at_most("macs"),
    "model-size": _at_most("model-size"),
    "receptive-field": _receptive_field,
    "output-shape": _output_shape,
    "depthwise-separable": _at_least("depthwise-separable"),
    "dilated": _at_least("dilated"),
    "global-average-pool": _global_average_pool,
    "max-pool": _forbidden("max-pool"),
    "strided": _forbidden("strided"),
    "transposed": _forbidden("transposed"),
    "fully-connected": _forbidden("fully-connected"),
}
