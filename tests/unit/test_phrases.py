"""Phrases that messages share."""

from __future__ import annotations

from archcheck.errors import closest, did_you_mean, nearest
from archcheck.phrases import by_name, how_many, in_order, per_axis, shape_text, size_text, some_of


def test_sides() -> None:
    assert shape_text((3, 32, 32)) == "3×32×32"
    assert shape_text(()) == "one number"
    assert size_text((45, 45)) == "45 × 45"
    assert [per_axis(values) for values in ((2, 2), (2, 1), (3,))] == ["2", "2×1", "3"]


def test_the_first_of_many() -> None:
    assert some_of(["a", "b"], 2) == "a, b"
    assert some_of(["a", "b", "c", "d"], 2) == "a, b and 2 more"
    assert some_of([], 2) == ""


def test_numbers_in_names_are_sorted_by_their_value() -> None:
    names = ["c10.b", "c2.b", "c.b", "c2.a", "10", "9"]
    assert sorted(names, key=in_order) == ["c2.a", "c2.b", "c10.b", "c.b", "9", "10"]


def test_files_are_listed_by_the_numbers_in_their_names() -> None:
    names = {"nets/n10.py", "nets/n1.py", "nets/n01.py", "nets/n2.py"}
    assert sorted(names, key=by_name) == ["nets/n01.py", "nets/n1.py", "nets/n2.py", "nets/n10.py"]


def test_one_and_many() -> None:
    assert [how_many(n, "rule") for n in (0, 1, 2000)] == ["0 rules", "1 rule", "2,000 rules"]
    assert how_many(3, "bonus", "bonuses") == "3 bonuses"


def test_the_nearest_word() -> None:
    known = {"parameters": 1, "macs": 2}
    assert closest("paramters", known) == '; did you mean "parameters"?'
    assert closest("paramters", known, quoted=False) == "; did you mean parameters?"
    assert closest("xyz", known) == did_you_mean("") == ""
    assert nearest("mac", known, cutoff=0.95) == ""
