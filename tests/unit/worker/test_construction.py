"""The lines at which modules were constructed."""

from __future__ import annotations

import copy

from torch import nn

from archcheck.worker.construction import built_at, constructions_recorded


def test_a_copy_was_constructed_where_its_original_was() -> None:
    with constructions_recorded(), constructions_recorded():
        layer = nn.Sequential(nn.Linear(2, 2))
        line = built_at(layer)
        twin = copy.deepcopy([layer, layer])
    assert line is not None
    assert twin[0] is twin[1]
    assert [built_at(module) for module in twin[0].modules()] == [line, built_at(layer[0])]
    assert twin[0][0].weight is not layer[0].weight
    assert "__deepcopy__" not in vars(nn.Module)


def test_a_class_with_copies_of_its_own_keeps_them() -> None:
    class Kept(nn.Module):
        def __deepcopy__(self, memo: dict[int, object]) -> Kept:
            return self

    with constructions_recorded():
        kept = Kept()
        assert copy.deepcopy([kept])[0] is kept
