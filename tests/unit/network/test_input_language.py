"""The language in which inputs are described."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
import yaml

from archcheck.network.input_language import InputsError, read_input, read_inputs, written
from archcheck.network.inputs import Input, Inputs, PlainValue, of_shapes
from archcheck.spec import json_schema

TOKENS = Input(("ids",), (128,), "int64", below=30522)

READ: dict[str, Inputs] = {
    "x: [3, 32, 32]": (Input(("x",), (3, 32, 32)),),
    "ids: {shape: [128], dtype: int64, below: 30522}": (TOKENS,),
    "ids: {shape: [128], below: 30522}": (TOKENS,),
    "ids: {shape: [128], dtype: torch.long, below: 30522}": (TOKENS,),
    "mask: {shape: [128], value: 1}": (Input(("mask",), (128,), "int64", value=1),),
    "mask: {shape: [128], value: true}": (Input(("mask",), (128,), "bool", value=True),),
    "scale: {shape: [], value: 0.5}": (Input(("scale",), (), value=0.5),),
    "t: {shape: [], dtype: int64, from: 1, below: 9}": (Input(("t",), (), "int64", 1, 9),),
    "edges: {shape: [2, 40], below: 10, batch: none}": (
        Input(("edges",), (2, 40), "int64", below=10, batch=None),
    ),
    "x: {shape: [50, 8], batch: 1}": (Input(("x",), (50, 8), batch=1),),
    "x: {shape: [50, 8], axes: [length, channels]}": (
        Input(("x",), (50, 8), axes=("length", "channels")),
    ),
    "x: {shape: [50, 8], axes: [length, batch, channels]}": (
        Input(("x",), (50, 8), batch=1, axes=("length", "channels")),
    ),
    "x: {shape: [8], dtype: complex64}": (Input(("x",), (8,), "complex64"),),
    "train: false": (PlainValue(("train",), False),),
    "mode: null": (PlainValue(("mode",)),),
    "size: {python: [4, 4]}": (PlainValue(("size",), [4, 4]),),
    "maps: [[3, 8, 8], [3, 4, 4]]": (
        Input(("maps", 0), (3, 8, 8)),
        Input(("maps", 1), (3, 4, 4)),
    ),
    "batch: {image: [3, 8, 8], label: {shape: [], below: 10}}": (
        Input(("batch", "image"), (3, 8, 8)),
        Input(("batch", "label"), (), "int64", below=10),
    ),
    "inner: {query: [4, 8], value: [4, 8]}": (
        Input(("inner", "query"), (4, 8)),
        Input(("inner", "value"), (4, 8)),
    ),
    "0: [3, 8, 8]\nmask: [8]": (Input((0,), (3, 8, 8)), Input(("mask",), (8,))),
    "[[3, 8, 8], 2.0]": (Input((0,), (3, 8, 8)), PlainValue((1,), 2.0)),
}


@pytest.mark.parametrize("text", READ)
def test_what_is_said_is_read(text: str) -> None:
    assert read_inputs(yaml.safe_load(text)) == READ[text]


@pytest.mark.parametrize("text", READ)
def test_what_is_written_says_the_same(text: str) -> None:
    key, data = written(READ[text])
    again = yaml.safe_load(yaml.safe_dump(data))
    assert (read_input if key == "input" else read_inputs)(again) == READ[text]


@pytest.mark.parametrize(
    ("data", "shapes"), [([3, 8, 8], [(3, 8, 8)]), ([[3, 8, 8], [4]], [(3, 8, 8), (4,)])]
)
def test_shapes_alone_are_inputs_in_order(data: Any, shapes: list[tuple[int, ...]]) -> None:
    assert read_input(data) == of_shapes(shapes)
    assert written(read_input(data)) == ("input", data)


def test_an_input_without_a_name_may_say_more_than_its_shape() -> None:
    said = {"shape": [16], "below": 100}
    assert read_input(said) == (Input((0,), (16,), "int64", below=100),)


WRONG: dict[str, list[tuple[tuple[str | int, ...], str]]] = {
    "x: {shape: [8], dtype: flaot32}": [(("x", "dtype"), 'did you mean "float32"?')],
    "x: [3, -1]": [(("x", 1), "not -1")],
    "x: {shape: 8}": [(("x", "shape"), "a list of sides")],
    "x: {shape: [8], dtype: float32, below: 5}": [(("x", "below"), "below is for integers")],
    "x: {shape: [8], dtype: bool, from: 0}": [(("x", "from"), "from is for integers")],
    "x: {shape: [8], below: 0}": [(("x", "below"), "no integer from 0 on is below 0")],
    "x: {shape: [8], below: 300, dtype: uint8}": [(("x", "below"), "300 is out of the range")],
    "x: {shape: [8], below: 5, value: 1}": [(("x", "below"), "leave out below")],
    "x: {shape: [8], below: 1.5}": [(("x", "below"), "below is a whole number, not 1.5")],
    "x: {shape: [8], value: one}": [(("x", "value"), "not 'one'")],
    "x: {shape: [8], dtype: int64, value: 0.5}": [(("x", "value"), "no number that int64 holds")],
    "x: {shape: [8], batch: 2}": [(("x", "batch"), "0 to 1, or none")],
    "x: {shape: [8], axes: [length, channels]}": [(("x", "axes"), "names 2 sides")],
    "x: {shape: [8], axes: [lenght]}": [(("x", "axes", 0), 'did you mean "length"?')],
    "x: {shape: [8], batch: 0, axes: [length, batch]}": [(("x", "batch"), "another place")],
    "x: {shape: [8], bellow: 5}": [(("x", "bellow"), 'did you mean "below"?')],
    "x: {dtype: int64}": [(("x",), "the shape is missing")],
    "x: {python: 5, shape: [3]}": [(("x", "shape"), "leave out shape")],
    "x: []": [(("x",), "{shape: []} for one number")],
    "a b: [3]": [(("a b",), "no name that a parameter")],
    "{}": [((), "there is no input")],
    "5": [((), "a table of names and inputs")],
    "x: [3, -1]\ny: {shape: [8], dtype: real}": [(("x", 1), "not -1"), (("y", "dtype"), "real")],
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_told_once_with_the_keys_that_lead_there(text: str) -> None:
    with pytest.raises(InputsError) as caught:
        read_inputs(yaml.safe_load(text))
    faults, wanted = caught.value.faults, WRONG[text]
    assert [fault.path for fault in faults] == [path for path, _ in wanted]
    for fault, (_, said) in zip(faults, wanted, strict=True):
        assert said in fault.message


SCHEMA = jsonschema.Draft7Validator(json_schema())
SEEN_BY_EDITORS = [
    text for text in WRONG if any(word in text for word in ("-1", "flaot", "bellow"))
]


def spec_of(text: str) -> dict[str, Any]:
    inputs = yaml.safe_load(text)
    if isinstance(inputs, dict):
        inputs = {str(name): entry for name, entry in inputs.items()}
    return {"inputs": inputs, "rules": {"max-pool": "forbidden"}}


@pytest.mark.parametrize("text", READ)
def test_the_schema_takes_what_is_read(text: str) -> None:
    assert [error.message for error in SCHEMA.iter_errors(spec_of(text))] == []


@pytest.mark.parametrize("text", SEEN_BY_EDITORS)
def test_the_schema_refuses_what_is_misspelt(text: str) -> None:
    assert list(SCHEMA.iter_errors(spec_of(text)))
