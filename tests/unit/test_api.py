"""What the Python API says to wrong calls, and the errors to catch."""

from __future__ import annotations

import pytest
from torch import nn

import archcheck

SPEC = {"input": [3, 8, 8], "rules": {"parameters": {"at_most": 1000}}}


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.spare = nn.Conv2d(3, 4, 3)

    def forward(self, x):  # type: ignore[no-untyped-def]
        return self.conv(x)


def test_a_class_is_told_to_be_called() -> None:
    with pytest.raises(TypeError, match=r"Net is a class, no network yet: call it, Net\(\)"):
        archcheck.verify(Net, SPEC)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"call it, Net\(\)"):
        archcheck.trace(Net, (3, 8, 8))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("at", "words"),
    [
        ("nix", "nix: there is no such module; there are features, output, conv"),
        ("covn", "covn: there is no such module; did you mean conv?"),
        ("spare", "spare: that module was never called"),
    ],
)
def test_an_unknown_location_says_which_there_are(at: str, words: str) -> None:
    rf = archcheck.receptive_field(archcheck.trace(Net(), (3, 8, 8)))
    with pytest.raises(archcheck.UnknownLocation) as caught:
        rf.at(at)
    assert str(caught.value) == words
    assert isinstance(caught.value, KeyError)


def test_a_rule_that_the_spec_does_not_ask_for() -> None:
    report = archcheck.verify(Net(), SPEC)
    with pytest.raises(KeyError, match="no rule 'macs'; its rules: parameters"):
        report.finding("macs")


def test_errors_to_catch_come_from_the_package() -> None:
    with pytest.raises(archcheck.InputError):
        archcheck.verify("nowhere/net.py:Net", SPEC)
    with pytest.raises(archcheck.NetworkError):
        archcheck.trace(Net(), (5, 8, 8))
    with pytest.raises(archcheck.SpecError):
        archcheck.verify(Net(), {"rules": {"nix": 1}})
