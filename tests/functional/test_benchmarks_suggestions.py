"""The script that applies suggestions to the zoo's networks."""

from __future__ import annotations

import pytest

from benchmarks.suggestions import main


@pytest.mark.slow
def test_every_suggestion_for_a_network_holds_when_it_is_applied(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["tcn"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert len(rows) >= 5
    assert any("larger field | 3 of " in row for row in rows)
