"""A network with what it is verified with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archcheck.network.shapes import Shape, input_shapes
from archcheck.worker.reference import Reference

if TYPE_CHECKING:
    from archcheck.spec import Spec


@dataclass(frozen=True, kw_only=True)
class Submission:
    """A network, how it is run, and the files beside it.

    Attributes:
        reference: the network; for a live module or a Network only its name.
        arguments: for the constructor, beside and over those of the spec.
        input_shape: the shape of one sample without the batch, or one shape for each input; None
            for the spec's ``input``.
        training: whether it is traced in training mode.
        augmentation: the training script, with the name of its pipeline; None for the network's
            own file.
        weights: a checkpoint.
        data: the folder of the data set that accuracy is measured on.
        unmeasured: why accuracy cannot be measured, if that is known beforehand.
    """

    reference: Reference
    arguments: Mapping[str, Any] = field(default_factory=dict)
    input_shape: Shape | Sequence[Shape] | None = None
    training: bool = False
    augmentation: Reference | None = None
    weights: str | Path | None = None
    data: str | Path | None = None
    unmeasured: str = ""

    def arguments_under(self, spec: Spec) -> dict[str, Any]:
        """The arguments for the constructor: the spec's and, over them, its own."""
        return {**spec.arguments, **self.arguments}

    def shapes_under(self, spec: Spec) -> tuple[tuple[int, ...], ...]:
        """The shapes of the inputs: its own, else the spec's.

        Raises:
            SpecError: if neither has them.
            ValueError: if its own are not valid shapes.
        """
        if self.input_shape is not None:
            return input_shapes(self.input_shape)
        if spec.input is None:
            from archcheck.spec import SpecError

            raise SpecError(
                "the input's shape is not known: add `input: [3, 32, 32]` to the spec, "
                "or give --input 3,32,32",
                file=spec.file,
            )
        return spec.input
