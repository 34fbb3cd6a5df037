"""Inputs from the texts of ``--input``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from archcheck.cli.errors import UsageError
from archcheck.errors import closest
from archcheck.network.input_language import KEYS, InputsError, tensor
from archcheck.network.inputs import Inputs, Path

_SHAPE = re.compile(r"[0-9]{1,9}(\s*[,x×]\s*[0-9]{1,9})*")
_HOW = "a shape without the batch is written like 3,32,32, and more like name=128:int64:below=1000"


def read_inputs(texts: Sequence[str] | None) -> Inputs | None:
    """``["3,32,32", "input_ids=128:int64:below=30522"]`` as inputs; None without any.

    An input without a name is given in its place among those.

    Raises:
        UsageError: if a text is no input.
    """
    if not texts:
        return None
    inputs = []
    paths: dict[Path, None] = {}
    for text in texts:
        name, description = _parted(text)
        path = _path(name) if name else (sum(isinstance(p[0], int) for p in paths),)
        if not name and not description.strip():
            raise UsageError(f"--input {text}: {_HOW}")
        if any(p[: len(path)] == path or path[: len(p)] == p for p in paths):
            raise UsageError(f"--input {text}: {name} is given twice")
        paths[path] = None
        try:
            inputs.append(tensor(_table(text, description), path))
        except InputsError as error:
            raise UsageError(f"--input {text}: {error}") from None
    return tuple(inputs)


def _parted(text: str) -> tuple[str, str]:
    """The name in front of the first ``=``, empty if there is none, and what stands behind it."""
    name, equals, rest = text.partition("=")
    named = equals and ":" not in name and name.strip() != "python"
    if not named:
        return "", text
    if not all(part.isidentifier() or part.isdecimal() for part in name.strip().split(".")):
        raise UsageError(f"--input {text}: {name} is no name that a parameter of forward can have")
    return name.strip(), rest


def _path(name: str) -> Path:
    """``images.0`` as the keys to an input."""
    return tuple(int(part) if part.isdecimal() else part for part in name.split("."))


def _table(text: str, description: str) -> dict[str, Any]:
    """What a text says of an input, as specs say it."""
    table: dict[str, Any] = {}
    for part in _parts(description):
        key, equals, value = (word.strip() for word in part.partition("="))
        if equals and key in KEYS:
            table[key] = _value(text, key, value)
        elif equals:
            raise UsageError(f'--input {text}: unknown key "{key}"{closest(key, KEYS)}')
        elif not table and _is_shape(part):
            table["shape"] = [int(side) for side in re.findall("[0-9]+", part)]
        elif "shape" in table and "dtype" not in table and part.strip():
            table["dtype"] = part.strip()
        else:
            raise UsageError(f"--input {text}: {_HOW}")
    return table


def _parts(description: str) -> list[str]:
    """The words between colons; a value of Python may hold some."""
    words, python, value = description.partition("python=")
    return [python + value] if python and not words else description.split(":")


def _is_shape(word: str) -> bool:
    sides = word.strip().strip("[]()")
    numbers = [int(side) for side in re.findall("[0-9]+", sides)]
    return not sides or (_SHAPE.fullmatch(sides) is not None and 0 not in numbers)


def _value(text: str, key: str, value: str) -> Any:
    import yaml

    if key == "axes":
        return [name.strip() for name in value.strip("[]").split(",")]
    if key == "dtype":
        return value
    try:
        return yaml.safe_load(value)
    except yaml.YAMLError:
        raise UsageError(f"--input {text}: what stands behind {key}= is not YAML") from None
