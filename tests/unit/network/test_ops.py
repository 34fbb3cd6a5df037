"""The table of operations agrees with torch, and with all that is registered for a kind."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch.overrides import get_overridable_functions

from archcheck.fields.algebra import joint_axes
from archcheck.fields.handlers import HANDLERS
from archcheck.network import kinds, macs, ops
from archcheck.network.kinds import kind_of, short_name
from archcheck.network.operands import RANDOM
from archcheck.tracing.arguments import python_signature
from archcheck.tracing.function_names import public_name
from archcheck.tracing.functions import ESCAPES
from archcheck.tracing.shape_rules import pointwise
from archcheck.tracing.shape_rules.base import RULES
from archcheck.tracing.shape_rules.views import METADATA

PLACES = (torch, F, torch.Tensor, torch.linalg, torch.special, torch.fft, torch._C._nn)


def functions() -> Iterator[Callable[..., Any]]:
    """The functions that a mode may see: those that can be overridden, and those of C."""
    for group in get_overridable_functions().values():
        yield from group
    for place in PLACES:
        for name in dir(place):
            found = getattr(place, name)
            if callable(found) and not inspect.isclass(found):
                yield found


@cache
def by_name() -> dict[str, list[Callable[..., Any]]]:
    """The functions of torch that go by each short name."""
    found: dict[str, list[Callable[..., Any]]] = {}
    for function in functions():
        found.setdefault(short_name(public_name(function))[0], []).append(function)
    return found


TORCHVISION = {"deform_conv2d", "nms", "roi_align", "roi_pool", "ps_roi_align", "ps_roi_pool"}
NEW = {"_grouped_mm"}
"""What the lowest version of torch has not got yet."""

pytestmark = pytest.mark.filterwarnings("ignore")


def test_every_kind_is_the_kind_of_a_function_of_torch() -> None:
    reached = {kind_of(f"torch.{name}")[0] for name in by_name()}
    # The recorder writes the first down beside the calls of torch.
    assert kinds.KNOWN - reached == kinds.STRUCTURE | TORCHVISION | (NEW - reached)


def test_every_other_name_is_one_that_torch_has() -> None:
    assert by_name().keys() >= kinds.ALIASES.keys()


def test_no_name_stands_for_two_kinds() -> None:
    names = [name for row in ops.TABLE for name in row.kinds.replace("|", " ").split()]
    assert len(names) == len(set(names)) == len(kinds.KNOWN) + len(kinds.ALIASES)


UNHANDLED: dict[str, str] = {
    **dict.fromkeys(kinds.UNFOLLOWED, "what it reads is not modelled"),
    "escape": "what it gives is no tensor",
    "_weight_norm": "what is made of weights alone depends on no input",
}


def test_every_kind_says_what_it_does_to_fields() -> None:
    # Factories make constants: nothing of the input is in them.
    assert kinds.KNOWN - HANDLERS.keys() == kinds.FACTORIES | UNHANDLED.keys()
    assert HANDLERS.keys() <= kinds.KNOWN


def test_every_counted_kind_has_a_counter() -> None:
    assert macs._COUNTERS.keys() == kinds.COUNTED
    assert kinds.KNOWN - kinds.COUNTED - kinds.FREE == kinds.SPECTRA


NAMELESS = {"_weight_norm": "it is made of weights alone"}


def test_every_kind_has_names_for_its_arguments() -> None:
    named = {kind for kind, row in kinds.ROWS.items() if row.arguments}
    named |= {
        kind_of(f"torch.{name}")[0]
        for name, group in by_name().items()
        if any(python_signature(function) for function in group)
    }
    # What constants are made of nobody asks.
    assert kinds.KNOWN - named - kinds.FACTORIES - kinds.STRUCTURE == NAMELESS.keys()


def test_every_elementwise_kind_has_a_shape_rule() -> None:
    assert RULES.keys() >= kinds.ELEMENTWISE
    assert RULES.keys() <= kinds.KNOWN
    assert pointwise._ITERATED | pointwise._OF_THEIR_OWN <= kinds.ELEMENTWISE
    assert pointwise._DIVIDING <= kinds.BROADCASTING


def test_names_that_are_no_operations_are_names_of_torch_too() -> None:
    assert METADATA.isdisjoint(kinds.KNOWN)
    names = by_name().keys() | set(dir(torch.Tensor))
    # Newer versions of torch have no named tensors any more.
    names |= {name.removesuffix("_") for name in dir(torch.nn.init)}
    assert names >= (METADATA - {"names"}) | ESCAPES | RANDOM


def test_what_masks_join_are_kinds() -> None:
    assert joint_axes.JOINING_MASKED | joint_axes.JOINING_ROWS <= kinds.KNOWN


OTHERWISE_NAMED = {
    "torch.functional.tensordot": "it calls its operands a and b",
    "torch.Tensor.__rpow__": "its operand is the base",
}


@pytest.mark.parametrize("row", ops.TABLE, ids=lambda row: row.kinds.split()[0])
def test_arguments_are_those_that_python_knows(row: ops.Row) -> None:
    wanted = tuple(name.removeprefix("*") for name in row.arguments.split())
    for names in row.kinds.split():
        for function in filter(inspect.isfunction, by_name().get(names.split("|")[0], [])):
            known = python_signature(function)
            shared = min(len(known), len(wanted))
            if public_name(function) not in OTHERWISE_NAMED:
                assert known[:shared] == wanted[:shared], public_name(function)
