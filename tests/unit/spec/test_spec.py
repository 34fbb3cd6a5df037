"""Specs: numbers as people write them, comparisons, errors with their places, the schema."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import nn

import archcheck
from archcheck.network.inputs import of_shapes
from archcheck.rules.options import Amount, ByteAmount, ShareBounds
from archcheck.spec import Spec, SpecError, json_schema, load_spec, parse_spec, spec_from
from tests.support.paths import SPECS

SHIPPED = sorted(SPECS.glob("*.yaml"))
COMPARISONS = ("more_than", "at_least", "less_than", "at_most", "exactly")


def bound(text: Any, kind: type[Amount | ByteAmount] = Amount) -> int | None:
    return kind.model_validate({"at_most": text}).at_most


# -- numbers -----------------------------------------------------------------------------------

WRITTEN = {"200_000": 200_000, "200,000": 200_000, "200k": 200_000, "200 K": 200_000}
WRITTEN |= {"1.5M": 1_500_000, "2G": 2 * 10**9, "2e3": 2000, ".5k": 500, "+7": 7, " 12 ": 12}


@pytest.mark.parametrize(("text", "value"), WRITTEN.items())
def test_numbers_as_people_write_them(text: str, value: int) -> None:
    assert bound(text) == value
    (requirement,) = parse_spec(f"rules:\n  parameters: {{at_most: '{text}'}}\n").requirements
    assert requirement.options.model_dump()["at_most"] == value


@given(st.integers(0, 10**15))
def test_numbers_survive_being_written(n: int) -> None:
    assert bound(n) == bound(str(n)) == bound(f"{n:_}") == bound(f"{n:,}") == n
    assert bound(f"{n}k") == bound(f"{n:,} k") == 1000 * n
    assert bound(f"{n // 1000}.{n % 1000:03}M") == n * 1000
    for suffix, size in (("KB", 10**3), ("MB", 10**6), ("KiB", 2**10), ("MiB", 2**20), ("B", 1)):
        assert bound(f"{n} {suffix}", ByteAmount) == bound(f"{n:_}{suffix.lower()}", ByteAmount)
        assert bound(f"{n}{suffix}", ByteAmount) == n * size


@given(st.integers(0, 1000))
def test_shares_survive_being_written(thousandths: int) -> None:
    percent = f"{thousandths // 10}.{thousandths % 10}%"
    for text in (percent, thousandths / 1000):
        assert ShareBounds.model_validate({"at_most": text}).at_most == thousandths / 1000


NO_NUMBERS = ["", "k", "ten", "1.2.3", "200kk", "2 00", "1e", "200 KB", "0x10", "½", "1.5"]
NO_NUMBERS += ["1.2345k", "1,5M", "1e999999"]


@pytest.mark.parametrize("text", [*NO_NUMBERS, 1.5, True, [], {}, float("inf"), float("nan")])
def test_what_is_no_whole_number(text: Any) -> None:
    with pytest.raises(SpecError):
        spec_from({"rules": {"parameters": {"at_most": text}}})


# -- comparisons -------------------------------------------------------------------------------

bounds = st.dictionaries(st.sampled_from(COMPARISONS), st.integers(-2, 12), min_size=1)


def plainly(asked: dict[str, int], value: int) -> bool:
    answers = {
        "more_than": lambda limit: value > limit,
        "at_least": lambda limit: value >= limit,
        "less_than": lambda limit: value < limit,
        "at_most": lambda limit: value <= limit,
        "exactly": lambda limit: value == limit,
    }
    return all(answers[name](limit) for name, limit in asked.items())


@given(bounds)
def test_comparisons_hold_as_in_plain_python(asked: dict[str, int]) -> None:
    possible = [value for value in range(30) if plainly(asked, value)]
    if not possible:
        with pytest.raises(ValidationError, match="nothing can be"):
            Amount.model_validate(asked)
        return
    amount = Amount.model_validate(asked)
    assert [value for value in range(30) if amount.holds(value)] == possible
    for value in range(15):
        same = {amount.holds(larger) for larger in range(value, 40)}
        assert amount.settled_from(value) == (len(same) == 1)
    lower = {"more_than", "at_least", "exactly"} & asked.keys()
    least = amount.least()
    assert (least is None) == (not lower)
    assert least is None or max(least, 0) == possible[0]


@given(st.dictionaries(st.sampled_from(COMPARISONS), st.integers(0, 10), min_size=1))
def test_shares_hold_as_in_plain_python(tenths: dict[str, int]) -> None:
    asked = {name: value / 10 for name, value in tenths.items()}
    # Between two tenths lies a twentieth.
    possible = [v for v in range(21) if plainly({n: 2 * t for n, t in tenths.items()}, v)]
    try:
        shares = ShareBounds.model_validate(asked)
    except ValidationError:
        assert possible == []
        return
    found = [v for v in range(21) if shares.holds(Fraction(v, 20) if v % 2 else v // 2 / 10)]
    assert found == possible


# -- errors ------------------------------------------------------------------------------------

RULES = "rules: {max-pool: forbidden}\n"
HEAD = "rules:\n  "
BAD: list[tuple[str, int | None, int | None, list[str]]] = [
    ("", None, None, ["empty"]),
    ("# nothing\n", None, None, ["empty"]),
    ("- a\n", 1, 1, ["mapping"]),
    ("rules: {}\n", 1, 1, ["asks for nothing"]),
    ("rules: max-pool\n", 1, 8, ["mapping of rule names"]),
    ("rule:\n  max-pool: forbidden\n", 1, 1, ['"rule"', 'did you mean "rules"']),
    ("parameters: {less_than: 10}\n", 1, 1, ["rules stand under `rules:`"]),
    (HEAD + "paramters: {less_than: 10}\n", 2, 3, ['did you mean "parameters"']),
    (HEAD + "lint: {points: 3}\n", 2, 3, ["`lint:`, beside `rules:`"]),
    (HEAD + "dead-op: forbidden\n", 2, 3, ["`lint:`, beside `rules:`"]),
    ("lint: {select: []}\n", 1, 16, ["name a rule"]),
    (HEAD + "max_pool: forbidden\n", 2, 3, ['did you mean "max-pool"']),
    (HEAD + "parameters: {less_then: 10}\n", 2, 16, ['did you mean "less_than"']),
    (HEAD + "parameters:\n    - {less_than: 9}\n    - {les_than: 9}\n", 4, 8, ['"less_than"']),
    (HEAD + "parameters: {less_than: ten}\n", 2, 27, ["less_than", "'ten'", "200k"]),
    (HEAD + "parameters: {less_than: 1.5}\n", 2, 27, ["whole number"]),
    (HEAD + "parameters: {less_than: 9, severity: warn}\n", 2, 40, ["'error' or 'warning'"]),
    (HEAD + "parameters: {less_than: 9, count: some}\n", 2, 37, ["'trainable'"]),
    (HEAD + "parameters: forbidden\n", 2, 15, ["does not count"]),
    (HEAD + "max-pool: forbiden\n", 2, 13, ['did you mean "forbidden"']),
    (HEAD + "max-pool: 3\n", 2, 13, ["max-pool: write {exactly: 3}, not 3"]),
    (HEAD + "max-pool: yes\n", 2, 13, ["takes forbidden or required", "not yes"]),
    (HEAD + "macs: 30M\n", 2, 9, ["macs: write {at_most: 30M}, not 30M"]),
    (HEAD + "parameters: 5000\n", 2, 15, ["parameters: write {at_most: 5000}, not 5000"]),
    (HEAD + "layers: {kind: conv2dd, at_most: 3}\n", 2, 18, ["did you mean conv2d?"]),
    (HEAD + "layers: {kind: relu, where: {strid: 2}}\n", 2, 31, ["did you mean stride?"]),
    (HEAD + "layers: {kind: relu, where: {xyz: 2}}\n", 2, 31, ["has an attribute 'xyz'"]),
    ("rules:\n\tmax-pool: forbidden\n", 2, 1, ["takes no tabs: indent by spaces"]),
    ("rules: {max-pool: {exactly: 3}\n", 1, 8, ["the bracket { is not closed"]),
    ("input: [3, 32\nrules: {}\n", 1, 8, ["the bracket [ is not closed"]),
    ("title: 'a\nrules: {}\n", 1, 8, ["the quote ' is not closed"]),
    ("rules: {a: {b: 1 c: 2}}\n", 1, 19, ["this is not YAML"]),
    ("input: 3\n---\nrules: {}\n", 2, 1, ["a second document begins here"]),
    (HEAD + "max-pool: []\n", 2, 13, ["asks for nothing"]),
    (HEAD + "max-pool: {}\n", 2, 13, ["say how much"]),
    (HEAD + "layers: {exactly: 1}\n", 2, 11, ["kind or function"]),
    (HEAD + "layers: {kind: a, where: {b: {mor_than: 1}}, exactly: 0}\n", 2, 33, ['"more_than"']),
    (HEAD + "receptive-field: {more_than: 4, axis: heigth}\n", 2, 41, ["'height'"]),
    (HEAD + "receptive-field: {coverage: {at_least: 90}}\n", 2, 42, ["coverage", "90%"]),
    (HEAD + "model-size: {at_most: 250 kilos}\n", 2, 25, ["'250 kilos'", "KiB"]),
    (HEAD + "max-pool: forbidden\n  max-pool: required\n", 3, 3, ["twice", "line 2", "list"]),
    ("input: [3, 0]\nrules: {max-pool: forbidden}\n", 1, 12, ["[3, 32, 32]"]),
    (f"{RULES}inputs:\n  x: {{shape: [8], dtype: int46}}\n", 3, 26, ["int46", "int64"]),
    (f"{RULES}inputs:\n  x: {{shape: [8],\n   bellow: 5}}\n", 4, 4, ["bellow", "below"]),
    (f"{RULES}inputs:\n  x:\n    shape: [8]\n    dtype: float32\n    below: 5\n", 6, 12, []),
    (f"{RULES}inputs:\n  x: {{dtype: int64}}\n", 3, 6, ["shape is missing"]),
    (f"{RULES}inputs: {{x: [3]}}\ninput: [3]\n", 2, 1, ["leave one of them out"]),
    (f"{RULES}input: [3]\nvariants:\n  long: [-3]\n", 4, 10, ["not -3"]),
    (f"{RULES}variants: {{long: [3]}}\n", 2, 1, ["beside the input"]),
    (f"{RULES}input: [3]\nvariants: [4]\n", 3, 11, ["a table of names and inputs"]),
    ("rules: &a\n  max-pool: *a\n", None, None, ["refers to itself"]),
    ("rules: {max-pool: forbidden\n", 1, 8, ["the bracket { is not closed"]),
    ('{"rules":\n\t{"max-pol": "forbidden"}}', 2, 3, ['did you mean "max-pool"']),
    # What nothing can meet.
    (HEAD + "parameters: {less_than: 0}\n", 2, 15, ["nothing can be less than 0"]),
    (HEAD + "parameters: {more_than: 5, less_than: 6}\n", 2, 15, ["more than 5 and less than 6"]),
    (HEAD + "parameters: {at_least: 200k, at_most: 100k}\n", 2, 15, ["nothing can be"]),
    (
        HEAD + "layers: {kind: pad, where: {a: {more_than: 1, at_most: 1}}, exactly: 1}\n",
        2,
        None,
        [],
    ),
    (HEAD + "receptive-field: {coverage: {more_than: 1}}\n", 2, 31, ["more than 100%"]),
    (HEAD + "output-shape: {shape: [-1]}\n", 2, None, ["shape"]),
    # Deeper than a parser can go.
    ("rules: " + 3000 * "[" + 3000 * "]", None, None, []),
    ('{"rules": ' + 3000 * "[" + 3000 * "]" + "}", None, None, []),
]


@pytest.mark.parametrize(("text", "line", "column", "parts"), BAD, ids=lambda v: str(v)[:50])
def test_errors_say_where_and_what(
    tmp_path: Path, text: str, line: int | None, column: int | None, parts: list[str]
) -> None:
    file = tmp_path / "spec.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        load_spec(file)
    error = caught.value
    assert str(error).startswith(str(file))
    if line is not None:
        assert (error.line, error.source) == (line, [*text.splitlines(), ""][line - 1])
    assert column is None or error.column == column
    assert error.length >= 1
    for part in parts:
        assert part in error.message


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    missing, latin, large = (tmp_path / name for name in ("no.yaml", "latin.yaml", "large.yaml"))
    latin.write_bytes("rules:\n  max-pool: forbidden\ntitle: Prüfung\n".encode("latin-1"))
    large.write_text("title: " + "x" * (1 << 20) + "\nrules: {max-pool: forbidden}\n")
    for file, part in (
        (missing, "no file"),
        (tmp_path, "folder"),
        (large, "more than 1,048,576 bytes"),
    ):
        with pytest.raises(SpecError, match=part):
            load_spec(file)
    with pytest.raises(SpecError, match="not UTF-8") as caught:
        load_spec(latin)
    assert caught.value.line == 3


def test_many_references_to_one_list_are_too_large() -> None:
    rows = [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 9)]
    with pytest.raises(SpecError, match="too large"):
        parse_spec("a0: &a0 [x, x]\n" + "".join(rows))


# -- what a spec may look like -----------------------------------------------------------------


def asked(spec: Spec) -> list[tuple[str, dict[str, Any]]]:
    return [(r.rule.name, r.options.model_dump(exclude_defaults=True)) for r in spec.requirements]


def test_yaml_json_and_mappings_say_the_same(tmp_path: Path) -> None:
    sizes = [{"less_than": "1k"}, {"at_least": 1}]
    rules = {"parameters": sizes, "max-pool": "forbidden", "dilated": "required"}
    data = {"input": [3, 8, 8], "rules": rules}
    expected: list[tuple[str, dict[str, Any]]] = [("parameters", {"less_than": 1000})]
    expected += [("parameters", {"at_least": 1}), ("max-pool", {"exactly": 0})]
    expected += [("dilated", {"at_least": 1})]
    texts = [yaml.safe_dump(data, sort_keys=False), json.dumps(data), json.dumps(data, indent="\t")]
    specs = [spec_from(data), *map(parse_spec, texts)]
    for number, text in enumerate(texts):
        file = tmp_path / f"{number}.yaml"
        file.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
        specs.append(load_spec(file))
    assert [asked(spec) for spec in specs] == [expected] * 7
    assert {spec.inputs for spec in specs} == {of_shapes([(3, 8, 8)])}


def test_severity_message_and_what_cannot_be_verified() -> None:
    entry = {"at_most": 1, "message": "keep it small"}
    net = nn.Conv2d(3, 8, 3)

    def report(rule: str, **options: Any) -> tuple[str, bool, str]:
        checked = archcheck.verify(net, {"rules": {rule: options}}, input_shape=(3, 8, 8))
        finding = checked.finding(rule)
        assert checked.passed is not finding.fails
        return finding.verdict.status, checked.passed, finding.message

    assert report("parameters", **entry) == ("failed", False, "keep it small")
    assert report("parameters", **entry, severity="warning")[:2] == ("failed", True)
    assert report("parameters", **entry, when_unverified="warn")[:2] == ("failed", False)
    assert report("parameters", at_most="1k", message="no")[2] != "no"
    unknown = {"at_least": 1, "at": "nowhere"}
    assert report("receptive-field", **unknown)[:2] == ("not-verified", False)
    assert report("receptive-field", **unknown, when_unverified="warn")[:2] == (
        "not-verified",
        True,
    )
    assert report("receptive-field", **unknown, severity="warning")[:2] == ("not-verified", True)


# -- shipped specs and the schema --------------------------------------------------------------

jsonschema.Draft7Validator.check_schema(json_schema())
SCHEMA = jsonschema.Draft7Validator(json_schema())


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: str(file.stem))
def test_shipped_specs_load_and_agree_with_the_schema(file: Path) -> None:
    spec = load_spec(file)
    assert spec.title
    assert spec.inputs
    data = yaml.safe_load(file.read_text("utf-8"))
    assert [error.message for error in SCHEMA.iter_errors(data)] == []
    assert {name for name, _ in asked(spec)} >= set(data["rules"])


COUNTS = (5, 5.0, "200k", "1.5M", "200_000", "200 k")
SHARES = (0.9, 1, "90%", "12.5 %")
WHERE = {"x": 1.5, "y": [1, 2], "z": {"at_most": "1k"}}
GOOD_RULES: list[Any] = [{"parameters": {"less_than": n}} for n in COUNTS]
GOOD_RULES += [{"model-size": {"at_most": n}} for n in (250_000, "250 KB", "1.5 MiB")]
GOOD_RULES += [{"receptive-field": {"coverage": {"at_least": n}}} for n in SHARES]
GOOD_RULES += [{"receptive-field": {"more_than": 4, "axis": axis}} for axis in ("width", 0)]
GOOD_RULES += [{"max-pool": entry} for entry in ("forbidden", {"at_most": 2}, ["required"])]
GOOD_RULES += [{"layers": {"kind": "a", "where": WHERE, "exactly": 1}}]
GOOD_RULES += [{"max-pool": {"exactly": 0, "points": n, "bonus": n}} for n in (1, 2.5, 1e6)]
GOOD_RULES += [{"output-shape": {"shape": [10, None]}}, {"blocks": {"reduction": "strided"}}]
WRONG = ("forbidden", 5, {"less_then": 5}, {"less_than": 5, "count": "no"})
BAD_RULES: list[Any] = [{}, [], None, "max-pool", {"max-pol": "forbidden"}, {"max-pool": "no"}]
BAD_RULES += [{"parameters": entry} for entry in WRONG]
BAD_RULES += [{"parameters": {"less_than": n}} for n in ("abc 10", "10 abc d", "", 1.5, True)]
BAD_RULES += [{"receptive-field": {"coverage": {"at_least": n}}} for n in (1.5, "much", -0.1)]
NO_POINTS: tuple[Any, ...] = (0, -1, True, "10", 1e7, [])
BAD_RULES += [{"max-pool": {"exactly": 0, "points": n}} for n in NO_POINTS]
BAD_RULES += [{"max-pool": None}, {"output-shape": [{"shape": [1]}, {"points": 1}]}]
BAD_RULES += [{"max-pool": []}, {"model-size": {"at_most": "2 parsecs"}}, {"output-shape": {}}]


@pytest.mark.parametrize("rules", GOOD_RULES)
def test_schema_and_loader_both_accept(rules: Any) -> None:
    assert len(spec_from({"rules": rules}).requirements) == 1
    assert [error.message for error in SCHEMA.iter_errors({"rules": rules})] == []


@pytest.mark.parametrize("rules", BAD_RULES, ids=str)
def test_schema_and_loader_both_refuse(rules: Any) -> None:
    with pytest.raises(SpecError):
        spec_from({"rules": rules})
    assert not SCHEMA.is_valid({"rules": rules})
