"""The files of the cache: sealed, whole or not at all, bounded, and never in the way."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archcheck.cache import sealed as module
from archcheck.cache.folder import MARKS, clean, find_folder
from archcheck.cache.keys import ReferenceKey
from archcheck.cache.sealed import SealedFiles
from archcheck.cache.store import KeptNetwork, Store
from archcheck.network import Network, encode
from archcheck.network.model import Tensor
from archcheck.worker.dependencies.states import Dependencies, content
from tests.support.paths import ROOT

REFERENCE, REQUEST = ReferenceKey("a" * 32, {}), "b" * 32
OTHER = ReferenceKey("c" * 32, {})
KEY = b"k" * 32


def network(name: str = "Net", width: int = 3) -> Network:
    tensors = tuple(Tensor(i, (1, width, 8, 8), "float32", "input") for i in range(3))
    return Network(name, (0,), (("", 2),), tensors, (), (), (), ())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def store(folder: Path) -> Store:
    return Store(SealedFiles(folder, KEY))


def only_file(folder: Path) -> Path:
    (file,) = folder.glob("*.network")
    return file


def test_what_is_put_is_found(store: Store, folder: Path) -> None:
    assert not store.may_hold(REFERENCE)
    assert store.get(REFERENCE, REQUEST) is None
    assert store.put(REFERENCE, REQUEST, network(), Dependencies())
    assert store.may_hold(REFERENCE)
    assert store.get(REFERENCE, REQUEST) == network()
    assert store.get(REFERENCE, "c" * 32) is None
    assert not store.may_hold(OTHER)
    assert {path.name for path in folder.iterdir()} == {*MARKS, NAME}
    assert (folder / ".gitignore").read_text() == "*\n"
    tag = (folder / "CACHEDIR.TAG").read_text()
    assert tag.startswith("Signature: 8a477f597d28d172789f06886806bc55")
    assert stat.S_IMODE(only_file(folder).stat().st_mode) == 0o600


def test_git_ignores_it(store: Store, folder: Path) -> None:
    store.put(REFERENCE, REQUEST, network(), Dependencies())
    subprocess.run(["git", "init", "-q", str(folder.parent)], check=True)
    words = ["git", "status", "--porcelain", "--untracked-files=all"]
    done = subprocess.run(words, cwd=folder.parent, capture_output=True, check=True)
    assert done.stdout == b""


def test_what_changed_is_not_found_and_not_kept(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_text("1")
    reads = Dependencies(contents={str(file): content(str(file))})
    assert store.put(REFERENCE, REQUEST, network(), reads)
    assert store.get(REFERENCE, REQUEST) is not None
    file.write_text("2")
    assert not store.may_hold(REFERENCE)
    assert store.get(REFERENCE, REQUEST) is None
    assert not store.put(REFERENCE, "c" * 32, network(), reads)
    assert not store.put(
        REFERENCE, "c" * 32, network(), Dependencies(unseen="it talks to a socket")
    )
    assert store.get(REFERENCE, "c" * 32) is None


# -- nothing but what was written is read ---------------------------------------------------


@pytest.fixture(scope="module")
def entry(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("entry")
    assert Store(SealedFiles(folder, KEY)).put(REFERENCE, REQUEST, network(), Dependencies())
    return only_file(folder).read_bytes()


def found_in(data: bytes) -> Network | None:
    """What is read from an entry of these bytes."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, f"{REFERENCE.reference}-{REQUEST}.network").write_bytes(data)
        store = Store(SealedFiles(Path(folder), KEY))
        holds = store.may_hold(REFERENCE)
        found = store.get(REFERENCE, REQUEST)
        assert holds == (found is not None)
        return found


@given(data=st.data())
def test_a_damaged_entry_is_none(entry: bytes, data: st.DataObject) -> None:
    way = data.draw(st.sampled_from(["flip", "cut", "insert", "replace"]))
    at = data.draw(st.integers(0, len(entry) - 1))
    damaged = bytearray(entry)
    if way == "flip":
        damaged[at] ^= 1 << data.draw(st.integers(0, 7))
    elif way == "cut":
        del damaged[at:]
    elif way == "insert":
        damaged[at:at] = data.draw(st.binary(min_size=1))
    else:
        damaged = bytearray(data.draw(st.binary()))
    assert found_in(bytes(damaged)) is None
    assert found_in(entry) == network()


def sealed(payload: bytes, key: bytes = KEY, magic: bytes = module.MAGIC) -> bytes:
    return magic + SealedFiles(Path(), key).seal(payload) + payload


def empty_entry(name: str) -> bytes:
    return msgspec.msgpack.encode(KeptNetwork(name, Dependencies(), encode(network())))


NAME = f"{REFERENCE.reference}-{REQUEST}.network"


@pytest.mark.parametrize(
    "data",
    [
        sealed(empty_entry(NAME), b"x" * 32),
        sealed(empty_entry(NAME), magic=b"2"),
        sealed(empty_entry("other")),
        sealed(msgspec.msgpack.encode({"name": NAME, "reads": 1, "network": b""})),
        sealed(b"\xc1"),
        sealed(b""),
        b"",
    ],
    ids=[
        "another key",
        "another format",
        "another name",
        "no entry",
        "no data",
        "empty",
        "nothing",
    ],
)
def test_a_foreign_entry_is_none(data: bytes) -> None:
    assert found_in(data) is None


@pytest.mark.parametrize(
    "body",
    [b"\xc1", b"\x80", encode(msgspec.structs.replace(network(), version=0))],
    ids=["no data", "no network", "another version"],
)
def test_a_network_of_another_version_is_none(folder: Path, store: Store, body: bytes) -> None:
    folder.mkdir()
    payload = msgspec.msgpack.encode(KeptNetwork(NAME, Dependencies(), body))
    (folder / NAME).write_bytes(sealed(payload))
    assert store.get(REFERENCE, REQUEST) is None


def test_what_is_no_file_is_no_entry(folder: Path, store: Store, tmp_path: Path) -> None:
    folder.mkdir()
    os.mkfifo(folder / NAME)
    assert store.get(REFERENCE, REQUEST) is None
    assert not store.may_hold(REFERENCE)
    (folder / NAME).unlink()
    (folder / NAME).mkdir()
    assert store.get(REFERENCE, REQUEST) is None
    assert not store.put(REFERENCE, REQUEST, network(), Dependencies())
    (folder / NAME).rmdir()
    (tmp_path / "elsewhere").write_bytes(b"precious")
    (folder / NAME).symlink_to(tmp_path / "elsewhere")
    assert store.get(REFERENCE, REQUEST) is None
    assert store.put(REFERENCE, REQUEST, network(), Dependencies())  # in place of the link
    assert (tmp_path / "elsewhere").read_bytes() == b"precious"


# -- writing that goes wrong ----------------------------------------------------------------


def test_a_folder_that_cannot_be_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.parent.joinpath("file").write_text("")
    assert not Store(SealedFiles(folder.parent / "file" / "cache", KEY)).put(
        REFERENCE, REQUEST, network(), Dependencies()
    )
    assert not Store(SealedFiles(Path("/proc/cache"), KEY)).put(
        REFERENCE, REQUEST, network(), Dependencies()
    )
    assert Store(SealedFiles(Path("/proc/cache"), KEY)).get(REFERENCE, REQUEST) is None


class FullDisk:
    """A file on a disk that takes a few bytes and no more."""

    def __init__(self, descriptor: int, mode: str) -> None:
        self.descriptor = descriptor

    def __enter__(self) -> FullDisk:
        return self

    def __exit__(self, *error: object) -> None:
        os.close(self.descriptor)

    def write(self, data: bytes) -> int:
        os.write(self.descriptor, data[:100])
        raise OSError(errno.ENOSPC, "No space left on device")


class Interrupted(FullDisk):
    """A file during whose writing Ctrl-C is pressed."""

    def write(self, data: bytes) -> int:
        os.write(self.descriptor, data[:100])
        raise KeyboardInterrupt


def test_a_full_disk_leaves_nothing(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put(REFERENCE, REQUEST, network("Old"), Dependencies())
    monkeypatch.setattr(os, "fdopen", FullDisk)
    assert not store.put(REFERENCE, REQUEST, network("New"), Dependencies())
    assert not store.put(REFERENCE, "c" * 32, network("New"), Dependencies())
    monkeypatch.undo()
    assert store.get(REFERENCE, REQUEST) == network("Old")
    assert {path.name for path in folder.iterdir()} == {*MARKS, NAME}


def test_an_interruption_leaves_nothing(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fdopen", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        store.put(REFERENCE, REQUEST, network(), Dependencies())
    assert {path.name for path in folder.iterdir()} == set(MARKS)


def _put_and_get(folder: Path, number: int) -> int:
    store = Store(SealedFiles(folder, KEY))
    wrong = 0
    for turn in range(60):
        width = number * 1000 + turn
        wrong += not store.put(REFERENCE, REQUEST, network("x" * 50_000, width), Dependencies())
        found = store.get(REFERENCE, REQUEST)
        wrong += found is None or found.name != "x" * 50_000
    return wrong


def test_many_processes_write_at_once(store: Store, folder: Path) -> None:
    with get_context("spawn").Pool(6) as pool:
        assert pool.map(partial(_put_and_get, folder), range(6)) == [0] * 6
    assert store.get(REFERENCE, REQUEST) is not None
    assert {path.name for path in folder.iterdir()} == {*MARKS, NAME}


def test_a_process_that_is_ended_while_it_writes_leaves_whole_entries(tmp_path: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[2])\n"
        "from pathlib import Path\n"
        "from tests.unit.cache.test_store import *\n"
        "store = Store(SealedFiles(Path(sys.argv[1]), KEY))\n"
        "while True:\n"
        "    assert store.put(REFERENCE, REQUEST, network('x' * 5_000_000), Dependencies())\n"
    )
    root = str(ROOT)
    file = tmp_path / "cache" / NAME
    for turn in range(3):
        file.unlink(missing_ok=True)
        words = [sys.executable, "-c", code, str(tmp_path / "cache"), root]
        with subprocess.Popen(words) as process:
            while not file.exists():
                assert process.poll() is None
                time.sleep(0.01)
            time.sleep(0.03 * turn)
            process.send_signal(signal.SIGKILL)
        assert Store(SealedFiles(tmp_path / "cache", KEY)).get(REFERENCE, REQUEST) is not None


# -- bounds ---------------------------------------------------------------------------------


def put_many(store: Store, folder: Path, count: int) -> list[str]:
    """Networks that were last used one after the other, the first one longest ago."""
    names = []
    for number in range(count):
        request = f"{number:032x}"
        assert store.put(REFERENCE, request, network(), Dependencies())
        names.append(f"{REFERENCE.reference}-{request}.network")
        used = time.time() - 1000 + number
        os.utime(folder / names[-1], (used, used))
    return names


def test_the_ones_used_last_stay(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = put_many(store, folder, 6)
    assert store.get(REFERENCE, f"{0:032x}") is not None  # used just now
    monkeypatch.setattr(module, "MOST_ENTRIES", 4)
    store.put(REFERENCE, REQUEST, network(), Dependencies())
    left = {path.name for path in folder.glob("*.network")}
    assert left == {names[0], names[4], names[5], NAME}


def test_size_and_age_are_bounded(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = put_many(store, folder, 4)
    old = time.time() - (module.MOST_DAYS + 1) * 86_400
    os.utime(folder / names[3], (old, old))
    size = (folder / names[0]).stat().st_size
    monkeypatch.setattr(module, "MOST_BYTES", 2 * size)
    store.put(REFERENCE, REQUEST, network(), Dependencies())
    assert {path.name for path in folder.glob("*.network")} == {names[2], NAME}


def test_what_a_killed_process_left_is_removed_in_time(store: Store, folder: Path) -> None:
    store.put(REFERENCE, REQUEST, network(), Dependencies())
    for name, age in (("old", 2 * module.FORGOTTEN_SECONDS), ("new00", 0.0)):
        file = folder / f".{NAME}.{name}"
        file.write_bytes(b"half")
        os.utime(file, (time.time() - age, time.time() - age))
    foreign = folder / "notes.txt"
    foreign.write_text("mine")
    os.utime(foreign, (0, 0))
    store.put(REFERENCE, REQUEST, network(), Dependencies())
    assert {path.name for path in folder.iterdir()} == {*MARKS, NAME, f".{NAME}.new00", "notes.txt"}


# -- the folder -----------------------------------------------------------------------------


def test_the_project_is_where_its_pyproject_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = tmp_path / "project" / "nets" / "deep"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    assert find_folder() == inner / ".archcheck_cache"
    (tmp_path / "project" / "pyproject.toml").write_text("")
    assert find_folder() == tmp_path / "project" / ".archcheck_cache"
    assert find_folder(Path("here")) == inner / "here"


def test_a_folder_of_the_users_is_not_marked(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    assert Store(SealedFiles(tmp_path, KEY)).put(REFERENCE, REQUEST, network(), Dependencies())
    assert {path.name for path in tmp_path.iterdir()} == {"mine.txt", NAME}
    assert clean(tmp_path)[::2] == (1, ["mine.txt"])
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_clean_takes_its_own_and_nothing_else(store: Store, folder: Path, tmp_path: Path) -> None:
    assert clean(folder) == (0, 0, [])
    put_many(store, folder, 3)
    size = sum(path.stat().st_size for path in folder.glob("*.network"))
    assert clean(folder) == (3, size, [])
    assert not folder.exists()
    put_many(store, folder, 1)
    (folder / "notes.txt").write_text("mine")
    (tmp_path / "precious").write_text("mine")
    (folder / NAME).symlink_to(tmp_path / "precious")
    networks, _, left = clean(folder)
    assert (networks, left) == (1, [NAME, "notes.txt"])
    assert (tmp_path / "precious").read_text() == "mine"
    empty = tmp_path / "empty"
    empty.mkdir()
    assert clean(empty) == (0, 0, [])
    assert empty.is_dir()
