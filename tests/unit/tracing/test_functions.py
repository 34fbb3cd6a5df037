"""What is known of torch's functions: which write to what they are given."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import archcheck
from archcheck.network.kinds import kind_of
from archcheck.tracing.functions import LEAVING

_FLAG_ONLY = "requires_grad_"
"""It writes nothing but a flag of the tensor."""


def writing_kinds() -> Iterator[str]:
    """The kinds that write to a tensor that they do not return, by torch's own declarations."""
    for schema in torch._C._jit_get_all_schemas():
        if not schema.name.startswith("aten::"):
            continue
        kind, in_place = kind_of(f"torch.{schema.name.removeprefix('aten::')}")
        for place, argument in enumerate(schema.arguments):
            written = argument.alias_info is not None and argument.alias_info.is_write
            returned = argument.is_out or (in_place and place == 0)
            if written and not returned and str(argument.type) in ("Tensor", "Optional[Tensor]"):
                yield kind


def test_kinds_that_are_said_to_leave_their_operands_alone_do_by_torchs_declarations() -> None:
    writing = set(writing_kinds())
    assert len(writing) > 10
    assert LEAVING.isdisjoint(writing - {_FLAG_ONLY})


class Shortened(nn.Module):
    """An embedding that shortens rows of a table, which is read again afterwards."""

    def __init__(self, read: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.read = read
        self.register_buffer("table", torch.full((10, 3), 9.0))
        self.table: Tensor

    def forward(self, x: Tensor) -> Any:
        return x.mean((2, 3)) + self.read(self.table) + self.table[:1]


@pytest.mark.parametrize(
    "read",
    [
        lambda table: F.embedding(torch.tensor([1]), table, max_norm=1.0),
        lambda table: F.embedding_bag(torch.tensor([[1, 2]]), table, max_norm=1.0),
    ],
    ids=["embedding", "embedding_bag"],
)
def test_a_table_whose_rows_an_embedding_shortens_is_known(
    read: Callable[[Tensor], Tensor],
) -> None:
    network = archcheck.trace(Shortened(read), (3, 8, 8))
    assert network.opaque == ()


def test_a_buffer_that_is_written_behind_a_function_that_leaves_it_alone_is_not_known() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("state", torch.zeros(1, 3, 1, 1))
            self.state: Tensor

        def forward(self, x: Tensor) -> Any:
            y = x + self.state
            with torch._C.DisableTorchFunction():
                self.state.add_(1)
            return F.relu(y) * self.state

    assert archcheck.trace(Net(), (3, 8, 8)).opaque != ()
