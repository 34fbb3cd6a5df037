"""What a network read is seen, and whatever of it changes is noticed."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from archcheck.network import Network
from archcheck.tracing.remote import start_worker, trace_in, trace_reference
from archcheck.tracing.requests import Traced
from archcheck.worker.dependencies import states
from archcheck.worker.dependencies.states import (
    MOST_CONTENT_BYTES,
    Dependencies,
    still_hold,
    what_changed,
)
from archcheck.worker.reference import parse_reference

NET = """\
import importlib, importlib.util, json, os, pathlib, sys
import torch
from torch import nn
sys.path.append(os.path.join(os.path.dirname(__file__), "more"))
import helpers
import space.inner
from package import parts
from package.parts import WIDTH
import late
try:
    import optional
except ImportError:
    optional = None
try:
    importlib.import_module("by_name")
except ImportError:
    pass
installed = importlib.util.find_spec("sought_after") is not None
here = pathlib.Path(__file__).parent
config = json.loads((here / "config.json").read_text())
with open("relative.txt") as file:
    relative = file.read()
blocks = sorted(path.name for path in (here / "blocks").glob("*.txt"))
has_extra = os.path.exists(here / "extra.json")
has_folder = (here / "maybe").is_dir()
readable = os.access(here / "key.txt", os.R_OK)
mode = os.environ.get("NET_MODE", "plain")
flagged = "NET_FLAG" in os.environ
os.environ["NET_OWN"] = "1"
own = os.getenv("NET_OWN")
weights = torch.load(here / "weights.pt")
with open(here / "log.txt", "a") as file:
    file.write("ran")
with open(here / "scratch.txt", "w") as file:
    file.write("x")
assert (here / "scratch.txt").read_text() == "x"

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, WIDTH, 3)

    def forward(self, x):
        import lazily
        return self.conv(x)
"""
FILES = {
    "net.py": NET,
    "helpers.py": "",
    "space/inner.py": "",
    "package/__init__.py": "",
    "package/parts.py": "from . import deep\nWIDTH = 4\n",
    "package/deep.py": "",
    "more/late.py": "",
    "lazily.py": "",
    "config.json": "{}",
    "relative.txt": "r",
    "blocks/a.txt": "a",
    "key.txt": "",
}


class Project:
    """A folder with a network that reads all sorts of things, traced once."""

    def __init__(self, folder: Path) -> None:
        import torch

        self.folder = folder
        for name, text in FILES.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        torch.save({"w": torch.ones(3)}, folder / "weights.pt")
        self.reads = read_by(folder)


def read_by(folder: Path) -> Dependencies:
    """What the network of a folder reads."""
    directory = Path.cwd()
    os.chdir(folder)
    try:
        with start_worker() as worker:
            traced = trace_in(
                worker, parse_reference("net.py:Net", "plain"), [(3, 8, 8)], recorded=True
            )
    finally:
        os.chdir(directory)
    assert isinstance(traced, Traced), traced
    assert traced.dependencies is not None
    return traced.dependencies


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(tmp_path_factory.mktemp("project"))


@pytest.fixture
def folder(project: Project, tmp_path: Path) -> Iterator[Path]:
    """The project's folder, put back as it was afterwards."""
    kept = tmp_path / "kept"
    shutil.copytree(project.folder, kept)
    yield project.folder
    for path in sorted(project.folder.rglob("*"), reverse=True):
        if not (kept / path.relative_to(project.folder)).exists():
            path.rmdir() if path.is_dir() else path.unlink()
    for path in kept.rglob("*"):
        target = project.folder / path.relative_to(kept)
        if path.is_file() and (not target.exists() or target.read_bytes() != path.read_bytes()):
            shutil.copy2(path, target)


def write(name: str, text: str = "changed = 1\n") -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)

    return change


def remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


CHANGES = {
    "the network's own file": write("net.py", NET + "\n"),
    "an imported module": write("helpers.py"),
    "a module of a package": write("package/parts.py", "WIDTH = 5\n"),
    "a module imported by its package": write("package/deep.py"),
    "a package's init": write("package/__init__.py"),
    "a module of a namespace package": write("space/inner.py"),
    "a namespace package becomes a package": write("space/__init__.py"),
    "a module of a folder on the path": write("more/late.py"),
    "a module that forward imports": write("lazily.py"),
    "a config file": write("config.json", '{"a": 1}'),
    "a file by a relative path": write("relative.txt"),
    "a file more in a listed folder": write("blocks/b.txt"),
    "a file less in a listed folder": remove("blocks/a.txt"),
    "an imported module is removed": remove("helpers.py"),
    "a config file is removed": remove("config.json"),
    "a module in front of another": write("late.py"),
    "a package in front of a module": write("helpers/__init__.py"),
    "a module in front of an installed one": write("torch.py"),
    "a module of the standard library": write("random.py"),
    "a module that was not there": write("optional.py"),
    "a module not there, by name": write("by_name.py"),
    "a module that was only looked for": write("sought_after.py"),
    "a file that was asked after": write("extra.json"),
    "a folder that was asked after": lambda folder: (folder / "maybe").mkdir(),
    "a file whose rights were asked after": remove("key.txt"),
    "weights": write("weights.pt"),
    "the folder becomes a package": write("__init__.py"),
}


def test_everything_was_seen(project: Project) -> None:
    assert project.reads.unseen == ""
    assert still_hold(project.reads)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_is_noticed(
    project: Project, folder: Path, change: Callable[[Path], None]
) -> None:
    assert still_hold(project.reads)
    change(folder)
    assert not still_hold(project.reads)


NO_CHANGES = {
    "another file beside it": write("report.txt"),
    "a module that was not asked for": write("other.py"),
    "what the network writes itself": write("log.txt", "more"),
    "what the network writes and reads": write("scratch.txt", "y"),
    "the same text written again": write("config.json", "{}"),
    "the cache's own folder": write(".archcheck_cache/x.network"),
    "a file in a folder that was not listed": write("package/data.txt"),
}


@pytest.mark.parametrize("change", NO_CHANGES.values(), ids=NO_CHANGES)
def test_what_was_not_read_may_change(
    project: Project, folder: Path, change: Callable[[Path], None]
) -> None:
    change(folder)
    assert still_hold(project.reads)


def test_variables_count(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NET_MODE", "NET_FLAG"):
        monkeypatch.setenv(name, "deep")
        assert not still_hold(project.reads)
        monkeypatch.delenv(name)
    monkeypatch.setenv("NET_OTHER", "1")
    monkeypatch.setenv("NET_OWN", "2")  # it sets that one itself
    assert still_hold(project.reads)


def test_values_of_variables_are_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NET_MODE", "a secret")
    source = "import os\nfrom torch import nn\nmode = os.environ['NET_MODE']\nNet = nn.ReLU\n"
    (tmp_path / "net.py").write_text(source)
    reads = read_by(tmp_path)
    assert still_hold(reads)
    assert b"a secret" not in msgspec.msgpack.encode(reads)


def test_an_upgraded_torch_is_noticed(project: Project, tmp_path: Path) -> None:
    versions = [name for name in project.reads.contents if name.endswith("torch/version.py")]
    assert len(versions) == 1
    copy = tmp_path / "version.py"
    shutil.copy2(versions[0], copy)
    contents = dict(project.reads.contents)
    packages = str(Path(versions[0]).parents[1])
    assert packages in project.reads.searched
    copy.write_text(copy.read_text().replace("git_version = '", "git_version = 'a"))
    contents[str(copy)] = contents.pop(versions[0])
    assert not still_hold(msgspec.structs.replace(project.reads, contents=contents))


def test_an_installed_package_more_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = tmp_path / "site-packages"
    (packages / "known-1.0.dist-info").mkdir(parents=True)
    (packages / "known.py").write_text("WIDTH = 4\n")
    (tmp_path / "net.py").write_text("import known\nfrom torch import nn\nNet = nn.ReLU\n")
    monkeypatch.setenv("PYTHONPATH", str(packages))
    reads = read_by(tmp_path)
    assert still_hold(reads)
    (packages / "new-1.0.dist-info").mkdir()
    assert not still_hold(reads)
    (packages / "new-1.0.dist-info").rmdir()
    assert still_hold(reads)
    (packages / "known.py").write_text("WIDTH = 5\n\n")
    assert not still_hold(reads)


UNSEEN = {
    "it starts another program": "subprocess.run(['true'])",
    "it starts another program ": "os.system('true')",
    "it talks to other machines": "socket.gethostname()",
    "it opens a database": "sqlite3.connect(':memory:')",
    "it reads /proc/uptime, which changes": "open('/proc/uptime').read()",
    "it reads /dev/urandom, which changes": "open('/dev/urandom', 'rb').read(1)",
    "it uses the compiled library libm.so.6": "ctypes.CDLL('libm.so.6')",
    "it calls open of the system's library": "ctypes.CDLL(None).open(b'/etc/passwd', 0)",
}


@pytest.mark.parametrize("reason", UNSEEN)
def test_what_cannot_be_seen_is_said(tmp_path: Path, reason: str) -> None:
    head = "import ctypes, os, socket, sqlite3, subprocess\nfrom torch import nn\n"
    (tmp_path / "net.py").write_text(f"{head}{UNSEEN[reason]}\nNet = nn.ReLU\n")
    reads = read_by(tmp_path)
    assert reads.unseen == reason.strip()
    assert not still_hold(reads)


READERS = {
    "from_file": "torch.from_file('data.bin', size=2)",
    "from_file of a storage": "torch.UntypedStorage.from_file('data.bin', False, 8)",
    "from_file of a typed storage": "torch.FloatStorage.from_file('data.bin', False, 2)",
    "memmap": "np.memmap('data.bin', 'f4')",
    "fromfile": "np.fromfile('data.bin', 'f4')",
    "mmap": "[mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ) for f in [open('data.bin', 'rb')]]",
    "load": "torch.load('w.pt', mmap=True)",
    "jit.load": "torch.jit.load('s.pt')",
}


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
@pytest.mark.parametrize("way", READERS)
def test_a_file_that_compiled_code_reads_is_noticed(tmp_path: Path, way: str) -> None:
    import torch

    (tmp_path / "data.bin").write_bytes(b"12345678")
    torch.save({"w": torch.ones(3)}, tmp_path / "w.pt")
    torch.jit.save(torch.jit.script(torch.nn.ReLU()), tmp_path / "s.pt")
    head = "import mmap\nimport numpy as np\nimport torch\nfrom torch import nn\n"
    (tmp_path / "net.py").write_text(f"{head}read = {READERS[way]}\nNet = nn.ReLU\n")
    (name,) = (name for name in ("data.bin", "w.pt", "s.pt") if name in READERS[way])
    reads = read_by(tmp_path)
    assert str(tmp_path / name) in reads.contents
    assert still_hold(reads)
    (tmp_path / name).write_bytes(b"87654321")
    assert not still_hold(reads)


def test_what_reads_its_own_log_is_said(tmp_path: Path) -> None:
    source = (
        "from torch import nn\nopen('log', 'a').write('x')\nopen('log').read()\nNet = nn.ReLU\n"
    )
    (tmp_path / "net.py").write_text(source)
    (tmp_path / "log").write_text("")
    assert read_by(tmp_path).unseen == f"it reads {tmp_path / 'log'}, which changes"


def test_compiled_code_of_the_networks_own_is_said(tmp_path: Path) -> None:
    import _bisect

    source = getattr(_bisect, "__file__", None)
    if source is None:
        pytest.skip("this Python has no compiled module of its own in a file")
    shutil.copy(source, tmp_path / "_bisect_of_mine.so")
    (tmp_path / "net.py").write_text(
        "import importlib.util, os\nfrom torch import nn\n"
        "file = os.path.join(os.path.dirname(__file__), '_bisect_of_mine.so')\n"
        "spec = importlib.util.spec_from_file_location('_bisect', file)\n"
        "importlib.util.module_from_spec(spec)\n"
        "Net = nn.ReLU\n"
    )
    assert read_by(tmp_path).unseen == "it uses compiled code of _bisect"


def test_a_large_file_is_told_by_its_marks_and_by_its_content(tmp_path: Path) -> None:
    source = "from torch import nn\nopen('large.bin', 'rb').read(1)\nNet = nn.ReLU\n"
    (tmp_path / "net.py").write_text(source)
    large = tmp_path / "large.bin"
    with large.open("wb") as file:
        file.truncate(MOST_CONTENT_BYTES + 1)
    reads = read_by(tmp_path)
    assert still_hold(reads)
    before = large.stat()
    shutil.copyfile(large, tmp_path / "copy")
    (tmp_path / "copy").replace(large)  # the same content, another file at another time
    assert still_hold(reads)
    with large.open("r+b") as file:
        file.write(b"1")
    os.utime(large, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert not still_hold(reads)


def test_the_marks_of_what_was_just_written_do_not_count(tmp_path: Path) -> None:
    packages = tmp_path / "site-packages"
    packages.mkdir()
    (packages / "known.py").write_text("WIDTH = 4\n")
    state = states.content(str(packages / "known.py"))
    assert " " not in state
    assert states.content(str(packages / "known.py"), hashed=False) == ""


def test_the_time_of_a_file_counts_where_it_is_asked_for(tmp_path: Path) -> None:
    head = "import os, pathlib\nfrom torch import nn\nNet = nn.ReLU\n"
    asked = "os.path.exists('a'), pathlib.Path('a').is_file(), os.path.realpath('a')\n"
    (tmp_path / "a").write_text("")
    for source, counts in ((asked, False), (f"{asked}os.path.getmtime('a')\n", True)):
        (tmp_path / "net.py").write_text(head + source)
        reads = read_by(tmp_path)
        assert still_hold(reads)
        os.utime(tmp_path / "a", (1, 1))
        assert still_hold(reads) != counts
        os.utime(tmp_path / "a")
        (tmp_path / "a").write_text("")
    (tmp_path / "a").unlink()
    assert what_changed(reads).endswith("a was a file, and is not there")


def test_watching_changes_nothing_that_a_network_sees(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(
        "import glob, os, pathlib, shutil, stat, tempfile\nfrom torch import nn\n"
        "assert os.stat in os.supports_follow_symlinks and os.stat in os.supports_dir_fd\n"
        "assert os.stat in os.supports_fd and os.access in os.supports_effective_ids\n"
        "assert shutil._use_fd_functions\n"
        "assert stat.S_ISDIR(os.stat(path='.').st_mode)\n"
        "assert pathlib.Path('net.py').exists() and not os.path.exists(b'nothing')\n"
        "assert os.environ.copy()['HOME'] == os.environ['HOME'] == dict(os.environ)['HOME']\n"
        "assert type(os.environ).__name__ == '_Environ' and os.environb[b'HOME']\n"
        "os.environ['A'] = 'b'\nassert os.popen is not None and os.getenv('A') == 'b'\n"
        "del os.environ['A']\nassert 'A' not in os.environ and len(os.environ) > 0\n"
        "try:\n    os.stat('nothing')\nexcept FileNotFoundError as e:\n"
        "    assert e.filename == 'nothing'\n"
        "with tempfile.TemporaryDirectory() as d:\n"
        "    pathlib.Path(d, 'x').write_text('y')\n"
        "    assert pathlib.Path(d, 'x').read_text() == 'y'\n"
        "Net = nn.ReLU\n"
    )
    read_by(tmp_path)


def test_random_numbers_are_the_same_in_every_run(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(
        "import random, torch\nimport numpy as np\nfrom torch import nn\n"
        "widths = [random.randint(1, 10**6), np.random.randint(1, 10**6),\n"
        "          int(torch.randint(1, 10**6, ()))]\n"
        "class Net(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.sides = nn.ParameterList([torch.empty(int(w)) for w in widths])\n"
        "    def forward(self, x):\n"
        "        return x * random.randint(1, 10**6)\n"
    )
    found = []
    for _ in range(2):
        network = trace_reference(parse_reference(f"{tmp_path / 'net.py'}:Net", "plain"), [(3, 8)])
        assert isinstance(network, Network)
        found.append(network)
    assert len({weight.size for weight in found[0].parameters}) == 3
    assert found[0] == found[1]


def test_what_is_not_asked_for_is_not_watched(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(
        "import os, sys\nfrom torch import nn\n"
        "assert type(os.environ) is os._Environ and os.stat.__module__ == 'posix'\n"
        "Net = nn.ReLU\n"
    )
    with start_worker() as worker:
        traced = trace_in(
            worker, parse_reference(str(tmp_path / "net.py:Net"), "plain"), [(3, 8, 8)]
        )
    assert isinstance(traced, Traced), traced
    assert traced.dependencies is None


def test_importing_the_watcher_watches_nothing() -> None:
    import archcheck.worker.dependencies.recorder

    assert archcheck.worker.dependencies.recorder.__name__ in sys.modules
    assert type(os.environ) is os._Environ
    assert not any(type(finder).__name__ == "_Seeker" for finder in sys.meta_path)
