"""Errors that end a run: a message on standard error, and its exit code."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from io import StringIO
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import typer

if TYPE_CHECKING:
    from archcheck.worker.failures import InputError

P = ParamSpec("P")
R = TypeVar("R")

FAILED, BROKEN, INTERRUPTED = 1, 2, 130


class UsageError(Exception):
    """The command line is wrong."""


def with_exit_codes(command: Callable[P, R]) -> Callable[P, R]:
    """Turn every exception of a command into a message and an exit code."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except typer.Exit:
            raise
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None
        except Exception as error:
            print_exception(error)
        raise typer.Exit(BROKEN)

    return run


def print_exception(error: Exception) -> None:
    """Print the error that ended a run, or one network's part of it."""
    # Imported late: a command starts its child process before it imports the spec code.
    from archcheck.errors import FileError, internal_error, system_error
    from archcheck.worker.failures import InputError, StartError

    if isinstance(error, FileError):
        for each in (error, *error.others):
            print_error(str(each), source=each.source, error=each)
    elif isinstance(error, InputError):
        print_error(input_error(error))
    elif isinstance(error, (UsageError, StartError)):
        print_error(str(error))
    elif isinstance(error, OSError):
        print_error(system_error(error))
    else:
        print_error(internal_error(error))


def input_error(error: InputError) -> str:
    """The message of an input error, with the option that the input was given by."""
    if error.subject:
        return f"--{error}"
    option = " (given by --arg, or `arguments:` in the spec)"
    return f"{error}{option if error.input == 'arguments' else ''}"


def print_error(message: str, *, source: str = "", error: object = None) -> None:
    """Print an error, with the line at fault underlined where there is one."""
    from rich.console import Console
    from rich.text import Text

    from archcheck.cli.streams import wrapped_lines
    from archcheck.plain_text import inert
    from archcheck.reporters.formatting import clean, underlined

    buffer = StringIO()
    terminal = True if sys.stderr.isatty() else None  # None: as FORCE_COLOR says
    console = Console(file=buffer, force_terminal=terminal, soft_wrap=True, highlight=False)
    width = console.width if sys.stderr.isatty() else None
    first, *others = wrapped_lines(f"error: {message}", width)
    head = Text("error: ", style="bold red")
    head.append(first.removeprefix("error: "), style="not bold default")
    for row in (head, *map(Text, others)):
        console.print(clean(row))
    line, column = getattr(error, "line", None), getattr(error, "column", None)
    if source and line and column:
        for row in underlined(source, line, column, getattr(error, "length", 1)):
            console.print(row)
    sys.stderr.write(inert(buffer.getvalue()))
