"""The walk through a Network that carries the fields from an input to every tensor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from archcheck.fields.algebra.field_map import FieldMap, NotModelledError
from archcheck.fields.algebra.masks import settled
from archcheck.fields.algebra.regain import in_strips, missing_axes, regained, relabelled
from archcheck.fields.algebra.table import TOO_LARGE
from archcheck.fields.handlers import CARRIERS, HANDLERS, Context, Reading, Result
from archcheck.fields.handlers.placing import placed_along
from archcheck.gc_pause import gc_paused
from archcheck.network import Network, Op
from archcheck.network.kinds import ESCAPE, FROZEN, SCRIPT
from archcheck.network.value_dependence import taken_out

REARRANGING = frozenset(
    "view reshape flatten unflatten reshape_as view_as getitem narrow select index_select gather "
    "take_along_dim masked_select chunk split tensor_split unbind hsplit vsplit dsplit cat stack "
    "hstack vstack dstack column_stack flip fliplr flipud reversed roll repeat setitem copy "
    "index_put index_add index_copy scatter scatter_add slice_scatter select_scatter alias_write "
    "as_strided fold".split()
)
"""The kinds that may put together again what was written out."""
IN_A_ROW = frozenset(
    """stack setitem copy index_put index_copy scatter slice_scatter select_scatter
    alias_write""".split()
)
"""The kinds that may put single units one behind the other; ``cat`` may, too."""


@dataclass(frozen=True)
class Cause:
    """Why the fields of a tensor are not known; ``op`` is the index of the operation at fault."""

    reason: str
    op: int | None = None


class UnknownMap:
    """The map of a tensor whose fields are not known."""

    def __init__(self, causes: Sequence[Cause]) -> None:
        self.causes = tuple(dict.fromkeys(causes))


Map = FieldMap | UnknownMap | None
"""None if the tensor does not depend on the input."""


def outcome(
    network: Network, op: Op, operands: dict[int, FieldMap | None], reading: Reading
) -> Sequence[Result] | str:
    """The maps of an operation's outputs from those of its inputs.

    A text says why none is known, a :class:`NotModelledError` in place of a map why one is not.
    """
    if op.kind == SCRIPT:
        part = "module" if FROZEN in op.arguments else "function"
        return f"a scripted {part}: not seen"
    handler = HANDLERS.get(op.kind)
    if handler is None:
        return f"{op.function} is not modelled"
    try:
        if op.kind not in CARRIERS and [m for m in operands.values() if m and m.cut]:
            operands = {tensor: m and settled(m) for tensor, m in operands.items()}
        result = handler(Context(network, op, operands, reading))
    except NotModelledError as error:
        return str(error)
    except MemoryError:
        return f"{op.function}: {TOO_LARGE}"
    except Exception as error:
        # Called in a way that its model does not cover: not known, rather than guessed.
        return f"{op.function} was called in a way that is not modelled ({error!r})"
    return result if isinstance(result, list) else [result]


def _more(op: Op) -> NotModelledError:
    return NotModelledError(f"{op.function} gave more than its model does")


_CUTS = frozenset(
    "chunk split tensor_split unbind hsplit vsplit dsplit getitem narrow select".split()
)
"""The kinds that cut a tensor into pieces."""


class ForwardWalk:
    """The maps of all tensors of a Network, under one reading and from one of its inputs.

    ``passing`` are operations that are taken to hand on a tensor as it is: by index, the tensor.
    ``spatial`` are the dimensions of the input that are space, by default those that are said to
    be positions.
    """

    def __init__(
        self,
        network: Network,
        reading: Reading,
        input_index: int = 0,
        passing: Mapping[int, int] | None = None,
        spatial: tuple[int, ...] | None = None,
    ) -> None:
        self.passing = passing or {}
        self.network = network
        self.reading = reading
        self.source = network.inputs[input_index]
        self.maps: dict[int, Map] = {}
        self._settled: dict[int, Map] = {}
        self.not_modelled: dict[Cause, None] = {}
        self._causes: dict[tuple[Any, ...], Cause] = {}
        self._escaped: list[Cause] = []
        self._unseen = frozenset(network.opaque)
        shape = network.shape(self.source)
        if spatial is None:
            spatial = network.given_tensors[input_index].positions
        self.spatial = spatial
        start = FieldMap.of_input(shape, self.spatial, lattice=reading.lattice)
        self.maps[self.source] = start
        with gc_paused():
            for op in network.ops:
                if self.source not in op.outputs:
                    self._step(op)

    def _step(self, op: Op) -> None:
        carried = self._carried if self._unseen else self.maps.get
        unknown: list[Cause] = []
        operands: dict[int, FieldMap | None] = {}
        depends = False
        for tensor in self.network.operands[op.index]:
            m = carried(tensor)
            if isinstance(m, UnknownMap):
                unknown.extend(m.causes)
            else:
                operands[tensor] = m
                depends = depends or m is not None
        if op.kind == ESCAPE:
            if (depends or unknown) and taken_out(op):
                # What Python does with the value comes back as constants that cannot be followed.
                self._escaped.append(self._note(f"{op.function} takes the value out", op))
            return
        # A number that Python took out may stand behind any constant from then on.
        unknown.extend(self._escaped)
        if unknown:
            self._fill(op, UnknownMap(unknown))
        elif not depends:
            for tensor in op.outputs:
                self.maps[tensor] = None
        else:
            self._follow(op, operands)

    def map(self, tensor: int) -> Map:
        """The map of a tensor; units that masks have closed are empty in it."""
        m = self._settled.get(tensor) or self._carried(tensor)
        if isinstance(m, FieldMap) and m.cut is not None:
            try:
                m = settled(m)
            except NotModelledError as error:
                m = UnknownMap([self._note(str(error), self.network.producer(tensor))])
            self._settled[tensor] = m
        return m

    def _carried(self, tensor: int) -> Map:
        """The map of a tensor as operations read it, with the units that masks have closed."""
        m = self.maps.get(tensor)
        if m is None and tensor in self._unseen and tensor not in self.maps:
            readers = self.network.consumers.get(tensor, ())
            cause = self._note(
                "a tensor whose making was not seen", readers[0] if readers else None
            )
            m = self.maps[tensor] = UnknownMap([cause])
        return m

    def _follow(self, op: Op, operands: dict[int, FieldMap | None]) -> None:
        if op.index in self.passing:
            self.maps[op.outputs[0]] = self._carried(self.passing[op.index])
            return
        for tensor, m in zip(op.outputs, self.carried(op, operands), strict=True):
            if isinstance(m, NotModelledError):
                self.maps[tensor] = UnknownMap([self._note(str(m), op)])
            else:
                self.maps[tensor] = m

    def carried(
        self, op: Op, operands: dict[int, FieldMap | None], network: Network | None = None
    ) -> list[Result]:
        """The map of each output of an operation, from those of its operands."""
        maps = outcome(network or self.network, op, operands, self.reading)
        if isinstance(maps, str):
            return [NotModelledError(maps)] * len(op.outputs)
        results: list[Result] = []
        for position, tensor in enumerate(op.outputs):
            m: Result = maps[position] if position < len(maps) else _more(op)
            if isinstance(m, FieldMap):
                if m.shape != self.network.shape(tensor):
                    m = NotModelledError(f"{op.function} gave a shape that its model does not")
                elif op.kind in REARRANGING:
                    m = self._put_together(m, op, operands)
            results.append(m)
        return results

    def _put_together(self, m: FieldMap, op: Op, operands: dict[int, FieldMap | None]) -> FieldMap:
        if self._in_a_row(op):
            placed = placed_along(Context(self.network, op, operands, self.reading))
            if missing_axes(m) > 0:
                m = relabelled(m, placed)
            elif self._pieces_of_one(op):
                m = in_strips(m, placed)
        return regained(m) if self.reading.lattice else m

    def _in_a_row(self, op: Op) -> bool:
        """Whether single units were put one behind the other."""
        if op.kind != "cat":
            return op.kind in IN_A_ROW
        dimension = op.arguments.get("dim") or 0
        shapes = [self.network.shape(tensor) for tensor in op.inputs]
        rank = len(self.network.shape(op.outputs[0]))
        return all(len(shape) == rank and shape[dimension] == 1 for shape in shapes)

    def _pieces_of_one(self, op: Op) -> bool:
        """Whether all that is put in a row was cut off one tensor, and is as it was."""
        makers = [self.network.producer(tensor) for tensor in op.inputs]
        while makers and all(maker is not None and maker.kind == "unsqueeze" for maker in makers):
            makers = [self.network.producer(m.inputs[0]) for m in makers if m is not None]
        whole = {m.inputs[0] if m is not None and m.kind in _CUTS else None for m in makers}
        return len(whole) == 1 and None not in whole

    def _fill(self, op: Op, unknown: UnknownMap) -> None:
        for tensor in op.outputs:
            self.maps[tensor] = unknown

    def _note(self, reason: str, op: Op | None) -> Cause:
        # What a line does again and again is told once.
        key = (reason, op and op.module, op and op.called)
        cause = self._causes.setdefault(key, Cause(reason, None if op is None else op.index))
        self.not_modelled[cause] = None
        return cause

    def known_maps(self) -> dict[int, FieldMap]:
        """The maps that are known, by tensor."""
        maps = {tensor: self.map(tensor) for tensor in self.maps}
        return {tensor: m for tensor, m in maps.items() if isinstance(m, FieldMap)}
