"""Entries of another place: their paths are replaced, and what they read is compared here."""

from __future__ import annotations

from pathlib import Path

import pytest

from archcheck.cache.keys import ReferenceKey
from archcheck.cache.places import brought_here, moved_reads, places, portable
from archcheck.cache.sealed import SealedFiles
from archcheck.cache.store import Store
from archcheck.network import Network, Place
from archcheck.network.model import Tensor
from archcheck.worker.dependencies.states import (
    ABSENT,
    FOLDER,
    NO_LINK,
    Dependencies,
    content,
    link,
    presence,
)

KEY, REQUEST = ReferenceKey("a" * 32, {"Python": "3"}), "b" * 32
THERE = {"environment": "/old/p/.venv", "project": "/old/p"}
HERE = {"project": "/new/deep/q", "environment": "/v"}


def test_paths_are_named_by_the_closest_folder() -> None:
    assert portable("/old/p/net.py", THERE) == "{project}/net.py"
    assert portable("/old/p/.venv/lib/a.py", THERE) == "{environment}/lib/a.py"
    assert portable("/old/p", THERE) == "{project}"
    assert portable("/old/pond/net.py", THERE) == "/old/pond/net.py"


def test_paths_below_the_folders_are_moved_and_no_other_text() -> None:
    data = {"/old/p/a.py": ["/old/p/.venv/b.py", "/old/pond", "old/p", 3], "n": None}
    moved = {"/new/deep/q/a.py": ["/v/b.py", "/old/pond", "old/p", 3], "n": None}
    assert brought_here(data, THERE, HERE) == moved


def test_the_folders_above_are_others_here() -> None:
    reads = Dependencies(
        presences={
            "/": FOLDER,
            "/old": FOLDER,
            "/old/p/more": FOLDER,
            "/old/__init__.py": ABSENT,
            "/old/data": "3:1",
        },
        links={"/old": NO_LINK, "/old/p/net.py": NO_LINK},
    )
    moved = moved_reads(reads, THERE, HERE)
    assert moved.presences == {
        "/new/deep/q/more": FOLDER,
        "/old/__init__.py": ABSENT,
        "/new/deep/__init__.py": ABSENT,
        "/old/data": "3:1",
    }
    assert moved.links == {"/new/deep/q/net.py": NO_LINK}


def test_a_copy_inside_of_the_project_has_other_folders_above() -> None:
    reads = Dependencies(presences={"/a/__init__.py": ABSENT})
    moved = moved_reads(reads, {"project": "/a/p"}, {"project": "/a/p/copies/q"})
    assert set(moved.presences) == {"/a/__init__.py", "/a/p/copies/__init__.py"}


@pytest.fixture
def files(tmp_path: Path) -> SealedFiles:
    return SealedFiles(tmp_path / "cache", b"k" * 32)


def project(folder: Path, width: str = "4") -> Path:
    folder.mkdir(parents=True)
    (folder / "pyproject.toml").touch()
    (folder / "net.py").write_text(f"WIDTH = {width}\n")
    return folder / "net.py"


def test_a_network_holds_for_a_copy_of_its_project(
    files: SealedFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = project(tmp_path / "old")
    monkeypatch.chdir(old.parent)
    tensors = (Tensor(0, (1, 3, 8, 8), "float32", "input"),)
    network = Network("Net", (0,), (("", 0),), tensors, (), (), (), (), source=Place(str(old), 3))
    reads = Dependencies(
        contents={str(old): content(str(old))},
        presences={str(folder): presence(str(folder)) for folder in old.parents},
        links={str(folder): link(str(folder)) for folder in (old, *old.parents)},
    )
    assert Store(files).put(KEY, REQUEST, network, reads)
    assert Store(files).get(KEY, REQUEST) == network

    new = project(tmp_path / "deep" / "new")
    monkeypatch.chdir(new.parent)
    old.unlink()
    found = Store(files).get(KEY, REQUEST)
    assert found is not None
    assert found.source == Place(str(new), 3)
    assert Store(files).reason(KEY, "c" * 32) == "it was traced with other inputs or arguments"
    other = ReferenceKey(KEY.reference, {"Python": "4"})
    assert Store(files).reason(other, "c" * 32) == "Python has changed"

    changed = project(tmp_path / "changed", "5")
    monkeypatch.chdir(changed.parent)
    assert Store(files).get(KEY, REQUEST) is None
    assert Store(files).reason(KEY, REQUEST) == "net.py has changed"


def test_why_there_is_no_network_of_another_key(files: SealedFiles) -> None:
    assert Store(files).reason(KEY, REQUEST) == "the cache has none of it"
    tensors = (Tensor(0, (1, 3, 8, 8), "float32", "input"),)
    network = Network("Net", (0,), (("", 0),), tensors, (), (), (), ())
    assert Store(files).put(KEY, REQUEST, network, Dependencies())
    stranger = Store(SealedFiles(files.folder, b"x" * 32))
    assert stranger.get(KEY, REQUEST) is None
    assert stranger.reason(KEY, REQUEST) == "its entry is damaged, or sealed with another key"


def test_the_folders_of_this_process_hold_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert places()["project"] == str(tmp_path)
    assert list(places()) == sorted(places(), key=lambda name: -len(places()[name]))
