"""Recording what a process reads: a network's while it is traced, or a command's own.

Python has audit events for every file that is opened and every folder that is listed; the rest
comes from :mod:`archcheck.worker.dependencies.read_hooks`. An audit hook cannot be removed, so the
Python API does not use this.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib.util import source_from_cache
from pathlib import Path
from types import FrameType
from typing import Any

from archcheck.worker.dependencies import read_hooks, states
from archcheck.worker.dependencies.states import Dependencies

_PROGRAMS = """
    subprocess.Popen os.system os.exec os.posix_spawn os.spawn os.fork os.forkpty pty.spawn
"""
_SOCKETS = """
    connect bind sendto sendmsg getaddrinfo gethostname gethostbyname gethostbyaddr getnameinfo
"""
UNSEEN_EVENTS = {
    **dict.fromkeys(_PROGRAMS.split(), "it starts another program"),
    **{f"socket.{name}": "it talks to other machines" for name in _SOCKETS.split()},
    "sqlite3.connect": "it opens a database",
    "archcheck.job": "another process works for it",
}
SYSTEM_CALLS = frozenset(
    """open open64 openat openat64 fopen fopen64 freopen read mmap mmap64 syscall system popen
    execve execv execvp posix_spawn dlopen""".split()
)
"""Functions of the C library that read files or start programs without any audit event."""
READ_THROUGH_PYTHON = frozenset(
    "torch torchvision torchaudio numpy scipy pandas sklearn skimage PIL matplotlib contourpy "
    "kiwisolver yaml _yaml msgspec pydantic_core regex markupsafe google psutil rpds "
    "charset_normalizer numba llvmlite gmpy2 wrapt orjson ujson simplejson".split()
)
"""Packages whose compiled code opens no file, or none that matters for how a network is built.

Compiled code of others can read files without any audit event.
"""

_OWN = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))) + os.sep
_STANDARD = states.STANDARD_LIBRARY


def start_recording(*, own: bool = False) -> DependencyRecorder:
    """Record what this process reads from now on. If it uses torch, import that before.

    ``own``: folders that archcheck itself lists count, too.
    """
    recorder = DependencyRecorder(own)
    recorder.start()
    return recorder


class DependencyRecorder:
    """Records the first state of all that is read; later ones may be the run's own work."""

    def __init__(self, own: bool = False) -> None:
        self._own = own
        self._contents: dict[str, str] = {}
        self._presences: dict[str, str] = {}
        self._listings: dict[str, str] = {}
        self._searched: dict[str, list[str] | None] = {}
        self._variables: dict[str, str] = {}
        self._links: dict[str, str] = {}
        self._written: set[str] = set()
        self._appended: set[str] = set()
        self._set_variables: set[str] = set()
        self._unseen = ""
        self._done = False
        self._here = threading.local()
        self._names = {name.partition(".")[0] for name in sys.modules}
        torch = getattr(sys.modules.get("torch"), "__file__", None)
        self._torch = (os.path.dirname(torch) + os.sep,) if torch else ()
        self._acts: dict[str, Callable[[tuple[Any, ...]], None]] = {
            "open": self._opened,
            "os.listdir": self._listed,
            "os.scandir": self._listed,
            "ctypes.dlopen": self._library,
            "ctypes.dlsym": self._symbol,
            "import": self._compiled,
        }

    def start(self) -> None:
        """Install all hooks."""
        for file in (f + name for f in self._torch for name in ("__init__.py", "version.py")):
            self._contents[file] = states.content(file)
        for folder in sys.path:
            self._search(folder)
        read_hooks.watch_files(self)
        read_hooks.watch_environment(self)
        read_hooks.watch_imports(self)
        if self._torch:
            read_hooks.watch_torch(self, sys.modules["torch"])
        sys.addaudithook(self._hook())

    def finish(self) -> Dependencies:
        """All that was read until now; nothing more is recorded."""
        self._done = True
        unseen = self._unseen
        texts = [*self._contents, *self._presences, *self._listings, *self._searched]
        texts += [*self._names, *self._variables, *self._links]
        if not all(_is_text(text) for text in texts):
            unseen, self._contents, self._presences = "a file's name is no text", {}, {}
            self._listings, self._searched, self._names, self._variables = {}, {}, set(), {}
            self._links = {}
        return Dependencies(
            contents=self._contents,
            presences={p: s for p, s in self._presences.items() if p not in self._contents},
            listings=self._listings,
            searched={
                folder: states.candidates(names, self._names, folder)
                for folder, names in self._searched.items()
            },
            names=tuple(sorted(self._names)),
            variables=self._variables,
            links=self._links,
            unseen=unseen,
        )

    @property
    def wrote(self) -> bool:
        """Whether a file was written, other than compiled modules."""
        files = (*self._written, *self._appended)
        return any(f"{os.sep}__pycache__{os.sep}" not in file for file in files)

    def forget(self, path: str) -> None:
        """Remove the record that a file or folder was looked at."""
        self._presences.pop(path, None)
        self._links.pop(path, None)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Record nothing that this thread reads meanwhile."""
        was_busy = getattr(self._here, "busy", False)
        self._here.busy = True
        try:
            yield
        finally:
            self._here.busy = was_busy

    # -- hooks ------------------------------------------------------------------------------

    def _hook(self) -> Callable[[str, tuple[Any, ...]], None]:
        acts = {**self._acts, **dict.fromkeys(UNSEEN_EVENTS)}
        note = self.note

        def hook(event: str, args: tuple[Any, ...]) -> None:
            if event in acts:  # most of the thousands of events are not
                act = acts[event]
                note(act, args) if act is not None else note(self._cannot_see, event)

        return hook

    def _cannot_see(self, event: str) -> None:
        self._unseen = self._unseen or UNSEEN_EVENTS[event]

    def note(self, act: Callable[..., None], *args: Any) -> None:
        """Record something; an error in doing so never reaches the network."""
        if self._done or getattr(self._here, "busy", False):
            return  # read by the recorder itself
        self._here.busy = True
        try:
            act(*args)
        except Exception as error:
            self._unseen = self._unseen or f"what it read is not known ({type(error).__name__})"
        finally:
            self._here.busy = False

    # -- what was read ----------------------------------------------------------------------

    def _opened(self, args: tuple[Any, ...]) -> None:
        path, _, flags = args
        file = _absolute(path)
        if file is None or file == os.devnull:
            return
        if flags & os.O_TRUNC or flags & os.O_EXCL:
            self._written.add(file)
        elif flags & os.O_ACCMODE == os.O_WRONLY:
            if states.presence(file) == states.ABSENT:
                self._written.add(file)
            else:
                self._appended.add(file)
        else:
            self._read(file)

    def _read(self, file: str) -> None:
        if file in self._contents or file in self._written:
            return
        if f"{os.sep}__pycache__{os.sep}" in file:
            source = source_from_cache(file)
            if states.presence(source) != states.ABSENT:
                file = source
        if file.startswith((*self._torch, _OWN)) or (
            file.startswith(_STANDARD) and "site-packages" not in file
        ):
            return  # identified by their versions
        if self._presences.get(file) == states.ABSENT:
            return  # made by the run itself
        state = states.content(file, hashed=not self._own)
        special = state == states.SPECIAL or file.startswith(("/proc/", "/sys/", "/dev/"))
        if special or file in self._appended:  # the next run would read something else
            self._unseen = self._unseen or f"it reads {file}, which changes"
            return
        if not state:
            self._unseen = self._unseen or f"{file} has just been written"
        self._contents[file] = state

    def read(self, path: Any) -> None:
        """A file is read by compiled code."""
        file = _absolute(path)
        if file is not None:
            self._read(file)

    def looked_at(self, path: Any, options: dict[str, Any]) -> None:
        """A file is looked at without being opened."""
        file = _absolute(path)
        if file is None:
            return
        if options.get("dir_fd") is not None:
            self._unseen = self._unseen or "it looks into an open folder"
            return
        known = self._presences.get(file)
        if known not in (None, states.FILE) or file in self._written:
            return
        if file.startswith((*self._torch, _OWN, _STANDARD)):
            return
        state = states.presence(file)
        if ":" in state and _only_asks(sys._getframe(1)):
            state = states.FILE
        self._presences[file] = state

    def looked_at_link(self, path: Any, options: dict[str, Any]) -> None:
        """It is looked up whether a file is a symbolic link, or where it leads."""
        self.looked_at(path, options)
        file = _absolute(path)
        if file in self._presences and file not in self._links:
            self._links[file] = states.link(file)

    def _listed(self, args: tuple[Any, ...]) -> None:
        folder = _absolute(args[0] if args and args[0] is not None else os.curdir)
        if folder is None:
            self._unseen = self._unseen or "it lists an open folder"
        elif folder not in self._listings and not _of_imports(sys._getframe(3), self._own):
            self._listings[folder] = states.listing(states.entries(folder), folder)

    def _library(self, args: tuple[Any, ...]) -> None:
        name = args[0]
        if name is None:
            return  # the program itself
        parts = Path(os.fsdecode(name)).parts
        if not ("site-packages" in parts and READ_THROUGH_PYTHON.intersection(parts)):
            self._unseen = self._unseen or f"it uses the compiled library {parts[-1]}"

    def _symbol(self, args: tuple[Any, ...]) -> None:
        name = args[1]
        if name in SYSTEM_CALLS:
            self._unseen = self._unseen or f"it calls {name} of the system's library"

    def _compiled(self, args: tuple[Any, ...]) -> None:
        name, file, *_ = args
        if file is None:
            return  # modules in Python are recorded as files
        top = str(name).partition(".")[0]
        harmless = states.is_installed(file) and (
            top in READ_THROUGH_PYTHON
            or top.endswith("__mypyc")  # compiled Python
            or (file.startswith(_STANDARD) and "site-packages" not in file)
        )
        if not harmless and not file.startswith(self._torch or _OWN):
            self._unseen = self._unseen or f"it uses compiled code of {top}"

    def looked_for(self, name: str, path: Iterable[str] | None) -> None:
        """A module is searched in the folders of its package, or in those of ``sys.path``."""
        self._names.add(name.rpartition(".")[2])
        for folder in list(sys.path if path is None else path):
            if path is None or not states.is_installed(f"{folder}{os.sep}"):
                self._search(folder)

    def _search(self, folder: str) -> None:
        place = _absolute(folder or os.curdir)
        if place is not None and place not in self._searched:
            self._searched[place] = states.entries(place)

    def variable(self, name: str) -> None:
        """An environment variable is read, or all of them."""
        if name not in self._variables and name not in self._set_variables:
            self._variables[name] = states.variable_state(name)

    def set_variable(self, name: str) -> None:
        """An environment variable is set: what is read from now on is the run's own."""
        self._set_variables.add(name)


def _absolute(path: Any) -> str | None:
    """An absolute path, None for a value that is not a path, such as a file descriptor."""
    if not isinstance(path, (str, bytes, os.PathLike)):
        return None
    return os.path.join(os.getcwd(), os.fsdecode(path))  # noqa: PTH118  (links stay links)


def _of_imports(frame: FrameType | None, own: bool) -> bool:
    """Whether Python's import lists a folder, or archcheck if its own reads do not count."""
    ours = ("<frozen importlib",) if own else ("<frozen importlib", _OWN)
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith(ours):
            return True
        if not _is_standard(file):
            return False
        frame = frame.f_back
    return False


_QUESTIONS = frozenset(
    """exists lexists isfile isdir islink is_file is_dir is_symlink access realpath
    _joinrealpath""".split()
)


def _only_asks(frame: FrameType | None) -> bool:
    """Whether Python's own code looks at a file, and only asks whether it is there, or a link."""
    while frame is not None and frame.f_code.co_filename.startswith(_OWN):
        frame = frame.f_back
    while frame is not None and _is_standard(frame.f_code.co_filename):
        if frame.f_code.co_name in _QUESTIONS:
            return True
        frame = frame.f_back
    return False


def _is_standard(file: str) -> bool:
    return file.startswith((_STANDARD, "<frozen")) and "site-packages" not in file


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
