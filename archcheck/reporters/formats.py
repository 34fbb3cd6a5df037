"""The formats that a program reads, by name. Each is a function from reports to text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module

from archcheck.spec import Report

_HOMES = {
    "json": ("data", "render"),
    "json-lines": ("data", "render_lines"),
    "sarif": ("sarif", "render"),
    "github": ("github", "render"),
    "gitlab": ("gitlab", "render"),
    "junit": ("junit", "render"),
    "markdown": ("markdown", "render"),
    "gradescope": ("gradescope", "render"),
}
MACHINE_FORMATS = tuple(_HOMES)
JSON_FORMATS = frozenset({"json", "json-lines", "sarif", "gitlab", "gradescope"})


def render(output_format: str, reports: Sequence[Report]) -> str:
    """Reports on one or several networks as one document.

    Raises:
        KeyError: if there is no such format.
    """
    module, name = _HOMES[output_format]
    function: Callable[[Sequence[Report]], str] = getattr(
        import_module(f"archcheck.reporters.{module}"), name
    )
    return function(reports)
