"""Importing the submission's files as they are now, ignoring compiled code.

Python matches compiled code to a source by size and time in seconds: two submissions copied to one
path within a second can be mistaken for each other. No compiled code is left behind either.
"""

from __future__ import annotations

import ast
import linecache
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import (
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    SourceFileLoader,
)
from pathlib import Path
from types import CodeType
from typing import Any

from archcheck.worker.scripts import Script, read_script


class FreshLoader(SourceFileLoader):
    """Always compiles the source file; with ``until`` only what begins in its first lines."""

    def __init__(self, fullname: str, path: str, until: int = 0) -> None:
        super().__init__(fullname, path)
        self._until = until

    def get_code(self, fullname: str) -> CodeType | None:
        """The code of the file as it is now."""
        script = self.read()
        tree = script.tree
        if self._until:
            tree = ast.Module([part for part in tree.body if part.lineno <= self._until], [])
        code: CodeType = compile(tree, script.file, "exec", dont_inherit=True)
        return code

    def read(self) -> Script:
        """The file as it is now."""
        script = read_script(self.path)
        if script.cells is not None:  # inspect, and torch.jit, look for the source here
            lines = [f"{line}\n" for line in script.lines]
            linecache.cache[script.file] = (len(lines), None, lines, script.file)
        return script


@contextmanager
def fresh_sources(
    roots: Sequence[Path], loader: Callable[[str, str], FreshLoader] = FreshLoader
) -> Iterator[None]:
    """While this is entered, source files under the roots are always compiled.

    ``roots`` may grow meanwhile. Installed packages under a root are left alone. ``loader`` makes
    the loader of a module from its name and its file.
    """

    def hook(path: str) -> FileFinder:
        place = Path(path)
        if "site-packages" in place.parts or not any(_serves(place, root) for root in roots):
            raise ImportError
        make: Any = loader
        return FileFinder(path, (ExtensionFileLoader, EXTENSION_SUFFIXES), (make, SOURCE_SUFFIXES))

    sys.path_hooks.insert(0, hook)
    cached = dict(sys.path_importer_cache)
    try:
        yield
    finally:
        sys.path_hooks.remove(hook)
        sys.path_importer_cache.clear()
        sys.path_importer_cache.update(cached)


def _serves(place: Path, root: Path) -> bool:
    # A root that is itself a package or a module is looked for in the folder above it.
    return place.is_relative_to(root) or place == root.parent
