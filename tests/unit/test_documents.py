"""The documents for contributors name what is there."""

from __future__ import annotations

import importlib.util
import pkgutil
import re
from pathlib import Path

import pytest

import archcheck
from tests.support.paths import ROOT

DOCUMENTS = [
    "CONTRIBUTING.md",
    "docs/architecture.md",
    "docs/ci.md",
    "docs/fields.md",
    "docs/inputs.md",
    "docs/not-verified.md",
    "docs/notebooks.md",
    "README.md",
]


def there(name: str) -> bool:
    """Whether a dotted name is a module, or an attribute of one."""
    try:
        if importlib.util.find_spec(name) is not None:
            return True
    except ModuleNotFoundError:
        pass
    module, _, attribute = name.rpartition(".")
    try:
        return hasattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError:
        return False


@pytest.mark.parametrize("document", DOCUMENTS)
def test_modules_that_are_named_exist(document: str) -> None:
    text = (ROOT / document).read_text("utf-8")
    names = set(re.findall(r"`(archcheck(?:\.[a-z_]\w*)+)(?::\w+)?`", text))
    assert [name for name in sorted(names) if not there(name)] == []
    jobs = set(re.findall(r"`(archcheck(?:\.\w+)+):(\w+)`", text))
    missing = [job for job in jobs if not hasattr(importlib.import_module(job[0]), job[1])]
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_files_that_are_named_exist(document: str) -> None:
    text = (ROOT / document).read_text("utf-8")
    pattern = r"`((?:archcheck|tests|docs|benchmarks|tools|specs|examples|\.ci)/[\w./-]*)`"
    paths = set(re.findall(pattern, text))
    paths |= {
        str((Path(document).parent / link).as_posix())
        for link in re.findall(r"\]\(([\w./-]+)(?:#[\w-]+)?\)", text)
    }
    assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []


def test_every_room_is_described() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    rooms = {module.name for module in pkgutil.iter_modules(archcheck.__path__)}
    rooms -= {"__main__"}
    assert {room for room in rooms if f"`archcheck.{room}`" not in text} == set()


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_the_documents_are_linked(document: str) -> None:
    text = (ROOT / document).read_text("utf-8")
    assert "docs/architecture.md" in text
    assert "docs/fields.md" in text


def test_the_contents_of_the_readme_list_its_headings() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    listed = re.findall(r"^ *- \[(.+)\]\(#[\w-]+\)$", text, re.MULTILINE)
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    assert listed == re.findall(r"^##+ (.+)$", prose, re.MULTILINE)
