"""Specs that build on others: what is inherited, what replaces it, and where errors stand."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from archcheck.network.inputs import of_shapes
from archcheck.shipped_specs import shipped_specs
from archcheck.spec import (
    Spec,
    SpecError,
    examine_spec,
    json_schema,
    load_spec,
    parse_spec,
    spec_from,
)
from tests.support.paths import ROOT

BASE = """\
title: the base
input: [3, 8, 8]
arguments: {width: 4, act: relu}
rules:
  parameters: {less_than: 200k, points: 10, message: "too large"}
  max-pool: forbidden
  dilated: [{at_least: 1}, {at_most: 9}]
  layers: {kind: conv2d, where: {stride: {more_than: 1}, bias: true}, exactly: 0}
"""


def asked(spec: Spec) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for requirement in spec.requirements:
        options = requirement.options.model_dump(exclude_defaults=True)
        found.setdefault(requirement.rule.name, []).append(options)
    return found


def built(tmp_path: Path, own: str, base: str = BASE) -> Spec:
    (tmp_path / "base.yaml").write_text(base)
    (tmp_path / "own.yaml").write_text(f"extends: base.yaml\n{own}")
    return load_spec(tmp_path / "own.yaml")


def rules(tmp_path: Path, **entries: Any) -> dict[str, list[dict[str, Any]]]:
    names = {name.replace("_", "-"): entry for name, entry in entries.items()}
    return asked(built(tmp_path, yaml.safe_dump({"rules": names})))


def test_what_is_not_said_is_inherited(tmp_path: Path) -> None:
    (tmp_path / "alone.yaml").write_text(BASE)
    alone, own = load_spec(tmp_path / "alone.yaml"), built(tmp_path, "")
    assert asked(own) == asked(alone)
    assert (own.title, own.inputs, own.arguments) == (alone.title, alone.inputs, alone.arguments)
    assert own.file == str(tmp_path / "own.yaml")


def test_keys_of_the_spec(tmp_path: Path) -> None:
    own = built(tmp_path, "title: own\ninput: [1, 4, 4]\narguments: {act: null, depth: 2}\n")
    assert (own.title, own.inputs) == ("own", of_shapes([(1, 4, 4)]))
    assert own.arguments == {"width": 4, "act": None, "depth": 2}


def test_a_mapping_changes_single_options(tmp_path: Path) -> None:
    found = rules(tmp_path, parameters={"points": 20}, layers={"where": {"bias": False}})
    assert found["parameters"] == [{"less_than": 200_000, "points": 20, "message": "too large"}]
    assert found["layers"][0]["where"]["bias"] is False
    assert found["layers"][0]["where"]["stride"] == {"more_than": 1}
    assert list(found) == ["parameters", "max-pool", "dilated", "layers"]


COMPARED: list[tuple[dict[str, int], dict[str, int]]] = [
    ({"at_most": 300}, {"at_most": 300}),
    ({"less_than": 300}, {"less_than": 300}),
    ({"at_least": 5}, {"less_than": 200_000, "at_least": 5}),
    ({"exactly": 7}, {"exactly": 7}),
]


@pytest.mark.parametrize(("own", "expected"), COMPARED)
def test_a_comparison_replaces_those_on_its_side(
    tmp_path: Path, own: dict[str, int], expected: dict[str, int]
) -> None:
    (entry,) = rules(tmp_path, parameters=own)["parameters"]
    assert entry == {**expected, "points": 10, "message": "too large"}


sides = st.dictionaries(
    st.sampled_from(["more_than", "at_least", "less_than", "at_most"]),
    st.integers(0, 9),
    min_size=1,
)


@given(sides, sides)
def test_what_a_spec_says_holds_whatever_it_extends(
    base: dict[str, int], own: dict[str, int]
) -> None:
    # A value that the own comparisons refuse is refused; the base speaks only where own is silent.
    from archcheck.spec.extends import _replaced

    kept = {name: bound for name, bound in base.items() if name not in _replaced(own)}
    upper, lower = {"less_than", "at_most"}, {"more_than", "at_least"}
    for side in (upper, lower):
        assert not (side & own.keys()) or not (side & kept.keys())
        assert side & own.keys() or side & kept.keys() == side & base.keys()


def test_words_and_mappings_merge(tmp_path: Path) -> None:
    assert rules(tmp_path, max_pool={"points": 5})["max-pool"] == [{"exactly": 0, "points": 5}]
    base = BASE.replace("max-pool: forbidden", "max-pool: {exactly: 0, points: 5}")
    own = built(tmp_path, "rules: {max-pool: required}\n", base)
    assert asked(own)["max-pool"] == [{"at_least": 1, "points": 5}]


def test_a_list_replaces(tmp_path: Path) -> None:
    found = rules(tmp_path, dilated=[{"at_least": 3}], parameters=[{"at_most": 5}])
    assert found["dilated"] == [{"at_least": 3}]
    assert found["parameters"] == [{"at_most": 5}]
    assert rules(tmp_path, dilated={"at_least": 4})["dilated"] == [{"at_least": 4}]


def test_null_takes_away(tmp_path: Path) -> None:
    assert "max-pool" not in rules(tmp_path, max_pool=None)
    (entry,) = rules(tmp_path, parameters={"points": None, "message": None})["parameters"]
    assert entry == {"less_than": 200_000}


def test_shipped_specs_by_name() -> None:
    spec = spec_from({"extends": "assignment7", "rules": {"blocks": None}})
    base = asked(load_spec("assignment7"))
    assert asked(spec) == {name: entry for name, entry in base.items() if name != "blocks"}
    assert set(shipped_specs()) >= {"assignment7", "assignment7-dilated", "mnist-20k"}


def test_a_chain_is_relative_to_each_file(tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "course" / "week").mkdir(parents=True)
    (tmp_path / "all.yaml").write_text(BASE)
    (tmp_path / "course" / "base.yaml").write_text(
        "extends: ../all.yaml\nrules: {dilated: forbidden}\n"
    )
    (tmp_path / "course" / "week" / "7.yaml").write_text(
        "extends: ../base.yaml\nrules: {parameters: {points: 1}}\n"
    )
    monkeypatch.chdir(tmp_path)
    found = asked(load_spec("course/week/7.yaml"))
    assert found["dilated"] == [{"exactly": 0}]
    assert found["parameters"][0]["points"] == 1
    assert found["max-pool"] == [{"exactly": 0}]


# -- errors ------------------------------------------------------------------------------------

BAD: list[tuple[str, int, int, str]] = [
    ("extends: nothing.yaml\n", 1, 10, "extends: there is no file"),
    ("extends: own.yaml\n", 1, 10, "cannot extend itself: own.yaml → own.yaml"),
    ("extends: asignment7\n", 1, 10, 'did you mean "assignment7"'),
    ("extends: [a]\n", 1, 10, "names one spec"),
    ("extends: ''\n", 1, 10, "names one spec"),
    ("extends: base.yaml\nrules: {max-pol: null}\n", 2, 9, 'did you mean "max-pool"'),
    ("extends: base.yaml\nrules: {parameters: {pionts: null}}\n", 2, 22, 'mean "points"'),
    ("extends: base.yaml\nrules:\n  max-pool:\n", 3, 3, "write null to take the inherited rule"),
    ("extends: base.yaml\nrules: {parameters: {more_than: 300k}}\n", 2, 21, "nothing can be"),
    ("extends: base.yaml\nrules: {parameters: forbidden}\n", 2, 21, "does not count"),
    ("extends: base.yaml\nrules: [a]\n", 2, 8, "rules is a mapping"),
    ("extends: base.yaml\narguments: 3\n", 2, 12, "arguments is a mapping"),
]


@pytest.mark.parametrize(("own", "line", "column", "part"), BAD)
def test_errors_stand_where_the_wrong_value_does(
    tmp_path: Path, own: str, line: int, column: int, part: str
) -> None:
    (tmp_path / "base.yaml").write_text(BASE)
    (tmp_path / "own.yaml").write_text(own)
    with pytest.raises(SpecError) as caught:
        load_spec(tmp_path / "own.yaml")
    error = caught.value
    assert part in error.message
    assert (error.file, error.line, error.column) == (str(tmp_path / "own.yaml"), line, column)
    assert error.source == own.splitlines()[line - 1]


def test_an_error_in_the_base_stands_in_the_base(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        built(tmp_path, "rules: {max-pool: required}\n", BASE.replace("less_than", "les_than"))
    assert caught.value.file == str(tmp_path / "base.yaml")
    assert caught.value.line == 5
    assert 'did you mean "less_than"' in caught.value.message
    # What replaces a wrong value repairs it.
    mended = built(tmp_path, "rules: {max-pool: required}\n", BASE.replace("forbidden", "forbiden"))
    assert asked(mended)["max-pool"] == [{"at_least": 1}]


def test_a_longer_circle(tmp_path: Path) -> None:
    for name, base in (("a", "b"), ("b", "c"), ("c", "a")):
        (tmp_path / f"{name}.yaml").write_text(f"extends: {base}.yaml\n")
    with pytest.raises(SpecError, match=r"a\.yaml → b\.yaml → c\.yaml → a\.yaml") as caught:
        load_spec(tmp_path / "a.yaml")
    assert (caught.value.file, caught.value.line) == (str(tmp_path / "c.yaml"), 1)


def test_a_chain_without_end(tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / f"{number}.yaml").write_text(f"extends: {number + 1}.yaml\n")
    with pytest.raises(SpecError, match="extend each other"):
        load_spec(tmp_path / "0.yaml")


def test_all_errors_of_both_files_line_by_line(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(BASE.replace("conv2d, where", "conv2d, were"))
    own = tmp_path / "own.yaml"
    own.write_text(
        "extends: base.yaml\n"
        "titel: x\n"
        "input: [3, -1]\n"
        "rules:\n"
        "  parameters: {less_then: 5, severity: warn}\n"
        "  max_pool: forbidden\n"
        "  dilated: [{at_least: a}, {at_most: b}]\n"
    )
    spec, errors = examine_spec(own)
    assert spec is None
    places = [(Path(error.file).name, error.line, error.column) for error in errors]
    assert places == [
        *(("own.yaml", 2, 1), ("own.yaml", 3, 12), ("own.yaml", 5, 16), ("own.yaml", 5, 40)),
        *(("own.yaml", 6, 3), ("own.yaml", 7, 24), ("own.yaml", 7, 38), ("base.yaml", 8, 26)),
    ]


def test_specs_of_the_readme_are_valid() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    blocks = re.findall(r"^```yaml\n(.*?)^```", text, re.S | re.M)
    specs = [block for block in blocks if re.search("^rules:", block, re.M)]
    assert len(specs) >= 2
    for block in specs:
        assert parse_spec(block, "README.md").requirements
        assert SCHEMA.is_valid(yaml.safe_load(block))


# -- the schema --------------------------------------------------------------------------------

SCHEMA = jsonschema.Draft7Validator(json_schema())
EXTENDING: list[tuple[dict[str, Any], bool]] = [
    ({"extends": "assignment7"}, True),
    ({"extends": "../base.yaml", "rules": {"max-pool": None}}, True),
    ({"extends": "mnist-20k", "rules": {"output-shape": {"points": 5}}}, True),
    ({"extends": "assignment7", "rules": {"max-pol": None}}, False),
    ({"extends": "", "rules": {"max-pool": "forbidden"}}, False),
    ({"extends": ["assignment7"]}, False),
    ({"rules": {"max-pool": None}}, False),
    ({"title": "nothing"}, False),
]


@pytest.mark.parametrize(("data", "valid"), EXTENDING)
def test_the_schema_knows_what_may_be_left_out(data: dict[str, Any], valid: bool) -> None:
    assert SCHEMA.is_valid(data) is valid


def test_a_spec_that_asks_for_a_lint_alone_is_built_on(tmp_path: Path) -> None:
    base = "input: [3, 8, 8]\nlint: {points: 5}\n"
    assert asked(built(tmp_path, "title: mine\n", base)) == {"lint": [{"points": 5}]}
    (entry,) = asked(built(tmp_path, "lint: {select: [dead-op]}\n", base))["lint"]
    assert entry["select"] == ("dead-op",)
