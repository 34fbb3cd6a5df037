"""Other files of the submission: which module is one of them, and what it may do to libraries."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from archcheck.worker.importing.purity import Purity
from archcheck.worker.importing.scopes import root_of
from archcheck.worker.owners import Owner, owner
from archcheck.worker.scripts import read_script

_SETS = frozenset({"setattr", "delattr", "__setattr__", "__delattr__", "exec", "eval", "reload"})
_OF_THE_MACHINE = ("torch.backends.", "os.environ", "matplotlib.", "warnings.", "logging.")
"""What may be set without any other network coming of it."""


class Siblings:
    """The files below the folders that a submission's modules are imported from."""

    def __init__(self, roots: Sequence[Path]) -> None:
        self._roots = roots
        self._seen: set[Path] = set()

    def own(self, module: str, dots: int) -> bool:
        """Whether an imported module, with dots in front of its name, is one of them."""
        top = module.partition(".")[0]
        loaded = [sys.modules[name] for name in list(sys.modules) if _is_in(name, top)]
        files = [getattr(found, "__file__", None) for found in loaded]
        if any(file and owner(file) is Owner.AUTHOR for file in files):
            return True
        return dots > 0 or any(
            (root / f"{top}.py").is_file() or (root / top).is_dir() for root in self._roots
        )

    def may_patch(self, statement: ast.stmt, folder: Path) -> bool:
        """Whether an import of a file in a folder may have changed a library before it failed."""
        return any(
            self._patches(file)
            for name in _modules(statement)
            for file in self._files(name, folder)
        )

    def patches(self, statement: ast.stmt, folder: Path) -> bool:
        """Whether a file that is imported sets something of torch's for certain: an attribute, or
        a default."""
        return any(
            _patches_torch(tree)
            for name in _modules(statement)
            for file in self._files(name, folder)
            if file.is_file() and (tree := _tree(file)) is not None
        )

    def _files(self, module: str, folder: Path) -> Iterator[Path]:
        parts = module.lstrip(".").split(".")
        up = max(len(module) - len(module.lstrip(".")) - 1, 0)
        base = folder.joinpath(*[".."] * up)
        for root in (base, *self._roots):
            for length in range(1, len(parts) + 1):
                place = root.joinpath(*parts[:length])
                yield from (place.with_suffix(".py"), place / "__init__.py")

    def _patches(self, file: Path) -> bool:
        if file in self._seen or not file.is_file():
            return False
        self._seen.add(file)
        tree = _tree(file)
        if tree is None:
            return False  # nothing of it was run
        purity = Purity(tree.body)
        return any(_sets(node, purity) for node in ast.walk(tree)) or any(
            self.may_patch(node, file.parent)
            for node in ast.walk(tree)
            if isinstance(node, (ast.Import, ast.ImportFrom))
        )


def _tree(file: Path) -> ast.Module | None:
    try:
        return read_script(file).tree
    except (SyntaxError, ValueError, OSError):
        return None


def _is_in(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def _modules(statement: ast.stmt) -> list[str]:
    if isinstance(statement, ast.Import):
        return [alias.name for alias in statement.names]
    if isinstance(statement, ast.ImportFrom):
        name = "." * statement.level + (statement.module or "")
        return [name, *(f"{name}.{alias.name}" for alias in statement.names)]
    return []


def _patches_torch(tree: ast.Module) -> bool:
    purity = Purity(tree.body)
    return any(
        purity.called(node).startswith("torch.set_default")
        if isinstance(node, ast.Call)
        else isinstance(node, ast.Attribute)
        and _path(node, purity).startswith("torch.")
        and _sets(node, purity)
        for node in ast.walk(tree)
    )


def _sets(node: ast.AST, purity: Purity) -> bool:
    """Whether a node sets something of what is imported, or in a way that does not say of what."""
    if isinstance(node, ast.Call):
        function = node.func
        last = function.attr if isinstance(function, ast.Attribute) else ""
        last = function.id if isinstance(function, ast.Name) else last
        return last in _SETS or purity.called(node).startswith("torch.set_default")
    if not isinstance(node, (ast.Attribute, ast.Subscript)) or isinstance(node.ctx, ast.Load):
        return False
    root = root_of(node)
    return bool(purity.full_name(root)) and not _path(node, purity).startswith(_OF_THE_MACHINE)


def _path(node: ast.expr, purity: Purity) -> str:
    while isinstance(node, ast.Subscript):
        node = node.value
    return purity.full_name(node)
