"""Which line of the user's code is running."""

from __future__ import annotations

import os
import sys
from itertools import islice
from types import CodeType, FrameType
from typing import Any

import torch

from archcheck.network import Place

_OWN = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_TORCH = os.path.dirname(os.path.abspath(torch.__file__)) + os.sep
_foreign: dict[str, bool] = {}
_places: dict[tuple[int, int], tuple[CodeType, Place]] = {}


def is_user_code(filename: str) -> bool:
    """Whether a file is neither torch's, nor archcheck's, nor the interpreter's own."""
    known = _foreign.get(filename)
    if known is None:
        known = _foreign[filename] = not (
            filename.startswith(("<frozen", _OWN, _TORCH))
            or f"{os.sep}contextlib.py" in filename
            or f"{os.sep}functools.py" in filename
        )
    return known


def not_user_code(filename: str) -> None:
    """Take a file name out of what counts as the user's code."""
    _foreign[filename] = False


def frame_place(frame: FrameType) -> Place:
    """The expression that a frame is at, with its columns where Python keeps them."""
    # Code of two files with the same text is equal, so its identity is the key. What is kept lives
    # on, and no other code gets its identity.
    code = frame.f_code
    key = (id(code), frame.f_lasti)
    found = _places.get(key)
    if found is None:
        found = _places[key] = (code, _locate(frame))
    return found[1]


def _locate(frame: FrameType) -> Place:
    code = frame.f_code
    spans = islice(code.co_positions(), frame.f_lasti // 2, None)
    line, end_line, column, end_column = next(spans, (None, None, None, None))
    if line is not None and column is not None and end_column is not None:
        return Place(code.co_filename, line, column + 1, end_line, end_column + 1)
    return Place(code.co_filename, frame.f_lineno)


def caller() -> Place | None:
    """The innermost line of user code that is running."""
    frame = caller_frame()
    return None if frame is None else frame_place(frame)


def caller_frame() -> FrameType | None:
    """The innermost frame of user code."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        # Looked up here, since a dozen frames of torch lie in between for every operation.
        file = frame.f_code.co_filename
        known = _foreign.get(file)
        if is_user_code(file) if known is None else known:
            return frame
        frame = frame.f_back
    return None


def construction(instance: Any) -> Place | None:
    """The line that is constructing ``instance``, seen from inside one of its ``__init__``."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        if is_user_code(code.co_filename):
            inside = (
                code.co_name == "__init__"
                and code.co_argcount > 0
                and frame.f_locals.get(code.co_varnames[0]) is instance
            )
            if not inside:
                return frame_place(frame)
        frame = frame.f_back
    return None
