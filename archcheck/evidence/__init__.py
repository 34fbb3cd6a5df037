"""What is known of a submission beside its Network: plain data that rules judge.

The shell gathers it, and only what a spec asks for; a field that is None was not gathered.
"""

from __future__ import annotations

from dataclasses import dataclass

from archcheck.evidence.augmentation import Augmentation


@dataclass(frozen=True)
class Evidence:
    """All that was gathered."""

    augmentation: Augmentation | None = None
    """The pipelines that augment the training images."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the report has to know."""
        return self.augmentation.notes if self.augmentation is not None else ()


__all__ = ["Augmentation", "Evidence"]
