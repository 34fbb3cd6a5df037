"""From a reference to a live module, leaving nothing of the submission behind."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from archcheck.worker.absent_devices import constructed, staying_on_the_cpu
from archcheck.worker.building import Construct, Loaded, build
from archcheck.worker.construction import constructions_recorded
from archcheck.worker.failures import ImportFailure, InputError, Stage
from archcheck.worker.fresh_sources import FreshLoader, fresh_sources
from archcheck.worker.import_failures import import_failure
from archcheck.worker.import_roots import imports_from_around, make_packages
from archcheck.worker.importing.ways import in_a_way
from archcheck.worker.ipython import notebook_names
from archcheck.worker.notebooks import NotebookError
from archcheck.worker.owners import authors_code_below
from archcheck.worker.reference import Reference, package_of, roots_of
from archcheck.worker.scripts import is_notebook
from archcheck.worker.working_folder import files_from_around


@contextmanager
def loaded(
    reference: Reference,
    arguments: Mapping[str, Any],
    enter: Callable[[Stage], None] = lambda stage: None,
    construct: Construct = constructed,
) -> Iterator[Loaded]:
    """Import a file or module, build its network, and clean up on the way out.

    ``enter`` is called before the network is built; ``construct`` calls its constructor, and keeps
    on the CPU what that puts on a device that is not here.

    While this is entered the submission's folder is on ``sys.path``, so that lazy imports in
    ``forward`` work. Afterwards ``sys.path`` and the working directory are as before and the
    submission's own modules are gone from ``sys.modules``.

    Raises:
        InputError: if the name does not exist or is not a network, if there are several to choose
            from, or if an argument is not one of the constructor's.
        ImportFailure: if the import raises.
        BuildError: if the constructor raises, or needs arguments.
    """
    with in_a_way(reference) as way, imported(reference, way.loader) as module:
        way.is_imported(module)
        enter("builds")
        found = build(module, reference, arguments, construct)
        way.is_built(found)
        yield found


@contextmanager
def imported(
    reference: Reference, loader: Callable[[str, str], FreshLoader] = FreshLoader
) -> Iterator[ModuleType]:
    """Import a file or module, and clean up on the way out, as :func:`loaded` does.

    ``loader`` makes the loader of a module from its name and its file.

    Raises:
        InputError: if there is no such module.
        ImportFailure: if the import raises.
    """
    path, directory = list(sys.path), os.getcwd()
    before = dict(sys.modules)
    roots = roots_of(reference.file or reference.module)
    try:
        with (
            constructions_recorded(),
            fresh_sources(roots, loader),
            authors_code_below(roots),
            notebook_names(reference.file),
            imports_from_around(Path(reference.file), roots),
            files_from_around(Path(reference.file)),
        ):
            with staying_on_the_cpu():
                module = _import(reference, loader)
            yield module
    finally:
        sys.path[:] = path
        if os.path.isdir(directory):
            os.chdir(directory)
        fresh = [name for name in sys.modules if name not in before]
        for name in [name for name in fresh if _belongs(sys.modules[name], roots)]:
            del sys.modules[name]
        for name, module in before.items():
            if sys.modules.get(name) is not module:
                sys.modules[name] = module


def _belongs(module: ModuleType, roots: list[Path]) -> bool:
    file = getattr(module, "__file__", None)
    if file is None:  # a namespace package: look at its folders
        places = [Path(p) for p in getattr(module, "__path__", [])]
    else:
        places = [Path(file)]
    return any(
        place.is_relative_to(root) and "site-packages" not in place.parts
        for place in places
        for root in roots
    )


def _import(reference: Reference, loader: Callable[[str, str], FreshLoader]) -> ModuleType:
    if reference.module:
        return _import_module(reference)
    file = Path(reference.file)
    root, parts = package_of(file.resolve())
    sys.path.insert(0, str(root))
    _forget_shadowed(root)
    package = make_packages(root, parts[:-1])
    name = _module_name(file, package)
    try:
        if package and file.stem.isidentifier():
            return importlib.import_module(name)
        spec = importlib.util.spec_from_file_location(name, file, loader=loader(name, str(file)))
        if spec is None or spec.loader is None:
            raise InputError(f"{reference} cannot be read as a Python module", says_where=True)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        return module
    except InputError:
        raise
    except NotebookError as error:
        raise ImportFailure(str(error)) from None
    except BaseException as error:
        raise import_failure(error, reference) from error


def _module_name(file: Path, package: str) -> str:
    # No module of its name is a notebook.
    importable = file.stem.isidentifier() and not is_notebook(file.name)
    name = file.stem if importable else "submission"
    if package:
        return f"{package}.{name}"
    is_taken = name in sys.modules or name in sys.stdlib_module_names
    return f"submission_{name}" if is_taken else name


def _import_module(reference: Reference) -> ModuleType:
    sys.path.insert(0, os.getcwd())
    sys.path_importer_cache.pop(os.getcwd(), None)
    try:
        return importlib.import_module(reference.module)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{reference.module}.".startswith(f"{error.name}."):
            raise InputError(f"there is no module {error.name}", input="reference") from error
        raise import_failure(error, reference) from error
    except BaseException as error:
        raise import_failure(error, reference) from error


def _forget_shadowed(root: Path) -> None:
    """Remove modules that shadow the submission's own, such as another submission's ``utils``."""
    own = {entry.stem for entry in root.glob("*.py")} | {
        entry.parent.name for entry in root.glob("*/__init__.py")
    }
    for name in list(sys.modules):
        top = name.partition(".")[0]
        if top not in own or top in sys.stdlib_module_names or top == "archcheck":
            continue
        file = getattr(sys.modules[name], "__file__", None)
        if file and "site-packages" not in file and not Path(file).is_relative_to(root):
            del sys.modules[name]
