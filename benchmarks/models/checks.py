"""One model of the catalogue, traced, beside everything that is known of it from elsewhere."""

from __future__ import annotations

import re
import time
from typing import Any

import msgspec
from torch import Tensor, nn

from archcheck import Network, UnknownField, receptive_field, trace, verify
from archcheck.network.input_language import read_inputs
from archcheck.tracing.inputs import arguments, samples
from archcheck.tracing.module_tree import paths_of
from benchmarks.models import configured, fields, sources
from benchmarks.models.catalogue import Model
from benchmarks.models.counting import computed, counted
from benchmarks.models.findings import LARGEST, Found, Published


def check(model: Model) -> Found:
    """Trace a model and compare what can be compared."""
    started = time.perf_counter()
    found = Found(library=model.library, family=model.family, name=model.name)
    try:
        figures = _figures(model) if model.inputs is None else _configured(model, model.inputs)
    except Exception as error:
        figures = {"raised": f"{type(error).__name__}: {_first_line(error)}"}
    seconds = round(time.perf_counter() - started, 1)
    return msgspec.structs.replace(found, seconds=seconds, **figures)


def _figures(model: Model) -> dict[str, Any]:
    net, shape = sources.build(model)
    network, inputs = _traced(net, shape)
    figures: dict[str, Any] = {
        "parameters": network.num_parameters,
        "own_parameters": sum(parameter.numel() for parameter in net.parameters()),
        "macs": network.macs,
        "published": _published(model, network, shape),
        **_fields(net, network, shape),
    }
    return {**figures, "counted": counted(net, inputs)}


def _configured(model: Model, inputs: dict[str, Any]) -> dict[str, Any]:
    """What a spec with these inputs says of a network, beside what torch does."""
    net = getattr(configured, model.name)().eval().requires_grad_(False)
    own = sum(parameter.numel() for parameter in net.parameters())
    rules = {"parameters": {"at_least": own, "at_most": own}}
    report = verify(f"{configured.__file__}:{model.name}", {"inputs": inputs, "rules": rules})
    if report.network is None or not report.passed:
        return {"raised": str(report)}
    given = read_inputs(inputs)
    places, names = arguments(net, given, samples(given, paths_of(net), 1))
    return {
        "parameters": report.network.num_parameters,
        "own_parameters": own,
        "macs": report.network.macs,
        "counted": computed(net, tuple(places), names),
        "untried": ("inputs beside an image",),
    }


def _traced(net: nn.Module, shape: sources.Shape) -> tuple[Network, tuple[Tensor, ...]]:
    """The network, and the input that its last pass ran on: values may decide what it does."""
    passes: list[tuple[Tensor, ...]] = []
    hook = net.register_forward_pre_hook(lambda _, inputs: passes.append(inputs))
    try:
        return trace(net, shape), passes[-1]
    finally:
        hook.remove()


def _published(model: Model, network: Network, shape: sources.Shape) -> tuple[Published, ...]:
    rows = []
    for row in sources.published(model):
        traced = network if row.side == shape[-1] else trace(*sources.build(model, row.side))
        macs = None if traced.macs is None else round(traced.macs / 1e9, 3)
        rows.append(Published(row.side, traced.num_parameters, row.parameters, macs, row.billions))
    return tuple(rows)


def _fields(net: nn.Module, network: Network, shape: sources.Shape) -> dict[str, Any]:
    rf = receptive_field(network)
    figures: dict[str, Any] = {}
    try:
        rf.at("features")
    except UnknownField as error:
        figures["features"] = _without_place(_first_line(error))
    if network.num_parameters > LARGEST:
        return {**figures, "untried": (f"more than {LARGEST:,} parameters",)}
    compared = fields.compare(net, network, rf, shape)
    return {
        **figures,
        "units": compared.units,
        "differing": tuple(compared.differing),
        "untried": tuple(compared.refused),
    }


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


def _without_place(text: str) -> str:
    """A reason without the module and the line, which are different in every model."""
    return re.sub(r" in \S* ?\(.*\)$", "", text)
