"""What is known of a submission beside its Network: plain data that rules judge.

Rules say what they need. The shell collects that and nothing else; what was not collected is None
or empty.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from archcheck.evidence.accuracy import Accuracy, Task
from archcheck.evidence.augmentation import Augmentation
from archcheck.evidence.passes import NotRun, Passes
from archcheck.network import Remark


@dataclass(frozen=True)
class Evidence:
    """All that was collected. ``accuracy`` has one entry for each task."""

    accuracy: tuple[Accuracy, ...] = ()

    augmentation: Augmentation | None = None
    """The pipelines that augment the training images."""

    passes: Passes | None = None
    """The network's other passes."""

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """What a reader of the report has to know."""
        notes = self.augmentation.notes if self.augmentation is not None else ()
        missing = self.passes.missing if self.passes is not None else ()
        return (*map(Remark, notes), *missing)


@dataclass(frozen=True)
class Needs:
    """What evidence rules need: the tasks that accuracy is measured on, each once, and whether the
    pipelines of the training script are read and the network is run in other ways."""

    accuracy: tuple[Task, ...] = ()
    augmentation: bool = False
    passes: bool = False


def merged(needs: Iterable[Needs]) -> Needs:
    """What several rules need together."""
    every = list(needs)
    return Needs(
        accuracy=tuple(dict.fromkeys(task for each in every for task in each.accuracy)),
        augmentation=any(each.augmentation for each in every),
        passes=any(each.passes for each in every),
    )


__all__ = ["Augmentation", "Evidence", "Needs", "NotRun", "Passes", "merged"]
