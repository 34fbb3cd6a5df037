"""A spec made from a network: its budgets as they are, so that a later change cannot break them
unnoticed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from archcheck.network import Network
from archcheck.network.input_language import written
from archcheck.rules import Proposal, Subject, all_rules

SCHEMA = "archcheck.schema.json"


def baseline_spec(network: Network, *, source: str, arguments: Mapping[str, Any]) -> str:
    """The text of a spec that the network holds and that one with larger budgets does not.

    What cannot be verified is left out, with the reason in a comment.
    """
    subject = Subject(network)
    asked: dict[str, Proposal] = {}
    unknown: list[str] = []
    for name, rule in all_rules().items():
        baseline = rule.baseline(subject)
        if isinstance(baseline, Proposal):
            asked[name] = baseline
        elif baseline is not None:
            unknown.append(f"  # {name}: {_one_line(baseline)}")
    key, inputs = written(network.given or network.given_tensors)
    lines = [
        f"# yaml-language-server: $schema={SCHEMA}",
        f"# {_one_line(source)} as it is: what it may not lose, and what it may not exceed.",
        f"# Loosen what may change. `archcheck schema > {SCHEMA}` lets editors complete the keys.",
        f"title: {_flow(f'{network.name}, as it is')}",
        f"{key}: {_flow(inputs)}",
    ]
    if arguments:
        lines.append(f"arguments: {_flow(dict(arguments))}")
    lines.append("rules:")
    entries = [(f"  {name}: {_flow(each.options)}", each.comment) for name, each in asked.items()]
    widest = max(len(line) for line, _ in entries)
    for line, comment in entries:
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
