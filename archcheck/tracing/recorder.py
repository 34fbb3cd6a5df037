"""Recording every torch function that runs, with the module and the line it ran in."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
import torch
from torch import nn
from torch.nn.modules.lazy import LazyModuleMixin
from torch.overrides import TorchFunctionMode

from archcheck.network import Call, Op, Place, Remark
from archcheck.network.kinds import ESCAPE, FROZEN, IN_PLACE_WRITE, SCRIPT
from archcheck.network.value_dependence import RETURNS, SHOWN, driven_outputs
from archcheck.tracing.arguments import described
from archcheck.tracing.constants import Constants
from archcheck.tracing.function_names import kind_of_new, layer_class
from archcheck.tracing.functions import PARTS, function_of
from archcheck.tracing.made_before import made_before
from archcheck.tracing.memory_layout import layout, reads_elsewhere
from archcheck.tracing.module_tree import Paths, own_parameters
from archcheck.tracing.shape_rules.base import Call as TorchCall
from archcheck.tracing.shape_rules.views import METADATA
from archcheck.tracing.tensor_ids import TensorIds, is_parameter, tensors_in, version_of
from archcheck.tracing.value_uses import Use, use_of, use_of_condition
from archcheck.worker.absent_devices import on_the_cpu, places
from archcheck.worker.construction import built_at, outermost_construction
from archcheck.worker.source_locations import caller, direct_caller

_LEFT_OUT = ("out", "array")
"""Arguments that are not kept: what is written to, and arrays of numbers."""
SCRIPTING = "torch.jit.script"
"""The function that what is scripted is recorded under."""
_dispatched = torch._C._len_torch_dispatch_stack
"""How many modes of Python are active that stand in for torch's own work."""


class Recorder(TorchFunctionMode):
    """A function mode that numbers every tensor and records every call of a torch function.

    Forward hooks call :meth:`enter` and :meth:`leave` around every module call.
    """

    def __init__(self, paths: Paths, batch_axes: frozenset[int] = frozenset({0})) -> None:
        super().__init__()
        self.paths = paths
        self._batch_axes = batch_axes
        self.tensor_ids = TensorIds(self.paths)
        self.constants = Constants()
        self.ops: list[Op] = []
        self.calls: list[Call] = []
        self.stack: list[int] = []
        self.notes: dict[Remark, None] = {}
        self.before_write: Callable[[torch.Tensor], None] = lambda tensor: None
        self.perform: Callable[[TorchCall], Any] = TorchCall.run
        """Makes the result of a call of torch: torch itself, unless shapes are enough."""
        self.reads_batch: Place | None = None
        """The first line that reads the size of a tensor, and with it that of the batch."""
        self.failed: TorchCall | None = None
        """The last call of torch that raised, and the line of it."""
        self.failed_at: Place | None = None
        self.looked_at: set[int] = set()
        """Values that became something else than tensors or numbers: a text, say."""
        self.made_parameters = False
        """Whether parameters were made in the pass."""
        self._sized: set[int] = set()
        """Constants that were made in the shape of a value that depends on the input."""
        self._leaked = False
        """Whether a value that depends on the input was taken out of torch."""
        self._dispatched = _dispatched()
        self._classes: dict[type, tuple[str, bool]] = {}
        self._modules = {path: module for module, path in self.paths.entries()}
        self._built: dict[str, Place | None] = {}

    # -- modules ----------------------------------------------------------------------------

    def enter(self, module: nn.Module, args: Any) -> None:
        """Record that a module's forward begins."""
        name, standard = self._class_of(module)
        index = len(self.calls)
        place = caller()
        path = self.paths.find(module)
        if path is None:
            self._adopt(module, name)
        if isinstance(module, LazyModuleMixin) and module.has_uninitialized_params():
            self._initialize_unseen(module, f"{path}." if path else "")
        self.calls.append(
            Call(
                index=index,
                module=path or "",
                type=name,
                parent=self.stack[-1] if self.stack else None,
                called=place,
                inputs=self.tensor_ids.numbers(tensors_in(args)),
                outputs=(),
                standard=standard,
                registered=path is not None,
                built=None if path is not None else built_at(module),
                made=path is None and not made_before(module),
            )
        )
        self.stack.append(index)

    def leave(self, module: nn.Module, output: Any) -> None:
        """Record that a module's forward has returned."""
        index = self.stack.pop()
        call = self.calls[index]
        outputs = self.tensor_ids.numbers(tensors_in(output))
        # A lazy module is another class by now.
        name, _ = self._class_of(module)
        self.calls[index] = msgspec.structs.replace(call, outputs=outputs, type=name)

    def _adopt(self, module: nn.Module, kind: str) -> None:
        """Number the parameters of a layer that the network does not register."""
        for name, parameter in own_parameters(module).items():
            if is_parameter(parameter) and not self.tensor_ids.knows(parameter):
                self.tensor_ids.number(parameter, name=f"{kind}.{name}")

    def _initialize_unseen(self, module: Any, prefix: str) -> None:
        """Have a lazy layer draw its parameters unseen: that is no step of the pass."""
        initialize = module.initialize_parameters

        def initialize_unseen(*args: Any, **kwargs: Any) -> None:
            del vars(module)["initialize_parameters"]
            with torch._C.DisableTorchFunction():
                initialize(*args, **kwargs)
                for name, parameter in own_parameters(module).items():
                    self.tensor_ids.register(parameter, "parameter", name=prefix + name)

        vars(module)["initialize_parameters"] = initialize_unseen

    def _class_of(self, module: nn.Module) -> tuple[str, bool]:
        kind = type(module)
        name_and_origin = self._classes.get(kind)
        if name_and_origin is None:
            name_and_origin = self._classes[kind] = layer_class(kind)
        return name_and_origin

    # -- functions --------------------------------------------------------------------------

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if places(func, kwargs):
            func, args, kwargs = on_the_cpu(func, args, kwargs)
        known = function_of(func)
        function, kind, in_place = known.name, known.kind, known.in_place
        if known.is_new:
            kind = kind_of_new(args[1:])
        if known.tells_size and self.reads_batch is None:
            self._note_size(kind, args, kwargs)
        if known.plain and not kwargs and len(args) == 1 and self.tensor_ids.knows(args[0]):
            return func(*args)  # frequent, and not a step of the computation
        inputs = tensors_in(args)
        out: list[torch.Tensor] = []
        if kwargs:
            inputs += tensors_in({name: kwargs[name] for name in kwargs if name != "out"})
            out = tensors_in(kwargs.get("out"))
        numbers, parameters = self.tensor_ids.look_up(inputs)
        if in_place or out or known.sets_data or (kwargs and kwargs.get("inplace")):
            self._announce([*inputs, *out])
        driven = self.tensor_ids.driven(numbers)
        if in_place:
            self.constants.before_write(kind, numbers, inputs, driven)
        depending = [t for t, number in zip(inputs, numbers, strict=True) if number in driven]
        called = TorchCall(func, function, kind, in_place, args, kwargs, inputs + out, depending)
        try:
            result = self.perform(called)
        except Exception:
            self.failed, self.failed_at = called, caller()
            raise
        unseen = known.foreign or _dispatched() > self._dispatched
        if not unseen:
            self.tensor_ids.accept_writes(inputs)
        if known.hands_out and not driven:
            self.exposed(inputs[0])
        if known.escapes and inputs and not isinstance(result, torch.Tensor):
            self._take_out(function, kind, inputs, numbers, bool(driven))
            return result
        if kind == "setitem" or known.sets_data:
            outputs = [args[0]]
        else:
            outputs = [] if in_place and not inputs else tensors_in(result)
        if known.gives_gradient and outputs:
            self.tensor_ids.number(outputs[0])  # what it holds is no property of its tensor
            return result
        if not outputs:
            if driven and kind not in METADATA:
                self._leaked = True
                self.looked_at.update(driven)
            return result
        # The old numbers stand in the arguments: outputs get theirs afterwards.
        input_numbers = dict(zip(map(id, inputs), numbers, strict=True))

        def reference(tensor: torch.Tensor) -> dict[str, int]:
            number = input_numbers.get(id(tensor))  # one inside a slice is not among the inputs
            return {"tensor": self.tensor_ids.number(tensor) if number is None else number}

        arguments = described(called.bound, reference)
        if known.sets_data or (known.is_new and kind == "data"):
            kind, numbers, called.inputs = "data", numbers[1:], inputs[1:]
        for name in _LEFT_OUT:
            arguments.pop(name, None)
        in_place = (in_place or arguments.get("inplace") is True) and (
            bool(inputs) and _among(inputs[0], outputs)
        )
        if not (in_place or out) and isinstance(result, torch.Tensor) and _among(result, inputs):
            # The same object came back: an object of its own keeps the two values apart.
            result = result.view_as(result)
            outputs = [result]
        if kind == "as_strided":
            arguments["layout"] = layout(inputs[0])
        written = outputs[:1] if in_place else out
        aliases = [(a, tensor) for tensor in written for a in self.tensor_ids.aliases(tensor)]
        if in_place:
            arguments[IN_PLACE_WRITE] = True
        else:
            arguments.pop("inplace", None)
        unseen = unseen or (not driven and reads_elsewhere(kind, inputs, outputs))
        origin = "unseen" if unseen else "op"
        op = self._append(function, kind, arguments, numbers, outputs, parameters, origin)
        if driven and known.reads_values:
            self.tensor_ids.drive(op.outputs)
        else:
            self.tensor_ids.drive(driven_outputs(op, driven))
            if driven or not self._sized.isdisjoint(numbers):
                self._sized.update(n for n in op.outputs if not self.tensor_ids.is_driven(n))
        if out:
            called.inputs = called.inputs[: len(numbers)]
        if known.sets_data:
            self.constants.handed_on(op)
        else:
            self.constants.note(op, called, driven)
        for alias, tensor in aliases:
            self._write_alias(alias, tensor, op)
        return result

    def run_script(
        self,
        method: bool,
        script: Callable[..., Any],
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
    ) -> Any:
        """Run a scripted function, or a scripted module's method, and record it as a whole. What
        runs in it is not seen."""
        inputs = [*tensors_in(list(args)), *tensors_in(dict(kwargs))]
        with torch._C.DisableTorchFunction():
            versions = list(map(version_of, inputs))
            numbers, parameters = self.tensor_ids.look_up(inputs)
        result = script(*args, **kwargs)
        with torch._C.DisableTorchFunction():
            pairs = zip(inputs, versions, strict=True)
            written = [tensor for tensor, before in pairs if version_of(tensor) != before]
            outputs = [*tensors_in(result), *written]
            if outputs:
                self._note_script(method, numbers, parameters, outputs)
            else:
                driven = bool(self.tensor_ids.driven(numbers))
                self._take_out(SCRIPTING, SCRIPT, inputs, numbers, driven)
        return result

    def _note_script(
        self,
        method: bool,
        numbers: tuple[int, ...],
        parameters: tuple[str, ...],
        outputs: list[torch.Tensor],
    ) -> None:
        arguments = {}
        if method and self.stack:
            path = self.calls[self.stack[-1]].module
            inside = f"{path}." if path else ""
            parameters += tuple(n for n in self.tensor_ids.owners if n.startswith(inside))
            # Freezing takes away the mode, and makes constants of the weights.
            arguments = {FROZEN: not hasattr(self._modules.get(path), "training")}
        self._append(SCRIPTING, SCRIPT, arguments, numbers, outputs, parameters, "unseen")

    def made(self, function: str, copied: Sequence[torch.Tensor], result: Any) -> None:
        """Record that torch made tensors: of other tensors, or of data that are none (a file, an
        array).

        Where a value was taken out before, such data may depend on it: they are not known.
        """
        tensors = [each for each in tensors_in(result) if not self.tensor_ids.knows(each)]
        if not tensors or (self._leaked and not copied):
            return
        numbers = self.tensor_ids.numbers(copied)
        kind, arguments = "tensor", {}
        if copied:
            kind, arguments = "data", {"input": {"tensor": numbers[0]}}
        op = self._append(function, kind, arguments, numbers, tensors)
        if is_parameter(tensors[0]):
            self.made_parameters = True
            self._note_construction(op)
        if self.tensor_ids.driven(numbers):
            self.tensor_ids.drive(op.outputs)
        self.constants.handed_on(op)

    def _note_construction(self, op: Op) -> None:
        """Have what makes a parameter say for which layer, and where that is constructed."""
        layer, place = outermost_construction()
        if layer is not None:
            arguments = {**op.arguments, "layer": self._class_of(layer)[0]}
            self.ops[-1] = msgspec.structs.replace(op, arguments=arguments, built=place)

    def exposed(self, tensor: torch.Tensor) -> None:
        """Note that a tensor that was made in the pass may be written without being seen."""
        for each in (tensor, *self.tensor_ids.aliases(tensor)):
            if self.tensor_ids.made(each):
                self.tensor_ids.register(each, "unseen")

    def _append(
        self,
        function: str,
        kind: str,
        arguments: dict[str, Any],
        numbers: tuple[int, ...],
        outputs: Sequence[torch.Tensor],
        parameters: tuple[str, ...] = (),
        origin: str = "op",
    ) -> Op:
        index = len(self.ops)
        made = [self.tensor_ids.register(tensor, origin, op=index) for tensor in outputs]
        call = self.stack[-1] if self.stack else -1
        module, built = self._owner(call, parameters)
        op = Op(
            index=index,
            function=function,
            kind=kind,
            call=call,
            module=module,
            called=caller(),
            built=built,
            inputs=numbers,
            outputs=self.tensor_ids.alone(made[0]) if len(made) == 1 else tuple(made),
            arguments=arguments,
            parameters=parameters,
        )
        self.ops.append(op)
        return op

    def _announce(self, written: Sequence[torch.Tensor]) -> None:
        """Announce the parameters whose memory is about to be written, so that they are kept."""
        for tensor in written:
            for alias in (tensor, *self.tensor_ids.aliases(tensor)):
                if is_parameter(alias):
                    self.before_write(alias)

    def _note_size(self, kind: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        at = PARTS.get(kind, 1)
        dimension = args[at] if len(args) > at else kwargs.get("dim", 0)
        if not isinstance(dimension, int) or self._may_be_batch(dimension, args):
            # What torch's own functions and layers read decides nothing.
            self.reads_batch = direct_caller(sys._getframe(2))

    def _may_be_batch(self, dimension: int, args: Sequence[Any]) -> bool:
        if dimension < 0:
            dimension += len(self._shape(args))
        return dimension == 0 or dimension in self._batch_axes

    @staticmethod
    def _shape(args: Sequence[Any]) -> Sequence[int]:
        with torch._C.DisableTorchFunction():
            return tuple(args[0].shape) if args and isinstance(args[0], torch.Tensor) else ()

    def _take_out(
        self,
        function: str,
        kind: str,
        inputs: Sequence[torch.Tensor],
        numbers: tuple[int, ...],
        driven: bool,
    ) -> None:
        """Record that a value becomes Python data, and whether it may come back.

        Of constants only real numbers are of interest: whole ones are sizes.
        """
        if self.reads_batch is None and not self._sized.isdisjoint(numbers):
            self.reads_batch = direct_caller(sys._getframe(2))
        if not driven and not any(t.is_floating_point() or t.is_complex() for t in inputs):
            return
        place = caller()
        use = use_of_condition(place) if kind == "bool" else use_of(place)
        arguments = {RETURNS: use is Use.RETURNS, SHOWN: use is Use.SHOWN}
        self._append(function, ESCAPE, arguments, numbers, ())
        if not driven:
            return
        self._leaked = self._leaked or use is not Use.SHOWN
        if place is not None and (use is Use.DECIDES or kind == "bool"):
            text = "forward decides by a value; only the path of a random input is seen"
            self.notes.setdefault(Remark(text, Place(place.file, place.line, cell=place.cell)))

    def _owner(self, call: int, parameters: tuple[str, ...]) -> tuple[str, Place | None]:
        # ``self.conv.forward(x)`` bypasses the hooks; the weight still shows which layer it is.
        path = self.calls[call].module if call >= 0 else ""
        module = self._modules.get(path)
        # A function called in one of the user's own classes is placed where it is called.
        built = self._layer_built(self.calls[call]) if call >= 0 else None
        for name in parameters:
            owner = self.tensor_ids.owners[name]
            if owner is not module and type(owner).__module__.startswith("torch.nn."):
                owner_path = self.paths[owner]
                if not path or owner_path.startswith(path + "."):
                    return owner_path, self.built(owner_path)
        return path, built

    def _layer_built(self, call: Call) -> Place | None:
        if not call.standard:
            return None
        return self.built(call.module) if call.registered else call.built

    def built(self, path: str) -> Place | None:
        """Where the module at a path was constructed; for a copied one, where its parent was."""
        if path not in self._built:
            module = self._modules.get(path)
            place = built_at(module) if module is not None else None
            if place is None and path:
                place = self.built(path.rpartition(".")[0])
            self._built[path] = place
        return self._built[path]

    def _write_alias(self, alias: torch.Tensor, written: torch.Tensor, op: Op) -> None:
        same = (
            alias.shape == written.shape
            and alias.stride() == written.stride()
            and alias.storage_offset() == written.storage_offset()
        )
        index = len(self.ops)
        inputs = (self.tensor_ids.number(alias), op.outputs[0])
        self.ops.append(
            Op(
                index,
                op.function,
                "alias_write",
                op.call,
                op.module,
                op.called,
                op.built,
                inputs,
                (self.tensor_ids.register(alias, "op", op=index),),
                {"same": same, "by": op.index, "seen": layout(alias), "written": layout(written)},
            )
        )
        if self.tensor_ids.driven(inputs):
            self.tensor_ids.drive(self.ops[-1].outputs)
        self.constants.rewritten(self.ops[-1])


def _among(tensor: torch.Tensor, others: Iterable[torch.Tensor]) -> bool:
    # By identity: ``in`` alone would compare elements.
    return id(tensor) in map(id, others)
