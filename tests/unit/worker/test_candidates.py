"""Which network of a file is judged: never a helper that happens to be built without arguments."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from archcheck.worker.building import Loaded
from archcheck.worker.failures import BuildError, InputError
from archcheck.worker.loading import loaded
from archcheck.worker.reference import parse_reference

HEAD = "import functools\nimport torch\nfrom torch import nn\n"
STAGES = """
class Stages(nn.Sequential):
    def forward(self, x):
        for stage in self:
            x = x + stage(x)
        return x
"""
SHORTCUT = """
class Shortcut(nn.Module):
    def __init__(self, body):
        super().__init__()
        self.body = body

    def forward(self, x):
        return x + self.body(x)
"""
SCALE = """
class Scale(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.factor = nn.Parameter(torch.ones(width, 1, 1))

    def forward(self, x):
        return x * self.factor
"""
NET = """
class Net(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)

    def forward(self, x):
        return self.conv(x)
"""
RESIDUAL = """
class Plain(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)

class Residual(nn.Module):
    def __init__(self, block, depth):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3)
        self.body = nn.Sequential(*[block(8) for _ in range(depth)])

    def forward(self, x):
        return self.body(self.stem(x))

def _residual(block, depth):
    net = Residual(block, depth)
    return net.eval()
"""
SMALL = "def small():\n    return _residual(Plain, 1)\n"
LARGE = "class Wide(Plain):\n    pass\ndef large(depth=3):\n    return Residual(Wide, depth)\n"

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_source(source: str) -> Path:
        file = tmp_path / "net.py"
        file.write_text(HEAD + source, encoding="utf-8")
        return file

    return write_source


def load(file: Path, name: str = "", **arguments: Any) -> Loaded:
    reference = parse_reference(f"{file}:{name}" if name else str(file), "plain")
    with loaded(reference, arguments) as found:
        return found


CHOSEN = {
    "a function that fills a container": (
        STAGES + "def build():\n    return Stages(nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1))\n",
        "build",
    ),
    "a lambda that fills a container": (
        STAGES + "build = lambda: Stages(nn.Conv2d(3, 3, 1))\n",
        "build",
    ),
    "an instance that holds a container": (
        STAGES + "net = nn.Sequential(nn.Conv2d(3, 3, 1), Stages(nn.Conv2d(3, 3, 1)))\n",
        "net",
    ),
    "a function around a part that has defaults": (
        SCALE + "def build():\n    return nn.Sequential(nn.Conv2d(3, 8, 3), Scale())\n",
        "build",
    ),
    "an instance around a part that has defaults": (
        SCALE + "net = nn.Sequential(nn.Conv2d(3, 8, 3), Scale())\n",
        "net",
    ),
    "functions that use each other": (
        SHORTCUT
        + "def stage(width):\n    return nn.Sequential(Shortcut(nn.Conv2d(width, width, 1)))\n"
        + "def build(width=4):\n    layers = [nn.Conv2d(3, width, 1), stage(width)]\n"
        + "    net = nn.Sequential(*layers)\n    net.train()\n    return net\n",
        "build",
    ),
    "an instance that a function made": (
        SHORTCUT
        + "def build(width=4):\n    return nn.Sequential(Shortcut(nn.Conv2d(3, width, 1)))\n"
        + "net = build(3)\n",
        "net",
    ),
    "the only function that builds the class": (RESIDUAL + SMALL, "small"),
    "the only function, beside a class that nothing builds": (RESIDUAL + SHORTCUT + SMALL, "small"),
    "the instance of a class that several functions build": (
        RESIDUAL + SMALL + LARGE + "net = small()\n",
        "net",
    ),
    "a class that is built alone, beside functions that build it": (
        NET + "def build(width=9):\n    return Net(width)\nnet = Net(5)\n",
        "Net",
    ),
    "a class beside its wrapper": (NET + "net = nn.DataParallel(Net())\n", "Net"),
    "a class beside losses, layers and functions that make some": (
        NET
        + "loss = nn.CrossEntropyLoss()\nactivation = nn.ReLU()\n"
        + "def activate():\n    return nn.Sequential(nn.ReLU())\n"
        + "def criterion():\n    return nn.MSELoss()\n",
        "Net",
    ),
    "an instance beside losses": (
        "loss = nn.CrossEntropyLoss()\nnet = nn.Sequential(nn.Conv2d(3, 4, 1))\n",
        "net",
    ),
    "a class with attributes named like instances and functions": (
        "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.net = nn.Conv2d(3, 4, 1)\n        self.build = 1\n"
        "def build():\n    return Net()\nnet = build()\n",
        "Net",
    ),
    "a class whose base needs arguments": (
        RESIDUAL + "class Ours(Residual):\n    def __init__(self):\n"
        "        super().__init__(Plain, 2)\n",
        "Ours",
    ),
    "a class whose base has abstract methods": (
        "import abc\n"
        + NET.replace("class Net(nn.Module)", "class Base(nn.Module, abc.ABC)")
        + "    @abc.abstractmethod\n    def features(self): ...\n"
        + "class Ours(Base):\n    def features(self): ...\n",
        "Ours",
    ),
    "a class beside what a decorator made of functions": (
        NET
        + "class Entry:\n    def __init__(self, function):\n        self.function = function\n"
        + "    def __call__(self):\n        return self.function()\n"
        + "def forget(function):\n    pass\n"
        + "@Entry\ndef one():\n    return Net()\n@forget\ndef two():\n    return Net()\n",
        "Net",
    ),
    "an imported class": (
        "from torch.nn import Conv2d\ndef build():\n    return Conv2d(3, 4, 1)\n",
        "build",
    ),
    "a partial call": (RESIDUAL + "build = functools.partial(Residual, Plain, 2)\n", "build"),
    "a class that holds its layers in a list": (
        "class Part(nn.Conv2d):\n    def __init__(self):\n        super().__init__(3, 4, 1)\n"
        "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.layers = [Part()]\n"
        "def build(unused=1):\n    return Net(*())\n",
        "Net",
    ),
}


@pytest.mark.parametrize(("source", "name"), CHOSEN.values(), ids=CHOSEN)
def test_the_network_is_chosen_over_its_helpers(write: Write, source: str, name: str) -> None:
    assert load(write(source)).name == name


LISTED = {
    "two functions": (RESIDUAL + SMALL + LARGE, ["small", "large"]),
    "a base that works alone, and what is derived from it": (
        NET + "class Better(Net):\n    pass\n",
        ["Net", "Better"],
    ),
    "a part that nothing uses, and a function": (
        SCALE + "def build():\n    return nn.Sequential(nn.Conv2d(3, 8, 3))\n",
        ["Scale", "build"],
    ),
    "a part that nothing uses, and an instance": (
        SCALE + "net = nn.Sequential(nn.Conv2d(3, 8, 3))\n",
        ["Scale", "net"],
    ),
    "an activation, and a function that needs arguments": (
        "class Swish(nn.Module):\n    def forward(self, x):\n        return x\n"
        "def build(width):\n    return nn.Sequential(nn.Conv2d(3, width, 3))\n",
        ["Swish", "build"],
    ),
    "an empty list of layers, and a function that fills it": (
        "class Stack(nn.Module):\n    def __init__(self, layers=()):\n"
        "        super().__init__()\n        self.layers = nn.ModuleList(layers)\n"
        "    def forward(self, x):\n        return x\n"
        "def build():\n    return Stack([nn.Conv2d(3, 4, 1)])\n",
        ["Stack", "build"],
    ),
    "a class that needs arguments, and one that needs none": (
        SHORTCUT + "class Swish(nn.Module):\n    def forward(self, x):\n        return x\n",
        ["Swish"],
    ),
}


@pytest.mark.parametrize(("source", "names"), LISTED.values(), ids=LISTED)
def test_what_can_be_named_is_listed_where_nothing_is_obvious(
    write: Write, source: str, names: list[str]
) -> None:
    with pytest.raises(InputError) as caught:
        load(write(source))
    listed = ", ".join(f"net.py:{name}" for name in names)
    assert str(caught.value).endswith(f"; name one: {listed}")


def test_a_function_that_trains_is_not_called(write: Write) -> None:
    needy = NET.replace("width=4", "width")
    trains = "def fit():\n    net = Net(4)\n    net(0).backward()\n    return net\n"
    with pytest.raises(BuildError, match="Net needs arguments: width"):
        load(write(needy + trains))


def test_arguments_choose_among_what_takes_them(write: Write) -> None:
    file = write(RESIDUAL + SMALL + LARGE)
    assert load(file, depth=5).name == "large"


def test_a_part_that_only_functions_name_is_no_choice_beside_the_class_that_takes_arguments(
    write: Write,
) -> None:
    file = write(SHORTCUT + RESIDUAL + SMALL)
    assert load(file, block="Shortcut", depth=2).name == "Residual"


def test_a_class_that_needs_arguments_says_what_builds_it(write: Write) -> None:
    with pytest.raises(BuildError) as caught:
        load(write(RESIDUAL + SMALL + LARGE), "Residual")
    assert caught.value.hint == "name one: net.py:small, net.py:large"


ABSENT = {
    "empty": ("", "net.py is empty"),
    "under the main guard": (
        'if __name__ == "__main__":\n    class Net(nn.Module):\n        pass\n',
        r"net.py: Net (line 5) is defined under `if __name__ == \"__main__\":`, which does not run "
        "when the file is imported: move it out",
    ),
    "in a function": (
        "def main():\n    class Net(nn.Sequential):\n        pass\n",
        "net.py: Net (line 5) is defined inside of the function main: move it out",
    ),
    "nothing": ("SIZE = 3\n", "net.py: no nn.Module is defined here"),
}


@pytest.mark.parametrize(("source", "message"), ABSENT.values(), ids=ABSENT)
def test_a_file_without_a_network_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.py").write_text(HEAD + source if source else "", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load(Path("net.py"))
    assert str(caught.value) == message.replace("\\", "")


def test_a_class_under_the_main_guard_is_found_by_its_name(write: Write) -> None:
    with pytest.raises(InputError, match=r"there is no Net in .*: Net \(line 5\) is defined under"):
        load(write('if __name__ == "__main__":\n    class Net(nn.Module):\n        pass\n'), "Net")


def test_networks_that_are_imported_are_looked_for_where_they_are_defined(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("parts.py").write_text(HEAD + NET, encoding="utf-8")
    Path("train.py").write_text("from parts import Net\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load(Path("train.py"))
    assert str(caught.value) == "train.py imports Net from parts: check parts.py"
