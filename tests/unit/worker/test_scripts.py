"""Reading scripts and notebooks."""

from __future__ import annotations

import ast
import json
import linecache
from pathlib import Path

import pytest

from archcheck.network import Place
from archcheck.worker.ipython import Shell
from archcheck.worker.notebooks import NotebookError
from archcheck.worker.scripts import Script, contents_given, placed, read_cells, read_script
from tests.support.notebooks import notebook, write_notebook

CELLS = (
    ("markdown", "# A network"),
    "!pip install timm\nimport torch\n",
    ("raw", "x = ("),
    "",
    "a = 'ä \U0001f600'\nb = 2",
    "%%time\nclass Net:\n    pass\n",
)


def written(script: Script) -> tuple[str, ...]:
    assert script.cells is not None
    return script.cells.lines


def where(script: Script) -> list[str]:
    return [script.place(node.lineno).at for node in script.tree.body]


@pytest.mark.parametrize("split", [True, False])
@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_lines_are_those_of_their_cells(
    tmp_path: Path, split: bool, indent: int | None, ascii_only: bool
) -> None:
    file = tmp_path / "net.ipynb"
    text = json.dumps(notebook(CELLS, split=split), indent=indent, ensure_ascii=ascii_only)
    file.write_text(text, encoding="utf-8")
    script = read_script(file)
    assert where(script) == ["cell 2:1", "cell 2:2", "cell 5:1", "cell 5:2", "cell 6:2"]
    for node in script.tree.body:
        found = text.splitlines()[script.place(node.lineno).file_lines[0] - 1]
        assert written(script)[node.lineno - 1].partition("'")[0] in found


def test_lines_of_the_file_are_those_that_hold_the_source(tmp_path: Path) -> None:
    file = write_notebook(tmp_path / "net.ipynb", *CELLS)
    script = read_script(file)
    lines = file.read_text().splitlines()
    for node in script.tree.body:
        line = lines[script.place(node.lineno).file_lines[0] - 1]
        assert json.loads(line.strip().rstrip(",")).rstrip("\n") == written(script)[node.lineno - 1]


@pytest.mark.parametrize("split", [True, False])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_columns_of_the_file_are_those_that_hold_the_source(
    tmp_path: Path, split: bool, ascii_only: bool
) -> None:
    file = tmp_path / "net.ipynb"
    cells = ("a = 'ä \U0001f600', \"\\t\"; b = 1\nc = 1", "d = '\\\\'; e = 2")
    text = json.dumps(notebook(cells, split=split), indent=1, ensure_ascii=ascii_only)
    file.write_text(text, encoding="utf-8")
    found = read_cells(str(file))
    assert found is not None
    for number, line in enumerate(found.lines, 1):
        for name in "abcde":
            if f"{name} = " in line:
                at, column = found.in_file(number, line.index(f"{name} = ") + 1)
                assert text.splitlines()[at - 1][column - 1 :].startswith(f"{name} = ")


def test_a_notebook_of_the_third_format(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "heading", "source": ["A network"], "level": 1},
        {"cell_type": "code", "input": ["x = 1\n", "y = 2"], "language": "python"},
    ]
    file = tmp_path / "net.ipynb"
    file.write_text(json.dumps({"nbformat": 3, "metadata": {}, "worksheets": [{"cells": cells}]}))
    assert where(read_script(file)) == ["cell 2:1", "cell 2:2"]


def test_a_mistake_is_in_its_cell(tmp_path: Path) -> None:
    file = write_notebook(tmp_path / "net.ipynb", "a = 1\n", "b = 2\nc = = 3\n")
    with pytest.raises(SyntaxError) as raised:
        read_script(file)
    assert raised.value.lineno == 3
    assert placed(Place(str(file), 3)).at == "cell 2:2"


def test_future_imports_may_stand_in_any_cell(tmp_path: Path) -> None:
    cells = ("x = 1", "from __future__ import annotations\ny: Z = 1")
    script = read_script(write_notebook(tmp_path / "net.ipynb", *cells))
    names: dict[str, object] = {}
    exec(compile(script.tree, script.file, "exec"), names)
    assert (names["x"], names["y"]) == (1, 1)


BROKEN = {
    "an empty file": ("", "is an empty file"),
    "no JSON": ('{"cells": [', "is no JSON"),
    "another file": ("[1, 2]", "holds no notebook"),
    "no cells": ("{}", "it has no cells"),
    "another language": (
        json.dumps({"cells": [], "metadata": {"kernelspec": {"language": "R"}}}),
        "language is r, not Python",
    ),
    "no text": ("ä".encode("latin-1"), "not UTF-8 text"),
}


@pytest.mark.parametrize(("content", "message"), BROKEN.values(), ids=BROKEN)
def test_a_broken_notebook_says_what_is_wrong(
    tmp_path: Path, content: str | bytes, message: str
) -> None:
    file = tmp_path / "net.ipynb"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(NotebookError, match=message):
        read_script(file)


def test_a_script_is_read_in_the_encoding_that_it_names(tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_bytes("# coding: latin-1\nname = 'ä'\n".encode("latin-1"))
    script = read_script(file)
    assert ast.unparse(script.tree) == "name = 'ä'"


def test_commands_in_a_script_are_calls(tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_text("!pip install timm\nx = 1\n")
    assert ast.unparse(read_script(file).tree).splitlines()[0].startswith("get_ipython().system")


def test_a_file_is_read_as_it_is_now(tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    for number in ("1", "2"):
        file.write_text(f"x = {number}\n")
        assert ast.unparse(read_script(file).tree) == f"x = {number}"


CELL = """\
class Net:
    "A network."

    def forward(self, x):
        match x:
            case [a, *b]:
                return [a + 1 for a in b]
"""
EXPORTED = f"""\
# In[1]:
get_ipython().run_line_magic('matplotlib', 'inline')
# In[2]:
get_ipython().run_cell_magic('time', '', {CELL!r})
get_ipython().run_cell_magic('bash', '', 'ls (\\n')
get_ipython().run_line_magic('time', 'net = Net()')
"""


def test_a_timed_cell_of_an_exported_notebook_is_python(tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_text(EXPORTED)
    tree = read_script(file).tree
    assert [(type(node).__name__, node.lineno) for node in tree.body] == [
        ("Expr", 2),
        ("ClassDef", 4),
        ("Expr", 5),
        ("Assign", 6),
    ]
    used = [node for node in ast.walk(tree.body[1]) if isinstance(node, ast.Name)]
    spans = [(node.col_offset, node.end_col_offset) for node in used]
    assert len(set(spans)) == len(spans) > 3
    names: dict[str, object] = {"get_ipython": Shell}
    exec(compile(tree, "net.py", "exec"), names)
    assert type(names["net"]).__doc__ == "A network."


def test_a_mistake_in_a_timed_cell_of_an_exported_notebook_is_in_its_line(tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_text("x = 1\nget_ipython().run_cell_magic('time', '', 'y = 1\\nz = = 1')\n")
    with pytest.raises(SyntaxError) as raised:
        read_script(file)
    assert (raised.value.lineno, raised.value.filename) == (2, str(file))


UNKNOWN = [
    "%run other.py",
    "%store -r width",
    "if True:\n    %run other.ipynb",
    "%%add_to Net\nx = 1",
]


@pytest.mark.parametrize("cell", UNKNOWN)
def test_a_command_that_runs_code_which_is_not_known_is_not_passed_over(
    tmp_path: Path, cell: str
) -> None:
    script = read_script(write_notebook(tmp_path / "net.ipynb", "x = 1", cell))
    with pytest.raises(RuntimeError, match="is not known, and may change anything"):
        exec(compile(script.tree, script.file, "exec"), {"get_ipython": Shell})


def test_what_is_waited_for_outside_of_functions_is_not_passed_over(tmp_path: Path) -> None:
    cell = "async def f():\n    await g()\n\nasync def g(): pass\n\nx = await f()"
    script = read_script(write_notebook(tmp_path / "net.ipynb", cell))
    with pytest.raises(RuntimeError, match="outside of a function"):
        exec(compile(script.tree, script.file, "exec"), {"get_ipython": Shell})


@pytest.mark.parametrize("cell", ["%store width", "%%timeit\nx = 1", "%%bash\nls", "%cd .."])
def test_a_command_that_runs_nothing_in_the_notebook_is_passed_over(
    tmp_path: Path, cell: str
) -> None:
    script = read_script(write_notebook(tmp_path / "net.ipynb", "x = 2", cell))
    names: dict[str, object] = {"get_ipython": Shell}
    exec(compile(script.tree, script.file, "exec"), names)
    assert names["x"] == 2


def test_what_is_given_stands_for_a_file_while_it_is_entered(tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_text("a = 1\n")
    with contents_given({str(file): b"b = 2\nc = 3\n"}):
        assert len(read_script(file).tree.body) == 2
        assert linecache.getlines(str(file)) == ["b = 2\n", "c = 3\n"]
    assert len(read_script(file).tree.body) == 1
    assert linecache.getlines(str(file)) == ["a = 1\n"]


def test_what_is_given_stands_for_a_notebook(tmp_path: Path) -> None:
    file = write_notebook(tmp_path / "net.ipynb", "a = 1\n")
    other = write_notebook(tmp_path / "other.ipynb", "b = 2\nc = 3\n")
    with contents_given({str(file): other.read_bytes()}):
        cells = read_cells(str(file))
        assert cells is not None and cells.lines == ("b = 2", "c = 3")
        assert len(read_script(file).tree.body) == 2
    cells = read_cells(str(file))
    assert cells is not None and cells.lines == ("a = 1",)
