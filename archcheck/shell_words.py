"""What the inputs are called where archcheck is used: ``--weights`` on the command line,
``weights=`` in Python."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_in_python: ContextVar[bool] = ContextVar("in_python", default=False)


@contextmanager
def for_python() -> Iterator[None]:
    """While this is entered, messages speak of Python's arguments."""
    token = _in_python.set(True)
    try:
        yield
    finally:
        _in_python.reset(token)


def worded(command: str, python: str) -> str:
    """The words for whoever asked: on the command line, or from Python."""
    return python if _in_python.get() else command
