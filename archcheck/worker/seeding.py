"""Random numbers that are the same in every run, so that verdicts are reproducible.

Only for a process that traces one network: the generators of Python, torch and numpy (which is
imported late or never) start from a fixed seed.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

import torch

SEED = 0
_NUMPY = "numpy.random"


def seed() -> None:
    """Seed all generators."""
    random.seed(SEED)
    torch.default_generator.manual_seed(SEED)
    if _NUMPY in sys.modules:
        sys.modules[_NUMPY].seed(SEED)
    else:
        sys.meta_path.insert(0, _SeedsNumpy())


class _SeedsNumpy:
    """Imports numpy's generators as usual, and seeds them at once."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of numpy's generators, None for any other module."""
        if name != _NUMPY:
            return None
        sys.meta_path.remove(self)
        spec = PathFinder.find_spec(name, path, target)
        loader = spec.loader if spec is not None else None
        if loader is not None:
            execute = loader.exec_module

            def and_seed(module: ModuleType) -> None:
                execute(module)
                module.seed(SEED)

            loader.exec_module = and_seed  # type: ignore[method-assign]
        return spec
