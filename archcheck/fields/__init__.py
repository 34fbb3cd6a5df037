"""Receptive fields: exact, from a Network alone."""

from archcheck.fields.answer import Field, UnitField, UnknownField
from archcheck.fields.field import AxisField, Hull
from archcheck.fields.points import Point
from archcheck.fields.receptive_field import ReceptiveField, receptive_field
from archcheck.fields.region import Region
from archcheck.fields.walk import NotModelled

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
