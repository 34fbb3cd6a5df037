"""archcheck tells, exactly and at once, whether a PyTorch network is built the way it has to be.

Importing this package imports no torch; it comes with the first live module that is traced.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archcheck.api import trace, verify
    from archcheck.errors import FileError
    from archcheck.fields import (
        Field,
        ReceptiveField,
        Region,
        UnitField,
        UnknownField,
        UnknownLocation,
        receptive_field,
    )
    from archcheck.network import Network, Op
    from archcheck.report import Report
    from archcheck.spec import Finding, Spec, SpecError, UnknownFinding, load_spec
    from archcheck.worker.failures import (
        BuildError,
        ImportFailure,
        InputError,
        NetworkError,
        RunError,
        StartError,
    )

__version__ = "0.1.0"

_HOMES = {
    "trace": "archcheck.api",
    "verify": "archcheck.api",
    "FileError": "archcheck.errors",
    "Field": "archcheck.fields",
    "ReceptiveField": "archcheck.fields",
    "Region": "archcheck.fields",
    "UnitField": "archcheck.fields",
    "UnknownField": "archcheck.fields",
    "UnknownLocation": "archcheck.fields",
    "receptive_field": "archcheck.fields",
    "Network": "archcheck.network",
    "Op": "archcheck.network",
    "Finding": "archcheck.spec",
    "Report": "archcheck.report",
    "Spec": "archcheck.spec",
    "SpecError": "archcheck.spec",
    "UnknownFinding": "archcheck.spec",
    "load_spec": "archcheck.spec",
    "BuildError": "archcheck.worker.failures",
    "ImportFailure": "archcheck.worker.failures",
    "InputError": "archcheck.worker.failures",
    "NetworkError": "archcheck.worker.failures",
    "RunError": "archcheck.worker.failures",
    "StartError": "archcheck.worker.failures",
}

__all__ = [
    "BuildError",
    "Field",
    "FileError",
    "Finding",
    "ImportFailure",
    "InputError",
    "Network",
    "NetworkError",
    "Op",
    "ReceptiveField",
    "Region",
    "Report",
    "RunError",
    "Spec",
    "SpecError",
    "StartError",
    "UnitField",
    "UnknownField",
    "UnknownFinding",
    "UnknownLocation",
    "__version__",
    "load_spec",
    "receptive_field",
    "trace",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'archcheck' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
