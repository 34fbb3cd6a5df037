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


class Wide(Net):
    def __init__(self, width: int, act: type[nn.Module]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)
        self.act = act()


class Broken(Net):
    def __init__(self) -> None:
        raise ValueError("no room")


def test_a_class_is_built_and_its_layers_know_their_lines() -> None:
    report = archcheck.verify(Net, SPEC)
    assert report.passed and report.name == "Net"
    network = archcheck.trace(Net, (3, 8, 8))
    (conv,) = [op for op in network.ops if op.kind == "conv2d"]
    assert conv.built is not None and conv.built.file == __file__


def test_a_class_is_given_arguments_those_of_the_spec_too() -> None:
    given = {"width": 7, "act": nn.ReLU}
    assert archcheck.trace(Wide, (3, 8, 8), arguments=given).outputs
    report = archcheck.verify(Wide, SPEC | {"arguments": {"width": 7}}, arguments={"act": "nn.ELU"})
    assert report.network is not None and report.network.shapes == "3×8×8 → 7×6×6"


def test_a_class_that_cannot_be_built_says_what_is_missing() -> None:
    missing = 'give them: arguments={"width": ..., "act": ...}'
    report = archcheck.verify(Wide, SPEC)
    assert report.findings[0].rule == "builds" and not report.passed
    assert (
        report.findings[0].verdict.message == "building the network failed: Wide needs "
        "arguments: width, act"
    )
    assert missing in report.findings[0].verdict.hint
    with pytest.raises(archcheck.BuildError) as caught:
        archcheck.trace(Wide, (3, 8, 8))
    assert missing in str(caught.value)
    with pytest.raises(archcheck.BuildError, match="ValueError: no room"):
        archcheck.trace(Broken, (3, 8, 8))
    assert archcheck.verify(Broken, SPEC).findings[0].rule == "builds"


def test_what_is_no_module_or_takes_no_arguments_is_refused() -> None:
    with pytest.raises(TypeError, match="<class 'int'> is neither an nn"):
        archcheck.verify(int, SPEC)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="3 is neither an nn"):
        archcheck.trace(3, (3, 8, 8))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="built already"):
        archcheck.trace(Net(), (3, 8, 8), arguments={"width": 3})
    with pytest.raises(TypeError, match="built already"):
        archcheck.verify(Net(), SPEC, arguments={"width": 3})
    with pytest.raises(archcheck.InputError, match="Net takes no argument 'with'"):
        archcheck.verify(Net, SPEC, arguments={"with": 3})


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
    with pytest.raises(archcheck.UnknownFinding) as caught:
        report.finding("parameter")
    assert isinstance(caught.value, KeyError)
    assert str(caught.value) == (
        "the spec asks for no rule 'parameter'; did you mean \"parameters\"?; its rules: parameters"
    )


def test_a_finding_is_found_by_its_entrys_own_name() -> None:
    entries = [{"name": "budget", "at_most": 1000}, {"name": "least", "at_least": 10}]
    report = archcheck.verify(Net(), SPEC | {"rules": {"parameters": entries}})
    assert report.finding("least").verdict.required == "at least 10"
    assert report.finding("parameters").name == "budget"


def test_reprs_are_one_short_line() -> None:
    report = archcheck.verify(Net(), SPEC)
    assert report.network is not None
    rf = archcheck.receptive_field(report.network)
    unit = rf.at("output").unit()
    shown = {
        repr(report): "<Report on Net: passed: 1 passed>",
        repr(report.findings): "(<Finding parameters passed: 224, required: at most 1,000>,)",
        repr(report.spec): "<Spec without a title: parameters>",
        repr(report.spec.requirements): "(<Requirement parameters>,)",
        repr(report.network): "<Network Net: 3×8×8 → 4×6×6, 224 parameters, 3,888 MACs>",
        repr(rf): "<ReceptiveField of Net: 3 × 3 at features>",
        repr(unit): "<UnitField of (3, 3) at output: 3 × 3, 9 positions; in the image 3 × 3, "
        "9 positions>",
        repr(unit.actual): "<Region 3 × 3, 9 positions>",
        repr(unit.actual.axes[0]): "<Positions 3 to 5>",
    }
    assert list(shown) == list(shown.values())
    (op,) = report.network.ops
    assert repr(op).startswith("<Op 0: conv2d in conv (test_api.py:")
    dense = archcheck.trace(nn.Sequential(nn.Flatten(), nn.Linear(192, 3)), (3, 8, 8))
    assert len(repr(archcheck.receptive_field(dense))) < 100


def test_messages_speak_of_pythons_arguments() -> None:
    rules = {
        "accuracy": {"dataset": "cifar10", "at_least": 80},
        "augmentation": {"transforms": ["HorizontalFlip"]},
    }
    net = nn.Sequential(nn.Flatten(), nn.Linear(3072, 10))
    report = archcheck.verify(net, {"input": [3, 32, 32], "rules": rules})
    messages = [finding.message for finding in report.findings]
    assert messages == ["no data given (data=)", "no training script given (augmentation=)"]
    network = archcheck.trace(net, (3, 32, 32))
    report = archcheck.verify(network, {"input": [3, 32, 32], "rules": rules})
    assert report.findings[0].message == "no weights given (weights=)"
    with pytest.raises(archcheck.SpecError, match=r"or give input_shape=\(3, 32, 32\)"):
        archcheck.verify(net, {"rules": rules})
    with pytest.raises(archcheck.InputError, match='write augmentation="FILE" or "FILE:NAME"'):
        archcheck.verify(net, {"rules": rules}, augmentation="nowhere.py")
    two = archcheck.verify(nn.Bilinear(3, 3, 3), {"input": [3], "rules": {"macs": {"at_least": 1}}})
    assert "give input_shape= a shape for each" in two.findings[0].verdict.hint


def test_errors_to_catch_come_from_the_package() -> None:
    with pytest.raises(archcheck.InputError):
        archcheck.verify("nowhere/net.py:Net", SPEC)
    with pytest.raises(archcheck.NetworkError):
        archcheck.trace(Net(), (5, 8, 8))
    with pytest.raises(archcheck.SpecError):
        archcheck.verify(Net(), {"rules": {"nix": 1}})
