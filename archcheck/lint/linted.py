"""What a lint rule looks at."""

from __future__ import annotations

from collections.abc import Iterator, Set
from functools import cached_property

from archcheck.evidence import NotRun, Passes
from archcheck.lint.mixing import Mixing, mixing_of
from archcheck.lint.readers import Readers
from archcheck.lint.sliding import WINDOWS, NonZeros, Slide, slides
from archcheck.network import Network, Op
from archcheck.network.kinds import ATTENTION
from archcheck.rules.base import Subject


class Linted:
    """The passes of a network, and what is worked out of each once.

    ``loss`` is the loss that the network is trained with, empty if it is not known.
    """

    def __init__(self, passes: Passes, loss: str = "") -> None:
        self.passes = passes
        self.loss = loss
        self._subjects: dict[int, Subject] = {}

    @cached_property
    def network(self) -> Network:
        """The network in evaluation: with one sample, where that runs, else with several.

        Raises:
            ValueError: if neither ran.
        """
        for found in (self.passes.single, self.passes.several):
            if isinstance(found, Network):
                return found
        raise ValueError("no pass ran")

    @property
    def single(self) -> Network | None:
        """The network in evaluation with one sample."""
        return _ran(self.passes.single)

    @property
    def several(self) -> Network | None:
        """The network in evaluation with several samples."""
        return _ran(self.passes.several)

    @property
    def training(self) -> Network | None:
        """The network in training."""
        return _ran(self.passes.training)

    @cached_property
    def subject(self) -> Subject:
        """The fields and the reach of the network in evaluation."""
        return self.subject_of(self.network)

    @cached_property
    def mixing(self) -> Mixing:
        """Where the pass over several samples mixes them."""
        return Mixing((), ()) if self.several is None else mixing_of(self.several, self.single)

    @cached_property
    def non_zeros(self) -> NonZeros:
        """Where the tensors of the network in evaluation may differ from zero."""
        return NonZeros(self.network)

    @cached_property
    def readers(self) -> Readers:
        """Which positions of the tensors of the network in evaluation anything reads."""
        return Readers(self.network, self.subject.reach)

    @cached_property
    def heads(self) -> frozenset[int]:
        """The operations that begin a head of the network in evaluation, by index."""
        locations = self.subject.fields().features_locations
        return frozenset(op for location in locations for op in location.heads)

    @cached_property
    def attends(self) -> bool:
        """Whether units look at others by attention: at all of them, mostly."""
        network = self.network
        return any(
            op.kind in ATTENTION or (op.kind == "softmax" and len(network.shape(op.inputs[0])) > 2)
            for op in network.ops
            if network.depends(op)
        )

    def sliding(self, kinds: Set[str]) -> Iterator[tuple[Op, tuple[Slide, ...]]]:
        """The operations of some kinds with a window that work on the input for an output, in
        order, and how their windows slide along each axis."""
        return ((op, sides) for op, sides in self._sliding if op.kind in kinds)

    @cached_property
    def _sliding(self) -> list[tuple[Op, tuple[Slide, ...]]]:
        network, reach = self.network, self.subject.reach
        ops = (op for op in network.ops if op.kind in WINDOWS)
        working = (op for op in ops if network.depends(op) and reach.possible(op))
        return [(op, slides(network, op)) for op in working]

    def subject_of(self, network: Network) -> Subject:
        """The fields and the reach of one of the passes."""
        return self._subjects.setdefault(id(network), Subject(network))


def _ran(found: Network | NotRun) -> Network | None:
    return found if isinstance(found, Network) else None
