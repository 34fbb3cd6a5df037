"""Parameters that are made and registered in the pass, and whether every pass makes them anew."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from archcheck.network.model import LateParameter
from archcheck.tracing.module_tree import parameters_of, paths_of
from archcheck.tracing.recorder import Recorder


def registered_late(model: nn.Module, recorder: Recorder) -> tuple[LateParameter, ...]:
    """The parameters that a model registers since a pass that made them."""
    if not recorder.made_parameters:
        return ()
    tensor_ids = recorder.tensor_ids
    known = parameters_of(paths_of(model)).items()
    numbers = {name: tensor_ids.number(each) for name, each in known if tensor_ids.knows(each)}
    made = {
        name: number
        for name, number in numbers.items()
        if tensor_ids.tensors[number].op is not None
    }
    return tuple(LateParameter(name, number, False) for name, number in made.items())


def made_anew(
    model: nn.Module, late: tuple[LateParameter, ...], run: Callable[[], object]
) -> tuple[LateParameter, ...]:
    """The same, with what another pass says about them."""
    before = parameters_of(paths_of(model))
    run()
    after = parameters_of(paths_of(model))
    return tuple(
        LateParameter(each.name, each.tensor, after.get(each.name) is not before[each.name])
        for each in late
    )
