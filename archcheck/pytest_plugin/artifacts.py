"""What is handed in beside a network: its weights, its training script; and the images."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archcheck.verification.collect import Submission
from archcheck.worker.reference import Reference, file_and_name


@dataclass(frozen=True)
class Written:
    """A path as somebody wrote it, and the folder that he wrote it for."""

    text: str
    folder: Path

    def near(self, submission: Path | None) -> Path | None:
        """The path beside a submission, else in the folder that it was written for; None where
        nothing is there."""
        for folder in (submission, self.folder):
            if folder is not None and os.path.lexists(folder / self.text):
                return Path(os.path.abspath(folder / self.text))
        return None


@dataclass(frozen=True)
class Artifacts:
    """What is said of it, for all submissions or by one marker."""

    weights: Written | None = None
    augmentation: Written | None = None
    data: Path | None = None

    def with_network(self, reference: Reference, arguments: Mapping[str, Any]) -> Submission:
        """The submission of one network. What is said and not there is not verified: nothing may
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
            reference, arguments, self._script(folder), weights, self.data, unmeasured
        )

    def _script(self, folder: Path | None) -> Reference | None:
        if self.augmentation is None:
            return None
        file, name = file_and_name(self.augmentation.text)
        written = Written(file, self.augmentation.folder)
        # One that is not there is read like any other, and the report says so.
        found = written.near(folder) or (folder or written.folder) / file
        return Reference(str(found), "", name)
