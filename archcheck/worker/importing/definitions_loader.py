"""Running the definitions of a file one by one, without the statements between them."""

from __future__ import annotations
import __future__

import ast
from types import ModuleType

from archcheck.worker.fresh_sources import FreshLoader
from archcheck.worker.importing.definitions import Definitions, definitions_of
from archcheck.worker.main_guard import is_main_guard
from archcheck.worker.scripts import Script


class DefinitionsLoader(FreshLoader):
    """Loads a file from its definitions alone.

    A definition that raises is left out too, so that a class with a base that is missing harms no
    other one.

    Attributes:
        script: the file.
        definitions: what was run, and what was left out.
    """

    script: Script
    definitions: Definitions

    def exec_module(self, module: ModuleType) -> None:
        """Run the definitions."""
        self.script = self.read()
        tree = self.script.tree
        is_main = self.script.cells is not None  # a notebook is not imported by anything
        self.definitions = definitions_of(tree, of_main=is_main or not _defines_classes(tree))
        flags = _future_flags(tree)
        kept, self.definitions.kept = self.definitions.kept, []
        for statement in kept:
            code = compile(
                ast.Module([statement], []), self.script.file, "exec", flags, dont_inherit=True
            )
            try:
                exec(code, module.__dict__)
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                self.definitions.leave_out(statement, error)
            else:
                self.definitions.kept.append(statement)


def classes_only_of_main(tree: ast.Module) -> bool:
    """Whether a file has classes, and all of them stand under its main guard."""
    guards = [part for part in tree.body if is_main_guard(part)]
    has = any(isinstance(node, ast.ClassDef) for part in guards for node in ast.walk(part))
    return has and not _defines_classes(tree)


def _defines_classes(tree: ast.Module) -> bool:
    """Whether a class is defined when the file is imported."""
    parts = [part for part in tree.body if not is_main_guard(part)]
    return any(isinstance(node, ast.ClassDef) for part in parts for node in ast.walk(part))


def _future_flags(tree: ast.Module) -> int:
    flags = 0
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            for alias in node.names:
                feature = getattr(__future__, alias.name, None)
                flags |= feature.compiler_flag if feature is not None else 0
    return flags
