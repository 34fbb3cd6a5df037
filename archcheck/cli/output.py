"""Reports to standard output or a file: the only place that prints."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable
from difflib import get_close_matches
from io import StringIO
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markdown import Markdown
from rich.table import Table

from archcheck.cli.errors import UsageError
from archcheck.fields import receptive_field
from archcheck.network import Network
from archcheck.reporters.inspection import inspection, print_inspection
from archcheck.reporters.text import print_concise, print_report
from archcheck.rules import Rule, all_rules, documentation
from archcheck.spec import Report, json_schema

WIDE = 120
"""The width of text that goes to a file or a pipe."""


def write_report(report: Report, output_format: str, file: Path | None) -> None:
    """Write a report in a format to standard output or a file."""
    if output_format == "json":
        _write_json(report.as_dict(), file)
    elif output_format == "concise":
        _write(lambda console: print_concise(report, console), file)
    else:
        _write(lambda console: print_report(report, console), file)


def write_inspection(network: Network, output_format: str, file: Path | None) -> None:
    """Write the layer table."""
    rf = receptive_field(network)
    if output_format == "json":
        _write_json(inspection(network, rf), file)
    else:
        _write(lambda console: print_inspection(network, rf, console), file)


def write_rules(output_format: str) -> None:
    """List all rules."""
    rules = all_rules()
    if output_format == "json":
        _write_json({name: rule.summary for name, rule in rules.items()}, None)
        return
    table = Table(box=None, pad_edge=False, show_header=False, show_edge=False)
    table.add_column(no_wrap=True)
    table.add_column()
    for name, rule in rules.items():
        table.add_row(name, rule.summary)
    _console().print(table)


def write_rule(name: str) -> None:
    """Explain one rule.

    Raises:
        UsageError: if there is none of that name.
    """
    rules = all_rules()
    if name not in rules:
        close = get_close_matches(name.replace("_", "-"), rules, 1)
        hint = f"; did you mean {close[0]}?" if close else "; `archcheck rules` lists them"
        raise UsageError(f"there is no rule {name!r}{hint}")
    console = _console()
    text = rule_markdown(rules[name])
    if console.is_terminal:
        console.print(Markdown(text))
    else:
        console.file.write(text + "\n")


def rule_markdown(rule: Rule) -> str:
    """A rule's documentation with its options, as Markdown."""
    rows = ["## Options", "| key | what it says |", "| --- | --- |"]
    comparisons = []
    for name, option in rule.Options.model_fields.items():
        if name in ("more_than", "at_least", "less_than", "at_most", "exactly"):
            comparisons.append(f"`{name}`")
            continue
        default = (
            ""
            if option.is_required() or option.default in (None, "")
            else (f" Default: `{option.default}`." if not callable(option.default_factory) else "")
        )
        rows.append(f"| `{name}` | {option.description or ''}{default} |")
    if comparisons:
        rows.insert(3, f"| {', '.join(comparisons)} | Comparisons; all that are given must hold. |")
    body, _, references = documentation(rule).partition("## References")
    parts = [f"# {rule.name}", rule.summary, body.strip(), "\n".join(rows)]
    if references:
        parts.append(f"## References{references.rstrip()}")
    return "\n\n".join(parts)


def write_schema() -> None:
    """Print the JSON Schema of a spec."""
    _write_json(json_schema(), None)


def _console(file: Any = None) -> Console:
    if file is not None:
        return Console(file=file, width=WIDE, no_color=True, highlight=False, force_terminal=False)
    console = Console(highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console = Console(highlight=False, width=WIDE)
    return console


def _write(show: Callable[[Console], None], file: Path | None) -> None:
    if file is None:
        show(_console())
        return
    buffer = StringIO()
    show(_console(buffer))
    write_file(file, buffer.getvalue())


def _write_json(data: Any, file: Path | None) -> None:
    text = json.dumps(data, indent=2, ensure_ascii=False) + "\n"
    if file is None:
        sys.stdout.write(text)
        sys.stdout.flush()
    else:
        write_file(file, text)


def write_file(file: Path, text: str) -> None:
    """Write a file whole or not at all.

    Raises:
        UsageError: if it cannot be written.
    """
    if file.is_dir():
        raise UsageError(f"--output-file {file} is a folder")
    temporary = None
    try:
        if file.exists() and not file.is_file():  # a pipe or a device takes bytes, not a rename
            file.write_text(text, encoding="utf-8")
            return
        handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        mask = os.umask(0)
        os.umask(mask)
        Path(temporary).chmod(0o666 & ~mask)
        Path(temporary).replace(file)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise UsageError(f"--output-file {file} cannot be written: {error.strerror}") from None
