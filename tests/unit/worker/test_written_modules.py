"""Modules that a notebook writes and imports."""

from __future__ import annotations

from pathlib import Path

import pytest

from archcheck.worker.construction import built_at
from archcheck.worker.failures import ImportFailure, NetworkError
from archcheck.worker.loading import imported, loaded
from archcheck.worker.reference import parse_reference
from tests.support.notebooks import write_notebook

NET = """\
%%writefile {file}
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, {width}, 3)

    def forward(self, x):
        return self.conv(x)
"""


@pytest.mark.parametrize(
    ("file", "statement", "name"),
    [
        ("net.py", "from net import Net", "Net"),
        ("parts/net.py", "from parts import net", "net.Net"),
        ("parts/net.py", "import parts.net", "parts.net.Net"),
        ("/content/net.py", "import net", "net.Net"),
        ("./parts/__init__.py", "import parts", "parts.Net"),
    ],
)
def test_a_module_that_a_cell_writes_is_the_cell(
    tmp_path: Path, file: str, statement: str, name: str
) -> None:
    (tmp_path / "net.py").write_text("raise RuntimeError('the file of another run')")
    notebook = write_notebook(
        tmp_path / "net.ipynb", "x = 1", NET.format(file=file, width=7), statement
    )
    with loaded(parse_reference(f"{notebook}:{name}"), {}) as found:
        assert [tuple(p.shape) for p in found.model.parameters()] == [(7, 3, 3, 3), (7,)]
        built = built_at(found.model.get_submodule("conv"))
        assert (built and built.at) == "cell 2:7"
    assert not (tmp_path / "parts").exists()


def test_a_network_of_a_module_that_a_cell_writes_is_the_notebooks(tmp_path: Path) -> None:
    cells = (NET.format(file="part.py", width=7), "from part import Net")
    with loaded(parse_reference(str(write_notebook(tmp_path / "net.ipynb", *cells))), {}) as found:
        assert found.name == "Net"


@pytest.mark.parametrize("file", ["part.py", "parts/part.py"])
def test_a_line_that_may_change_a_module_that_is_written_is_not_passed_over(
    tmp_path: Path, file: str
) -> None:
    written = f"%%writefile {file}\nwidth = 4\n"
    module = file.removesuffix(".py").replace("/", ".")
    network = NET.partition("\n")[2].format(width="part.width")
    cells = (written, f"import {module} as part\n{network}", "input()\npart.width = 8")
    reference = parse_reference(str(write_notebook(tmp_path / "net.ipynb", *cells)))
    with pytest.raises(NetworkError, match="cell 3:2 may change part"), loaded(reference, {}):
        pass
    write_notebook(tmp_path / "net.ipynb", *cells[:2], "input()")
    with loaded(reference, {}) as found:
        assert found.name == "Net"


def test_what_stands_under_the_main_guard_of_a_notebook_runs_there(tmp_path: Path) -> None:
    network = NET.partition("\n")[2].format(width="width")
    guarded = 'if __name__ == "__main__":\n    width = 8'
    notebook = write_notebook(tmp_path / "net.ipynb", "width = 4", guarded, network)
    with loaded(parse_reference(str(notebook)), {}) as found:
        assert [tuple(p.shape) for p in found.model.parameters()] == [(8, 3, 3, 3), (8,)]


def test_a_module_is_written_on(tmp_path: Path) -> None:
    cells = ("%%writefile part.py\na = 1", "%%writefile -a part.py\nb = 2", "import part")
    with imported(parse_reference(str(write_notebook(tmp_path / "net.ipynb", *cells)))) as module:
        assert (module.part.a, module.part.b) == (1, 2)


def test_a_module_that_is_written_twice_is_not_known(tmp_path: Path) -> None:
    cells = ("%%writefile part.py\na = 1", "%%writefile part.py\na = 2", "import part")
    notebook = write_notebook(tmp_path / "net.ipynb", *cells)
    with (
        pytest.raises(ImportFailure, match=r"written several times \(cell 1:1, cell 2:1\)"),
        imported(parse_reference(str(notebook))),
    ):
        pass


def test_a_mistake_in_a_module_that_is_written_is_in_its_cell(tmp_path: Path) -> None:
    cells = ("x = 1", "%%writefile part.py\na = 1\nb = = 2", "import part")
    notebook = write_notebook(tmp_path / "net.ipynb", *cells)
    with pytest.raises(ImportFailure) as raised, imported(parse_reference(str(notebook))):
        pass
    assert raised.value.place is not None
    assert raised.value.place.at == "cell 2:3"


def test_a_module_that_an_exported_notebook_writes(tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    text = "a = 1\nb = a + 1\n"
    call = f"get_ipython().run_cell_magic('writefile', 'part.py', {text!r})"
    file.write_text(f"{call}\nfrom part import b\n")
    with imported(parse_reference(str(file))) as module:
        assert module.b == 2


def test_commands_in_a_script_are_told(tmp_path: Path) -> None:
    network = NET.partition("\n")[2].format(width=4)
    file = tmp_path / "net.py"
    file.write_text(f"%matplotlib inline\n{network}\n!pip install \\\n  timm\n")
    with loaded(parse_reference(str(file)), {}) as found:
        (note,) = [note for note in found.notes if "commands" in note.text]
    assert note.text == "a notebook's commands are not run: lines 1, 12"
    assert note.place is not None
    assert note.place.line == 1
