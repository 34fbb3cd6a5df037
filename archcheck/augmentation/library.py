"""What is known of albumentations without importing it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

LIBRARY = "albumentations"
SEVERAL = frozenset(
    "Compose ReplayCompose Sequential OneOf SomeOf RandomOrder SelectiveChannelTransform".split()
)
"""Compositions of a list of transforms."""
COMPOSITIONS = SEVERAL | {"OneOrOther"}


class Imports:
    """Which names of a file are albumentations' own."""

    def __init__(self, tree: ast.Module) -> None:
        self._names: dict[str, str] = {}
        self._everything = False
        self.modules: set[str] = set()
        """Every module that the file imports, without what it is part of."""
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    self.modules.add(alias.name.partition(".")[0])
                    named = alias.asname or alias.name.partition(".")[0]
                    self._names[named] = alias.name if alias.asname else named
            elif isinstance(node, ast.ImportFrom):
                module = node.module or ""
                self.modules.add("." if node.level else module.partition(".")[0])
                ours = not node.level and _is_ours(module)
                for alias in node.names:
                    if alias.name == "*":
                        self._everything |= ours
                    else:
                        whole = f"{'.' * node.level}{module}.{alias.name}"
                        self._names[alias.asname or alias.name] = whole

    @property
    def mention_the_library(self) -> bool:
        """Whether the file itself imports albumentations."""
        return LIBRARY in self.modules

    def class_of(self, node: ast.expr) -> str:
        """The class of albumentations that an expression names; empty if it names none."""
        parts = list(_dotted(node))
        if not parts:
            return ""
        first, *rest = parts
        found = self._names.get(first, f"{LIBRARY}.{first}" if self._everything else "")
        if not _is_ours(found):
            return ""
        name = ".".join([found, *rest]).rpartition(".")[2]
        return name if name[:1].isupper() else ""

    def knows(self, name: str) -> bool:
        """Whether a name is imported."""
        return name in self._names


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] == LIBRARY


def _dotted(node: ast.expr) -> Iterator[str]:
    """``A.pytorch.ToTensorV2`` as its names; nothing if it is anything else."""
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Attribute):
        names = list(_dotted(node.value))
        if names:
            yield from (*names, node.attr)
