"""What stands behind ``--input``."""

from __future__ import annotations

import pytest

from archcheck.cli.errors import UsageError
from archcheck.cli.inputs import read_inputs
from archcheck.network.inputs import Input, PlainValue, of_shapes

READ = {
    "3,32,32": Input((0,), (3, 32, 32)),
    "[3x32×32]": Input((0,), (3, 32, 32)),
    "128:int64:below=30522": Input((0,), (128,), "int64", below=30522),
    "input_ids=128:int64:below=30522": Input(("input_ids",), (128,), "int64", below=30522),
    "input_ids=128:below=30522": Input(("input_ids",), (128,), "int64", below=30522),
    "mask=128:value=1": Input(("mask",), (128,), "int64", value=1),
    "t=:from=1:below=9": Input(("t",), (), "int64", 1, 9),
    "t=[]:float64": Input(("t",), (), "float64"),
    "edges=2,40:below=9:batch=none": Input(("edges",), (2, 40), "int64", below=9, batch=None),
    "x=50,8:axes=length,channels": Input(("x",), (50, 8), axes=("length", "channels")),
    "value=16,64": Input(("value",), (16, 64)),
    "maps.0=3,8,8": Input(("maps", 0), (3, 8, 8)),
    "batch.image=3,8,8": Input(("batch", "image"), (3, 8, 8)),
    "train=python=false": PlainValue(("train",), False),
    "size=python={a: 4}": PlainValue(("size",), {"a": 4}),
    "python=5": PlainValue((0,), 5),
}


@pytest.mark.parametrize("text", READ)
def test_an_input_is_read(text: str) -> None:
    assert read_inputs([text]) == (READ[text],)


def test_inputs_without_names_are_given_in_order() -> None:
    named = Input(("mask",), (8,))
    assert read_inputs(["3,8,8", "mask=8", "4"]) == (
        *of_shapes([(3, 8, 8)]),
        named,
        Input((1,), (4,)),
    )
    assert read_inputs([]) is None


WRONG = {
    "x=3,a": "a shape without the batch is written like",
    "x=8:int46": 'did you mean "int64"?',
    "x=8:int64:float32": "is written like",
    "x=8:bellow=5": 'unknown key "bellow"; did you mean "below"?',
    "x=8:float32:below=5": "below is for integers",
    "a b=8": "no name that a parameter",
    "x=8:below=[": "not YAML",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_told_with_the_text(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_inputs([text])
    message = str(caught.value)
    assert message.startswith(f"--input {text}: ")
    assert WRONG[text] in message


@pytest.mark.parametrize("texts", [["x=3", "x=4"], ["x=3", "x.0=4"], ["x.a=3", "x=4"]])
def test_an_input_that_is_given_twice_is_refused(texts: list[str]) -> None:
    with pytest.raises(UsageError, match="given twice"):
        read_inputs(texts)
