"""Keeping libraries that the submission imports from asking the network for newer versions."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

_SWITCHES = {"albumentations": "NO_ALBUMENTATIONS_UPDATE"}
"""Environment variables that turn the question off, by the module that asks."""


def stay_offline() -> None:
    """Turn the questions off as soon as somebody imports a module that asks.

    Until then nothing is set: a submission sees the environment that it was started in.
    """
    sys.meta_path.insert(0, _Switch())


class _Switch:
    """Finds no module, but hears of all that are looked for."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Nothing."""
        if name in _SWITCHES:
            os.environ[_SWITCHES[name]] = "1"
        return None
