"""Values of constant tensors that decide which paths there are: masks and indices."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    import numpy.typing as npt

BINARY = "binary"
"""The tensor is only noted: all of its values are 0 or 1."""
BOOLEANS, INTEGERS, NUMBERS, LOW, HIGH = "booleans", "integers", "numbers", "low", "high"
"""What is kept of a tensor: its truth values, its whole numbers, its real numbers, or where it is
at most -:data:`CUTTING` or at least :data:`CUTTING`."""
ZERO = "zero"
"""The tensor is only noted: all of its values are 0 at the moment."""
ZEROS = "zeros"
"""Where a constant is zero by a mask, whatever the weights are that it is made of."""
ONES = "ones"
"""Where a constant is one."""
UNREAD, LEARNED = "unread", "learned"
"""The tensor is only noted: its values could not be read (on the meta device), or it is made of
weights, whose values must not decide about paths."""
WIDE = {INTEGERS: "<i8", NUMBERS: "<f8"}
"""How numbers are stored, by the kind of constant."""
CUTTING = 100
"""An addend of this size below zero in front of a softmax leaves nothing of what it is added to."""


class Constant(msgspec.Struct, frozen=True):
    """What is kept of the values of one tensor that depends on no input.

    ``data`` is compressed: whole and real numbers of 64 bits each, bits for the other kinds.
    ``infinite`` says whether the numbers behind ``low`` and ``high`` are infinite anywhere.
    """

    tensor: int
    kind: str
    shape: tuple[int, ...]
    data: bytes = b""
    infinite: bool = False

    @property
    def values(self) -> npt.NDArray[Any]:
        """The truth values or numbers, in the tensor's shape.

        Raises:
            ValueError: if the values could not be read.
        """
        import numpy as np

        if self.kind in (BINARY, UNREAD, LEARNED, ZERO):
            raise ValueError("values that were not read")
        raw = zlib.decompress(self.data)
        if self.kind in WIDE:
            return np.frombuffer(raw, dtype=WIDE[self.kind]).reshape(self.shape)
        count = int(np.prod(self.shape, dtype=np.int64))
        bits = np.unpackbits(np.frombuffer(raw, dtype=np.uint8), count=count)
        return bits.astype(bool).reshape(self.shape)
