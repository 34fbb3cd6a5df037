"""Instances of a file's network that lines which are left out make into other networks."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from torch import nn

from archcheck.worker.importing.left_out import Change
from archcheck.worker.importing.scopes import root_of

_ADDING = frozenset("add_module append extend insert pop register_module".split())
"""Methods of a network's parts that change which layers there are."""


def changed_instance(
    left_out: Iterable[ast.stmt], names: Mapping[str, Any], model: nn.Module
) -> Change | None:
    """The first line that sets a part of another instance of a network's class; None for none.

    ``names`` are those of the file. Attributes that are no parts, such as a name, do not count.
    """
    for statement in left_out:
        for node in ast.walk(statement):
            for target in _set_by(node):
                root = root_of(target)
                name = root.id if isinstance(root, ast.Name) else ""
                instance = names.get(name)
                if type(instance) is not type(model) or instance is model:
                    continue
                if _first_attribute(target) in {*model._modules, "forward"}:
                    return Change(name, target.lineno)
    return None


def _set_by(node: ast.AST) -> Iterator[ast.expr]:
    """What is set where a node stands."""
    if isinstance(node, (ast.Attribute, ast.Subscript)) and not isinstance(node.ctx, ast.Load):
        yield node
    elif isinstance(node, ast.Call):
        method = node.func
        if isinstance(method, ast.Attribute) and method.attr in _ADDING:
            yield method.value


def _first_attribute(target: ast.expr) -> str:
    """The attribute of a name that a chain goes through; empty for weights that are set."""
    attributes: list[str] = []
    while isinstance(target, (ast.Attribute, ast.Subscript)):
        attributes += [target.attr] if isinstance(target, ast.Attribute) else []
        target = target.value
    is_weight = not _WEIGHTS.isdisjoint(attributes)
    return attributes[-1] if attributes and not is_weight else ""


_WEIGHTS = frozenset("weight bias data grad requires_grad training p momentum".split())
