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
_user_files: dict[str, bool] = {}
_places: dict[tuple[int, int], tuple[CodeType, Place]] = {}


def is_user_code(filename: str) -> bool:
    """Whether a file is neither torch's nor archcheck's nor the interpreter's."""
    is_user = _user_files.get(filename)
    if is_user is None:
        is_user = _user_files[filename] = not (
            filename.startswith(("<frozen", _OWN, _TORCH))
            or f"{os.sep}contextlib.py" in filename
            or f"{os.sep}functools.py" in filename
        )
    return is_user


def not_user_code(filename: str) -> None:
    """Do not count a file as the user's code."""
    _user_files[filename] = False


def frame_place(frame: FrameType) -> Place:
    """The expression that a frame is executing, with its columns if Python keeps them."""
    # Code objects of two files with the same text are equal, so the id is the key. The code is kept
    # alive, so that no other one gets its id.
    code = frame.f_code
    key = (id(code), frame.f_lasti)
    entry = _places.get(key)
    if entry is None:
        entry = _places[key] = (code, _locate(frame))
    return entry[1]


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
        # Looked up here for speed: every operation has a dozen frames of torch in between.
        file = frame.f_code.co_filename
        is_user = _user_files.get(file)
        if is_user_code(file) if is_user is None else is_user:
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
