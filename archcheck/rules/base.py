"""What a rule is: a name, a documentation, options, a check, and examples that prove it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, ClassVar, Literal

from archcheck.evidence import Evidence, Needs
from archcheck.fields import ReceptiveField, receptive_field
from archcheck.fields.explain.growth import Growth
from archcheck.network import Network, Op, Place
from archcheck.network.accounting import Accounts, accounts_of
from archcheck.network.kinds import FROZEN, KNOWN, UNFOLLOWED_LAYERS
from archcheck.network.reach import Reach, reach_of
from archcheck.rules.options import CommonOptions

Status = Literal["passed", "failed", "not-verified"]
Level = Literal["error", "warning", "note"]
LEVELS: dict[Level, str] = {"error": "error", "warning": "warning", "note": "note"}
"""The levels, the worst first, and what their findings are called."""


@dataclass(frozen=True)
class Location:
    """A place that a finding is about: a line, and the module that was built or called there."""

    place: Place | None
    module: str
    label: str = ""


@dataclass(frozen=True, repr=False)
class Verdict:
    """A rule's answer.

    ``found`` is the value as data, ``found_text`` as people read it; ``required`` is what was
    asked for, ``message`` the reason in a sentence, ``note`` a word of context for one line.
    """

    status: Status
    found: Any
    found_text: str
    required: str
    message: str
    locations: tuple[Location, ...] = ()
    note: str = ""
    growth: tuple[Growth, ...] = ()
    needed: int | None = None
    hint: str = ""
    asides: tuple[Aside, ...] = ()
    """What else was noticed."""

    def __repr__(self) -> str:
        return f"<Verdict {self.figures}>"

    @property
    def figures(self) -> str:
        """In a few words what was found: ``failed: 31 × 31, required: more than 44``."""
        required = f", required: {self.required}" if self.required else ""
        return f"{self.status}: {self.found_text or '–'}{required}"


@dataclass(frozen=True)
class Aside:
    """What was noticed beside a rule's answer: a finding of its own, under the name of another rule
    if one is given."""

    verdict: Verdict
    level: Level = "warning"
    rule: str = ""


@dataclass(frozen=True)
class Example:
    """A network (an expression of ``torch`` and ``nn``, or the source of a class ``Net``) and the
    options under which the rule passes or fails on it. ``script`` is the source of the training
    script that comes with it, ``evidence`` what else was collected beside it."""

    network: str
    options: Any
    input: tuple[int, ...] = (3, 32, 32)
    script: str = ""
    evidence: Evidence | None = None


@dataclass(frozen=True)
class Proposal:
    """An entry that a network holds as it is: options as a spec writes them, and a comment."""

    options: dict[str, Any] | str
    comment: str = ""


Baseline = Proposal | str | None
"""What a rule asks of a network as it is: a proposal, the reason why it cannot be known whether one
would hold, or None where there is nothing to ask."""

FROZEN_WEIGHTS = "the weights of a frozen script are constants of its code: not seen"
"""Why what parameters amount to is not verified where there is one."""
_SOUNDS_LIKE_A_LAYER = re.compile("conv|pool|linear|dot|inner|mm|mv|matmul|attention|rnn|lstm|mean")


class Subject:
    """What a rule looks at: the Network and its receptive fields, worked out once, and the evidence
    that was collected beside it."""

    def __init__(self, network: Network, evidence: Evidence | None = None) -> None:
        self.network = network
        self.evidence = evidence or Evidence()
        self._fields: dict[tuple[str, int], ReceptiveField] = {}

    def fields(self, normalization: str = "ignored", input_index: int = 0) -> ReceptiveField:
        """The receptive fields in one of the inputs, under one reading of normalisation."""
        key = (normalization, input_index)
        if key not in self._fields:
            self._fields[key] = receptive_field(
                self.network, normalization=normalization, input_index=input_index
            )
        return self._fields[key]

    @cached_property
    def reach(self) -> Reach:
        """What the outputs depend on."""
        return reach_of(self.network)

    @cached_property
    def accounts(self) -> Accounts:
        """What the network holds beside its inputs."""
        return accounts_of(self.network)

    def reaching(self, ops: Iterable[Op]) -> list[Op]:
        """Those of some operations that an output depends on."""
        return [op for op in ops if self.reach.certain(op)]

    @cached_property
    def unknown(self) -> tuple[Location, ...]:
        """Operations that may do a layer's work in a way that is not known: of a kind whose values
        decide what meets, or of no known kind, where they read a parameter or their name says
        so."""
        return tuple(
            call_location(op)
            for op in self.network.ops
            if self.network.depends(op)
            and self.reach.possible(op)
            and (op.kind in UNFOLLOWED_LAYERS or (op.kind not in KNOWN and _may_be_a_layer(op)))
        )

    @cached_property
    def frozen(self) -> tuple[Location, ...]:
        """Where frozen scripts are called, whose weights are constants of their code."""
        ops = self.network.ops
        return tuple(call_location(op) for op in ops if op.arguments.get(FROZEN) is True)

    @cached_property
    def opaque(self) -> tuple[Location, ...]:
        """Where operations may have run that were not seen."""
        locations = []
        for tensor in self.network.opaque:
            maker = self.network.producer(tensor)
            readers = self.network.consumers.get(tensor, ())
            if maker is not None:
                locations.append(call_location(maker))
            else:
                locations.append(location(readers[0]) if readers else Location(None, ""))
        for op in self.network.left_for_python:
            locations.append(call_location(op, "values leave torch here"))
        return tuple(locations)


def _may_be_a_layer(op: Op) -> bool:
    return bool(op.parameters or _SOUNDS_LIKE_A_LAYER.search(op.function.rpartition(".")[2]))


class Rule:
    """A requirement that a spec can make. One file of this package holds one rule.

    The docstring of a rule is its documentation, under the headings *What it does*, *Why it
    matters*, *Example* and *References*.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    Options: ClassVar[type[CommonOptions]]
    passes: ClassVar[Sequence[Example]] = ()
    fails: ClassVar[Sequence[Example]] = ()
    unverified: ClassVar[Sequence[Any]] = ()
    """Options that cannot be verified on a network of which a part was not seen."""

    def check(self, subject: Subject, options: Any) -> Verdict:
        """Judge a network by the options of one entry of a spec."""
        raise TypeError(f"{type(self).__name__} has no check")

    def needs(self, options: Any) -> Needs:
        """What has to be known beside the Network under some options; nothing by default."""
        del options
        return Needs()

    def baseline(self, subject: Subject) -> Baseline:
        """What a spec that is made from the network asks by this rule; nothing by default."""
        del subject
        return None


def location(op: Op, label: str = "") -> Location:
    """The place of an operation: where its layer was built, else where it was called."""
    return Location(op.built or op.called, op.module, label or op.module or op.kind)


def call_location(op: Op, label: str = "") -> Location:
    """The place where an operation was called."""
    return Location(op.called or op.built, op.module, label or op.module or op.kind)


def not_verified(
    required: str, reason: str, locations: Sequence[Location] = (), note: str | None = None
) -> Verdict:
    """The verdict on what cannot be known."""
    text = reason if note is None else note
    return Verdict("not-verified", None, "–", required, reason, tuple(locations), note=text)


_RULES: dict[str, Rule] = {}


def register(rule: type[Rule]) -> type[Rule]:
    """Make a rule known under its name."""
    _RULES[rule.name] = rule()
    return rule


@cache
def import_files(package: str) -> None:
    """Import all files of a package: each registers the rule that it holds."""
    import importlib
    import pkgutil

    for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
        importlib.import_module(f"{package}.{module.name}")


def all_rules() -> dict[str, Rule]:
    """All rules by name, in alphabetical order."""
    import_files(__package__ or "")
    return dict(sorted(_RULES.items()))


def documentation(rule: object) -> str:
    """A rule's documentation as Markdown, without its indentation."""
    import inspect

    return inspect.cleandoc(rule.__doc__ or "")


__all__ = [
    "Aside",
    "Baseline",
    "Example",
    "Level",
    "Location",
    "Proposal",
    "Rule",
    "Subject",
    "Verdict",
    "all_rules",
    "call_location",
    "documentation",
    "import_files",
    "location",
    "not_verified",
    "register",
]
