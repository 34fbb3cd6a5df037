"""Files whose imports and whose own files lie where Python does not look."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from archcheck.network import Network
from archcheck.tracing.remote import trace_in, trace_reference, warm_workers
from archcheck.tracing.requests import Traced
from archcheck.worker.failures import Failure
from archcheck.worker.reference import Load, parse_reference
from archcheck.worker.warm import WarmWorkers

NET = """
from torch import nn
{head}

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, {width}, 3)

    def forward(self, x):
        return self.conv(x)
"""
Trace = Callable[..., Network]


@pytest.fixture(scope="module")
def workers() -> Iterator[WarmWorkers]:
    with warm_workers() as warm:
        yield warm


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory that has nothing to do with the network."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, "utf-8")


def trace(workers: WarmWorkers, file: Path, how: Load = "") -> Network | Failure:
    with workers.start() as worker:
        traced = trace_in(worker, parse_reference(str(file), how), [(3, 8, 8)], timeout=30)
    return traced.network if isinstance(traced, Traced) else traced


def width(found: Network | Failure) -> int:
    assert isinstance(found, Network), found
    return found.parameters[0].shape[0]


SIZES = "WIDTH = 7\n"
IMPORTS: dict[str, tuple[str, str, dict[str, str], str]] = {
    "a sibling by a dot, in a folder that is no package": (
        "models/net.py",
        "from .sizes import WIDTH",
        {"models/sizes.py": SIZES},
        "",
    ),
    "a folder and a file that have no names of modules": (
        "01-week.2/my-net.py",
        "from .sizes import WIDTH",
        {"01-week.2/sizes.py": SIZES},
        "",
    ),
    "a folder that is called like a module of Python": (
        "code/net.py",
        "from . import sizes\nfrom .sizes import WIDTH",
        {"code/sizes.py": SIZES},
        "",
    ),
    "two dots": (
        "a/b/net.py",
        "from ..sizes import WIDTH",
        {"a/sizes.py": "from .more import WIDTH", "a/more.py": SIZES},
        "",
    ),
    "two dots in what is imported": (
        "models/net.py",
        "from .sizes import WIDTH",
        {
            "models/__init__.py": "",
            "models/sizes.py": "from ..common import WIDTH",
            "common/__init__.py": SIZES,
        },
        "",
    ),
    "a package in src, from inside": (
        "src/course/net.py",
        "from course.sizes import WIDTH",
        {"src/course/sizes.py": SIZES},
        "course is imported from {root}/src",
    ),
    "a package in src, from outside": (
        "scripts/net.py",
        "from course.sizes import WIDTH",
        {"src/course/sizes.py": SIZES, "src/course/__init__.py": ""},
        "course is imported from {root}/src",
    ),
    "the folder of the file, by name": (
        "models/net.py",
        "from models.sizes import WIDTH",
        {"models/sizes.py": SIZES},
        "models is imported from {root}",
    ),
    "a folder two above": (
        "models/deep/net.py",
        "from models.sizes import WIDTH",
        {"models/sizes.py": SIZES},
        "models is imported from {root}",
    ),
    "a file in the root of the project": (
        "models/deep/net.py",
        "from sizes import WIDTH",
        {"sizes.py": SIZES, "pyproject.toml": ""},
        "sizes is imported from {root}",
    ),
    "a path relative to the file's folder": (
        "models/net.py",
        "import sys\nsys.path.append('../lib')\nfrom sizes import WIDTH",
        {"lib/sizes.py": SIZES},
        "sizes is imported from {root}/lib",
    ),
}


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize(("file", "head", "files", "note"), IMPORTS.values(), ids=IMPORTS)
def test_imports_are_found_around_the_file(
    workers: WarmWorkers, tmp_path: Path, file: str, head: str, files: dict[str, str], note: str
) -> None:
    root = tmp_path / "project"
    write(root, {**files, file: NET.format(head=head, width="WIDTH")})
    found = trace(workers, root / file)
    assert width(found) == 7
    assert isinstance(found, Network)
    assert [told.text for told in found.notes] == ([note.format(root=root)] if note else [])
    assert all(told.place and told.place.file == str(root / file) for told in found.notes)


@pytest.mark.usefixtures("elsewhere")
def test_a_folder_without_python_is_no_missing_module(workers: WarmWorkers, tmp_path: Path) -> None:
    root = tmp_path / "project"
    head = "import no_such_module.sub"
    write(root, {"models/net.py": NET.format(head=head, width=7), "no_such_module/log.txt": ""})
    failure = trace(workers, root / "models/net.py", "plain")
    assert isinstance(failure, Failure)
    assert failure.missing[0].startswith("no_such_module")


@pytest.mark.usefixtures("elsewhere")
def test_what_python_finds_comes_first(workers: WarmWorkers, tmp_path: Path) -> None:
    root = tmp_path / "project"
    write(
        root,
        {
            "models/net.py": NET.format(head="from sizes import WIDTH", width="WIDTH"),
            "models/sizes.py": SIZES,
            "sizes.py": "WIDTH = 5",
        },
    )
    assert width(trace(workers, root / "models/net.py")) == 7


FILES: dict[str, tuple[str, str, str]] = {
    "open": ("import json\nWIDTH = json.load(open('cfg.json'))", "WIDTH", "cfg.json"),
    "a path": ("from pathlib import Path", "int(Path('cfg/a.txt').read_text())", "cfg/a.txt"),
    "a question": ("import os\nWIDTH = 7 if os.path.exists('cfg') else 5", "WIDTH", "cfg"),
    "a list": ("import os", "7 if os.listdir('./cfg') == ['a.txt'] else 5", "./cfg"),
    "numpy": ("import numpy", "int(numpy.loadtxt('cfg/a.txt'))", "cfg/a.txt"),
}


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("folder", ["", "models/"])
@pytest.mark.parametrize(("head", "size", "name"), FILES.values(), ids=FILES)
def test_files_are_found_around_the_file(
    workers: WarmWorkers, tmp_path: Path, head: str, size: str, name: str, folder: str
) -> None:
    root = tmp_path / "project"
    write(root, {"cfg.json": "7", "cfg/a.txt": "7"})
    write(root, {f"{folder}net.py": NET.format(head=head, width=size)})
    found = trace(workers, root / f"{folder}net.py")
    assert width(found) == 7
    assert isinstance(found, Network)
    (note,) = found.notes
    assert note.text.startswith(f"{name} is not in the working directory, but in {root}: ")
    assert note.place is not None
    assert note.place.file == str(root / f"{folder}net.py")


@pytest.mark.usefixtures("elsewhere")
def test_files_in_the_working_directory_come_first(tmp_path: Path) -> None:
    write(tmp_path, {"project/cfg.txt": "7", "elsewhere/cfg.txt": "5"})
    file = tmp_path / "project/net.py"
    file.write_text(NET.format(head="", width="int(open('cfg.txt').read())"), "utf-8")
    found = trace_reference(parse_reference(str(file)), [(3, 8, 8)])
    assert width(found) == 5
    assert isinstance(found, Network)
    assert not found.notes


def test_a_file_that_is_written_stays_where_it_is_written(tmp_path: Path, elsewhere: Path) -> None:
    write(tmp_path, {"project/log.txt": "before"})
    file = tmp_path / "project/net.py"
    file.write_text(NET.format(head="print(1, file=open('log.txt', 'w'))", width=7), "utf-8")
    assert width(trace_reference(parse_reference(str(file), "plain"), [(3, 8, 8)])) == 7
    assert (elsewhere / "log.txt").exists()
    assert (tmp_path / "project/log.txt").read_text() == "before"
