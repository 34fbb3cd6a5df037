"""Writing reports to standard output or a file."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from archcheck.atomic_file import write_whole
from archcheck.cli.errors import UsageError
from archcheck.cli.streams import print_message, print_text
from archcheck.errors import closest
from archcheck.fields import UnknownField, receptive_field
from archcheck.network import Network
from archcheck.plain_text import inert
from archcheck.reporters.data import dumps, escaped

if TYPE_CHECKING:  # commands without a spec do not import it
    from archcheck.fields.explain.summary import Summary
    from archcheck.lint import LintRule
    from archcheck.rules import Rule
    from archcheck.spec import Report, Spec, SpecError
    from archcheck.suggestions.suggest import Outcome

FILE_WIDTH = 120
"""The columns of tables that go to a file or a pipe; sentences there are not wrapped."""


def write_report(report: Report, output_format: str, file: Path | None) -> None:
    """Write a report as ``full`` text or ``json`` to standard output or a file."""
    if output_format == "json":
        _write_json(report.as_dict(), file)
    else:
        from archcheck.reporters.text import print_report

        _write(lambda console: print_report(report, console), file)


def render_text(report: Report, output_format: str, *, for_file: bool) -> str:
    """A report as ``full`` or ``concise`` text."""
    from archcheck.reporters.text import print_concise, print_report

    show = print_concise if output_format == "concise" else print_report
    return _render(lambda console: show(report, console), for_file=for_file)


def render_brief(reports: Sequence[Report], *, for_file: bool) -> str:
    """Reports as ``brief`` text: a line for each that passes, the others in full."""
    from archcheck.reporters.brief import print_brief

    return _render(lambda console: print_brief(reports, console), for_file=for_file)


def render_overview(reports: Sequence[Report], *, for_file: bool) -> str:
    """A line for each report."""
    from archcheck.reporters.brief import print_overview

    return _render(lambda console: print_overview(reports, console), for_file=for_file)


def print_failure(report: Report) -> None:
    """Print the report on a network that could not be run to standard error."""
    from archcheck.reporters.text import print_report

    text = _render(lambda console: print_report(report, console), for_file=True)
    print_message(text)


def write_examined(
    examined: Sequence[tuple[str, Spec | None, Sequence[SpecError]]],
    output_format: str,
    file: Path | None,
) -> None:
    """Write what is wrong with specs."""
    from archcheck.reporters.specs import examined_as_dict, print_errors_concisely, print_examined

    if output_format == "json":
        _write_json(examined_as_dict(examined), file)
    elif output_format == "concise":
        _write(lambda console: print_errors_concisely(examined, console), file)
    else:
        _write(lambda console: print_examined(examined, console), file)


def write_outcome(outcome: Outcome, output_format: str, file: Path | None) -> None:
    """Write what came of a search for edits, as ``text`` or ``json``, or the best as a ``diff``."""
    from archcheck.suggestions.text import as_dict, diff_text, print_outcome

    if output_format == "json":
        _write_json(as_dict(outcome), file)
    elif output_format == "diff" and file is not None:
        write_file(file, diff_text(outcome))
    elif output_format == "diff":
        print_text(diff_text(outcome))
    else:
        _write(lambda console: print_outcome(outcome, console), file)


def write_shipped(specs: Mapping[str, Spec], output_format: str) -> None:
    """Write a list of the shipped specs to standard output."""
    from archcheck.reporters.specs import print_shipped, shipped_as_dict

    if output_format == "json":
        _write_json(shipped_as_dict(specs), None)
    else:
        _write(lambda console: print_shipped(specs, console), None)


def write_inspection(network: Network, output_format: str, file: Path | None) -> str | None:
    """Write the layer table.

    Returns:
        What was written to standard output; None if it went to a file.
    """
    from archcheck.reporters.inspection import inspection, print_inspection

    rf = receptive_field(network)
    if output_format == "json":
        return _write_json(inspection(network, rf), file)
    return _write(lambda console: print_inspection(network, rf, console), file)


def write_field(
    network: Network, field: Summary | UnknownField, at: str, output_format: str, file: Path | None
) -> str | None:
    """Write the field at a location, or why it is not known.

    Returns:
        What was written to standard output; None if it went to a file.
    """
    from archcheck.reporters.field import field_report, unknown_report
    from archcheck.reporters.field_text import print_field, print_unknown

    if output_format == "json":
        if isinstance(field, UnknownField):
            data = unknown_report(network, at, field)
        else:
            data = field_report(field)
        return _write_json(data, file)
    if isinstance(field, UnknownField):
        return _write(lambda console: print_unknown(network, at, field, console), file)
    return _write(lambda console: print_field(field, console), file)


def write_plot(summary: Summary, picture_format: str, file: Path) -> None:
    """Draw the picture of a field.

    Raises:
        UsageError: if the file cannot be written.
    """
    from archcheck.reporters.plot import picture

    write_file(file, picture(summary, picture_format), "--plot")


def print_rules(output_format: str) -> None:
    """Print a list of all rules."""
    from rich.table import Table

    from archcheck.lint import all_lint_rules
    from archcheck.rules import all_rules

    rules, lint_rules = all_rules(), all_lint_rules()
    if output_format == "json":
        both = (rules, lint_rules)
        _write_json({name: r.summary for group in both for name, r in group.items()}, None)
        return
    table = Table(box=None, pad_edge=False, show_header=False, show_edge=False)
    table.add_column(no_wrap=True)
    table.add_column()
    table.add_row("In the rules of a spec:")
    for name, rule in rules.items():
        table.add_row(f"  {name}", rule.summary)
    table.add_row()
    table.add_row("Of archcheck lint:")
    for name, lint_rule in lint_rules.items():
        table.add_row(f"  {name}", f"{lint_rule.summary} ({lint_rule.severity})")
    _write(lambda console: console.print(table), None)


def print_rule(name: str) -> None:
    """Print the documentation of a rule.

    Raises:
        UsageError: if there is no rule of that name.
    """
    from archcheck.lint import all_lint_rules
    from archcheck.rules import all_rules

    rules, lint_rules = all_rules(), all_lint_rules()
    if name not in {**rules, **lint_rules}:
        hint = closest(name.replace("_", "-"), {**rules, **lint_rules}, quoted=False)
        hint = hint or "; `archcheck rules` lists them"
        raise UsageError(f"there is no rule {name!r}{hint}")
    text = rule_markdown(rules[name]) if name in rules else lint_markdown(lint_rules[name])

    def show(console: Console) -> None:
        if console.is_terminal:
            from rich.markdown import Markdown

            console.print(Markdown(text))
        else:
            console.file.write(text + "\n")

    _write(show, None)


def rule_markdown(rule: Rule) -> str:
    """A rule's documentation with its options, as Markdown."""
    from archcheck.rules import documentation

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


def lint_markdown(rule: LintRule) -> str:
    """A lint rule's documentation, as Markdown."""
    from archcheck.rules import documentation

    return f"# {rule.name}\n\n{rule.summary} Severity: {rule.severity}.\n\n{documentation(rule)}"


def print_schema() -> None:
    """Print the JSON Schema of a spec."""
    from archcheck.spec import json_schema

    _write_json(json_schema(), None)


def _width() -> int | None:
    """The columns that text is wrapped to; None in a pipe, unless COLUMNS names a number."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns) > 0:
        return int(columns)
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _render(show: Callable[[Console], None], *, for_file: bool = False) -> str:
    """The text that a function prints, in colour if standard output shows colours."""
    buffer, width = StringIO(), None if for_file else _width()
    terminal = False if for_file else True if sys.stdout.isatty() else None  # as FORCE_COLOR says
    console = Console(
        file=buffer,
        width=width or FILE_WIDTH,
        soft_wrap=width is None,
        no_color=True if for_file else None,
        force_terminal=terminal,
    )
    show(console)
    *lines, _ = buffer.getvalue().split("\n")
    return inert("".join(f"{line.rstrip()}\n" for line in lines))


def _write(show: Callable[[Console], None], file: Path | None) -> str | None:
    if file is None:
        text = _render(show)
        print_text(text)
        return text
    write_file(file, _render(show, for_file=True))
    return None


def _write_json(data: Any, file: Path | None) -> str | None:
    text = dumps(data)
    if file is None:
        text = encodable(text)
        print_text(text)
        return text
    write_file(file, text)
    return None


def encodable(text: str) -> str:
    """JSON, escaped if the encoding of standard output lacks some of its characters."""
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return escaped(text)
    return text


def refuse_overwrite(
    written: Iterable[Path | None],
    read: Iterable[Path | str | None],
    option: str = "--output-file",
) -> None:
    """Refuse to overwrite a file that is read, such as the network itself.

    ``option`` is the option that named the files to write.

    Raises:
        UsageError: if one would be overwritten.
    """
    sources = [Path(source) for source in read if source]
    for file in written:
        for source in sources:
            if file is not None and file.exists() and source.exists() and file.samefile(source):
                raise UsageError(f"{option} {file} would overwrite what is read: name another")


def write_file(file: Path, content: str | bytes, option: str = "--output-file") -> None:
    """Write a file whole or not at all. Links are followed; devices and pipes are written directly.

    ``option`` is the option that named the file. Text is written as UTF-8.

    Raises:
        UsageError: if it cannot be written.
    """
    if file.is_dir():
        raise UsageError(f"{option} {file} is a folder")
    data = content.encode("utf-8") if isinstance(content, str) else content
    try:
        special = file.exists() and not file.is_file()
        if special or str(file.absolute()).startswith(("/dev/", "/proc/")):
            with file.open("wb") as stream:
                stream.write(data)
            return
        write_whole(file, data)
    except OSError as error:
        raise UsageError(f"{option} {file} cannot be written: {error.strerror}") from None
