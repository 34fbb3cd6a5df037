"""Whose code a file is: the author's, a library's, or that of Python, torch and archcheck."""

from __future__ import annotations

import importlib.util
import os
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum
from functools import cache, lru_cache
from pathlib import Path

_OWN = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_INSTALLED = frozenset({"site-packages", "dist-packages"})
# Asked for before anything is recorded: Python looks at the home folder to answer.
_STANDARD = tuple(
    path + os.sep
    for path in {
        *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib")),
        os.path.dirname(os.__file__),
    }
    if path
)
_TYPED = ("<ipython", "<python-input", "<stdin", "<doctest")
"""The beginnings of the names that code has which was typed, not read from a file."""


class Owner(IntEnum):
    """Whose code a file is. The larger, the better it says what the author did."""

    NOBODY = 0
    """Torch, archcheck, or code that stands in no file: no line of it is shown."""
    LIBRARY = 1
    """An installed package, or the standard library."""
    OTHER = 2
    """None of these, outside of the submission."""
    AUTHOR = 3
    """Below the submission's root."""


_roots: tuple[str, ...] = ()


@contextmanager
def authors_code_below(roots: Sequence[Path]) -> Iterator[None]:
    """While this is entered, what lies below some folders (or is one of some files) is the
    author's."""
    global _roots
    before, _roots = _roots, tuple(str(root) for root in roots)
    try:
        yield
    finally:
        _roots = before


def also_authors(folder: Path) -> None:
    """From now on what lies below this folder is the author's too."""
    global _roots
    _roots = (*_roots, str(folder))


def roots_known() -> bool:
    """Whether it is known which code is the author's."""
    return bool(_roots)


def owner(file: str) -> Owner:
    """Whose code a file is."""
    return _owner(file, _roots)


def authors_files(file: str) -> list[str]:
    """The Python files of the author's that are loaded: ``file``, if there is one, and others."""
    loaded = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    own = [f for f in loaded if isinstance(f, str) and owner(f) is Owner.AUTHOR]
    return list(dict.fromkeys([*([file] if file else []), *own]))


def is_library(file: str) -> bool:
    """Whether a file belongs to an installed package, or to Python or torch."""
    return owner(file) <= Owner.LIBRARY


@lru_cache(maxsize=4096)
def _owner(file: str, roots: tuple[str, ...]) -> Owner:
    if file.startswith("<") and not file.startswith(_TYPED):
        return Owner.NOBODY
    if file.startswith((_OWN, *_torch())):
        return Owner.NOBODY
    if any(_below(file, root) for root in roots):
        return Owner.AUTHOR
    if file.startswith(_STANDARD) or _is_installed(file):
        return Owner.LIBRARY
    return Owner.OTHER


def _below(file: str, root: str) -> bool:
    """Whether a file lies below a folder, and not in an environment inside of it."""
    if file == root:
        return True
    inner = file.removeprefix(root.rstrip(os.sep) + os.sep)
    standard = file.startswith(_STANDARD) and not root.startswith(_STANDARD)
    return inner != file and not _is_installed(inner) and not standard


def _is_installed(path: str) -> bool:
    return not _INSTALLED.isdisjoint(Path(path).parts)


@cache
def _torch() -> tuple[str, ...]:
    loaded = sys.modules.get("torch")
    spec = getattr(loaded, "__spec__", None) or importlib.util.find_spec("torch")
    return (os.path.dirname(spec.origin) + os.sep,) if spec and spec.origin else ()
