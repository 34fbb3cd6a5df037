"""Which choices of rules a lint takes."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from archcheck.lint import LintOptions, all_lint_rules


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"select": []}, "name a rule, or `all`"),
        ({"ignore": ["all"]}, 'there is no lint rule "all"'),
        ({"severities": {"all": "error"}}, 'there is no lint rule "all"'),
        ({"ignore": sorted(all_lint_rules())[1:], "select": ["dead-op"]}, "are ignored"),
        ({"ignore": ["dead-op"], "select": ["dead-op"]}, "are ignored"),
    ],
)
def test_a_choice_without_a_rule_or_of_none_there_is_is_refused(
    options: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ValidationError, match=reason):
        LintOptions.model_validate(options)


def test_what_is_left_of_a_choice_is_looked_for() -> None:
    chosen = LintOptions.model_validate(
        {"select": ["dead-op", "even-kernel"], "ignore": ["dead-op"]}
    )
    assert list(chosen.chosen) == ["even-kernel"]
    assert "dead-op" not in LintOptions.model_validate({"ignore": ["dead-op"]}).chosen
