"""Unpickling plain data and numpy arrays; no other name in a pickle is resolved."""

from __future__ import annotations

import _codecs
import io
import pickle
from typing import Any

import numpy as np

_RECONSTRUCT = np.zeros(1).__reduce__()[0]
_ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,  # its name since numpy 2
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): _codecs.encode,  # bytes in the protocols of Python 2
}
"""The functions and classes that a pickled array needs, by all names they have had."""


def plain_data(content: bytes) -> Any:
    """The object in a pickle of dictionaries, lists, numbers, text and numpy arrays.

    Text of Python 2 comes as bytes.

    Raises:
        ValueError: if the pickle names anything else, or is damaged.
    """
    try:
        return _Unpickler(io.BytesIO(content), encoding="bytes").load()
    except pickle.UnpicklingError as error:
        raise ValueError(str(error)) from None
    except Exception as error:  # a damaged pickle may raise anything
        raise ValueError(f"the pickle is damaged ({type(error).__name__})") from None


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """One of the few names that are allowed."""
        allowed = _ALLOWED.get((module, name))
        if allowed is None:
            raise pickle.UnpicklingError(f"the pickle asks for {module}.{name}")
        return allowed
