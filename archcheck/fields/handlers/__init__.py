"""What every kind of operation does to the fields of the tensors it reads."""

from archcheck.fields.handlers import (
    comparing,
    indexing,
    masking,
    pointwise,
    products,
    reductions,
    unfolding,
    views,
    windows,
)
from archcheck.fields.handlers.base import CARRIERS, HANDLERS, Context, Reading, Result

__all__ = [
    "CARRIERS",
    "HANDLERS",
    "Context",
    "Reading",
    "Result",
    "comparing",
    "indexing",
    "masking",
    "pointwise",
    "products",
    "reductions",
    "unfolding",
    "views",
    "windows",
]
