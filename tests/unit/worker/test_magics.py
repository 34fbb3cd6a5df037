"""The commands of notebooks as Python."""

from __future__ import annotations

import ast

import pytest

from archcheck.worker.magics import python_lines, without_indent

COMMANDS = {
    "!pip install timm": "get_ipython().system('pip install timm')",
    "%matplotlib inline": "get_ipython().run_line_magic('matplotlib', 'inline')",
    "% matplotlib inline": "get_ipython().run_line_magic('matplotlib', 'inline')",
    "%autoreload": "get_ipython().run_line_magic('autoreload', '')",
    "files = !ls data": "files = get_ipython().getoutput('ls data')",
    "a, b['c'] = !ls": "a, b['c'] = get_ipython().getoutput('ls')",
    "!!ls": "get_ipython().getoutput('ls')",
    "t = %timeit -o f()": "t = get_ipython().run_line_magic('timeit', '-o f()')",
    "%time net = Net()": "net = Net()",
    "?print": "get_ipython().run_line_magic('pinfo', 'print')",
    "nn.Conv2d??": "get_ipython().run_line_magic('pinfo', 'nn.Conv2d')",
    "pip install timm": "get_ipython().run_line_magic('pip', 'install timm')",
    "%pylab inline": "from matplotlib.pylab import *; import numpy as np; import matplotlib.pyplot "
    "as plt",
    "cd ../data": "get_ipython().run_line_magic('cd', '../data')",
}


@pytest.mark.parametrize(("command", "python"), COMMANDS.items(), ids=COMMANDS)
@pytest.mark.parametrize("indent", ["", "    "])
def test_a_command_is_the_call_that_it_stands_for(command: str, python: str, indent: str) -> None:
    head = ["if True:"] if indent else []
    lines = [*head, f"{indent}{command}", f"{indent}x = 1"]
    assert python_lines(lines) == [*head, f"{indent}{python}", f"{indent}x = 1"]


PYTHON = {
    "a remainder in brackets": ["a = (7", "% 4)"],
    "a text": ["text = '''", "!ls", "%time", "'''"],
    "a text with a quote": ["text = '''it\\'''s", "%time", "'''"],
    "a continued line": ["a = 7 \\", "% 4"],
    "a comment with a bracket": ["a = 1  # ("],
    "a text with a bracket": ["a = '('", 'b = "it\\"s ["'],
}


@pytest.mark.parametrize("lines", PYTHON.values(), ids=PYTHON)
def test_python_that_looks_like_a_command_stays_beside_one(lines: list[str]) -> None:
    assert python_lines([*lines, "!ls"]) == [*lines, "get_ipython().system('ls')"]
    assert python_lines(lines) == lines


def test_a_cell_may_be_indented_as_a_whole() -> None:
    lines = ["", "    # A network", "    x = 1", "    if x:", "        !ls"]
    dedented = ["", "# A network", "x = 1", "if x:", "    get_ipython().system('ls')"]
    assert python_lines(without_indent(lines)) == dedented


def test_a_command_in_several_lines_keeps_their_numbers() -> None:
    lines = python_lines(["!pip install \\", "    timm \\", "    einops", "x = 1"])
    assert lines == ["get_ipython().system('pip install timm einops')", "", "", "x = 1"]


@pytest.mark.parametrize("magic", ["%%time", "%%capture out", "# Slow\n%%time", "\n%%prun -l 1"])
def test_a_cell_that_is_timed_or_silenced_is_python(magic: str) -> None:
    lines = [*magic.splitlines(), "!ls", "class Net:", "    pass"]
    python = python_lines(lines)
    assert [len(python), ast.parse("\n".join(python)).body[-1].lineno] == [
        len(lines),
        2 + len(magic.splitlines()),
    ]


@pytest.mark.parametrize("magic", ["bash", "writefile net.py", "html", "python", "unheard of"])
def test_a_cell_of_another_program_is_one_call(magic: str) -> None:
    lines = python_lines([f"%%{magic}", "echo (", "", "x"])
    name, _, argument = magic.partition(" ")
    call = f"get_ipython().run_cell_magic({name!r}, {argument!r}, 'echo (\\n\\nx\\n')"
    assert lines == [call, "", "", ""]
