"""What is asked of a lint."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import ErrorDetails

from archcheck.errors import closest
from archcheck.lint.base import Fault, LintRule, Severity, Unknown, all_lint_rules
from archcheck.rules.options import CommonOptions

ALL = "all"
Loss = Literal["cross-entropy", "nll", "bce", "bce-with-logits", "mse", "l1"]


class LintOptions(CommonOptions):
    """Which faults are looked for, and what they mean."""

    select: tuple[str, ...] | None = Field(
        None,
        description="The rules; all of them, with those that only inform, are `all`. By default "
        "what is an error or a warning is shown.",
    )
    ignore: tuple[str, ...] = Field((), description="Rules that are left out.")
    severities: dict[str, Severity] = Field(
        {}, description="What the findings of a rule mean, in place of its own severity."
    )
    ignores: bool = Field(
        True,
        description="Whether comments, `# archcheck: ignore[rule] reason`, may suppress findings.",
    )
    loss: Loss | None = Field(None, description="The loss that the network is trained with.")

    @field_validator("select")
    @classmethod
    def _some(cls, names: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if names == ():
            raise ValueError(f"name a rule, or `{ALL}`")
        for name in names or ():
            refuse_unknown(name, ALL)
        return names

    @field_validator("ignore", "severities")
    @classmethod
    def _known(cls, names: Collection[str]) -> Collection[str]:
        for name in names:
            refuse_unknown(name)
        return names

    @field_validator("ignore")
    @classmethod
    def _leaves_some(cls, names: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        selected = info.data.get("select") or (ALL,)
        if ALL not in selected and set(selected) <= set(names):
            raise ValueError("all rules that are selected are ignored")
        return names

    @property
    def chosen(self) -> dict[str, LintRule]:
        """The rules that are looked for, by name."""
        asked = all_lint_rules()
        if self.select is not None and ALL not in self.select:
            asked = {name: rule for name, rule in asked.items() if name in self.select}
        return {name: rule for name, rule in asked.items() if name not in self.ignore}

    def severity_of(self, rule: LintRule, found: Fault | Unknown) -> Severity:
        """What a finding means; that a rule cannot tell only informs."""
        if isinstance(found, Unknown):
            return "info"
        return self.severities.get(rule.name) or found.severity or rule.severity

    def shows(self, rule: LintRule, severity: Severity) -> bool:
        """Whether a finding is shown: what only informs has to be asked for."""
        return severity != "info" or bool(self.select) or rule.name in self.severities


def reason_of(error: ErrorDetails) -> str:
    """What pydantic found wrong with an option, as people say it."""
    return str(error.get("ctx", {}).get("error") or error["msg"])


def refuse_unknown(name: str, *others: str) -> None:
    """Refuse what is no lint rule and none of some other words.

    Raises:
        ValueError: with the closest name.
    """
    known = (*others, *all_lint_rules())
    if name not in known:
        hint = closest(name.replace("_", "-"), known)
        raise ValueError(f'there is no lint rule "{name}"{hint or "; `archcheck rules` has them"}')
