"""What is handed in beside a network: its weights, its training script; and the images."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archcheck.verification.submission import Submission
from archcheck.worker.reference import Reference, file_and_name


@dataclass(frozen=True)
class GivenPath:
    """A path as it was given, and the folder that it is relative to."""

    text: str
    folder: Path

    def near(self, network: Path | None) -> Path | None:
        """The path in the folder of a network, else in its own; None where nothing is there."""
        for folder in (network, self.folder):
            if folder is not None and os.path.lexists(folder / self.text):
                return Path(os.path.abspath(folder / self.text))
        return None


@dataclass(frozen=True)
class Artifacts:
    """Where it is, for all networks or by one marker."""

    weights: GivenPath | None = None
    augmentation: GivenPath | None = None
    data: Path | None = None

    def with_network(self, reference: Reference, arguments: Mapping[str, Any]) -> Submission:
        """The submission of one network. What is given and not there is not verified: it may not
        have been handed in."""
        folder = Path(reference.file).parent if reference.file else None
        weights, unmeasured = None, ""
        if self.weights is None:
            unmeasured = "no weights given (archcheck_weights)"
        elif (weights := self.weights.near(folder)) is None:
            unmeasured = f"there is no {self.weights.text} beside the network"
        elif self.data is None:
            unmeasured = "no data given (archcheck_data)"
        return Submission(
            reference=reference,
            arguments=arguments,
            augmentation=self._script(folder),
            weights=weights,
            data=self.data,
            unmeasured=unmeasured,
        )

    def _script(self, folder: Path | None) -> Reference | None:
        if self.augmentation is None:
            return None
        file, name = file_and_name(self.augmentation.text)
        given = GivenPath(file, self.augmentation.folder)
        # One that is not there is read like any other, and the report says so.
        script = given.near(folder) or (folder or given.folder) / file
        return Reference(str(script), "", name)
