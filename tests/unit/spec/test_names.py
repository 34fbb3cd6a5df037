"""A bare name is that of a shipped spec; a file needs a path."""

from __future__ import annotations

from pathlib import Path

import pytest

from archcheck.config.model import read_config
from archcheck.pytest_plugin.settings import resolved
from archcheck.shipped_specs import is_path, shipped_specs
from archcheck.spec import SpecError, examine_spec, load_spec
from archcheck.verification.mapping import mapped_networks

WEAK = "rules:\n  parameters: {at_most: 1G}\n"


@pytest.fixture
def lookalike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a spec of its own that is called like a shipped one; it is worked in."""
    (tmp_path / "assignment7").write_text(WEAK)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_file_called_like_a_shipped_spec_does_not_take_its_place(lookalike: Path) -> None:
    assert load_spec("assignment7").file == str(shipped_specs()["assignment7"])
    spec, errors = examine_spec("assignment7")
    assert spec is not None and not errors
    assert len(spec.requirements) > 1


@pytest.mark.parametrize("name", ["./assignment7", Path("assignment7")])
def test_a_file_without_an_ending_is_given_by_its_path(lookalike: Path, name: str | Path) -> None:
    (requirement,) = load_spec(name).requirements
    assert requirement.rule.name == "parameters"


def test_a_bare_name_that_is_no_shipped_spec_says_how_to_name_a_file(lookalike: Path) -> None:
    (lookalike / "mine").write_text(WEAK)
    with pytest.raises(SpecError, match=r"no shipped spec is named \"mine\".*its path: \./mine"):
        load_spec("mine")


def test_a_bare_name_in_the_settings_is_a_shipped_spec(lookalike: Path) -> None:
    (lookalike / "net.py").write_text("")
    (lookalike / "pyproject.toml").write_text(
        '[tool.archcheck.networks]\n"net.py" = ["assignment7", "./assignment7"]\n'
    )
    shipped, own = mapped_networks(read_config(lookalike / "pyproject.toml"))
    assert shipped.spec == str(shipped_specs()["assignment7"])
    assert own.spec == str(lookalike / "assignment7")


def test_a_bare_name_in_pytest_is_a_shipped_spec(lookalike: Path) -> None:
    assert resolved("assignment7", lookalike) == "assignment7"
    assert resolved("./assignment7", lookalike) == str(lookalike / "assignment7")
    assert resolved(Path("assignment7"), lookalike) == str(lookalike / "assignment7")


@pytest.mark.parametrize("path", ["a/b", "b.yaml", "b.YML", "b.json", r"a\b"])
def test_what_is_a_path(path: str) -> None:
    assert is_path(path)
    assert not is_path("b.spec")
