"""Where the samples of a batch are mixed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from archcheck.fields.forward import Cause
from archcheck.lint.samples import SampleSets, SampleWalk, sample_walks
from archcheck.network import Network, Op
from archcheck.network.graph import Paths
from archcheck.network.simplified import simplified

_GRADIENT = "grad"


@dataclass(frozen=True)
class Mix:
    """An operation behind which a unit, or what is taken for a sample, reads several samples.

    ``joins`` are the samples that a unit reads behind ``joined_by``, the operation that joins them:
    often the same. It is None where they only lie in one row of an output.
    """

    op: Op
    joined_by: Op | None
    joins: tuple[int, ...]


@dataclass(frozen=True)
class Mixing:
    """Where samples are mixed, and why it is not known of some outputs whether they are."""

    mixes: tuple[Mix, ...]
    unknown: tuple[Cause, ...]


def mixing_of(several: Network, single: Network | None) -> Mixing:
    """Where a pass over several samples mixes them. ``single`` is the pass over one sample, if
    there is one: it shows which axes are the batch's. What cancels out is not read."""
    several = simplified(several)
    mixes: dict[int, Mix] = {}
    unknown: dict[Cause, None] = {}
    for walk in sample_walks(several):
        search = _Search(walk, _Batches(several, single))
        for _, output in several.outputs:
            unknown.update(dict.fromkeys(walk.unknown(output)))
            for mix in search.mixes(output):
                mixes.setdefault(mix.op.index, mix)
    return Mixing(tuple(mixes[at] for at in sorted(mixes)), tuple(unknown))


class _Batches:
    """Which dimensions of the tensors are the batch's: those that grow with it."""

    def __init__(self, several: Network, single: Network | None) -> None:
        self._several = several
        alike = single is not None and len(single.tensors) == len(several.tensors)
        self._single = single if alike else None

    def dimensions(self, tensor: int) -> list[int]:
        """The dimensions of a tensor that are as long as the batch, whatever its size."""
        shape, batch = self._several.shape(tensor), self._several.batch
        long = [d for d, size in enumerate(shape) if size == batch]
        one = () if self._single is None else self._single.shape(tensor)
        if self._single is None or len(one) != len(shape):
            return long
        return [d for d in long if one[d] == self._single.batch]


class _Search:
    def __init__(self, walk: SampleWalk, batches: _Batches) -> None:
        self._walk, self._batches = walk, batches
        self._network = walk.network

    def mixes(self, output: int) -> Iterator[Mix]:
        """The operations at which what an output reads is mixed."""
        paths = Paths(self._network, self._walk.source, output)
        known = self._walk.reads(output)
        if known is not None and not self._out_of_place(output, known):
            return
        for op in paths.ops:
            mix = self._joining(op, paths)
            if mix is None or not self._counts(output, mix):
                continue
            if known is not None or not self._parts_again(op, output):
                yield mix
        if known is not None and not known.mixed:
            yield Mix(self._blamed(output, None, paths), None, ())

    def _out_of_place(self, output: int, reads: SampleSets) -> bool:
        """Whether a sample of an output reads another one; of an output without samples, whether
        a unit reads several."""
        own = self._batches.dimensions(output)
        if not own:
            return reads.mixed
        return not any(map(reads.follows, own)) and not self._compares(output)

    def _counts(self, output: int, mix: Mix) -> bool:
        """Whether a mix is a fault: what has no samples, as a mean over the batch, may read all."""
        return bool(self._batches.dimensions(output)) or mix.op is not mix.joined_by

    def _parts_again(self, op: Op, output: int) -> bool:
        """Whether all that is made of an operation is a gradient of it: that of a sum over the
        samples is the gradient of each."""
        ways = (Paths(self._network, tensor, output) for tensor in op.outputs)
        return all(any(cut.kind == _GRADIENT for cut in way.cuts) for way in ways if way.ops)

    def _joining(self, op: Op, paths: Paths) -> Mix | None:
        """The mix of an operation that joins samples which were apart."""
        read = {tensor: self._walk.reads(tensor) for tensor in paths.inputs(op)}
        if any(sets is None or self._joined(tensor, sets) for tensor, sets in read.items()):
            return None
        for tensor in op.outputs:
            sets = self._walk.reads(tensor)
            if sets is not None and self._joined(tensor, sets):
                tables = {each for each in read if self._compares(each)}
                turned = [t for t in read if t not in tables and not self._in_order(t)]
                blamed = self._blamed(turned[0], op, paths) if turned else op
                return Mix(blamed, op, sets.example())
        return None

    def _joined(self, tensor: int, reads: SampleSets) -> bool:
        return reads.mixed and not self._compares(tensor)

    def _compares(self, tensor: int) -> bool:
        """Whether a tensor is a table of all pairs of samples, which compares them on purpose."""
        return len(self._network.shape(tensor)) == len(self._batches.dimensions(tensor)) == 2

    def _in_order(self, tensor: int) -> bool:
        """Whether one dimension of a tensor is the samples, one by one."""
        reads = self._walk.reads(tensor)
        return reads is None or any(map(reads.follows, self._batches.dimensions(tensor)))

    def _blamed(self, tensor: int, joining: Op | None, paths: Paths) -> Op:
        """The operation that put samples where they are no more found: the first one, from the
        last tensor that has an axis of them on, whose result cannot be read as samples."""
        behind: list[Op] = []
        while not self._in_order(tensor):
            op = self._network.producer(tensor)
            read = () if op is None else paths.inputs(op)
            if op is None or not read:
                break
            behind.append(op)
            varying = [t for t in read if not self._in_order(t)]
            tensor = (varying or list(read))[0]
        broken = [op for op in reversed(behind) if self._breaks(op)]
        if joining is None:
            return (broken or behind)[0]
        return (broken or [joining])[0]

    def _breaks(self, op: Op) -> bool:
        """Whether the result of an operation cannot be read as samples, or looks as if it could."""
        result = op.outputs[0]
        reads = self._walk.reads(result)
        if reads is None:
            return False
        own = self._batches.dimensions(result)
        return not reads.apart or bool(own and not any(map(reads.follows, own)))
