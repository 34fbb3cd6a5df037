"""Why a file cannot be imported, and what to do about it."""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from archcheck.network import Place
from archcheck.worker.failures import ImportFailure, advice_on, describe
from archcheck.worker.faults import Fault, fault_of
from archcheck.worker.reference import Reference, roots_of
from archcheck.worker.scripts import placed, read_script
from archcheck.worker.syntax_hints import encoding_problem, syntax_hint

_OWN_NAMES = frozenset(
    """
    backbone blocks common config configs core data dataloader dataset datasets engine helper
    helpers layers lib loss losses main metric metrics model models module modules net nets network
    networks options ops params resnet src tools train trainer transforms unet util utils
""".split()
)
"""What people call their own modules, and no package of the index that a network needs."""


def import_failure(error: BaseException, reference: Reference) -> ImportFailure:
    """The failure of a file that raised an exception while it was imported."""
    if isinstance(error, SyntaxError):
        return _syntax_failure(error, reference)
    fault = fault_of(error)
    if isinstance(error, ModuleNotFoundError) and error.name:
        return _missing_modules(error.name, fault, reference)
    place, called = fault.lines
    advice = "prompt" if isinstance(error, EOFError) else advice_on(error)
    hint = file_hint(error, fault.place)
    if not hint and advice is None:
        advice = fault.advice("imports")
    return ImportFailure(describe(error), place=place, called=called, advice=advice, hint=hint)


def file_hint(error: BaseException, place: Place | None) -> str:
    """What to do if a file beside the code was looked for in the working directory."""
    name = getattr(error, "filename", None)
    if not isinstance(error, FileNotFoundError) or not isinstance(name, str) or place is None:
        return ""
    if Path(name).is_absolute() or not (Path(place.file).parent / name).exists():
        return ""
    return (
        f"{name} lies beside {Path(place.file).name} and is looked for in the working directory: "
        f'open Path(__file__).parent / "{name}"'
    )


def _syntax_failure(error: SyntaxError, reference: Reference) -> ImportFailure:
    message, place = f"{type(error).__name__}: {error.msg}", None
    file = error.filename or reference.file
    if error.filename and error.lineno:
        place = placed(Place(file, error.lineno, error.offset))
    hint, where = encoding_problem(file)
    hint = hint or syntax_hint(error)
    return ImportFailure(message, place=where or place, hint=hint, is_no_python=True)


def _missing_modules(name: str, fault: Fault, reference: Reference) -> ImportFailure:
    files = [fault.place.file] if fault.place else []
    files += [reference.file] if reference.file and reference.file not in files else []
    others = [found for file in files for found in _imported(file) if not _is_there(found)]
    return missing_modules([name, *others], reference, fault.place, fault.statement)


def missing_modules(
    names: Iterable[str],
    reference: Reference,
    place: Place | None = None,
    called: Place | None = None,
) -> ImportFailure:
    """The failure of a file that needs modules which are missing: packages, or other files of its
    author's."""
    names = tuple(dict.fromkeys(names))
    files = [name for name in names if _is_sibling(name, reference)]
    packages = tuple(name for name in names if name not in files)
    parts = [f"the module{_s(packages)} not installed"] if packages else []
    for file in files:
        parts.append(f"{file.replace('.', '/')}.py is not there")
    hint = "hand it in with the file that imports it" if files else ""
    return ImportFailure(
        ", and ".join(parts), place=place, called=called, missing=packages, hint=hint
    )


def _s(names: Sequence[str]) -> str:
    listed = ", ".join(map(repr, names))
    return f" {listed} is" if len(names) == 1 else f"s {listed} are"


def _is_sibling(name: str, reference: Reference) -> bool:
    """Whether a module that is missing belongs to the submission."""
    top, dot, _ = name.partition(".")
    here = [root / top for root in roots_of(reference.file)] if reference.file else []
    return top in _OWN_NAMES or (bool(dot) and any(place.exists() for place in here))


def _imported(file: str) -> Iterator[str]:
    """The packages that a file cannot do without: imports under ``try`` may fail."""
    try:
        body = read_script(file).tree.body
    except (SyntaxError, ValueError, OSError):
        return
    for node in body:
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module.partition(".")[0]


def _is_there(name: str) -> bool:
    """Whether a package could be imported; it is found, not run."""
    try:
        return name in sys.modules or importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False
