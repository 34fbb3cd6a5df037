"""A model's modules, walked through once since walks are slow, and what they hold.

nn.Module's own tables are read: its methods and attributes may be overridden.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import torch
from torch import nn

from archcheck.worker.registered import registered, table_of


def children_of(module: nn.Module) -> dict[str, nn.Module]:
    """The registered modules of a module."""
    return registered(module, "_modules")


def own_parameters(module: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters that a module itself registers."""
    return registered(module, "_parameters")


class Paths(Mapping[nn.Module, str]):
    """Every module of a model once, with its first path; the path of the model itself is ``""``.

    Modules are told apart by identity: a class may define an equality of its own, and a hash that
    changes.
    """

    def __init__(self, model: nn.Module) -> None:
        self._entries: dict[int, tuple[nn.Module, str]] = {}
        self._others: dict[int, list[str]] = {}
        self._add(model, "")

    def _add(self, module: nn.Module, path: str) -> None:
        if id(module) not in self._entries:
            self._entries[id(module)] = (module, path)
            for name, child in table_of(module, "_modules").items():
                if child is not None:
                    self._add(child, f"{path}.{name}" if path else name)
        else:
            self._others.setdefault(id(module), []).append(path)

    def __getitem__(self, module: nn.Module) -> str:
        return self._entries[id(module)][1]

    def find(self, module: nn.Module) -> str | None:
        """The path of a module, None if the model does not register it."""
        entry = self._entries.get(id(module))
        return None if entry is None else entry[1]

    def others(self, module: nn.Module) -> tuple[str, ...]:
        """The further paths of a module, by the first paths of what registers it."""
        return tuple(self._others.get(id(module), ()))

    def __iter__(self) -> Iterator[nn.Module]:
        return (module for module, _ in self._entries.values())

    def __len__(self) -> int:
        return len(self._entries)

    def entries(self) -> Iterable[tuple[nn.Module, str]]:
        """The modules with their paths, faster than ``items()``."""
        return self._entries.values()


def paths_of(model: nn.Module) -> Paths:
    """The modules of a model in the order in which it registered them."""
    return Paths(model)


def named_parameters(paths: Paths) -> Iterator[tuple[str, nn.Parameter]]:
    """The parameters that the modules hold now, one after the other, each by its first name."""
    seen: set[int] = set()
    for module, path in paths.entries():
        for name, parameter in table_of(module, "_parameters").items():
            if parameter is not None and id(parameter) not in seen:
                seen.add(id(parameter))
                yield (f"{path}.{name}" if path else name), parameter


def parameters_of(paths: Paths) -> dict[str, nn.Parameter]:
    """The parameters that the modules hold now, each by its first name."""
    return dict(named_parameters(paths))


def buffers_of(paths: Paths) -> list[torch.Tensor]:
    """The buffers that the modules hold now, each once."""
    tables = [table_of(module, "_buffers") for module, _ in paths.entries()]
    buffers = {id(each): each for table in tables for each in table.values() if each is not None}
    return list(buffers.values())
