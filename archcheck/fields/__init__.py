"""Receptive fields: exact, from a Network alone."""

from archcheck.fields.algebra.region import Region
from archcheck.fields.axis_field import AxisField, Hull
from archcheck.fields.field import Field, UnitField, UnknownField
from archcheck.fields.forward import NotModelled
from archcheck.fields.locations import Point
from archcheck.fields.receptive_field import ReceptiveField, receptive_field

__all__ = [
    "AxisField",
    "Field",
    "Hull",
    "NotModelled",
    "Point",
    "ReceptiveField",
    "Region",
    "UnitField",
    "UnknownField",
    "receptive_field",
]
