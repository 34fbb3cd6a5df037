"""The Network: plain data that tracing makes and everything else works on."""

from archcheck.network.layers import Layer, layers_of
from archcheck.network.model import (
    VERSION,
    Call,
    Cell,
    Memory,
    Module,
    Network,
    Op,
    Parameter,
    Place,
    Remark,
    Tensor,
    decode,
    encode,
)

__all__ = [
    "VERSION",
    "Call",
    "Cell",
    "Layer",
    "Memory",
    "Module",
    "Network",
    "Op",
    "Parameter",
    "Place",
    "Remark",
    "Tensor",
    "decode",
    "encode",
    "layers_of",
]
