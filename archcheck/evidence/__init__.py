"""What is known of a submission beside its Network: plain data that rules judge.

The shell gathers it, and only what a spec asks for; what was not gathered is None or empty.
"""

from __future__ import annotations

from dataclasses import dataclass

from archcheck.evidence.accuracy import Accuracy
from archcheck.evidence.augmentation import Augmentation


@dataclass(frozen=True)
class Evidence:
    """All that was gathered. ``accuracy`` has one entry for each data set, with its normalisation,
    that the spec names."""

    accuracy: tuple[Accuracy, ...] = ()

    augmentation: Augmentation | None = None
    """The pipelines that augment the training images."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the report has to know."""
        return self.augmentation.notes if self.augmentation is not None else ()


__all__ = ["Augmentation", "Evidence"]
