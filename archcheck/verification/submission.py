"""A network with what it is verified with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archcheck.network.inputs import Inputs
from archcheck.network.shapes import AnyInputs, inputs_of
from archcheck.shell_words import worded
from archcheck.worker.reference import Reference

if TYPE_CHECKING:
    from archcheck.spec import Spec


@dataclass(frozen=True, kw_only=True)
class Submission:
    """A network, how it is run, and the files beside it.

    Attributes:
        reference: the network; for a live module or a Network only its name.
        arguments: for the constructor, beside and over those of the spec.
        inputs: what the network is given; None for the spec's.
        training: whether it is traced in training mode.
        augmentation: the training script, with the name of its pipeline; None for the network's
            own file.
        weights: a checkpoint.
        data: the folder of the data set that accuracy is measured on.
        unmeasured: why accuracy cannot be measured, if that is known beforehand.
    """

    reference: Reference
    arguments: Mapping[str, Any] = field(default_factory=dict)
    inputs: AnyInputs | None = None
    training: bool = False
    augmentation: Reference | None = None
    weights: str | Path | None = None
    data: str | Path | None = None
    unmeasured: str = ""

    def arguments_under(self, spec: Spec) -> dict[str, Any]:
        """The arguments for the constructor: the spec's and, over them, its own."""
        return {**spec.arguments, **self.arguments}

    def inputs_under(self, spec: Spec) -> Inputs:
        """What the network is given: its own inputs, else the spec's.

        Raises:
            SpecError: if neither has them.
            ValueError: if its own are not valid shapes.
        """
        if self.inputs is not None:
            return inputs_of(self.inputs)
        if spec.inputs is None:
            from archcheck.spec import SpecError

            raise SpecError(
                "the input's shape is not known: add `input: [3, 32, 32]` to the spec, "
                f"or give {worded('--input 3,32,32', 'input_shape=(3, 32, 32)')}",
                file=spec.file,
            )
        return spec.inputs

    def variants_under(self, spec: Spec) -> tuple[tuple[str, Inputs], ...]:
        """The spec's other inputs, by name; none where its own take the place of the spec's."""
        return spec.variants if self.inputs is None else ()
