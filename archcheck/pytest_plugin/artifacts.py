"""What is handed in beside a network: its weights, its training script; and the images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archcheck.verification.beside import GivenPath
from archcheck.verification.submission import Submission
from archcheck.worker.reference import Reference, file_and_name


@dataclass(frozen=True)
class Artifacts:
    """Where it is, for all networks or by one marker."""

    weights: GivenPath | None = None
    augmentation: GivenPath | None = None
    data: Path | None = None

    def with_network(self, reference: Reference, arguments: Mapping[str, Any]) -> Submission:
        """The submission of one network. What is given and not there is not verified: it may not
        have been handed in."""
        network = Path(reference.file) if reference.file else None
        weights, unmeasured = None, ""
        if self.weights is None:
            unmeasured = "no weights given (archcheck_weights)"
        elif (weights := self.weights.near(network)) is None:
            unmeasured = f"there is no {self.weights.of(network)} beside the network"
        elif self.data is None:
            unmeasured = "no data given (archcheck_data)"
        return Submission(
            reference=reference,
            arguments=arguments,
            augmentation=self._script(network),
            weights=weights,
            data=self.data,
            unmeasured=unmeasured,
        )

    def _script(self, network: Path | None) -> Reference | None:
        if self.augmentation is None:
            return None
        file, name = file_and_name(self.augmentation.text)
        given = GivenPath(file, self.augmentation.folder)
        # One that is not there is read like any other, and the report says so.
        folder = network.parent if network is not None else given.folder
        script = given.near(network) or folder / given.of(network)
        return Reference(str(script), "", name)
