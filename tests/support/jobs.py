"""Jobs for workers, in place of those that load networks."""

from __future__ import annotations

import time

import msgspec

from archcheck.worker.failures import InputError
from archcheck.worker.session import Session


class Nap(msgspec.Struct, frozen=True):
    """Seconds of sleep before the user's code has its turn, in it, in each of two steps, and
    after it."""

    before: float = 0.0
    during: float = 0.0
    step: float = 0.0
    after: float = 0.0


def nap(request: Nap, session: Session) -> str:
    time.sleep(request.before)
    session.enter("builds")
    time.sleep(request.during)
    for done in (1, 2):
        time.sleep(request.step)
        session.step(done, 2)
    session.over()
    time.sleep(request.after)
    return "rested"


def no_data(request: Nap, session: Session) -> object:
    return object()


def refuse(request: Nap, session: Session) -> object:
    raise InputError("it is wrong", input="weights", subject="net.pt")


def talk(request: Nap, session: Session) -> str:
    """Say that a step is done, again and again."""
    for _ in range(100_000):
        session.step(1, 2)
    return "done"
