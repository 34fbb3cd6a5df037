"""Where comments that suppress findings are read."""

from __future__ import annotations

from pathlib import Path
from runpy import run_path

import pytest

from archcheck.lint.ignores import ignores_in
from archcheck.worker.construction import constructions_recorded
from tests.support.linting import HEAD, passes

NET = f"{HEAD}\n\ndef Net():\n    return nn.Conv2d(3, 4, 3)"


@pytest.mark.parametrize(
    ("comment", "rules"),
    [
        ("# noqa: N802  # archcheck: ignore[dead-op] known", [("dead-op",)]),
        (
            "#archcheck:ignore[dead-op] # archcheck: ignore[even-kernel]",
            [("dead-op",), ("even-kernel",)],
        ),
        ("# archcheck: ignore[dead-op,even-kernel]  # noqa", [("dead-op", "even-kernel")]),
        ("# nothing is left out", []),
    ],
)
def test_a_comment_counts_behind_another_one(
    comment: str, rules: list[tuple[str, ...]], tmp_path: Path
) -> None:
    file = tmp_path / "net.py"
    file.write_text(f"{NET}  {comment}\n")
    with constructions_recorded():
        ran = passes(run_path(str(file))["Net"](), (3, 8, 8))
    found = ignores_in(ran)
    assert [each.rules for each in found] == rules
    line = file.read_text().splitlines()[-1]
    for each in found:
        start, end = each.place.column, each.place.end_column
        assert start is not None
        assert line[start - 1 : end].startswith("#")
