"""Which line of the user's code is running."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable
from itertools import islice
from types import CodeType, FrameType
from typing import Any

from archcheck.network import Place
from archcheck.worker.owners import Owner, owner, roots_known
from archcheck.worker.scripts import placed

_METHODS = tuple(f"torch{os.sep}{name}" for name in ("_tensor.py", "overrides.py"))
"""Where torch has the methods of tensors that it defines in Python."""
_user_files: dict[str, bool] = {}
_places: dict[tuple[int, int], tuple[CodeType, Place]] = {}


def is_user_code(filename: str) -> bool:
    """Whether a file is neither torch's nor archcheck's nor the interpreter's."""
    is_user = _user_files.get(filename)
    if is_user is None:
        is_user = _user_files[filename] = not (
            owner(filename) is Owner.NOBODY
            or f"{os.sep}contextlib.py" in filename
            or f"{os.sep}functools.py" in filename
        )
    return is_user


def frame_place(frame: FrameType) -> Place:
    """The expression that a frame is executing, with its columns if Python keeps them."""
    entry = _places.get((id(frame.f_code), frame.f_lasti))  # looked up here for speed
    if entry is not None:
        return entry[1]
    return place_at(frame.f_code, frame.f_lasti, frame.f_lineno)


def place_at(code: CodeType, instruction: int, line: int | None) -> Place:
    """The expression that an instruction belongs to, with its columns if Python keeps them."""
    # Code objects of two files with the same text are equal, so the id is the key. The code is kept
    # alive, so that no other one gets its id.
    key = (id(code), instruction)
    entry = _places.get(key)
    if entry is None:
        entry = _places[key] = (code, _locate(code, instruction, line))
    return entry[1]


def _locate(code: CodeType, instruction: int, line_number: int | None) -> Place:
    spans = islice(code.co_positions(), instruction // 2, None)
    line, end_line, column, end_column = next(spans, (None, None, None, None))
    if line is not None and column is not None and end_column is not None:
        return placed(Place(code.co_filename, line, column + 1, end_line, end_column + 1))
    return placed(Place(code.co_filename, line_number or 1))


def caller() -> Place | None:
    """The line that is running: the innermost one of the author's, else of the user's code."""
    frame = caller_frame()
    if frame is not None and roots_known():
        frame = _authors(frame)
    return None if frame is None else frame_place(frame)


def caller_frame() -> FrameType | None:
    """The innermost frame of user code, libraries' included."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        # Looked up here for speed: every operation has a dozen frames of torch in between.
        file = frame.f_code.co_filename
        is_user = _user_files.get(file)
        if is_user_code(file) if is_user is None else is_user:
            return frame
        frame = frame.f_back
    return None


def _authors(innermost: FrameType) -> FrameType:
    """The innermost frame that is the author's, else one that is not a library's."""
    best, rank = innermost, owner(innermost.f_code.co_filename)
    frame = innermost.f_back
    while frame is not None and rank is not Owner.AUTHOR:
        found = owner(frame.f_code.co_filename)
        if found > rank:
            best, rank = frame, found
        frame = frame.f_back
    return best


def direct_caller(frame: FrameType | None) -> Place | None:
    """The line that calls a method or property of a tensor in a frame; None for torch's own."""
    while frame is not None and frame.f_code.co_filename.endswith(_METHODS):
        frame = frame.f_back
    if frame is None or not is_user_code(frame.f_code.co_filename):
        return None
    return frame_place(_authors(frame) if roots_known() else frame)


def defined_at(function: Callable[..., Any]) -> Place | None:
    """The first line of a function of the user's code."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None or not is_user_code(code.co_filename):
        return None
    return placed(Place(code.co_filename, code.co_firstlineno))


def around(frame: FrameType) -> Place | None:
    """The line of the user's code that a frame was called from."""
    outer = frame.f_back
    while outer is not None and not is_user_code(outer.f_code.co_filename):
        outer = outer.f_back
    if outer is None:
        return None
    return frame_place(_authors(outer) if roots_known() else outer)


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
                return frame_place(_authors(frame) if roots_known() else frame)
        frame = frame.f_back
    return None
