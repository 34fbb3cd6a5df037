"""Faults of the graph in the networks of the zoo: there are two, and both are true."""

from __future__ import annotations

import pytest

from archcheck.lint import all_lint_rules
from archcheck.lint.linted import Linted
from tests.support.linting import passes
from tests.support.zoo.catalogue import ZOO

RULES = """
accidental-sharing dead-op dropout-on-logits functional-dropout-always-on ignored-input
inplace-corrupts-skip layer-built-in-forward no-gradient-path reused-batchnorm
unregistered-parameter
unused-parameter""".split()
TRUE = {
    ("wavenet", "dead-op"): "nothing reads what the last layer hands on",
    ("in place", "inplace-corrupts-skip"): "its backward pass raises",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ZOO)
def test_only_true_faults_are_found(name: str) -> None:
    fixture = ZOO[name]
    linted = Linted(passes(fixture.build(), fixture.shape))
    rules = all_lint_rules()
    found = [(name, rule) for rule in RULES for _ in rules[rule].find(linted)]
    assert found == [key for key in TRUE if key[0] == name]
