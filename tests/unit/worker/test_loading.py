"""References, choosing the network of a file, arguments, imports, and leaving nothing behind."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import indent
from typing import Any

import pytest
import torch

from archcheck.network import Place
from archcheck.worker.building import Loaded
from archcheck.worker.failures import BuildError, ImportFailure, InputError
from archcheck.worker.loading import loaded
from archcheck.worker.reference import parse_reference

Load = Callable[..., Loaded]

NET = """
class Net(nn.Module):
    def __init__(self, width=4, *, bias=True):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3, bias=bias)

    def forward(self, x):
        return self.conv(x)
"""
BLOCK = NET.replace("Net", "Block")


def write(path: Path, source: str, head: str = "from torch import nn\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(head + source, encoding="utf-8")
    return path


def load(reference: object, **arguments: Any) -> Loaded:
    with loaded(parse_reference(str(reference)), arguments) as found:
        return found


def width(found: Loaded) -> int:
    return next(found.model.parameters()).shape[0]


@pytest.fixture(autouse=True)
def _interpreter_is_left_as_it_was(tmp_path: Path) -> Iterator[None]:
    """Holds for every test of this file, the failing imports and constructors included."""
    path, modules, directory = list(sys.path), dict(sys.modules), Path.cwd()
    yield
    assert sys.path == path
    assert Path.cwd() == directory
    assert not {name for name in modules if sys.modules.get(name) is not modules[name]}
    files = {name: str(getattr(module, "__file__", "")) for name, module in sys.modules.items()}
    assert not {name for name, file in files.items() if str(tmp_path) in file}


NAMED = {
    "Net": NET,
    "make": NET + "\ndef make():\n    return Net(4)\n",
    "ready": NET + "\nready = Net(4)\n",
    "zoo.Net": "class zoo:\n" + indent(NET, "    "),
    "small": NET + "\nimport functools\nsmall = functools.partial(Net, 4)\n",
}


@pytest.mark.parametrize("name", NAMED)
def test_a_name_is_a_class_a_function_or_an_instance(tmp_path: Path, name: str) -> None:
    found = load(f"{write(tmp_path / 'net.py', NAMED[name])}:{name}")
    assert (type(found.model).__name__, found.name, width(found)) == ("Net", name, 4)


def test_modules_of_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "plain" / "deep" / "net.py", NET)
    monkeypatch.chdir(tmp_path)
    assert width(load("plain.deep.net:Net", width=7)) == 7


def test_an_installed_module_can_be_named() -> None:
    model = load("torch.nn:Linear", in_features=3, out_features=5).model
    assert isinstance(model, torch.nn.Linear)


@pytest.mark.parametrize("text", ["no_such_package:Net", "torch.no_such_part.net:Net"])
def test_a_module_that_is_not_there_is_the_callers_mistake(text: str) -> None:
    with pytest.raises(InputError, match="there is no module"):
        load(text)


def test_a_module_that_imports_something_missing_is_the_networks_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "broken_net.py", "from no_such_module_at_all import Net\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ImportFailure, match="no_such_module_at_all"):
        load("broken_net:Net")


# -- which network a file means -------------------------------------------------------------

OUTER = """
class Outer(nn.Module):
    def __init__(self{parameters}):
        super().__init__()
        self.inner = {inner}

    def forward(self, x):
        return self.inner(x)
"""


CONTAINED = {
    "called": OUTER.format(parameters="", inner="Block()"),
    "comprehension": OUTER.format(parameters="", inner="nn.Sequential(*[Block() for _ in 'ab'])"),
    "lambda": OUTER.format(parameters="", inner="(lambda: Block())()"),
    "helper": "def make():\n    return Block()\n" + OUTER.format(parameters="", inner="make()"),
    "table": "KINDS = {'a': Block}\n" + OUTER.format(parameters="", inner="KINDS['a']()"),
    "inherited": "class Sub(Block):\n    ...\n" + OUTER.format(parameters="", inner="Sub()"),
    "default": OUTER.format(parameters=", block=Block", inner="block()"),
    "attribute": OUTER.format(parameters="", inner="self.block()") + "\n    block = Block\n",
    "alias": "Alias = Block\n" + OUTER.format(parameters="", inner="Alias()"),
}


@pytest.mark.parametrize("rest", CONTAINED.values(), ids=CONTAINED)
def test_the_network_that_no_other_contains_is_meant(tmp_path: Path, rest: str) -> None:
    assert load(write(tmp_path / "net.py", BLOCK + rest)).name == "Outer"


def test_an_imported_class_is_not_the_files_own(tmp_path: Path) -> None:
    write(tmp_path / "parts.py", BLOCK)
    assert load(write(tmp_path / "net.py", "from parts import Block\n" + NET)).name == "Net"


def test_an_instance_stands_for_a_class_that_cannot_be_built_alone(tmp_path: Path) -> None:
    needy = NET.replace("width=4", "width")
    assert width(load(write(tmp_path / "net.py", needy + "\nmodel = Net(9)\n"))) == 9


def test_an_instance_alone_is_the_network(tmp_path: Path) -> None:
    found = load(write(tmp_path / "net.py", "model = nn.Sequential(nn.Conv2d(3, 4, 3))\n"))
    assert found.name == "model"


def test_several_networks_are_listed(tmp_path: Path) -> None:
    file = write(tmp_path / "net.py", BLOCK + NET + NET.replace("Net", "Third"))
    with pytest.raises(InputError, match="3 networks; name one: ") as caught:
        load(file)
    assert str(caught.value).endswith("net.py:Block, net.py:Net, net.py:Third")


def test_a_class_defined_twice_is_noted(tmp_path: Path) -> None:
    found = load(write(tmp_path / "net.py", NET + NET.replace("width=4", "width=6")))
    assert width(found) == 6
    assert any("Net is defined 2 times" in note.text for note in found.notes)


def test_arguments_reach_the_constructor_and_functions(tmp_path: Path) -> None:
    file = write(tmp_path / "net.py", NET + "\ndef make(size):\n    return Net(size)\n")
    found = load(f"{file}:Net", width=6, bias=False)
    assert (width(found), len(list(found.model.parameters()))) == (6, 1)
    assert width(load(f"{file}:make", size=2)) == 2


def test_missing_arguments_are_all_named(tmp_path: Path) -> None:
    file = write(tmp_path / "net.py", NET.replace("width=4, *, bias=True", "width, *, bias, x=1"))
    with pytest.raises(BuildError, match="needs arguments: width, bias") as caught:
        load(file)
    assert caught.value.missing == ("width", "bias")
    assert caught.value.place == Place(str(file), 3)


def test_unknown_arguments_are_refused_with_those_that_exist(tmp_path: Path) -> None:
    file = write(tmp_path / "net.py", NET + "\nready = Net()\n")
    with pytest.raises(InputError, match="no argument 'widht'; its arguments: width, bias"):
        load(f"{file}:Net", widht=3)
    with pytest.raises(InputError, match="instance already"):
        load(f"{file}:ready", width=3)


def test_a_constructor_of_any_keywords_takes_any(tmp_path: Path) -> None:
    source = NET.replace("width=4, *, bias=True", "**options").replace(
        "width, 3, bias=bias", "options['width'], 3"
    )
    assert width(load(write(tmp_path / "net.py", source), width=5)) == 5


def test_siblings_are_found_at_import_and_in_forward(tmp_path: Path) -> None:
    write(tmp_path / "sizes.py", "WIDTH = 11\n", head="")
    write(tmp_path / "late.py", "def double(x):\n    return x * 2\n", head="")
    source = NET.replace("width=4", "width=WIDTH").replace(
        "return self.conv(x)", "from late import double; return double(self.conv(x))"
    )
    file = write(tmp_path / "net.py", "from sizes import WIDTH\n" + source)
    with loaded(parse_reference(str(file)), {}) as found:
        assert found.model(torch.zeros(1, 3, 4, 4)).shape == (1, 11, 2, 2)


@pytest.mark.parametrize("package", ["course", "tests"])
def test_relative_imports_of_a_package_work(tmp_path: Path, package: str) -> None:
    write(tmp_path / package / "__init__.py", "")
    write(tmp_path / package / "sizes.py", "WIDTH = 12\n")
    write(tmp_path / package / "nets" / "__init__.py", "")
    source = "from ..sizes import WIDTH\n" + NET.replace("width=4", "width=WIDTH")
    file = write(tmp_path / package / "nets" / "net.py", source)
    assert width(load(f"{file}:Net")) == 12


def test_two_files_of_the_same_names_do_not_disturb_each_other(tmp_path: Path) -> None:
    files = []
    for number in (1, 2):
        folder = tmp_path / f"student{number}"
        write(folder / "utils.py", f"WIDTH = {number}\n")
        source = NET.replace("width=4", "width=WIDTH")
        files.append(write(folder / "net.py", "from utils import WIDTH\n" + source))
    assert [width(load(file)) for file in (*files, files[0])] == [1, 2, 1]
    first, second = (parse_reference(f"{file}:Net") for file in files)
    with loaded(first, {}) as outer:
        mine = sys.modules["utils"]
        with loaded(second, {}) as inner:
            assert (width(outer), width(inner)) == (1, 2)
        assert sys.modules["utils"] is mine


@pytest.mark.parametrize("name", ["json", "torch", "my-net", "net.v2", "ein Netz", "сеть", "class"])
def test_a_file_may_have_any_name(tmp_path: Path, name: str) -> None:
    found = load(f"{write(tmp_path / f'{name}.py', NET)}:Net")
    assert width(found) == 4
    assert json.loads("1") == 1
    assert found.source is not None
    assert Path(found.source.file).stem == name


def test_the_main_block_does_not_run(tmp_path: Path) -> None:
    source = NET + "\nif __name__ == '__main__':\n    raise SystemExit('training starts')\n"
    assert width(load(write(tmp_path / "net.py", source))) == 4


def test_the_file_is_loaded_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even where an older version had the same size and the same second of change."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    file, sibling = tmp_path / "net.py", tmp_path / "sizes.py"
    seen = []
    for number in (5, 6):
        write(sibling, f"WIDTH = {number}\n")
        write(file, "from sizes import WIDTH\n" + NET.replace("3, width", f"{number}, WIDTH"))
        for path in (file, sibling):
            os.utime(path, (1_700_000_000, 1_700_000_000))
        found = load(file)
        seen.append((width(found), next(found.model.parameters()).shape[1]))
    assert seen == [(5, 5), (6, 6)]


# -- what is undone -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rest", "error"),
    [
        ("", None),
        ("raise ValueError('no')\n", ImportFailure),
        (NET.replace("super().__init__()", "raise ValueError('no')"), BuildError),
        (NET + "\nNet = 3\n", InputError),
    ],
    ids=["fine", "import", "constructor", "reference"],
)
def test_folder_path_and_modules_are_restored(
    tmp_path: Path, rest: str, error: type[Exception] | None
) -> None:
    write(tmp_path / "helper.py", "")
    meddle = "import os, sys, helper\nos.chdir('/')\nsys.path[:] = ['/nowhere', *sys.path]\n"
    file = write(tmp_path / "net.py", meddle + (rest or NET))
    # The fixture of this file compares everything afterwards.
    if error is None:
        assert width(load(f"{file}:Net")) == 4
    else:
        with pytest.raises(error):
            load(f"{file}:Net")
    assert "helper" not in sys.modules


def test_a_module_that_the_submission_replaced_is_put_back(tmp_path: Path) -> None:
    source = "import sys, types\nsys.modules['json'] = types.ModuleType('json')\n" + NET
    assert width(load(write(tmp_path / "net.py", source))) == 4
    assert sys.modules["json"] is json


@pytest.mark.parametrize(
    ("text", "why"), [("", "is empty"), ("# soon\n\n", "holds nothing but comments")]
)
def test_a_file_without_code_is_told_for_what_it_is(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(InputError, match=f"net.py {why}"):
        load(write(tmp_path / "net.py", text, head=""))
