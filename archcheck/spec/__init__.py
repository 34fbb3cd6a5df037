"""Specs: what is asked of a network, and checking it."""

from archcheck.spec.engine import check, failed_to_run
from archcheck.spec.errors import SpecError
from archcheck.spec.model import (
    Requirement,
    Spec,
    examine_spec,
    linted,
    load_spec,
    parse_spec,
    spec_from,
    spec_text,
)
from archcheck.spec.points import Points
from archcheck.spec.report import Failure, Finding, Report, UnknownFinding
from archcheck.spec.schema import json_schema

__all__ = [
    "Failure",
    "Finding",
    "Points",
    "Report",
    "Requirement",
    "Spec",
    "SpecError",
    "UnknownFinding",
    "check",
    "examine_spec",
    "failed_to_run",
    "json_schema",
    "linted",
    "load_spec",
    "parse_spec",
    "spec_from",
    "spec_text",
]
