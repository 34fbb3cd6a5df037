"""Files that are handed in beside a network, such as its weights."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

STEM = "{stem}"
"""Stands for the name of the network's file, without its ending, in a path."""


@dataclass(frozen=True)
class GivenPath:
    """A path as it was given, and the folder that it is relative to."""

    text: str
    folder: Path

    def of(self, network: Path | None) -> str:
        """The path that is meant for the file of a network."""
        return self.text.replace(STEM, network.stem) if network is not None else self.text

    def near(self, network: Path | None) -> Path | None:
        """The path in the folder of a network's file, else in its own; None where nothing is
        there."""
        text = self.of(network)
        own = network if network is None or network.is_dir() else network.parent
        for folder in (own, self.folder):
            if folder is not None and os.path.lexists(folder / text):
                return Path(os.path.abspath(folder / text))
        return None
