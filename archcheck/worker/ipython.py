"""What code of a notebook finds around it where no IPython runs it: commands that do nothing."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from archcheck.worker.scripts import Script, read_script


class Shell:
    """Stands for IPython's shell. No command is run."""

    def getoutput(self, command: str, *_: Any) -> Any:
        """What a command prints, which is not known."""
        raise RuntimeError(f"what `!{command}` prints is not known: no command is run")

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name.startswith("__"):
            raise AttributeError(name)
        return _nothing


def _nothing(*args: Any, **options: Any) -> None:
    """Nothing is run, and nothing shown."""


@contextmanager
def notebook_names(file: str) -> Iterator[None]:
    """While this is entered, code of a notebook, or one that was exported, finds ``display`` and
    ``get_ipython``."""
    names: dict[str, Any] = {"display": _nothing, "get_ipython": Shell} if _needs(file) else {}
    added = [name for name in names if not hasattr(builtins, name)]
    for name in added:
        setattr(builtins, name, names[name])
    try:
        yield
    finally:
        for name in added:
            delattr(builtins, name)


def _needs(file: str) -> bool:
    if not file:
        return False
    try:
        return is_of_a_notebook(read_script(file))
    except (OSError, SyntaxError, ValueError, RecursionError):
        return False  # loading it says why


def is_of_a_notebook(script: Script) -> bool:
    """Whether a file is a notebook, or holds commands of one."""
    return script.cells is not None or any(
        isinstance(node, ast.Name) and node.id == "get_ipython" for node in ast.walk(script.tree)
    )
