"""docs/fields.md: its examples give what it says, its text has no number but theirs."""

from __future__ import annotations

import doctest
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from torch import nn

import archcheck
from archcheck.fields import ReceptiveField

DOCUMENT = Path(__file__).parents[3] / "docs" / "fields.md"
TEXT = DOCUMENT.read_text(encoding="utf-8")
SECTIONS = {part.partition("\n")[0]: part for part in re.split(r"^## ", TEXT, flags=re.M)[1:]}
BLOCK = re.compile(r"^```pycon\n(.*?)^```$", re.M | re.S)
NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?")


def blocks(section: str) -> str:
    return "\n".join(BLOCK.findall(SECTIONS[section]))


def prose(section: str) -> str:
    return BLOCK.sub("", SECTIONS[section])


def receptive_field(module: nn.Module, length: int) -> ReceptiveField:
    return archcheck.receptive_field(archcheck.trace(module, (1, length)))


WITH_EXAMPLES = [name for name in SECTIONS if blocks(name)]


def test_there_are_examples_of_a_convolution_a_transposed_one_and_a_merge() -> None:
    assert {"A convolution", "A transposed convolution", "A merge"} <= set(WITH_EXAMPLES)
    assert TEXT.count("```") == 2 * len(BLOCK.findall(TEXT))


@pytest.mark.parametrize("section", WITH_EXAMPLES)
def test_the_examples_give_what_they_say(section: str) -> None:
    names: dict[str, Any] = {
        "nn": nn,
        "archcheck": archcheck,
        "Fraction": Fraction,
        "receptive_field": receptive_field,
    }
    examples = doctest.DocTestParser().get_doctest(blocks(section), names, section, None, None)
    said: list[str] = []
    results = doctest.DocTestRunner(verbose=False).run(examples, out=said.append)
    assert results.attempted > 2
    assert results.failed == 0, "".join(said)


@pytest.mark.parametrize("section", SECTIONS)
def test_every_number_in_the_text_is_one_of_the_examples(section: str) -> None:
    text = set(NUMBER.findall(prose(section)))
    assert text <= set(NUMBER.findall(blocks(section)))


def test_the_modules_and_classes_that_it_names_are_there() -> None:
    package = Path(archcheck.__file__).parent / "fields"
    table = SECTIONS["Where it stands"]
    named = re.findall(r"^\| (`.*?) \|", table, re.M)
    modules = [name for cell in named for name in re.findall(r"`(\w+)`", cell)]
    assert all((package / name).is_dir() or (package / f"{name}.py").is_file() for name in modules)
    sources = "".join(file.read_text(encoding="utf-8") for file in package.rglob("*.py"))
    classes = re.findall(r"\(`([A-Z]\w+)`\)", TEXT)
    assert len(classes) > 5
    assert [name for name in classes if f"class {name}" not in sources] == []
