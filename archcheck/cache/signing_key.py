"""The key that entries are sealed with.

A cache may come with files from others, and nothing in it shows whether its Networks were ever
traced. So an entry counts only if it is sealed with the user's own key, which lies with the user's
settings and not in any project; or with the text of ``ARCHCHECK_CACHE_KEY``, which a CI system
keeps as a secret, so that a cache can be carried from one machine to the next. A worker's
environment does not have it.
"""

from __future__ import annotations

import contextlib
import os
import stat
from hashlib import blake2b
from pathlib import Path

from archcheck.atomic_file import written_beside

KEY_BYTES = 32
VARIABLE = "ARCHCHECK_CACHE_KEY"
SHORTEST_TEXT = 16
"""The fewest characters of a key in the environment."""


class BadKey(Exception):
    """The key in the environment is too short to be one."""


def secret() -> bytes | None:
    """The key in the environment, else the user's, which is created at the first use; None if that
    can be neither read nor created.

    Raises:
        BadKey: if the one in the environment is too short.
    """
    text = os.environ.get(VARIABLE, "").strip()
    if text:
        if len(text) < SHORTEST_TEXT:
            raise BadKey(
                f"{VARIABLE} has {len(text)} characters; a key has at least {SHORTEST_TEXT}: "
                "take those that `openssl rand -hex 32` prints"
            )
        return blake2b(os.fsencode(text), digest_size=KEY_BYTES).digest()
    try:
        path = _place()
        return _read(path) or _make(path)
    except (OSError, RuntimeError):  # no home directory, say
        return None


def _place() -> Path:
    variable = os.environ.get("XDG_STATE_HOME", "")
    # The XDG rules: a path that is not absolute is ignored.
    state = Path(variable) if Path(variable).is_absolute() else Path.home() / ".local" / "state"
    return state / "archcheck" / "cache-key"


def _read(path: Path) -> bytes | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        ours = stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid()
        if not ours or status.st_mode & 0o077:
            raise PermissionError(f"{path} is open to others")
        key = file.read(KEY_BYTES + 1)
    if len(key) != KEY_BYTES:
        path.unlink(missing_ok=True)
        return None
    return key


def _make(path: Path) -> bytes | None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    race = contextlib.suppress(FileExistsError)  # another process was first
    with written_beside(path, os.urandom(KEY_BYTES)) as temporary, race:
        os.link(temporary, path)
    return _read(path)
