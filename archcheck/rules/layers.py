"""``layers``: how many operations of a kind meet a condition."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from pydantic import Field, ValidationInfo, field_validator, model_validator

from archcheck.errors import did_you_mean, nearest
from archcheck.network import Call, Network, Op
from archcheck.network.attributes import attribute_names, attributes
from archcheck.network.kinds import ALIASES, KNOWN, STRUCTURE, kind_of
from archcheck.network.torch_layers import LAYER_CLASSES
from archcheck.phrases import per_axis
from archcheck.rules.base import Example, Rule, Subject, Verdict, not_verified, register
from archcheck.rules.counting import NearMiss, counted
from archcheck.rules.options import Amount, CommonOptions, Measure

Condition = Measure | bool | int | float | str | list[int]


class LayersOptions(Amount, CommonOptions):
    """Which operations, and how many."""

    kind: str | None = Field(
        None,
        description="The operation or the layer's class: conv2d, Conv2d, max_pool2d, ReLU, add.",
    )
    function: str | None = Field(
        None, description="The full name of a function: torch.nn.functional.max_pool2d."
    )
    where: dict[str, Condition] = Field(
        default_factory=dict,
        description="Conditions on attributes: kernel_size, stride, dilation, padding, groups, "
        "in_channels, out_channels, bias, depthwise, module, and the arguments of a function.",
    )

    @field_validator("kind")
    @classmethod
    def _is_a_kind(cls, kind: str | None) -> str | None:
        # A class of the network may have any name, but hardly one that is nearly a function's.
        if kind is not None and kind.islower() and kind not in KNOWN | ALIASES.keys():
            hint = _similar(kind, [k for k in (*KNOWN, *ALIASES) if not k.startswith("_")])
            if hint:
                raise ValueError(f"no kind of operation is known as {kind!r}{hint}")
        return kind

    @field_validator("where")
    @classmethod
    def _has_attributes(
        cls, where: dict[str, Condition], info: ValidationInfo
    ) -> dict[str, Condition]:
        names = attribute_names() | {"module"}
        torchs = info.data.get("kind") in KNOWN | ALIASES.keys() | LAYER_CLASSES
        for name in where:
            hint = _similar(name, names)
            if name not in names and (torchs or hint):
                raise ValueError(f"no operation has an attribute {name!r}{hint}")
        return where

    @model_validator(mode="after")
    def _names_something(self) -> LayersOptions:
        if self.kind is None and self.function is None:
            raise ValueError("say which layers: kind or function")
        return self


@register
class Layers(Rule):
    """
    ## What it does
    Counts the operations of one `kind` (or `function`) that meet all conditions of `where`. A
    kind is the name of the function or of the layer's class, so that `relu` and `ReLU` both
    work, and functions count like modules: `MaxPool2d` counts `F.max_pool2d` too, and a class
    made from `nn.MaxPool2d`. Where torch has several names for one function, each of them counts
    all: `swapaxes` is counted as `transpose`.

    A condition is a value (`kernel_size: 1`, `bias: true`, `kernel_size: [3, 1]`) or a comparison
    (`stride: {more_than: 1}`). For an attribute with an entry an axis a single value has to hold
    on every axis (`exactly` too); other comparisons are made with the largest entry. A kind or an
    attribute that does not exist makes the answer *not verified*.

    ## Why it matters
    Whatever no other rule says can be said here.

    ## Example
    ```yaml
    rules:
      layers:
        - {kind: conv2d, where: {kernel_size: 1, stride: {more_than: 1}}, exactly: 0,
           message: "a strided 1x1 reads one position in four"}
        - {kind: dropout, at_least: 1}
    ```

    ## References
    - [torch.nn](https://pytorch.org/docs/stable/nn.html)
    """

    name = "layers"
    summary = "The number of operations of a kind under conditions."
    Options = LayersOptions
    passes = (
        Example(
            "nn.Conv2d(3, 8, 1, stride=1)",
            {
                "kind": "conv2d",
                "where": {"kernel_size": 1, "stride": {"more_than": 1}},
                "exactly": 0,
            },
        ),
        Example("nn.Sequential(nn.ReLU(), nn.ReLU())", {"kind": "ReLU", "exactly": 2}),
        Example("nn.ReLU()", {"function": "torch.nn.functional.relu", "exactly": 1}),
    )
    fails = (
        Example(
            "nn.Conv2d(3, 8, 1, stride=2)",
            {
                "kind": "conv2d",
                "where": {"kernel_size": 1, "stride": {"more_than": 1}},
                "exactly": 0,
            },
        ),
        Example("nn.Conv2d(3, 8, 3)", {"kind": "conv2d", "where": {"bias": False}, "at_least": 1}),
    )
    unverified = ({"kind": "relu", "exactly": 0}, {"kind": "relu", "at_least": 1})

    def check(self, subject: Subject, options: LayersOptions) -> Verdict:
        network = subject.network
        what = _description(options)
        problem = _misnamed(subject, options)
        if problem:
            return not_verified(options.describe(), problem)
        candidates = _candidates(subject, options)
        ops = [op for op in candidates if _meets(network, op, options)]
        near = _near_misses(network, candidates, options)
        verdict = counted(subject, ops, options, noun="matching layer", near=near)
        note = f"{what}: {verdict.note}" if verdict.note else what
        return replace(verdict, message=f"{verdict.message} ({what})", note=note)


def _description(options: LayersOptions) -> str:
    what = options.kind or options.function or ""
    if options.kind in ALIASES:
        what = f"{options.kind}, counted as {ALIASES[options.kind]}"
    if not options.where:
        return what
    conditions = (f"{name} {_words(condition)}" for name, condition in options.where.items())
    return f"{what} with {', '.join(conditions)}"


def _candidates(subject: Subject, options: LayersOptions) -> list[Op]:
    """The operations of the kind. A class name means a layer as a whole: a call counts once.

    Of torch's classes a function that does the same counts too, as does a class made from it.
    """
    network = subject.network
    ops = list(network.ops)
    if options.function is not None:
        wanted = _RUNS.get(options.function, options.function)
        exact = [op for op in ops if _written(op.function) in (wanted, f"{wanted}_with_indices")]
        # torch.conv2d goes by its name in torch.nn.functional.
        ops = exact or [op for op in ops if _public(op.function) == _public(wanted)]
    if options.kind is None:
        return ops
    kind = ALIASES.get(options.kind, options.kind)
    if kind in KNOWN:
        return [op for op in ops if op.kind == kind]
    found: list[Op] = []
    for call in network.calls:
        if call.type == options.kind:
            inside = [op for op in ops if op.call == call.index and op.kind not in STRUCTURE]
            heavy = max(inside, key=lambda op: _weight(subject, op), default=None)
            if heavy is not None or options.function is None:
                found.append(heavy or _empty_call(call))
    same = _function_of(options.kind)
    counted_already = {op.index for op in found}
    found += [op for op in ops if op.kind == same and op.index not in counted_already]
    return found


def _weight(subject: Subject, op: Op) -> tuple[bool, int]:
    """What an operation weighs among those of a layer: the layer does what reaches an output."""
    return subject.reach.certain(op), subject.network.op_macs(op) or 0


def _function_of(class_name: str) -> str | None:
    """The kind of function that one of torch's classes calls, where the names tell: max_pool2d."""
    if class_name not in LAYER_CLASSES:
        return None
    return _KINDS.get(_plain(class_name))


_RUNS = {
    "torch.nn.functional.sigmoid": "torch.Tensor.sigmoid",
    "torch.nn.functional.tanh": "torch.Tensor.tanh",
    "torch.nn.functional.upsample": "torch.nn.functional.interpolate",
    "torch.nn.functional.upsample_bilinear": "torch.nn.functional.interpolate",
    "torch.nn.functional.upsample_nearest": "torch.nn.functional.interpolate",
}
"""Functions that do nothing but call another: it is the one that a trace sees."""


def _written(name: str) -> str:
    """The name that people write for a function, in place of the one it is recorded under."""
    return "torch.mm" if name == "torch.spmm" else name.replace("torch.functional.", "torch.", 1)


def _public(name: str) -> str:
    return name.replace("torch.nn.functional.", "torch.", 1)


def _empty_call(call: Call) -> Op:
    """A stand-in for a layer that runs no operation at all, such as Identity."""
    outputs = call.outputs
    return Op(-1, "", "identity", call.index, call.module, call.called, None, (), outputs, {})


def _misnamed(subject: Subject, options: LayersOptions) -> str:
    """What is surely misspelt: a name that matches nothing must not pass for "none found"."""
    network = subject.network
    kind, function = options.kind, options.function
    types = {module.type for module in network.modules}
    if kind is not None and kind not in KNOWN | ALIASES.keys() | types | LAYER_CLASSES:
        hint = _similar(kind, [*KNOWN, *ALIASES, *types, *LAYER_CLASSES])
        return f"no kind of operation or class is known as {kind!r}{hint}"
    if function is not None and not (
        function.startswith("torch.") and kind_of(function)[0] in KNOWN
    ):
        hint = _similar(function, sorted({op.function for op in network.ops}))
        return f"no function is known as {function!r}{hint}"
    candidates = _candidates(subject, options)
    known = {name for op in candidates for name in _attributes(network, op)}
    for name in options.where:
        if candidates and name not in known:
            return f"{kind or function} has no attribute {name!r}{_similar(name, known)}"
    return ""


def _similar(name: str, names: Iterable[str]) -> str:
    by_plain = {_plain(candidate): candidate for candidate in sorted(names)}
    similar = nearest(_plain(name), by_plain, cutoff=0.75)
    return did_you_mean(by_plain.get(similar, ""), quoted=False)


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


def _attributes(network: Network, op: Op) -> dict[str, Any]:
    return {**attributes(network, op), "module": op.module}


def _meets(network: Network, op: Op, options: LayersOptions) -> bool:
    found = _attributes(network, op)
    return all(
        name in found and _matches(found[name], condition)
        for name, condition in options.where.items()
    )


def _near_misses(
    network: Network, candidates: Iterable[Op], options: LayersOptions
) -> list[NearMiss]:
    """The operations that meet all conditions but one."""
    near = []
    for op in candidates:
        found = _attributes(network, op)
        missed = [
            name
            for name, condition in options.where.items()
            if name not in found or not _matches(found[name], condition)
        ]
        if len(missed) == 1:
            name = missed[0]
            wanted = _words(options.where[name])
            near.append(NearMiss(op, f"has {name} {_value(found.get(name))}, not {wanted}"))
    return near


def _value(value: Any) -> str:
    return per_axis(value) if isinstance(value, (tuple, list)) and value else str(value)


def _matches(value: Any, condition: Any) -> bool:
    values = list(value) if isinstance(value, (tuple, list)) else [value]
    if isinstance(condition, Measure):
        if not values or any(
            isinstance(v, bool) or not isinstance(v, (int, float)) for v in values
        ):
            return False
        exact = condition.given.get("exactly")
        if exact is not None and any(v != exact for v in values):
            return False
        return condition.holds(max(values))
    if isinstance(condition, list):
        return values == condition
    return bool(values) and all(
        v == condition and isinstance(v, bool) == isinstance(condition, bool) for v in values
    )


def _words(condition: Any) -> str:
    return condition.describe() if isinstance(condition, Measure) else str(condition)


_KINDS = {_plain(kind): kind for kind in sorted(KNOWN)} | {
    _plain(name): kind for name, kind in ALIASES.items()
}
