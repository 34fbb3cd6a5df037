"""The Network: everything that one forward pass showed, as plain frozen data.

A :class:`Network` needs neither torch nor the code it was traced from: it can be sent between
processes, kept in a cache, compared with another. Its parts never refer back to it, so the
garbage collector need not track them (``gc=False``).
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from archcheck.markdown_text import escaped, table
from archcheck.network import kinds
from archcheck.network.constants import Constant
from archcheck.network.inputs import Input, PlainValue, constants_of, of_shapes, tensors_of
from archcheck.network.kinds import SCRIPT
from archcheck.network.layers import layers_of
from archcheck.network.macs import op_macs
from archcheck.network.operands import operands
from archcheck.network.value_dependence import (
    driven_by,
    taken_out_whole,
    work_by_values,
)
from archcheck.phrases import shape_text

VERSION = 10
"""Raised whenever the meaning of the data changes; data of another version is not read."""


class Cell(msgspec.Struct, frozen=True, gc=False):
    """Where in a notebook a place is: the number of its cell among all cells, and its own first
    line in the cell, from 1; and the first and last line of the notebook's file."""

    number: int
    line: int
    file_line: int
    file_end_line: int


class Place(msgspec.Struct, frozen=True, gc=False):
    """A stretch of source code. Lines and columns count from 1; ``end_column`` is exclusive.

    Lines of a notebook are counted through its code cells; ``cell`` says where they are.
    """

    file: str
    line: int
    column: int | None = None
    end_line: int | None = None
    end_column: int | None = None
    cell: Cell | None = None

    @property
    def number(self) -> int:
        """The line as people count it: in the file, or in the notebook's cell."""
        return self.line if self.cell is None else self.cell.line

    @property
    def at(self) -> str:
        """The line as people find it: ``64``, or ``cell 7:12`` in a notebook."""
        return str(self.line) if self.cell is None else f"cell {self.cell.number}:{self.cell.line}"

    @property
    def in_words(self) -> str:
        """The line in a sentence: ``line 64``, or ``cell 7:12``."""
        return f"line {self.line}" if self.cell is None else self.at

    @property
    def file_lines(self) -> tuple[int, int | None]:
        """The first and the last line in the file, where that is known."""
        if self.cell is None:
            return self.line, self.end_line
        return self.cell.file_line, self.cell.file_end_line

    def __str__(self) -> str:
        """The name of the file and the line: ``net.py:64``, ``net.ipynb:cell 7:12``."""
        return f"{Path(self.file).name}:{self.at}"


class Memory(msgspec.Struct, frozen=True, gc=False):
    """Where the elements of a tensor lie: in which memory, and the offset and strides in it, in
    elements."""

    number: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int

    @property
    def plain(self) -> bool:
        """Whether the elements lie apart for certain."""
        reach = 0
        for stride, size in sorted(zip(self.strides, self.shape, strict=True)):
            if size > 1:
                if stride <= reach:
                    return False
                reach += stride * (size - 1)
        return True


class Tensor(msgspec.Struct, frozen=True, gc=False):
    """One value of the forward pass (an in-place operation makes a new one).

    ``origin`` is ``input``, ``parameter``, ``buffer``, ``constant`` (held by the model before the
    pass or made in it without any operand), ``op`` or ``unseen`` (it appeared without any recorded
    operation making it, so that what it depends on is not known). ``memory`` is known of what was
    there before the pass. ``trainable`` are constants that are weights all the same: parameters
    which no module registers, and tensors that ask for a gradient.
    """

    id: int
    shape: tuple[int, ...]
    dtype: str
    origin: str
    op: int | None = None
    name: str | None = None
    memory: Memory | None = None
    trainable: bool = False
    frozen: bool = False
    """Whether it is such a parameter and asks for no gradient."""

    @property
    def is_weight(self) -> bool:
        """Whether it is a weight, registered or not."""
        return self.origin == "parameter" or self.trainable


class Op(msgspec.Struct, frozen=True, gc=False):
    """One call of a torch function.

    ``function`` is its public name (``torch.nn.functional.conv2d``), ``kind`` the short name
    that functions and methods of the same meaning share (``conv2d``, ``add``, ``mean``).
    ``arguments`` are the call's arguments by name as plain data; a tensor among them stands as
    ``{"tensor": id}``. ``call`` indexes :attr:`Network.calls`: the innermost module call that
    the operation ran in.
    """

    index: int
    function: str
    kind: str
    call: int
    module: str
    called: Place | None
    built: Place | None
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    arguments: dict[str, Any]
    parameters: tuple[str, ...] = ()

    def __repr__(self) -> str:
        place = self.built or self.called
        at = f" ({place})" if place is not None else ""
        return f"<Op {self.index}: {self.kind}{f' in {self.module}' if self.module else ''}{at}>"


class Call(msgspec.Struct, frozen=True, gc=False):
    """One call of a module: ``outputs`` are the tensors it returned, ``parent`` the call around.

    Of a module that the network does not register ``module`` is empty: ``built`` says where it was
    constructed, if that is known, and ``made`` whether in the pass.
    """

    index: int
    module: str
    type: str
    parent: int | None
    called: Place | None
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    standard: bool = False
    """True for the layers of torch.nn, False for the user's own classes."""
    registered: bool = True
    built: Place | None = None
    made: bool = False


class Module(msgspec.Struct, frozen=True, gc=False):
    """A module by its first registered path; ``parameters`` are the names it owns directly.

    ``others`` are the further paths by which modules register it, those by their first paths.
    """

    path: str
    type: str
    built: Place | None
    calls: int
    parameters: tuple[str, ...]
    container: bool = False
    """Whether it contains other modules."""
    others: tuple[str, ...] = ()


class Stretch(msgspec.Struct, frozen=True, gc=False):
    """Operations in a row: the index of the first, that behind the last, and the line around."""

    first: int
    end: int
    place: Place | None = None


class LateParameter(msgspec.Struct, frozen=True, gc=False):
    """A parameter that was made in the pass and that a module registers since; ``anew`` says
    whether the next pass made another one in its place."""

    name: str
    tensor: int
    anew: bool


class Parameter(msgspec.Struct, frozen=True, gc=False):
    """A registered parameter. Tied parameters are one, under their first name."""

    name: str
    shape: tuple[int, ...]
    size: int
    trainable: bool
    bits: int
    used: bool


class Remark(msgspec.Struct, frozen=True, gc=False):
    """Something to be told about a network, and the line that it is about."""

    text: str
    place: Place | None = None

    def __str__(self) -> str:
        """The text and its line."""
        if self.place is None:
            return self.text
        return f"{self.text} ({self.place})"


class Network(msgspec.Struct, frozen=True, dict=True):
    """What one forward pass of a model showed.

    ``outputs`` holds a (label, tensor id) pair for every tensor that the model returned: the
    label is empty for a single one, else its index or key.
    """

    name: str
    inputs: tuple[int, ...]
    outputs: tuple[tuple[str, int], ...]
    tensors: tuple[Tensor, ...]
    ops: tuple[Op, ...]
    calls: tuple[Call, ...]
    modules: tuple[Module, ...]
    parameters: tuple[Parameter, ...]
    source: Place | None = None
    training: bool = False
    batch: int = 1
    buffer_elements: int = 0
    buffer_bytes: int = 0
    notes: tuple[Remark, ...] = ()
    torch: str = ""
    constants: tuple[Constant, ...] = ()
    """Constant masks and indices: the values that decide which paths there are."""
    reads_batch: Place | None = None
    """A line of the user's code that reads the size of a tensor, and with it the batch's."""
    given: tuple[Input | PlainValue, ...] = ()
    """What it was given; the tensors among it are ``inputs``."""
    kept: tuple[int, ...] = ()
    """What was made in the pass and is still there after it: outputs, what somebody keeps; and what
    was looked at, by a print say."""
    forward: Place | None = None
    """Where the forward that ran is defined, if that is in the user's code."""
    late: tuple[LateParameter, ...] = ()
    without_gradient: tuple[Stretch, ...] = ()
    """Where gradients were switched off."""
    own_gradient: tuple[Stretch, ...] = ()
    """What ran in functions with a backward of their own: its gradients are not known."""
    version: int = VERSION

    def __repr__(self) -> str:
        macs = "unknown" if self.macs is None else f"{self.macs:,}"
        counts = f"{self.num_parameters:,} parameters, {macs} MACs"
        return f"<Network {self.name}: {self.shapes}, {counts}>"

    def _repr_markdown_(self) -> str:
        """What a notebook shows: the layers."""
        macs = "unknown" if self.macs is None else f"{self.macs:,}"
        head = f"{self.name}: {self.shapes}, {self.num_parameters:,} parameters, {macs} MACs"
        rows = [
            (
                layer.name,
                layer.module,
                shape_text(self.sample_shape(layer.output)),
                f"{layer.num_parameters:,}",
                "unknown" if layer.macs is None else f"{layer.macs:,}",
            )
            for layer in layers_of(self)
        ]
        titles = ("layer", "module", "output", "parameters", "MACs")
        return "\n".join([f"**{escaped(head)}**", "", *table(titles, rows, "  nnn"), ""])

    # -- counts ---------------------------------------------------------------------------

    @cached_property
    def num_parameters(self) -> int:
        """Elements of all registered parameters; shared and tied ones count once."""
        return sum(parameter.size for parameter in self.parameters)

    @cached_property
    def num_trainable_parameters(self) -> int:
        """Elements of the parameters that require a gradient."""
        return sum(parameter.size for parameter in self.parameters if parameter.trainable)

    @cached_property
    def num_used_parameters(self) -> int:
        """Elements of the parameters that some operation of the forward pass read."""
        return sum(parameter.size for parameter in self.parameters if parameter.used)

    @cached_property
    def macs(self) -> int | None:
        """Multiply-accumulates of one sample; None where an operation's cost is not known, or
        where a part of the network could not be seen.

        Convolutions, linear layers, matrix products, attention and recurrent layers count;
        biases and elementwise work do not. Work on constants alone counts as well.
        """
        counts = [self.op_macs(op) for op in self.ops]
        return None if None in counts or self.opaque else sum(filter(None, counts))

    @cached_property
    def constant_macs(self) -> int:
        """Those of the multiply-accumulates that depend on no input: work on weights and other
        constants, which is the same in every pass."""
        return sum(self.op_macs(op) or 0 for op in self.ops if not self.depends(op))

    @cached_property
    def driven(self) -> frozenset[int]:
        """The tensors that depend on an input, or may; weights and what is made of them do not."""
        return driven_by(self, self.inputs)

    @cached_property
    def _driven_by_samples(self) -> frozenset[int]:
        """The same of the inputs that have a batch."""
        pairs = list(zip(self.inputs, self.given_tensors, strict=True))
        batched = [tensor for tensor, said in pairs if said.batch is not None]
        return self.driven if len(batched) == len(pairs) else driven_by(self, batched)

    @cached_property
    def varying(self) -> frozenset[int]:
        """The tensors whose values depend on an input that is no constant, or may."""
        constants = constants_of(self.given_tensors)
        if not any(constants):
            return self.driven
        pairs = zip(self.inputs, constants, strict=True)
        return driven_by(self, [tensor for tensor, constant in pairs if not constant])

    def varies(self, op: Op) -> bool:
        """Whether an operation reads something whose value is not known beforehand."""
        return not self.varying.isdisjoint(kinds.values_read(op.kind, op.inputs))

    def depends(self, op: Op) -> bool:
        """Whether an operation reads something that depends on an input, or may."""
        return not self.driven.isdisjoint(kinds.values_read(op.kind, op.inputs))

    def op_macs(self, op: Op) -> int | None:
        """Multiply-accumulates of one operation for one sample, None if not known.

        Work on constants is done once, whatever the batch. What kinds of no known cost do with
        constants (a factorisation of a weight) counts nothing: see :attr:`left_out_ops`.
        """
        by_values = op.kind in kinds.COUNTED and op.index in self.work_by_values
        if by_values or op in self.left_for_python:
            return None
        total = op_macs(op.kind, op.arguments, self.shape, op.outputs)
        if not self.depends(op):
            return total or 0
        if total is None or self._driven_by_samples.isdisjoint(
            kinds.values_read(op.kind, op.inputs)
        ):
            return total
        return total // self.batch

    @cached_property
    def left_for_python(self) -> tuple[Op, ...]:
        """The operations that take a whole tensor out of the graph, for other code to compute with:
        it may come back, for something follows."""
        last = max((op.index for op in self.ops if op.outputs), default=0)
        return tuple(op for op in self.ops[:last] if taken_out_whole(op) and self.varies(op))

    @cached_property
    def work_by_values(self) -> dict[int, Op]:
        """The operations, by index, whose work may depend on the input's values, each with the
        operation that is the reason: it takes a value out, or makes a size of values."""
        return work_by_values(self)

    @cached_property
    def uncounted_ops(self) -> tuple[Op, ...]:
        """The operations whose multiply-accumulates are not known."""
        return tuple(op for op in self.ops if self.op_macs(op) is None)

    def blamed(self, op: Op) -> Op:
        """The operation that is the reason why another one's cost is not known: often itself."""
        return self.work_by_values.get(op.index, op)

    @cached_property
    def left_out_ops(self) -> tuple[Op, ...]:
        """The operations on constants whose multiply-accumulates are not known and left out."""
        return tuple(
            op
            for op in self.ops
            if not self.depends(op)
            and op_macs(op.kind, op.arguments, self.shape, op.outputs) is None
        )

    @cached_property
    def opaque(self) -> tuple[int, ...]:
        """The tensors that no recorded operation made: something ran that was not seen."""
        return tuple(tensor.id for tensor in self.tensors if tensor.origin == "unseen")

    # -- graph ----------------------------------------------------------------------------

    def shape(self, tensor: int) -> tuple[int, ...]:
        """The shape of a tensor, batch included."""
        return self.tensors[tensor].shape

    @cached_property
    def given_tensors(self) -> tuple[Input, ...]:
        """What is said of each of the inputs."""
        said = tensors_of(self.given)
        return said or tensors_of(of_shapes(self.shape(tensor)[1:] for tensor in self.inputs))

    @property
    def shapes(self) -> str:
        """The inputs and the first outputs: ``3×32×32 → 10``."""
        inputs = ", ".join(map(str, self.given_tensors))
        outputs = ", ".join(shape_text(self.sample_shape(t)) for _, t in self.outputs[:3])
        return f"{inputs} → {outputs}"

    def input_name(self, index: int) -> str:
        """What an input is called: its name, else its number."""
        return self.given_tensors[index].name or f"input {index}"

    @cached_property
    def batch_axes(self) -> tuple[int, ...]:
        """Where the batch's axis is in the inputs, the first places first; empty if there is no
        batch."""
        axes = {each.batch for each in self.given_tensors if each.batch is not None}
        return tuple(sorted(axes | {0})) if axes else ()

    def batch_axis(self, tensor: int) -> int | None:
        """The axis of a tensor that is the batch's by its place and length; None if there is
        none."""
        shape = self.shape(tensor)
        axes = (axis for axis in self.batch_axes if axis < len(shape))
        return next((axis for axis in axes if shape[axis] == self.batch), None)

    def batched(self, tensor: int) -> bool:
        """Whether a tensor has the batch's axis; true of all where there is no batch."""
        return not self.batch_axes or self.batch_axis(tensor) is not None

    def sample_shape(self, tensor: int) -> tuple[int, ...]:
        """The shape of a tensor without its batch axis, if it has one."""
        shape, axis = self.shape(tensor), self.batch_axis(tensor)
        return shape if axis is None else (*shape[:axis], *shape[axis + 1 :])

    @cached_property
    def operands(self) -> dict[int, tuple[int, ...]]:
        """For every operation, by its index, the tensors on whose values its results depend."""
        return operands(self)

    @cached_property
    def consumers(self) -> dict[int, tuple[Op, ...]]:
        """For every tensor, the operations that read it, in order."""
        readers: dict[int, list[Op]] = {}
        for op in self.ops:
            for tensor in dict.fromkeys(op.inputs):
                readers.setdefault(tensor, []).append(op)
        return {tensor: tuple(ops) for tensor, ops in readers.items()}

    def constant(self, tensor: int, kind: str) -> Constant | None:
        """What was kept of a constant tensor's values (see :mod:`archcheck.network.constants`)."""
        return self._constants.get((tensor, kind))

    @cached_property
    def _constants(self) -> dict[tuple[int, str], Constant]:
        return {(constant.tensor, constant.kind): constant for constant in self.constants}

    def producer(self, tensor: int) -> Op | None:
        """The operation that made a tensor, None for inputs, parameters and constants."""
        index = self.tensors[tensor].op
        return None if index is None else self.ops[index]

    @cached_property
    def unused_modules(self) -> tuple[str, ...]:
        """Paths of the modules that the forward pass neither called nor took a parameter from.

        What is inside of a scripted module is not seen, and none of them.
        """
        used = {parameter.name for parameter in self.parameters if parameter.used}
        called = {call.module for call in self.calls}
        scripted = tuple(f"{op.module}." for op in self.ops if op.kind == SCRIPT and op.module)
        return tuple(
            module.path
            for module in self.modules
            if module.path not in called
            and not module.path.startswith(scripted)
            and not any(path.startswith(f"{module.path}.") for path in called)
            and not any(name in used for name in module.parameters)
            and (module.parameters or not module.container)
        )

    @cached_property
    def unused_parameters(self) -> tuple[str, ...]:
        """Names of the parameters that no operation of the forward pass read."""
        return tuple(p.name for p in self.parameters if not p.used)

    def last_call(self, path: str) -> Call | None:
        """The last call of the module at ``path``, None if it was never called."""
        return next((call for call in reversed(self.calls) if call.module == path), None)


def encode(network: Network) -> bytes:
    """The Network as MessagePack bytes."""
    return msgspec.msgpack.encode(network)


def decode(data: bytes) -> Network:
    """A Network from :func:`encode`'s bytes.

    Raises:
        ValueError: if the bytes are not a Network of this version.
    """
    network = msgspec.msgpack.decode(data, type=Network)
    if network.version != VERSION:
        raise ValueError(f"a network of version {network.version}, not {VERSION}")
    return network
