"""The commands of notebooks (``%magic``, ``!shell``, ``?help``) as the Python that they stand for.

They become the calls that IPython, and an exported notebook, have in their place. Every line keeps
its number.

https://ipython.readthedocs.io/en/stable/interactive/reference.html
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

PYTHON_CELLS = frozenset(
    "capture heat ipytest memit mprun prun scalene snakeviz time wandb".split()
)
"""The cell magics whose cell is Python that runs in the notebook."""
_COMMAND = re.compile(
    r"""(?P<indent>\s*)(?P<assigned>[A-Za-z_](?:[\w.,\s]|\[[^\]]*\])*=\s*)?
    (?:(?P<sign>!!|!|%%?\ ?(?=[A-Za-z_]))(?P<rest>.*)
    |\?{1,2}(?P<asked>[\w.*]+)\s*;?|(?P<about>%{0,2}[A-Za-z_*][\w.*\[\]]*)\?{1,2}\s*;?)$""",
    re.VERBOSE,
)
_PYLAB = "from matplotlib.pylab import *; import numpy as np; import matplotlib.pyplot as plt"
"""What ``%pylab`` does."""
_BARE = re.compile(
    r"(?P<indent>\s*)(?P<name>pip3?|conda|cd|ls|mkdir|rmdir|cat|cp|mv|rm)\s+(?P<rest>[\w./~\"'-].*)$"
)
"""Commands that need no sign where no variable has their name."""
_TOKEN = re.compile(
    r"""\#.* | (?P<triple>\"\"\"|''') | "(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*' | (?P<open>[(\[{])
    | (?P<close>[)\]}]) | (?P<continued>\\$) | .""",
    re.VERBOSE,
)


def python_lines(lines: Sequence[str]) -> list[str]:
    """The lines of a cell, or of a file, as Python; as they are if they are Python already."""
    if _is_python("\n".join(lines)):
        return list(lines)
    first = next((n for n, line in enumerate(lines) if _says_something(line)), None)
    if first is not None and lines[first].lstrip().startswith("%%"):
        return _cell_magic(list(lines), first)
    return _line_magics(lines)


def without_indent(lines: Sequence[str]) -> list[str]:
    """The lines of a cell, which may be indented as a whole."""
    first = next((line for line in lines if line.strip()), "")
    indent = first[: len(first) - len(first.lstrip())]
    return [line.removeprefix(indent) for line in lines]


def _is_python(text: str) -> bool:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _says_something(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _cell_magic(lines: list[str], first: int) -> list[str]:
    name, _, argument = lines[first].lstrip().removeprefix("%%").strip().partition(" ")
    if name in PYTHON_CELLS:
        return [*lines[:first], "", *python_lines(lines[first + 1 :])]
    body = "".join(f"{line}\n" for line in lines[first + 1 :])
    call = _call("run_cell_magic", name, argument, body)
    return [*lines[:first], call, *[""] * (len(lines) - first - 1)]


def _line_magics(lines: Sequence[str]) -> list[str]:
    found: list[str] = []
    state = _State()
    at = 0
    while at < len(lines):
        command = _python_of(lines[at]) if state.begins_statement else None
        if command is None:
            state.read(lines[at])
            found.append(lines[at])
            at += 1
            continue
        end = at
        while lines[end].endswith("\\") and end + 1 < len(lines):
            end += 1
        parts = [line.removesuffix("\\").rstrip() for line in lines[at : end + 1]]
        whole = " ".join([parts[0], *map(str.lstrip, parts[1:])])
        found += [_python_of(whole) or "pass", *[""] * (end - at)]
        at = end + 1
    return found


def _python_of(line: str) -> str | None:
    """The Python that a command stands for; None if the line is no command."""
    bare = _BARE.match(line)
    if bare is not None:
        return f"{bare['indent']}{_call('run_line_magic', bare['name'], bare['rest'])}"
    command = _COMMAND.match(line)
    if command is None:
        return None
    start, rest = f"{command['indent']}{command['assigned'] or ''}", (command["rest"] or "").strip()
    if command["sign"] is None:
        about = command["asked"] or command["about"]
        return f"{command['indent']}{_call('run_line_magic', 'pinfo', about)}"
    if command["sign"].startswith("!"):
        has_value = command["assigned"] or command["sign"] == "!!"
        return f"{start}{_call('getoutput' if has_value else 'system', rest)}"
    name, _, argument = rest.partition(" ")
    if name == "pylab" and not command["assigned"]:
        return f"{start}{_PYLAB}"
    if name == "time" and _is_python(argument.strip()):
        return f"{start}{argument.strip() or 'pass'}"
    return f"{start}{_call('run_line_magic', name, argument.strip())}"


def _call(method: str, *arguments: str) -> str:
    return f"get_ipython().{method}({', '.join(map(repr, arguments))})"


class _State:
    """Whether the next line of some Python begins a statement."""

    def __init__(self) -> None:
        self._depth = 0
        self._quotes = ""
        self._continued = False

    @property
    def begins_statement(self) -> bool:
        """Whether it is in no string, no bracket, and does not continue a line."""
        return not (self._depth or self._quotes or self._continued)

    def read(self, line: str) -> None:
        """Go on by a line."""
        self._continued = False
        at = 0
        while at < len(line):
            if self._quotes:
                at = self._end_of_string(line, at)
                continue
            token = _TOKEN.match(line, at)
            assert token is not None  # any character is a token
            at = token.end()
            self._quotes = token["triple"] or ""
            self._depth = max(0, self._depth + bool(token["open"]) - bool(token["close"]))
            self._continued = token["continued"] is not None

    def _end_of_string(self, line: str, at: int) -> int:
        while at < len(line):
            if line.startswith(self._quotes, at):
                at += len(self._quotes)
                self._quotes = ""
                return at
            at += 2 if line[at] == "\\" else 1
        return at
