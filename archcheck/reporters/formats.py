"""The formats of reports, by name. Those that a program reads are a function each, from reports to
text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the command line knows the names before it imports what specs are made of
    from archcheck.spec import Report


class ReportFormat(StrEnum):
    """How a report is written."""

    full = "full"
    brief = "brief"
    concise = "concise"
    json = "json"
    json_lines = "json-lines"
    sarif = "sarif"
    github = "github"
    gitlab = "gitlab"
    junit = "junit"
    markdown = "markdown"
    gradescope = "gradescope"
    csv = "csv"


_FOR_PEOPLE = ("full", "brief", "concise")
MACHINE_FORMATS = tuple(each.value for each in ReportFormat if each not in _FOR_PEOPLE)
JSON_FORMATS = frozenset({"json", "json-lines", "sarif", "gitlab", "gradescope"})
_HOMES = {
    "json": ("data", "render"),
    "json-lines": ("data", "render_lines"),
    "csv": ("rows", "render"),
}
"""The module and the function of a format that has no module of its own name."""


def render(output_format: str, reports: Sequence[Report]) -> str:
    """Reports on one or several networks as one document.

    Raises:
        KeyError: if there is no such format.
    """
    if output_format not in MACHINE_FORMATS:
        raise KeyError(output_format)
    module, name = _HOMES.get(output_format, (output_format, "render"))
    function: Callable[[Sequence[Report]], str] = getattr(
        import_module(f"archcheck.reporters.{module}"), name
    )
    return function(reports)
