"""What every kind of operation does to the fields of the tensors it reads."""

from archcheck.fields.handlers import (
    aliasing,
    comparing,
    indexing,
    masking,
    packing,
    pointwise,
    products,
    reductions,
    sampling,
    spectra,
    striding,
    unfolding,
    views,
    windows,
    writing,
)
from archcheck.fields.handlers.base import CARRIERS, HANDLERS, Context, Reading, Result

__all__ = [
    "CARRIERS",
    "HANDLERS",
    "Context",
    "Reading",
    "Result",
    "aliasing",
    "comparing",
    "indexing",
    "masking",
    "packing",
    "pointwise",
    "products",
    "reductions",
    "sampling",
    "spectra",
    "striding",
    "unfolding",
    "views",
    "windows",
    "writing",
]
