"""Which network of a folder is verified: the one that is named, else the only one that fits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import pytest
from torch import nn

import archcheck
from archcheck.network import Network
from archcheck.spec import Spec, spec_from
from archcheck.verification.choosing import Choice, choose
from archcheck.worker.failures import Failure, InputError
from archcheck.worker.reference import Reference

CLASS = "from torch import nn\nclass {}(nn.Module):\n    def forward(self, x):\n        return x\n"
ARGUMENTS = InputError("Net takes no argument 'width'", input="arguments")
RAISES = Failure("runs", "raised", "ValueError: no")
BROKEN = Failure("imports", "raised", "ValueError: no luck")
SLOW = Failure("builds", "timeout", seconds=3.0)

Outcome = int | Failure | InputError
"""What comes of running a network: how many numbers it gives, or what goes wrong."""


@cache
def network(width: int) -> Network:
    return archcheck.trace(nn.Linear(4, width), (4,))


def spec(network: str = "", shape: bool = True) -> Spec:
    rules: dict[str, object] = {"parameters": {"at_most": 99}}
    if shape:
        rules["output-shape"] = {"shape": [2]}
    named = {"network": network} if network else {}
    return spec_from({"input": [4], "rules": rules, **named})


Choosing = Callable[..., Choice]


@pytest.fixture
def chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Choosing:
    """Chooses in a folder of files that define a class each, given what comes of running it."""
    monkeypatch.chdir(tmp_path)

    def run(outcomes: Mapping[str, Outcome], asked: Spec | None = None, name: str = "") -> Choice:
        for key in outcomes:
            file, _, inner = key.partition(":")
            before = Path(file).read_text() if Path(file).exists() else ""
            Path(file).write_text(before + CLASS.format(inner or "Net"))

        def trace(reference: Reference) -> Network | Failure:
            file = Path(reference.file).name
            names = [key for key in outcomes if key.partition(":")[0] == file]
            if len(names) > 1 and not reference.name:
                raise InputError(f"{file} holds several", choices=("Net", "Other"))
            outcome = outcomes.get(f"{file}:{reference.name}", outcomes.get(file, RAISES))
            if isinstance(outcome, InputError):
                raise outcome
            return network(outcome) if isinstance(outcome, int) else outcome

        return choose(Reference(str(tmp_path), "", name), asked or spec(), trace)

    return run


def found(choice: Choice) -> str:
    name = f":{choice.reference.name}" if choice.reference.name else ""
    return Path(choice.reference.file).name + name


def test_the_only_one_is_not_tried(chosen: Choosing) -> None:
    choice = chosen({"a.py": BROKEN})
    assert (found(choice), choice.remarks) == ("a.py", ())


@pytest.mark.parametrize("other", [3, RAISES, BROKEN, SLOW, ARGUMENTS])
def test_the_only_one_that_runs_with_the_output_that_is_asked_for(
    chosen: Choosing, other: Outcome
) -> None:
    choice = chosen({"a.py": other, "b.py": 2})
    assert found(choice) == "b.py"
    (remark,) = choice.remarks
    assert remark.text == (
        "taken out of 2 networks, as the one that has the output that the spec asks for; "
        "the others: a.py"
    )


@pytest.mark.parametrize("asked", [spec(), spec(shape=False)])
def test_the_only_one_that_runs_at_all(chosen: Choosing, asked: Spec) -> None:
    assert found(chosen({"a.py": RAISES, "b.py": 3, "c.py": ARGUMENTS}, asked)) == "b.py"


@pytest.mark.parametrize("shape", [True, False])
def test_of_two_that_fit_none_is_chosen(chosen: Choosing, shape: bool) -> None:
    with pytest.raises(InputError) as caught:
        chosen({"a.py": 2, "b.py": 2, "c.py": RAISES}, spec(shape=shape))
    assert str(caught.value).endswith("holds 2 networks that fit; name one: a.py, b.py")
    assert caught.value.choices == ("a.py", "b.py")


def test_without_an_output_to_fit_two_that_run_are_a_choice(chosen: Choosing) -> None:
    with pytest.raises(InputError, match=r"holds 2 networks that fit; name one: a\.py, b\.py"):
        chosen({"a.py": 2, "b.py": 3}, spec(shape=False))
    with pytest.raises(InputError, match=r"holds 2 networks that fit; name one: a\.py, b\.py"):
        chosen({"a.py": 4, "b.py": 3})


@pytest.mark.parametrize("broken", [BROKEN, SLOW, Failure("runs", "died", exit_code=-9)])
def test_the_network_may_be_the_one_that_cannot_be_run(chosen: Choosing, broken: Failure) -> None:
    """Another one is not taken in its place, unless its output says that it is the one."""
    for asked in (spec(), spec(shape=False)):
        with pytest.raises(InputError) as caught:
            chosen({"net.py": broken, "part.py": 3}, asked)
        said = str(caught.value)
        assert "holds 2 networks, and only part.py runs (net.py: " in said
        assert said.endswith("; name one: net.py, part.py")


def test_none_that_runs(chosen: Choosing) -> None:
    with pytest.raises(InputError) as caught:
        chosen({"a.py": RAISES, "b.py": BROKEN})
    assert (
        "holds 2 networks, and none can be run (a.py: forward raised: ValueError: no; b.py: "
        in (str(caught.value))
    )


def test_each_network_of_a_file_is_tried(chosen: Choosing) -> None:
    outcomes = {"a.py:Net": 3, "a.py:Other": 2, "b.py": RAISES}
    choice = chosen(outcomes)
    assert found(choice) == "a.py:Other"
    assert choice.remarks[0].text.endswith("; the others: a.py:Net, b.py")
    with pytest.raises(InputError, match=r"name one: a\.py:Net, a\.py:Other"):
        chosen({**outcomes, "a.py:Net": 2})


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("b.py", "b.py"),
        ("a.py:Other", "a.py:Other"),
        ("Other", "a.py:Other"),
        ("Third", "c.py:Third"),
    ],
)
def test_the_one_that_the_spec_names(chosen: Choosing, name: str, expected: str) -> None:
    outcomes = {"a.py:Net": 2, "a.py:Other": 2, "b.py": 2, "c.py:Third": BROKEN}
    assert found(chosen(outcomes, spec(name))) == expected


def test_the_name_on_the_command_line_is_over_the_specs(chosen: Choosing) -> None:
    outcomes = {"a.py:Net": 2, "a.py:Other": 2, "b.py:Third": 2}
    assert found(chosen(outcomes, spec("b.py"), name="Other")) == "a.py:Other"


def test_each_is_loaded_as_the_folder_is_to_be(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(CLASS.format("Net"))
    folder = Reference(str(tmp_path), "", "", "plain")

    def trace(reference: Reference) -> Network | Failure:
        assert reference.load == "plain"
        if not reference.name:
            raise InputError("a.py holds several", choices=("Net", "Other"))
        return network(2 if reference.name == "Net" else 3)

    assert choose(folder, spec(), trace).reference.load == "plain"
    assert choose(folder, spec("a.py"), trace).reference.load == "plain"
    (tmp_path / "b.py").write_text(CLASS.format("Net"))
    with pytest.raises(InputError, match="2 networks that fit"):
        choose(folder, spec(), trace)
    assert choose(folder, spec("a.py:Net"), trace).reference == Reference(
        str(tmp_path / "a.py"), "", "Net", "plain"
    )


def test_a_name_that_stands_for_nothing(chosen: Choosing) -> None:
    for name, said in (
        ("net.py", "holds no file net.py, which the spec names as its network's"),
        ("Wide", "holds no network: none of its 2 files defines Wide"),
    ):
        with pytest.raises(InputError) as caught:
            chosen({"a.py": 2, "b.py": 2}, spec(name))
        assert str(caught.value).endswith(said)


def test_a_folder_without_networks(chosen: Choosing, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no Python file and no notebook"):
        chosen({})
    (tmp_path / "notes.py").write_text("x = 1\n")
    with pytest.raises(InputError, match=r"notes\.py does not define an nn\.Module"):
        chosen({})


def test_a_file_that_is_no_python_may_be_the_networks(chosen: Choosing, tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text("class Net(\n")
    assert found(chosen({})) == "net.py"
    with pytest.raises(InputError, match=r"only part\.py runs \(net\.py: "):
        (tmp_path / "part.py").write_text(CLASS.format("Part"))
        chosen({"part.py": 3, "net.py": BROKEN})


def test_no_more_than_some_are_tried(chosen: Choosing) -> None:
    with pytest.raises(InputError, match=r"holds 17 files with networks; name one: n0\.py, "):
        chosen({f"n{number}.py": 2 for number in range(17)})


@pytest.mark.parametrize(
    "name", ["/net.py", "../net.py", "a/../../net.py", "net.txt:", "1", "a b", ""]
)
def test_a_name_that_no_network_has(name: str) -> None:
    with pytest.raises(archcheck.SpecError, match="network is a name in each folder"):
        spec_from({"network": name, "rules": {"parameters": {"at_most": 9}}})
