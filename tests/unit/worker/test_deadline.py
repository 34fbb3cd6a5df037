"""How long the caller waits for a worker, whatever messages a submission forges."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from archcheck.worker.process import GRACE_SECONDS, _Deadline
from archcheck.worker.protocol import OWN_WORK_SECONDS, Phase, Stage, StepDone

LIMIT = 10.0


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets time pass."""
    now = [0.0]
    monkeypatch.setattr("archcheck.worker.process.time.monotonic", lambda: now[0])

    def wait(seconds: float) -> None:
        now[0] += seconds

    return wait


def reached(deadline: _Deadline, *phases: Phase, seconds: float = LIMIT) -> float:
    for phase in phases:
        deadline.reached(Stage(phase, seconds))
    return deadline.at - GRACE_SECONDS


def test_a_stage_that_is_told_again_renews_nothing(passes: Callable[[float], None]) -> None:
    deadline = _Deadline(LIMIT, 0)
    assert reached(deadline, "imports") == LIMIT
    passes(5)
    assert reached(deadline, "imports") == LIMIT
    assert reached(deadline, "builds") == 5 + LIMIT
    passes(5)
    assert reached(deadline, "imports", "builds") == 5 + LIMIT
    assert reached(deadline, "runs", "runs again") == 10 + LIMIT
    passes(5)
    assert reached(deadline, "runs", "runs again") == 10 + LIMIT
    assert deadline.stage == "runs"


@pytest.mark.parametrize("forged", [1e9, -1.0, float("nan"), float("inf")])
def test_no_message_asks_for_more_than_the_limit(
    passes: Callable[[float], None], forged: float
) -> None:
    deadline = _Deadline(LIMIT, 0)
    assert reached(deadline, "runs", seconds=forged) == LIMIT
    assert reached(deadline, "over", seconds=forged) == OWN_WORK_SECONDS


def test_there_are_no_more_steps_than_were_asked_for(passes: Callable[[float], None]) -> None:
    deadline = _Deadline(LIMIT, 2)
    reached(deadline, "runs")
    for _ in range(5):
        passes(1)
        deadline.step_done(StepDone(1, 9, LIMIT))
    assert deadline.at == 2 + LIMIT + GRACE_SECONDS
