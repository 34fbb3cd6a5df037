"""The request for a network's answers to images, and the answers, as plain data."""

from __future__ import annotations

from typing import Any

import msgspec

from archcheck.evidence.accuracy import Task
from archcheck.network.inputs import Input, PlainValue
from archcheck.worker.reference import Reference


class EvaluationRequest(msgspec.Struct, frozen=True):
    """The network and the arguments of its constructor, the data set and the normalisation of its
    pixels, the file of a checkpoint, and the images.

    ``pixels`` are uint8, (N, channels, height, width), without labels and in an order that says
    nothing of them: the network's process must not be able to find out what is right. ``inputs``
    is what the network is given, the images among it; empty for the images alone.
    """

    reference: Reference
    arguments: dict[str, Any]
    task: Task
    weights: str
    pixels: bytes
    inputs: tuple[Input | PlainValue, ...] = ()


class Answers(msgspec.Struct, frozen=True):
    """A network's answer to each image: a class, or -1 where a score is a NaN.

    ``device`` and ``seconds`` say where it ran and how long, ``sha256`` is the fingerprint of the
    checkpoint, and ``remark`` says how that was understood.
    """

    classes: tuple[int, ...]
    device: str
    seconds: float
    sha256: str = ""
    remark: str = ""
