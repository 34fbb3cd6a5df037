"""Of several networks in a file those that run are named first."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from torch import nn

import archcheck
from archcheck.network import Network
from archcheck.verification.several import MOST_TRIED, with_those_first
from archcheck.worker.failures import Failure, InputError
from archcheck.worker.reference import Reference

FILE = Reference("/somewhere/net.py", "", "")
Alone = Callable[[Reference], Network | Failure]


def several(*names: str) -> InputError:
    return InputError(f"net.py holds {len(names)} networks; name one", choices=names)


def runs(*names: str) -> Alone:
    network = archcheck.trace(nn.Linear(4, 2), (4,))

    def alone(reference: Reference) -> Network | Failure:
        if reference.name == "Refused":
            raise InputError("it takes no argument 'width'", input="arguments")
        return network if reference.name in names else Failure("runs", "raised", "ValueError: no")

    return alone


def test_those_that_run_are_named_first() -> None:
    error = several("First", "Refused", "Third", "Fourth")
    told = with_those_first(error, FILE, runs("Third", "Fourth"))
    assert told.message == (
        "/somewhere/net.py holds 4 networks; name one that runs: net.py:Third, net.py:Fourth; "
        "or one of the others: net.py:First, net.py:Refused"
    )
    assert told.choices == ("Third", "Fourth", "First", "Refused")
    assert told.input == "network"


@pytest.mark.parametrize("names", [(), ("First", "Second")])
def test_where_all_run_or_none_nothing_is_said_of_it(names: tuple[str, ...]) -> None:
    error = several("First", "Second")
    assert with_those_first(error, FILE, runs(*names)) is error


def test_no_more_than_some_are_tried() -> None:
    tried: list[str] = []

    def alone(reference: Reference) -> Failure:
        tried.append(reference.name)
        return Failure("builds", "timeout", seconds=3.0)

    with_those_first(several(*map("Net{}".format, range(20))), FILE, alone)
    assert len(tried) == MOST_TRIED


def test_another_error_is_as_it_was() -> None:
    error = InputError("there is no file net.py", input="reference")
    assert with_those_first(error, FILE, runs("First")) is error
