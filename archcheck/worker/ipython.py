"""What code of a notebook finds around it where no IPython runs it: commands that do nothing."""

from __future__ import annotations

import ast
import builtins
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from archcheck.network import Remark
from archcheck.phrases import some_of
from archcheck.worker.ipython_calls import variable_of
from archcheck.worker.scripts import Script, read_script
from archcheck.worker.written_modules import written_modules

MOST_NAMED = 4
"""The most lines that a remark lists."""


class Shell:
    """Stands for IPython's shell. No command is run."""

    def getoutput(self, command: str, *_: Any) -> Any:
        """What a command prints, which is not known."""
        raise RuntimeError(f"what `!{command}` prints is not known: no command is run")

    def code_of(self, command: str) -> str:
        """The code that a command runs in the notebook, which is not known."""
        raise RuntimeError(f"what `{command}` runs is not known, and may change anything")

    def run_line_magic(self, name: str, text: str = "", *_: Any) -> None:
        """A variable of the environment is set; nothing else is run."""
        if variable := variable_of(name, text):
            if not {"$", "{"}.isdisjoint(variable[1]):
                raise RuntimeError(f"what `%{name} {text}` sets is not known")
            os.environ[variable[0]] = variable[1]

    def awaited(self, value: Any) -> Any:
        """What comes of something that is waited for."""
        close = getattr(value, "close", None)
        if close is not None:
            close()
        raise RuntimeError("the file waits (`await`) outside of a function, which is not done here")

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name.startswith("__"):
            raise AttributeError(name)
        return _nothing


def _nothing(*args: Any, **options: Any) -> None:
    """Nothing is run, and nothing shown."""


_NAMES: dict[str, Any] = {"display": _nothing, "get_ipython": Shell}


@contextmanager
def notebook_names(file: str) -> Iterator[None]:
    """While this is entered, code of a notebook, or one that was exported, finds ``display`` and
    ``get_ipython``, and the modules that the notebook writes."""
    script = _script(file)
    if script is None or not is_of_a_notebook(script):
        yield
        return
    added = [name for name in _NAMES if not hasattr(builtins, name)]
    for name in added:
        setattr(builtins, name, _NAMES[name])
    try:
        with written_modules(script):
            yield
    finally:
        for name in added:
            delattr(builtins, name)


def _script(file: str) -> Script | None:
    try:
        return read_script(file) if file else None
    except (OSError, SyntaxError, ValueError, RecursionError):
        return None  # loading it says why


def command_notes(file: str) -> list[Remark]:
    """A note on the commands of a notebook in a script, which Python would refuse."""
    script = _script(file)
    if script is None or not script.commands:
        return []
    places = [script.place(line) for line in script.commands]
    lines = "line" if len(places) == 1 else "lines"
    listed = some_of([place.at for place in places], MOST_NAMED)
    return [Remark(f"a notebook's commands are not run: {lines} {listed}", places[0])]


def is_of_a_notebook(script: Script) -> bool:
    """Whether a file is a notebook, or holds commands of one."""
    return script.cells is not None or any(
        isinstance(node, ast.Name) and node.id == "get_ipython" for node in ast.walk(script.tree)
    )
