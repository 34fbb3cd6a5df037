"""What is no baseline."""

from __future__ import annotations

import json

import pytest

from archcheck.reporters.known import VERSION, parsed

ENTRY = {"network": "a", "rule": "b", "file": "c", "layer": "d", "line": "e", "count": 1}


@pytest.mark.parametrize(
    "text",
    [
        "{broken",
        "[" * 100_000,
        "[]",
        json.dumps({"version": VERSION, "findings": 3}),
        json.dumps({"version": VERSION, "findings": [ENTRY | {"count": "many"}]}),
        json.dumps({"version": VERSION, "findings": ["a"]}),
    ],
)
def test_what_is_no_baseline_is_said_to_be_none(text: str) -> None:
    with pytest.raises(ValueError, match="baseline"):
        parsed(text)
