"""What one way through the source is followed with: its values, choices and limits."""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Literal

from archcheck.augmentation.interpreter.project import Project
from archcheck.augmentation.interpreter.relevance import Relevance
from archcheck.augmentation.interpreter.values import (
    Assumed,
    Function,
    Given,
    Instance,
    Items,
    Module,
    Scope,
    Table,
    TooMuch,
    Transformed,
    Value,
)
from archcheck.evidence.augmentation import Unknown

MOST_TRANSFORMS = 5_000
"""How many transforms are made on one way through a script."""


class Machine(ABC):
    """One way through a script.

    Args:
        project: the script and the files that it imports.
        relevance: which statements have to do with a pipeline.
        choices: which way to go at the first conditions that are not known; further ones are
            taken to hold, and added.
        steps: how many steps are left, in a list of one, for all ways together.
    """

    def __init__(
        self, project: Project, relevance: Relevance, choices: list[bool], steps: list[int]
    ) -> None:
        self.project = project
        self.relevance = relevance
        self.choices = choices
        self.steps = steps
        self.facts: dict[str, bool] = {}
        self.assumptions: dict[str, tuple[Assumed, bool]] = {}
        """Defaults by the conditions that they are part of, and what they make of those."""
        self.asked = 0
        self.symbols = 0
        self.modules: dict[str, Module] = {}
        self.replaced: dict[str, Value] = {}
        """What the submission puts in the place of another project's names."""
        self.made: list[Transformed] = []
        self.entered: set[int] = set()
        """Functions and classes that were called, by their nodes."""
        self.instances: list[Instance] = []
        """The objects of the submission's classes."""
        self.stack: list[ast.AST] = []
        self.importing = 0
        """How many files are being imported by others."""
        self.is_uncertain = False
        """Whether what is done now may be done any number of times."""
        self.is_relevant = True
        """Whether the statement has to do with a pipeline."""
        self.hidden: Unknown | None = None
        """Why there may be pipelines that are not seen."""

    @abstractmethod
    def evaluate(self, node: ast.expr, scope: Scope) -> Value:
        """The value of an expression."""

    @abstractmethod
    def call(self, function: Value, given: Given, node: ast.expr, scope: Scope) -> Value:
        """What a call returns."""

    @abstractmethod
    def attribute(self, value: Value, name: str, node: ast.expr) -> Value:
        """An attribute of a value."""

    @abstractmethod
    def execute(self, body: list[ast.stmt], scope: Scope) -> None:
        """Run statements."""

    @abstractmethod
    def assign(self, target: ast.expr, value: Value, scope: Scope) -> None:
        """Give a value to what stands left of an equals sign."""

    @abstractmethod
    def imported(self, file: str) -> Module:
        """A file of the project, run."""

    @abstractmethod
    def run_function(
        self,
        function: Function,
        given: Given,
        receiver: Value = None,
        assumes: Literal["nothing", "defaults"] = "nothing",
    ) -> Value:
        """What a function returns."""

    def new_transform(self, name: str, node: ast.expr, scope: Scope) -> Transformed:
        """A transform of the library, written down.

        Raises:
            TooMuch: if there are too many.
        """
        made = Transformed(name, node, scope.file, is_used=not self.importing)
        if len(self.made) > MOST_TRANSFORMS:
            raise TooMuch
        self.made.append(made)
        return made

    # -- what is not known ------------------------------------------------------------------

    def unknown(self, reason: str) -> Unknown:
        """A value that is not known."""
        self.symbols += 1
        return Unknown(reason, symbol=f"#{self.symbols}")

    def step(self) -> None:
        """Count a step.

        Raises:
            TooMuch: if there were too many.
        """
        self.steps[0] -= 1
        if self.steps[0] < 0:
            raise TooMuch

    def truth(self, value: Value) -> bool | None:
        """Whether a value counts as true; None where the source does not tell, and it is of no
        importance."""
        if isinstance(value, Assumed):
            self.assumptions[value.symbol] = (value, bool(self.truth(value.value)))
        if isinstance(value, (Unknown, Assumed)):
            return self.decided(value.symbol) if self.is_relevant else None
        if isinstance(value, (Items, Table)):
            is_known = value.is_known if isinstance(value, Items) else value.rest is None
            if not is_known:
                return self.decided("") if self.is_relevant else None
            return bool(value.items)
        try:
            return bool(value)
        except (TypeError, ValueError):
            return None

    def decided(self, symbol: str) -> bool:
        """Which way to go at a condition that is not known; the same for the same condition."""
        if symbol.startswith("not "):
            return not self.decided(symbol.removeprefix("not "))
        known = self._implied(symbol)
        if known is not None:
            return known
        if self.asked == len(self.choices):
            self.choices.append(True)
        chosen = self.choices[self.asked]
        self.asked += 1
        if symbol:
            self.facts[symbol] = chosen
        if symbol in self.assumptions:
            assumed, by_default = self.assumptions[symbol]
            if chosen != by_default:
                assumed.value = self.unknown("it is not the default here")
        return chosen

    def _implied(self, symbol: str) -> bool | None:
        """Whether a condition holds by what was decided: what equals one value equals no other."""
        if symbol in self.facts:
            return self.facts[symbol]
        subject, equals, _ = symbol.partition(" == ")
        others = (fact for fact, holds in self.facts.items() if holds)
        if equals and any(fact.startswith(f"{subject} == ") for fact in others):
            return False
        return None

    def use(self, value: Value) -> None:
        """Note that the script asks for a transform, or for what holds some."""
        if isinstance(value, Transformed):
            value.is_used = True
            return
        parts: Iterable[Value] = ()
        if isinstance(value, (Items, Table)):
            parts = value.items.values() if isinstance(value, Table) else value.items
        elif isinstance(value, tuple):
            parts = value
        for part in parts:
            if isinstance(part, Transformed):
                part.is_used = True

    def may_change(self, value: Value, reason: str) -> None:
        """Note that a value may be changed in a way that is not followed."""
        if isinstance(value, Items) and value.kind != "array":
            value.lose(self.unknown(reason))
        elif isinstance(value, Table):
            value.rest = self.unknown(reason)
            value.items.clear()
