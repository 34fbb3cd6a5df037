"""The functions of torch, and what has to be known of one at each of its calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from archcheck.network.kinds import EMBEDDINGS, KNOWN, NORMALIZATIONS
from archcheck.network.value_dependence import reads_all_values
from archcheck.tracing.function_names import NEW, is_foreign, named
from archcheck.tracing.shape_rules.views import METADATA
from archcheck.worker.absent_devices import PLACING

SIZES = frozenset("shape size len numel nelement stride nbytes".split())
"""Properties of a tensor that tell the size of its batch."""
PARTS = {"unbind": 1, "iter": 1, "split": 2, "chunk": 2, "tensor_split": 2}
"""What takes a tensor apart: the number of parts tells its size. Behind each the position of the
dimension among the arguments."""
ESCAPES = frozenset(
    """item tolist numpy bool float int index complex array
    equal allclose is_nonzero contains""".split()
)
"""Functions that turn a tensor's value into Python data, which cannot be followed."""
_PLAIN_METADATA = METADATA - {"grad"}
"""The properties of a tensor that are never tensors themselves."""
SET_DATA = "torch.Tensor.data.__set__"
"""What gives a tensor object the values and the shape of another one."""
_GRADIENTS = frozenset({"torch.Tensor.grad.__get__", "torch.Tensor._grad.__get__"})
"""What hands out the tensor that was kept as a gradient, the object itself."""
HANDLES = frozenset("numpy array untyped_storage storage data_ptr".split())
"""Functions that hand out a tensor's memory, which may be written then without torch."""
LEAVING = KNOWN - NORMALIZATIONS - EMBEDDINGS - {"embedding_bag"}
"""Kinds that write to nothing but what they return: no running statistics, no rows that are too
long."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function of torch: its public name, its kind, and what has to be known at each of its
    calls."""

    name: str
    kind: str
    in_place: bool
    tells_size: bool
    """Whether its result may tell the size of the batch."""
    plain: bool
    """Whether it is a property that is never a tensor itself."""
    hands_out: bool
    """Whether its result gives access to the tensor's memory."""
    escapes: bool
    """Whether it turns a tensor's value into Python data."""
    sets_data: bool
    """Whether it gives a tensor object the values and the shape of another one."""
    gives_gradient: bool
    """Whether it hands out the tensor that was kept as a gradient, the object itself."""
    is_new: bool
    """Whether it is ``x.new``, which does several things."""
    foreign: bool
    """Whether something else than torch computes what it gives, which nobody sees."""
    reads_values: bool
    """Whether all its results depend on the input as soon as one of its operands does."""
    writes: bool
    """Whether it may write to what it reads, as to running statistics, and return something else.
    """
    places: bool
    """Whether it says by its first arguments on which device its result is to lie."""


@lru_cache(maxsize=4096)
def function_of(func: Callable[..., Any]) -> Function:
    """What has to be known of a function."""
    name, kind, in_place = named(func)
    return Function(
        name,
        kind,
        in_place,
        tells_size=kind in SIZES or kind in PARTS,
        plain=kind in _PLAIN_METADATA,
        hands_out=kind in HANDLES,
        escapes=kind in ESCAPES,
        sets_data=name == SET_DATA,
        gives_gradient=name in _GRADIENTS,
        is_new=name == NEW,
        foreign=is_foreign(name, kind),
        reads_values=name != NEW and reads_all_values(kind),
        writes=kind not in LEAVING,
        places=func in PLACING,
    )
