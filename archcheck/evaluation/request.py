"""The request to measure accuracy, as plain data."""

from __future__ import annotations

from typing import Any

import msgspec

from archcheck.evidence.accuracy import Task
from archcheck.worker.reference import Reference


class EvaluationRequest(msgspec.Struct, frozen=True):
    """The network and the arguments of its constructor, the data set and the normalisation of its
    pixels, the file of a checkpoint, and the folder of the data set."""

    reference: Reference
    arguments: dict[str, Any]
    task: Task
    weights: str
    data: str
