"""Code that was typed: into the cells of a notebook or of IPython, or at Python's prompt.

Python names it by files that are not there. :mod:`linecache` keeps its lines.
"""

from __future__ import annotations

import linecache
import re
import sys

_CELL = re.compile(r"(?:<|.*[/\\])ipython-input-(\d+)-\w+(?:>|\.py)")
"""The names that IPython has for the code of cells, where it does not say more."""
_files: dict[str, str] = {}
"""The files of cells by what they are called."""


def shown_file(file: str) -> str:
    """What a file is called: ``In [3]`` for the cell that was run third, else by its name."""
    number = _run_as(file)
    if not number:
        return file
    name = f"In [{number}]"
    _files[name] = file
    return name


def typed_lines(file: str) -> list[str]:
    """The lines of code that was typed, by its file or by what that is called; none if they are
    not known."""
    try:
        return linecache.getlines(_files.get(file, file))
    except ValueError:  # a null byte in the name of a file
        return []


def _run_as(file: str) -> str:
    """The number of the cell that a file is; empty of any other."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    label = getattr(getattr(shell, "compile", None), "format_code_name", None)
    named = label(file) if label is not None else None  # such as ("Cell", "In[3]")
    found = re.search(r"\d+", named[1]) if named else _CELL.fullmatch(file)
    return found[found.lastindex or 0] if found else ""
