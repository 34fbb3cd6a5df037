"""The key that entries are sealed with.

A cache may come with somebody's files, and who reads it cannot tell whether the Networks in it
were ever traced. So an entry counts only if it carries the seal of the user's own key, which lies
with the user's settings and not in any project.
"""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

from archcheck.atomic_file import written_beside

LENGTH = 32


def secret() -> bytes | None:
    """The user's key, made at the first use; None if it can be neither read nor made."""
    try:
        path = _place()
        return _read(path) or _make(path)
    except (OSError, RuntimeError):  # no home, say
        return None


def _place() -> Path:
    given = os.environ.get("XDG_STATE_HOME", "")
    # The XDG rules: a path that is not absolute does not count.
    state = Path(given) if Path(given).is_absolute() else Path.home() / ".local" / "state"
    return state / "archcheck" / "cache-key"


def _read(path: Path) -> bytes | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        about = os.fstat(file.fileno())
        ours = stat.S_ISREG(about.st_mode) and about.st_uid == os.geteuid()
        if not ours or about.st_mode & 0o077:
            raise PermissionError(f"{path} is open to others")
        key = file.read(LENGTH + 1)
    if len(key) != LENGTH:
        path.unlink(missing_ok=True)
        return None
    return key


def _make(path: Path) -> bytes | None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    already = contextlib.suppress(FileExistsError)  # another process was first
    with written_beside(path, os.urandom(LENGTH)) as temporary, already:
        os.link(temporary, path)
    return _read(path)
