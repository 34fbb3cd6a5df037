"""Environment variables that libraries read, set as soon as the submission imports them."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib.machinery import ModuleSpec
from types import ModuleType

import torch

_VARIABLES = {
    # It asks a server for newer versions.
    "albumentations": "NO_ALBUMENTATIONS_UPDATE",
    # Compiling takes long and hides the operations; run eagerly the network does the same.
    "torch._dynamo": "TORCHDYNAMO_DISABLE",
}
"""Environment variables that turn something off, by the module that reads them."""


def set_when_imported() -> None:
    """Set each variable as soon as its module is imported.

    Until then none is set: a submission sees the environment that it was started in.
    """
    sys.meta_path.insert(0, _Finder())


class _Finder:
    """Finds no module, but is called with every one that is imported."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Set the variable of a module; None, so that the module is found as usual."""
        if name in _VARIABLES:
            os.environ[_VARIABLES[name]] = "1"
        return None


def eager() -> AbstractContextManager[object]:
    """A context in which ``torch.compile`` has no effect on what it compiled (torch 2.6 and on)."""
    if "torch._dynamo" not in sys.modules or not hasattr(torch.compiler, "set_stance"):
        return nullcontext()
    stance: AbstractContextManager[object] = torch.compiler.set_stance("force_eager")
    return stance
