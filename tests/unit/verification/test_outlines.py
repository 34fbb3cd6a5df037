"""Which networks the files of a folder define, and which are parts of others: read, not run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from archcheck.verification.folders import python_files
from archcheck.verification.outlines import Outlines
from archcheck.worker.failures import InputError


def module(name: str, *parts: str, base: str = "nn.Module", top: str = "") -> str:
    made = "".join(f"        self.p{n} = {part}\n" for n, part in enumerate(parts))
    return (
        f"from torch import nn\n{top}\n\nclass {name}({base}):\n    def __init__(self):\n"
        f"        super().__init__()\n{made}\n    def forward(self, x):\n        return x\n"
    )


def networks(folder: Path, files: dict[str, str]) -> dict[str, tuple[str, ...]]:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    outlines = Outlines(folder, python_files(folder))
    found = outlines.networks()
    return {file.relative_to(folder).as_posix(): names for file, names in found.items()}


BLOCK = module("Block")
IMPORTS = {
    "from blocks import Block": "Block()",
    "from blocks import Block as B": "B()",
    "from blocks import *": "Block()",
    "import blocks": "blocks.Block()",
    "import blocks as parts": "parts.Block()",
    "from . import blocks": "blocks.Block()",
    "from .blocks import Block": "nn.Sequential(Block(), Block())",
}


@pytest.mark.parametrize("line", IMPORTS)
def test_a_file_whose_networks_are_parts_of_another_files_is_a_helper(
    tmp_path: Path, line: str
) -> None:
    files = {"blocks.py": BLOCK, "net.py": module("Net", IMPORTS[line], top=line)}
    assert networks(tmp_path, files) == {"net.py": ("Net",)}


def test_parts_are_found_through_packages(tmp_path: Path) -> None:
    files = {
        "src/shop/__init__.py": "",
        "src/shop/layers/__init__.py": "from .block import Block\n",
        "src/shop/layers/block.py": BLOCK,
        "src/shop/net.py": module("Net", "Block()", top="from shop.layers import Block"),
        "main.py": "from shop.net import Net\nmodel = Net()\n",
    }
    assert networks(tmp_path, files) == {"src/shop/net.py": ("Net",)}
    deep = {"src/shop/net.py": module("Net", "shop.layers.block.Block()", top="import shop.layers")}
    assert networks(tmp_path, deep) == {"src/shop/net.py": ("Net",)}


def test_who_only_trains_a_network_does_not_hide_it(tmp_path: Path) -> None:
    train = (
        "from net import Net\ndef main():\n    head = nn.Sequential(Net(), nn.Softmax())\n"
        "    return 0\nif __name__ == '__main__':\n    model = nn.Sequential(Net())\n    main()\n"
    )
    files = {
        "net.py": module("Net"),
        "train.py": module("Loss") + train,
        "build.py": "from net import Net\ndef build():\n    return Net()\n",
    }
    assert networks(tmp_path, files) == {"net.py": ("Net",), "train.py": ("Loss",)}


def test_what_makes_a_network_without_a_class(tmp_path: Path) -> None:
    files = {
        "stack.py": "import torch\nnet = torch.nn.Sequential(torch.nn.Linear(3, 4))\n",
        "made.py": "from torch import nn\ndef make():\n    net = nn.Sequential()\n    return net\n",
        "known.py": "from torchvision import models\ndef get():\n    return models.resnet18()\n",
        "own.py": module("Own", base="models.ResNet", top="from torchvision import models"),
        "shared.py": module("Late", base="Shared", top="from course import Shared"),
        "plain.py": module("Plain", base="object"),
        "data.py": "from torch.utils.data import Dataset\nclass Data(Dataset):\n    pass\n",
        "function.py": module("Round", base="torch.autograd.Function", top="import torch"),
        "base.py": "from torch import nn\nclass Base(nn.Module):\n    pass\n",
        "guarded.py": "if __name__ == '__main__':\n    class Late(nn.Module):\n"
        "        def forward(self, x):\n            return x\n",
    }
    assert networks(tmp_path, files) == {
        "guarded.py": ("Late",),
        "known.py": ("get",),
        "made.py": ("make",),
        "own.py": ("Own",),
        "shared.py": ("Late",),
        "stack.py": ("net",),
    }


def test_a_base_that_is_a_network_stays_one(tmp_path: Path) -> None:
    files = {
        "first.py": module("First"),
        "second.py": module("Second", base="First", top="from first import First"),
    }
    assert networks(tmp_path, files) == {"first.py": ("First",), "second.py": ("Second",)}


def test_networks_made_of_each_other_are_all_listed(tmp_path: Path) -> None:
    files = {
        "a.py": module("A", "B()", top="from b import B"),
        "b.py": module("B", "A()", top="from a import A"),
    }
    assert networks(tmp_path, files) == {"a.py": ("A",), "b.py": ("B",)}


def test_folders_that_hold_no_network_of_the_authors(tmp_path: Path) -> None:
    skipped = (
        *(".git", ".venv", "venv", "tests", "Tests", "__pycache__", "third_party", "vendor"),
        *("node_modules", "lib/site-packages"),
    )
    files = {f"{folder}/net.py": module("Net") for folder in skipped}
    files |= {"mine/pyvenv.cfg": "", "mine/lib/net.py": module("Net"), "src/net.py": module("Net")}
    files |= {".hidden.py": module("Net")}
    assert networks(tmp_path, files) == {"src/net.py": ("Net",)}


def test_links_that_lead_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "up").symlink_to(tmp_path)
    (tmp_path / "gone.py").symlink_to("nowhere.py")
    (tmp_path / "self.py").symlink_to("self.py")
    assert networks(tmp_path, {"src/net.py": module("Net")}) == {"src/net.py": ("Net",)}


def test_files_that_are_no_python(tmp_path: Path) -> None:
    (tmp_path / "zero.py").write_bytes(b"x = 1\0")
    (tmp_path / "torn.py").write_text("class (\n")
    (tmp_path / "deep.py").write_text("x = " + "(" * 9999)
    (tmp_path / "huge.ipynb").write_bytes(b" " * (1 << 23) + b"{}")
    files = python_files(tmp_path)
    assert [file.name for file in files] == ["deep.py", "huge.ipynb", "torn.py", "zero.py"]
    outlines = Outlines(tmp_path, files)
    assert set(outlines.unread) == set(files)
    assert outlines.networks() == {}


def test_too_many_files_are_refused(tmp_path: Path) -> None:
    for number in range(501):
        (tmp_path / f"f{number}.py").touch()
    with pytest.raises(InputError, match="more than 500 files of Python; name the network's"):
        python_files(tmp_path)


def test_a_name_that_is_no_utf8_is_told(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"n\xff.py")).touch()
    with pytest.raises(InputError, match="its name is not UTF-8; rename it"):
        python_files(tmp_path)


def test_files_stand_in_natural_order_those_of_the_folder_itself_first(tmp_path: Path) -> None:
    for name in ("a/b.py", "n10.py", "n2.py", "z.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    names = [file.relative_to(tmp_path).as_posix() for file in python_files(tmp_path)]
    assert names == ["n2.py", "n10.py", "z.py", "a/b.py"]
