"""The line at fault: the author's, out of the lines that were running."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from types import FrameType, TracebackType
from typing import NamedTuple

from archcheck.network import Place
from archcheck.worker.failures import Advice, Stage
from archcheck.worker.owners import Owner, owner
from archcheck.worker.scripts import placed, read_script
from archcheck.worker.source_locations import frame_place, place_at

MODULE = "<module>"
"""What Python calls the code of a file outside of its functions."""
_DEFINITIONS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_LOOPS = (ast.For, ast.While)


class Spot(NamedTuple):
    """A line that was running, and the name of the function that it stands in."""

    place: Place
    function: str


class Fault(NamedTuple):
    """Where something went wrong.

    Attributes:
        place: the innermost line of the author's, else the innermost one outside of libraries;
            None if there is neither.
        statement: the innermost statement outside of functions that led there, if it begins in
            another line.
        runs_on_import: whether that statement does more than to import and define.
    """

    place: Place | None = None
    statement: Place | None = None
    runs_on_import: bool = False

    @property
    def lines(self) -> tuple[Place | None, Place | None]:
        """Both lines, first the one to change."""
        if self.runs_on_import and self.statement is not None:
            return self.statement, self.place
        return self.place, self.statement

    def advice(self, stage: Stage) -> Advice | None:
        """What to do about code that runs when its file is imported."""
        return "main-guard" if self.runs_on_import and stage == "imports" else None


def fault_of(error: BaseException) -> Fault:
    """Where an exception was raised."""
    return fault_in(_spots_of_trace(error.__traceback__))


def fault_at(frame: FrameType | None) -> Fault:
    """Where a frame is running."""
    spots = []
    while frame is not None:
        spots.append(Spot(frame_place(frame), frame.f_code.co_name))
        frame = frame.f_back
    return fault_in(spots[::-1])


def fault_in(spots: Sequence[Spot]) -> Fault:
    """The fault among lines that were running, the outermost one first."""
    owners = [owner(spot.place.file) for spot in spots]
    best = max(owners, default=Owner.NOBODY)
    if best <= Owner.LIBRARY:
        return Fault()
    own = [spot for spot, found in zip(spots, owners, strict=True) if found is best]
    place = own[-1].place
    outer = next((spot.place for spot in reversed(own) if spot.function == MODULE), None)
    node = None if outer is None else statement_at(outer)
    if outer is None or node is None:
        return Fault(place)
    start = placed(Place(outer.file, node.lineno))
    same = (start.file, start.line) == (place.file, place.line)
    return Fault(place, None if same else start, _runs(node))


def _spots_of_trace(trace: TracebackType | None) -> list[Spot]:
    spots = []
    while trace is not None:
        code = trace.tb_frame.f_code
        spots.append(Spot(place_at(code, trace.tb_lasti, trace.tb_lineno), code.co_name))
        trace = trace.tb_next
    return spots


def statement_at(place: Place) -> ast.stmt | None:
    """The statement outside of functions that a line belongs to, None if it cannot be read."""
    try:
        body = read_script(place.file).tree.body
    except (SyntaxError, ValueError, OSError):
        return None
    return next(
        (node for node in body if node.lineno <= place.line <= (node.end_lineno or place.line)),
        None,
    )


def _runs(node: ast.stmt) -> bool:
    if isinstance(node, (*_DEFINITIONS, ast.Raise, ast.Assert)):
        return False
    return isinstance(node, _LOOPS) or any(isinstance(n, ast.Call) for n in ast.walk(node))
