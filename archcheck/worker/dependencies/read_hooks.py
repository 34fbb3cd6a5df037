"""Noticing reads for which Python raises no audit event.

That is: modules that are searched, files that are only looked at, environment variables. The
functions and classes behind them are replaced by ones that call a listener first.
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
    """An object that is notified of reads."""

    def note(self, act: Callable[..., None], *args: Any) -> None:
        """Call ``act``, and ignore whatever it raises."""

    def read(self, path: Any) -> None:
        """A file is read by compiled code."""

    def looked_at(self, path: Any, options: dict[str, Any]) -> None:
        """A file is looked at without being opened."""

    def looked_at_link(self, path: Any, options: dict[str, Any]) -> None:
        """It is looked up whether a file is a symbolic link, or where it leads."""

    def looked_for(self, name: str, path: Iterable[str] | None) -> None:
        """A module is searched."""

    def variable(self, name: str) -> None:
        """An environment variable is read, or all of them."""

    def set_variable(self, name: str) -> None:
        """An environment variable is set or deleted."""


def watch_files(listener: Listener) -> None:
    """Notify of ``os.stat`` and the like, which ``os.path`` and ``pathlib`` call."""
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


def watch_torch(listener: Listener, torch: Any) -> None:
    """Notify of the functions of torch that open files themselves."""
    for owner, name, position in (
        (torch, "from_file", 0),
        (torch.UntypedStorage, "from_file", 0),
        (torch._C, "import_ir_module", 1),  # torch.jit.load
    ):
        watched = _watched_reader(getattr(owner, name), listener, position)
        setattr(owner, name, staticmethod(watched) if isinstance(owner, type) else watched)


def _watched_reader(function: Any, listener: Listener, position: int) -> Any:
    @functools.wraps(function)
    def watched(*args: Any, **kwargs: Any) -> Any:
        path = args[position] if len(args) > position else kwargs.get("filename")
        listener.note(listener.read, path)
        return function(*args, **kwargs)

    return watched


def watch_imports(listener: Listener) -> None:
    """Notify of every module that is searched, in whatever way."""
    sys.meta_path.insert(0, _Seeker(listener))


class _Seeker:
    """Finds no module, but is called with every one that is searched."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener

    def find_spec(
        self, name: str, path: Iterable[str] | None = None, target: object = None
    ) -> ModuleSpec | None:
        """None: the module is found as usual."""
        self._listener.note(self._listener.looked_for, name, path)
        return None


def watch_environment(listener: Listener) -> None:
    """Notify of every environment variable that is read or set."""
    for environment in (os.environ, os.environb):
        kind: Any = _watched_environment(type(environment), listener)
        environment.__class__ = kind


def _watched_environment(kind: type, listener: Listener) -> type:
    """A class of environments that notifies of the variables that are read or set."""

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
