"""Hearing of what Python raises no audit event for.

That is: modules that are looked for, files that are only asked after, environment variables. The
functions and classes behind them are replaced by ones that tell a listener first.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from importlib.machinery import ModuleSpec
from typing import Any, Protocol

from archcheck.worker.dependencies.states import EVERY_VARIABLE


class Listener(Protocol):
    """Who is told."""

    def note(self, act: Callable[..., None], *args: Any) -> None:
        """Call ``act``, whatever comes of it."""

    def looked_at(self, path: Any, options: dict[str, Any]) -> None:
        """Somebody asks about a file without opening it."""

    def looked_at_link(self, path: Any, options: dict[str, Any]) -> None:
        """Somebody asks whether a file is a symbolic link, or where it leads."""

    def looked_for(self, name: str, path: Iterable[str] | None) -> None:
        """A module is looked for."""

    def variable(self, name: str) -> None:
        """An environment variable is read, or all of them."""

    def set_variable(self, name: str) -> None:
        """An environment variable is set or deleted."""


def watch_files(listener: Listener) -> None:
    """Tell of ``os.stat`` and its like, which ``os.path`` and ``pathlib`` ask with."""
    for name in ("stat", "access"):
        _replace(name, listener, listener.looked_at)
    for name in ("lstat", "readlink"):
        _replace(name, listener, listener.looked_at_link)


def _replace(name: str, listener: Listener, act: Callable[..., None]) -> None:
    function = getattr(os, name)

    @functools.wraps(function)
    def watched(*args: Any, **kwargs: Any) -> Any:
        listener.note(act, args[0] if args else kwargs.get("path"), kwargs)
        return function(*args, **kwargs)

    for capability in (
        os.supports_dir_fd,
        os.supports_fd,
        os.supports_follow_symlinks,
        os.supports_effective_ids,
    ):
        if function in capability:
            capability.add(watched)
    setattr(os, name, watched)


def watch_imports(listener: Listener) -> None:
    """Tell of every module that is looked for, by whatever way."""
    sys.meta_path.insert(0, _Seeker(listener))


class _Seeker:
    """Finds no module, but hears of all that are looked for."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener

    def find_spec(
        self, name: str, path: Iterable[str] | None = None, target: object = None
    ) -> ModuleSpec | None:
        """Nothing."""
        self._listener.note(self._listener.looked_for, name, path)
        return None


def watch_environment(listener: Listener) -> None:
    """Tell of every environment variable that is read or set."""
    for environment in (os.environ, os.environb):
        kind: Any = _watched_environment(type(environment), listener)
        environment.__class__ = kind


def _watched_environment(kind: type, listener: Listener) -> type:
    """A class of environments that tells which variables are read."""

    def name_of(key: Any) -> str:
        return os.fsdecode(key)

    class Environment(kind):  # type: ignore[misc]
        def __getitem__(self, key: Any) -> Any:
            if isinstance(key, (str, bytes)):
                listener.note(listener.variable, name_of(key))
            return super().__getitem__(key)

        def __setitem__(self, key: Any, value: Any) -> None:
            super().__setitem__(key, value)
            listener.note(listener.set_variable, name_of(key))

        def __delitem__(self, key: Any) -> None:
            super().__delitem__(key)
            listener.note(listener.set_variable, name_of(key))

        def __iter__(self) -> Iterator[Any]:
            listener.note(listener.variable, EVERY_VARIABLE)
            return iter(super().__iter__())

        def __len__(self) -> int:
            listener.note(listener.variable, EVERY_VARIABLE)
            return int(super().__len__())

        def copy(self) -> Any:
            listener.note(listener.variable, EVERY_VARIABLE)
            return super().copy()

    Environment.__name__ = Environment.__qualname__ = kind.__name__
    return Environment
