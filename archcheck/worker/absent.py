"""Why a module holds no network, and where the one may be that was meant."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from archcheck.network import Place
from archcheck.worker.factories import tree_of
from archcheck.worker.main_guard import MAIN, is_main_guard
from archcheck.worker.owners import is_library
from archcheck.worker.scripts import placed

_BASES = ("Module", "Sequential", "LightningModule")
_Scope = ast.If | ast.FunctionDef | ast.AsyncFunctionDef


def why_no_network(module: ModuleType) -> str:
    """Why a module holds no network, as the end of a sentence that begins with its name."""
    return _if_empty(module) or _hidden(module) or _elsewhere(module) or _NONE


_NONE = ": no nn.Module is defined here"


def _if_empty(module: ModuleType) -> str:
    file = Path(module.__file__ or "")
    if not file.is_file() or tree_of(module).body:
        return ""
    return " holds nothing but comments" if file.read_bytes().strip() else " is empty"


def hidden_class(module: ModuleType, name: str) -> str:
    """Where a class of this name is defined that a module does not define itself, else empty."""
    return _hidden(module, name)


def _hidden(module: ModuleType, name: str = "") -> str:
    for scope, node in _inner_classes(tree_of(module).body):
        if node.name == name or (not name and _looks_like_a_network(node)):
            if isinstance(scope, ast.If):
                where = f"under `{MAIN}`, which does not run when the file is imported"
            else:
                where = f"inside of the function {scope.name}"
            line = placed(Place(module.__file__ or "", node.lineno)).in_words
            return f": {node.name} ({line}) is defined {where}: move it out"
    return ""


def _inner_classes(body: list[ast.stmt]) -> Iterator[tuple[_Scope, ast.ClassDef]]:
    """The classes under the main guard or in functions, each with what it stands in."""
    for scope in body:
        if isinstance(scope, (ast.FunctionDef, ast.AsyncFunctionDef)) or is_main_guard(scope):
            assert isinstance(scope, _Scope)
            for node in ast.walk(scope):
                if isinstance(node, ast.ClassDef):
                    yield scope, node


def _looks_like_a_network(node: ast.ClassDef) -> bool:
    bases = (ast.unparse(base).rpartition(".")[2] for base in node.bases)
    methods = (part.name for part in node.body if isinstance(part, ast.FunctionDef))
    return any(base in _BASES for base in bases) or "forward" in methods


def _elsewhere(module: ModuleType) -> str:
    """Where the networks come from that a module imports, empty if it imports none."""
    for name, value in vars(module).items():
        if _is_network(value) and value.__module__ != module.__name__:
            file = getattr(sys.modules.get(value.__module__), "__file__", None)
            if file and not is_library(file):
                return f" imports {name} from {value.__module__}: check {Path(file).name}"
    return ""


def _is_network(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, nn.Module)
