"""Receptive fields: exact, from a Network alone."""

from archcheck.fields.algebra.region import Region
from archcheck.fields.axis_field import AxisField, Hull
from archcheck.fields.field import Field, UnitField
from archcheck.fields.forward import Cause
from archcheck.fields.locations import MapLocation, UnknownLocation
from archcheck.fields.receptive_field import ReceptiveField, receptive_field
from archcheck.fields.walks import UnknownField

__all__ = [
    "AxisField",
    "Cause",
    "Field",
    "Hull",
    "MapLocation",
    "ReceptiveField",
    "Region",
    "UnitField",
    "UnknownField",
    "UnknownLocation",
    "receptive_field",
]
