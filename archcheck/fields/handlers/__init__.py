"""What every kind of operation does to the fields of the tensors it reads."""

from archcheck.fields.handlers import (
    pointwise,
    products,
    reductions,
    unfolding,
    views,
    windows,
    writing,
)
from archcheck.fields.handlers.base import HANDLERS, Context, Reading

__all__ = [
    "HANDLERS",
    "Context",
    "Reading",
    "pointwise",
    "products",
    "reductions",
    "unfolding",
    "views",
    "windows",
    "writing",
]
