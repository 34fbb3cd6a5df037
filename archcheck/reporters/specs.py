"""What is wrong with specs, as text and data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from archcheck.network.input_language import input_data
from archcheck.network.inputs import tensors_of
from archcheck.plain_text import inert
from archcheck.project import in_project
from archcheck.reporters import formatting
from archcheck.reporters.layout import hung, sentence_width
from archcheck.spec import Spec, SpecError
from archcheck.spec.points import Points, added

VERSION = 1
Examined = Sequence[tuple[str, Spec | None, Sequence[SpecError]]]
"""Specs by their names as given, the loaded ones (None if they are wrong) and their errors."""


def print_examined(examined: Examined, console: Console) -> None:
    """Print one line a spec, and under it its errors, each with its line underlined."""
    names = max(len(formatting.path(name)) for name, _, _ in examined)
    for name, spec, errors in examined:
        mark, colour = ("✗", "red") if errors else ("✓", "green")
        text = Text(f"{mark} ", style=colour).append(
            f"{formatting.path(name):<{names}}", style="bold default"
        )
        if spec is not None:
            text.append(f"   {_content(spec)}", style="not bold default")
        _print(console, text)
        for error in errors:
            _print(
                console,
                Text("error: ", style="bold red").append(str(error), style="not bold default"),
            )
            if error.source and error.line and error.column:
                for row in formatting.underlined(
                    error.source, error.line, error.column, error.length
                ):
                    _print(console, row)
    wrong = sum(bool(errors) for _, _, errors in examined)
    if len(examined) > 1 or wrong:
        count = sum(len(errors) for _, _, errors in examined)
        total = f"{len(examined)} {'spec' if len(examined) == 1 else 'specs'}"
        error_count = f"{count} {'error' if count == 1 else 'errors'}"
        outcome = f"{wrong} of {total} wrong, {error_count}" if wrong else f"all {total} are valid"
        console.print()
        _print(console, Text(outcome, style=f"bold {'red' if wrong else 'green'}"))


def print_shipped(specs: Mapping[str, Spec], console: Console) -> None:
    """Print the name and the title of each spec, and below them what it asks."""
    width = sentence_width(console)
    for name, spec in specs.items():
        title = Text(name, style="bold").append(f"   {spec.title}", style="not bold")
        given = ", ".join(map(str, tensors_of(spec.inputs or ())))
        rules = ", ".join(dict.fromkeys(asked.name for asked in spec.requirements))
        asks = f"{given}; {rules}; {_content(spec)}"
        for row in (*hung(title, width, "", "    "), *hung(Text(asks, style="dim"), width, "  ")):
            _print(console, row)


def shipped_as_dict(specs: Mapping[str, Spec]) -> dict[str, Any]:
    """The same as data, with a version key."""
    return {
        "version": VERSION,
        "specs": [
            {
                "name": name,
                "title": spec.title,
                "inputs": input_data(spec.inputs or ()),
                "rules": list(dict.fromkeys(asked.rule.name for asked in spec.requirements)),
                "points": offered(spec).as_dict(),
            }
            for name, spec in specs.items()
        ],
    }


def error_text(error: SpecError) -> str:
    """One error with its line underlined, without colour."""
    place = (formatting.path(error.file), error.line, error.column)
    where = ":".join(str(part) for part in place if part)
    rows = [formatting.clean(Text(f"{where}: {error.message}" if where else error.message))]
    if error.source and error.line and error.column:
        rows += formatting.underlined(error.source, error.line, error.column, error.length)
    return inert("\n".join(row.plain.rstrip() for row in rows))


def print_errors_concisely(examined: Examined, console: Console) -> None:
    """Print ``path:line:column: spec message``, one line an error."""
    for name, _, errors in examined:
        for error in errors:
            where = f"{formatting.path(error.file or name)}:{error.line or 1}:{error.column or 1}"
            _print(console, Text(f"{where}: spec {error.message}"))


def examined_as_dict(examined: Examined) -> dict[str, Any]:
    """The same as data, with a version key."""
    return {
        "version": VERSION,
        "valid": not any(errors for _, _, errors in examined),
        "specs": [
            {
                "file": in_project(spec.file if spec is not None else name),
                "valid": not errors,
                "title": spec.title if spec is not None else None,
                "rules": [r.rule.name for r in spec.requirements] if spec is not None else None,
                "points": offered(spec).as_dict() if spec is not None else None,
                "errors": [
                    {
                        "file": in_project(error.file or name),
                        "line": error.line,
                        "column": error.column,
                        "message": error.message,
                    }
                    for error in errors
                ],
            }
            for name, spec, errors in examined
        ],
    }


def offered(spec: Spec) -> Points:
    """The points and bonus points that a spec gives."""
    return added(
        Points(possible=r.options.points or 0, bonus_possible=r.options.bonus or 0)
        for r in spec.requirements
    )


def _content(spec: Spec) -> str:
    count = len(spec.requirements)
    parts = [f"{count} {'rule' if count == 1 else 'rules'}"]
    points = offered(spec)
    if points.possible:
        parts.append(f"{points.possible:,} points")
    if points.bonus_possible:
        parts.append(f"{points.bonus_possible:,} bonus points")
    return ", ".join(parts)


def _print(console: Console, text: Text) -> None:
    console.print(formatting.clean(text), soft_wrap=True, highlight=False)
