"""Writing down every torch function that runs, with the module and the line it ran in."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode, resolve_name
from torch.utils.weak import WeakIdKeyDictionary

from archcheck.network import Call, Op, Place, Tensor
from archcheck.network.kinds import CUTTING_MASK, ESCAPE, IN_PLACE_WRITE, kind_of
from archcheck.tracing.arguments import bind, plain
from archcheck.tracing.construction import built_at
from archcheck.tracing.places import caller, caller_frame

ESCAPES = frozenset("""item tolist numpy bool float int index complex array""".split())
"""Dunders and methods that turn a tensor's value into Python data, which cannot be followed."""

MASKING = frozenset({"add", "sub", "masked_fill", "where"})
"""The kinds by which a constant mask closes paths."""
CUTTING = 100
"""An addend of this size in front of a softmax leaves nothing of what it is added to."""


def tensors_in(value: Any) -> Iterator[torch.Tensor]:
    """All tensors inside nested tuples, lists and dicts."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from tensors_in(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from tensors_in(item)


class Recorder(TorchFunctionMode):
    """A function mode that gives every tensor a number and every call of torch a line.

    Module calls are told by :meth:`enter` and :meth:`leave`, from forward hooks.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.tensors: list[Tensor] = []
        self.ops: list[Op] = []
        self.calls: list[Call] = []
        self.stack: list[int] = []
        self.notes: dict[str, None] = {}
        self.before_write: Callable[[torch.Tensor], None] = lambda tensor: None
        self.paths: dict[nn.Module, str] = {}
        for path, module in model.named_modules():
            self.paths.setdefault(module, path)
        self._ids: WeakIdKeyDictionary = WeakIdKeyDictionary()
        self._storages: dict[int, list[weakref.ref[torch.Tensor]]] = {}
        self._parameter_names: dict[int, str] = {}
        self._driven: set[int] = set()
        self._owners: dict[str, nn.Module] = {}
        self._adopt(model)

    def _adopt(self, model: nn.Module) -> None:
        # Everything the model holds before the pass is known and depends on no input.
        for path, module in model.named_modules():
            prefix = f"{path}." if path else ""
            for name, parameter in module._parameters.items():
                if parameter is not None and parameter not in self._ids:
                    number = self.register(parameter, "parameter", name=prefix + name)
                    self._parameter_names[number] = prefix + name
                    self._owners[prefix + name] = module
            for name, buffer in module._buffers.items():
                if buffer is not None and buffer not in self._ids:
                    self.register(buffer, "buffer", name=prefix + name)
            for name, value in vars(module).items():
                if not name.startswith("_") or isinstance(value, torch.Tensor):
                    for tensor in tensors_in(value):
                        if tensor not in self._ids:
                            self.register(tensor, "constant", name=prefix + name)

    # -- tensors ----------------------------------------------------------------------------

    def register(
        self, tensor: torch.Tensor, origin: str, *, op: int | None = None, name: str | None = None
    ) -> int:
        """Give a tensor object a new number; what held the old one is no longer reachable by it."""
        number = len(self.tensors)
        try:
            shape = tuple(int(side) for side in tensor.shape)
        except (RuntimeError, ValueError):  # an uninitialised lazy parameter has no shape yet
            shape = ()
        self.tensors.append(
            Tensor(number, shape, str(tensor.dtype).removeprefix("torch."), origin, op, name)
        )
        if origin == "input" or origin == "unseen":
            self._driven.add(number)
        fresh = tensor not in self._ids
        self._ids[tensor] = number
        storage = _storage(tensor)
        if fresh and storage is not None:
            self._storages.setdefault(storage, []).append(weakref.ref(tensor))
        return number

    def number(self, tensor: torch.Tensor) -> int:
        """The number of a tensor; one that was never seen is marked as such."""
        if tensor in self._ids:
            number: int = self._ids[tensor]
            return number
        parameter = isinstance(tensor, nn.Parameter)
        held = parameter or self._is_global(tensor)
        return self.register(tensor, "constant" if held else "unseen")

    def _is_global(self, tensor: torch.Tensor) -> bool:
        frame = caller_frame()
        return frame is not None and any(value is tensor for value in frame.f_globals.values())

    # -- modules ----------------------------------------------------------------------------

    def enter(self, module: nn.Module, args: Any) -> None:
        """A module's forward begins."""
        self.calls.append(
            Call(
                index=len(self.calls),
                module=self.paths.get(module, ""),
                type=type(module).__name__,
                parent=self.stack[-1] if self.stack else None,
                called=caller(),
                inputs=tuple(self.number(tensor) for tensor in tensors_in(args)),
                outputs=(),
                standard=type(module).__module__.startswith("torch.nn."),
            )
        )
        self.stack.append(len(self.calls) - 1)

    def leave(self, module: nn.Module, output: Any) -> None:
        """A module's forward has returned."""
        index = self.stack.pop()
        call = self.calls[index]
        outputs = tuple(self.number(tensor) for tensor in tensors_in(output))
        self.calls[index] = Call(
            call.index,
            call.module,
            call.type,
            call.parent,
            call.called,
            call.inputs,
            outputs,
            call.standard,
        )

    # -- functions --------------------------------------------------------------------------

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        function = _public_name(func)
        kind, in_place = kind_of(function)
        inputs = list(tensors_in([*args, *kwargs.values()]))
        numbers = tuple(self.number(tensor) for tensor in inputs)
        if in_place or kwargs.get("inplace") or kwargs.get("out") is not None:
            self._announce(inputs)
        result = func(*args, **kwargs)
        if kind in ESCAPES and inputs and not isinstance(result, torch.Tensor):
            op = self._append(function, ESCAPE, {}, numbers, ())
            if kind == "bool":
                self._note_decision(op)
            return result
        if kind == "setitem":
            outputs = [args[0]]
        else:
            outputs = [] if in_place and not inputs else list(tensors_in(result))
        if not outputs:
            return result
        bound = bind(kind, func, args, kwargs)
        in_place = bool(in_place or bound.get("inplace") is True) and any(
            output is tensor for output in outputs for tensor in inputs[:1]
        )
        if (
            not in_place
            and isinstance(result, torch.Tensor)
            and any(result is tensor for tensor in inputs)
        ):
            # Handed through untouched: an object of its own keeps the two apart.
            result = result.view_as(result)
            outputs = [result]
        aliases = self._aliases(outputs[0]) if in_place else []
        # The old numbers stand in the arguments, so they are read before outputs get theirs.
        arguments = plain(bound, lambda tensor: {"tensor": self.number(tensor)})
        if in_place:
            arguments[IN_PLACE_WRITE] = True
        else:
            arguments.pop("inplace", None)
        if kind in MASKING and self._cuts(kind, inputs):
            arguments[CUTTING_MASK] = True
        op = self._append(function, kind, arguments, numbers, outputs)
        for alias in aliases:
            self._write_alias(alias, outputs[0], op)
        return result

    def _append(
        self,
        function: str,
        kind: str,
        arguments: dict[str, Any],
        numbers: tuple[int, ...],
        outputs: Sequence[torch.Tensor],
    ) -> Op:
        index = len(self.ops)
        call = self.stack[-1] if self.stack else -1
        parameters = tuple(
            self._parameter_names[number] for number in numbers if number in self._parameter_names
        )
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
            outputs=tuple(self.register(tensor, "op", op=index) for tensor in outputs),
            arguments=arguments,
            parameters=parameters,
        )
        self.ops.append(op)
        if any(number in self._driven for number in numbers):
            self._driven.update(op.outputs)
        return op

    def _announce(self, written: Sequence[torch.Tensor]) -> None:
        """Have the parameters kept whose memory is going to be written."""
        for tensor in written:
            for alias in (tensor, *self._aliases(tensor)):
                if isinstance(alias, nn.Parameter):
                    self.before_write(alias)

    def _note_decision(self, op: Op) -> None:
        if op.called is not None and any(number in self._driven for number in op.inputs):
            line = f"{Path(op.called.file).name}:{op.called.line}"
            self.notes.setdefault(
                f"forward decides by a value ({line}); only the path of a random input is seen"
            )

    def _cuts(self, kind: str, inputs: Sequence[torch.Tensor]) -> bool:
        """Whether a constant operand closes paths: a condition, or an addend of -100 or less."""
        for tensor in inputs:
            if self.number(tensor) in self._driven or tensor.numel() < 2 or tensor.is_meta:
                continue
            if tensor.dtype == torch.bool:
                return True
            added = kind in ("add", "sub") and tensor.is_floating_point()
            if added and float(tensor.abs().max()) >= CUTTING:
                return True
        return False

    def _owner(self, call: int, parameters: tuple[str, ...]) -> tuple[str, Place | None]:
        # ``self.conv.forward(x)`` passes by the hooks; the weight still tells whose work it is.
        path = self.calls[call].module if call >= 0 else ""
        module = self._modules_by_path.get(path)
        for name in parameters:
            owner = self._owners[name]
            if owner is not module and type(owner).__module__.startswith("torch.nn."):
                owner_path = self.paths[owner]
                if not path or owner_path.startswith(path + "."):
                    return owner_path, self.built(owner_path)
        return path, self.built(path)

    @property
    def _modules_by_path(self) -> dict[str, nn.Module]:
        cached = self.__dict__.get("_by_path")
        if cached is None:
            cached = self.__dict__["_by_path"] = {path: m for m, path in self.paths.items()}
        return cached

    def built(self, path: str) -> Place | None:
        """Where the module at a path was constructed; a copied one stands where its parent was."""
        while True:
            module = self._modules_by_path.get(path)
            place = built_at(module) if module is not None else None
            if place is not None or not path:
                return place
            path = path.rpartition(".")[0]

    def _aliases(self, written: torch.Tensor) -> list[torch.Tensor]:
        storage = _storage(written)
        if storage is None:
            return []
        known = (reference() for reference in self._storages.get(storage, ()))
        return [
            tensor
            for tensor in known
            if tensor is not None and tensor is not written and _storage(tensor) == storage
        ]

    def _write_alias(self, alias: torch.Tensor, written: torch.Tensor, op: Op) -> None:
        same = (
            alias.shape == written.shape
            and alias.stride() == written.stride()
            and alias.storage_offset() == written.storage_offset()
        )
        index = len(self.ops)
        inputs = (self.number(alias), op.outputs[0])
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
                (self.register(alias, "op", op=index),),
                {"same": same, "by": op.index},
            )
        )


def _public_name(func: Callable[..., Any]) -> str:
    name: str | None = resolve_name(func)
    if name is None:
        owner = getattr(func, "__module__", None) or "torch"
        name = f"{owner}.{getattr(func, '__name__', type(func).__name__)}"
    return name


def _storage(tensor: torch.Tensor) -> int | None:
    try:
        return int(tensor.untyped_storage()._cdata)
    except (RuntimeError, NotImplementedError, ValueError):  # sparse, lazy: there is none
        return None
