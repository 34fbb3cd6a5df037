"""What lint says of the networks of the zoo: errors and warnings are few, and all are true."""

from __future__ import annotations

import pytest

from archcheck.lint.judge import findings_of
from archcheck.lint.linted import Linted
from archcheck.lint.options import LintOptions
from tests.support.linting import passes
from tests.support.zoo.catalogue import ZOO

SMALL = "its fields are exact, and the input is larger"
BIAS = "the published network has biases in front of its batch norms"
TRUE = {
    ("efficientnet without gates", "receptive-field-smaller-than-input"): SMALL,
    ("resnext", "receptive-field-smaller-than-input"): SMALL,
    ("m5", "receptive-field-smaller-than-input"): SMALL,
    ("m5", "bias-before-batchnorm"): BIAS,
    ("crnn", "bias-before-batchnorm"): BIAS,
    ("hrnet", "linear-chain"): "its step down has no activation, and a branch begins behind it",
    ("wavenet", "dead-op"): "nothing reads what the last layer hands on",
    ("in place", "inplace-corrupts-skip"): "its backward pass raises",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ZOO)
def test_only_what_is_true_is_said(name: str) -> None:
    fixture = ZOO[name]
    options = LintOptions(select=("all",))
    found = findings_of(Linted(passes(fixture.build(), fixture.shape)), options)
    said = {rule.name for rule, each in found if options.severity_of(rule, each) != "info"}
    assert said == {rule for network, rule in TRUE if network == name}
