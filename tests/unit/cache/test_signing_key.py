"""The key that entries are sealed with: made once, for the user alone, or none."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import pytest

from archcheck.cache.signing_key import BadKey, secret
from archcheck.cache.store import open_store
from archcheck.worker.surroundings import Surroundings


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    yield tmp_path / "state" / "archcheck" / "cache-key"


def test_the_key_is_made_once_and_for_the_user_alone(state: Path) -> None:
    key = secret()
    assert key is not None
    assert len(key) == 32
    assert secret() == key
    assert stat.S_IMODE(state.stat().st_mode) == 0o600
    assert [path.name for path in state.parent.iterdir()] == ["cache-key"]


def _own_key(path: str, number: int) -> bytes | None:
    os.environ["XDG_STATE_HOME"] = path
    return secret()


def test_processes_agree_on_the_key(state: Path) -> None:
    with get_context("spawn").Pool(4) as pool:
        keys = pool.map(partial(_own_key, str(state.parents[1])), range(16))
    assert keys[0] is not None
    assert set(keys) == {keys[0]}


def test_a_key_that_others_can_read_is_none(state: Path) -> None:
    assert secret() is not None
    state.chmod(0o644)
    assert secret() is None
    assert open_store() is None


def test_a_broken_key_is_made_anew(state: Path) -> None:
    state.parent.mkdir(parents=True)
    state.touch(0o600)
    key = secret()
    assert key is not None
    assert len(key) == 32


def test_no_place_for_a_key_means_no_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    assert secret() is None
    assert open_store(tmp_path) is None
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert secret() is not None
    assert (tmp_path / ".local/state/archcheck/cache-key").is_file()


def test_a_key_in_the_environment_takes_the_place_of_the_users(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARCHCHECK_CACHE_KEY", "one long secret of the CI system")
    key = secret()
    assert key is not None
    assert len(key) == 32
    assert not state.exists()
    monkeypatch.setenv("ARCHCHECK_CACHE_KEY", "another secret of the CI system")
    assert secret() != key
    monkeypatch.setenv("ARCHCHECK_CACHE_KEY", "")  # a secret that a fork's run does not get
    assert secret() is not None
    assert state.exists()


def test_a_short_key_in_the_environment_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHCHECK_CACHE_KEY", "short")
    with pytest.raises(BadKey, match="has 5 characters; a key has at least 16"):
        secret()


def test_a_worker_does_not_get_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHCHECK_CACHE_KEY", "one long secret of the CI system")
    assert "ARCHCHECK_CACHE_KEY" not in Surroundings().environment()
