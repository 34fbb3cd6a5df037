"""What the command line and the ini file ask for."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from archcheck.phrases import by_name
from archcheck.pytest_plugin.artifacts import Artifacts
from archcheck.pytest_plugin.suffixes import SPEC_SUFFIXES
from archcheck.shipped_specs import is_path
from archcheck.verification.beside import GivenPath
from archcheck.worker.reference import LOADS, SUFFIXES, Load, Reference, dotted, file_and_name
from archcheck.worker.surroundings import Surroundings, memory_of

FOUND = tuple(f".archcheck{suffix}" for suffix in SPEC_SUFFIXES)
"""Specs whose names end so are test files wherever pytest finds them."""
_RULES = re.compile(r"""(^|[{,\s])["']?(rules|extends)["']?\s*:""")
_LARGEST_FILE = 1 << 20


@dataclass(frozen=True)
class Model:
    """One line of ``archcheck_model``: a glob of files or folders, the network's name behind a
    colon, the folder that it is relative to."""

    text: str
    folder: Path

    @property
    def parts(self) -> tuple[str, str]:
        """The glob and the name (empty: the only network of the file)."""
        head, name = file_and_name(self.text)
        return (head, name) if head else (self.text, "")

    def files(self) -> list[Path]:
        """The files that are there, or of a glob that ends in a slash the folders."""
        pattern = self.parts[0]
        names = [pattern]  # a name may hold brackets without being a pattern
        if not (self.folder / pattern).is_file():
            names = glob.glob(pattern, root_dir=self.folder, recursive=True)  # noqa: PTH207
        paths = (Path(os.path.abspath(self.folder / name)) for name in names)
        kind = Path.is_dir if pattern.endswith("/") else Path.is_file
        return sorted(filter(kind, paths), key=by_name)

    def references(self) -> list[tuple[str, Reference]]:
        """The networks, each with the name that people know it by."""
        head, name = self.parts
        files = self.files()
        if not files and name and dotted(head):
            return [(self.text, Reference("", head, name))]
        suffix = f":{name}" if name else ""
        return [
            (shown(path, self.folder) + suffix, Reference(os.path.abspath(path), "", name))
            for path in files
        ]


@dataclass(frozen=True)
class Settings:
    """What is asked for: the spec (a path, or the name of a shipped one), and of which networks."""

    spec: str
    on_command_line: bool
    models: tuple[Model, ...]
    models_on_command_line: bool
    strict: bool
    timeout: float
    surroundings: Surroundings
    load: Load
    artifacts: Artifacts
    named: frozenset[Path]
    """The files that the command line names."""
    test_files: tuple[str, ...]
    """The patterns of the names of test files."""
    folder: Path
    """What ini values and markers are relative to: the ini file's folder, else the root."""

    @classmethod
    def of(cls, config: pytest.Config) -> Settings:
        """The settings of a run.

        Raises:
            pytest.UsageError: if one of them is nonsense.
        """
        if _SETTINGS not in config.stash:
            config.stash[_SETTINGS] = cls._read(config)
        return config.stash[_SETTINGS]

    @classmethod
    def _read(cls, config: pytest.Config) -> Settings:
        here = config.invocation_params.dir
        base = config.inipath.parent if config.inipath else config.rootpath
        spec, models = config.getoption("archcheck_spec"), config.getoption("archcheck_model")
        strict = config.getoption("archcheck_strict")
        return cls(
            spec=resolved(spec, here) if spec else resolved(config.getini("archcheck_spec"), base),
            on_command_line=bool(spec),
            models=tuple(Model(text, here) for text in models)
            if models
            else tuple(Model(text, base) for text in config.getini("archcheck_model")),
            models_on_command_line=bool(models),
            strict=config.getini("archcheck_strict") if strict is None else strict,
            timeout=_seconds(config),
            surroundings=_surroundings(config),
            load=_load(config),
            artifacts=Artifacts(
                _given_path(config, "weights", here, base),
                _given_path(config, "augmentation", here, base),
                _data(config, here, base),
            ),
            named=frozenset(_named(config)),
            test_files=tuple(config.getini("python_files")),
            folder=base,
        )

    def matched(self) -> dict[Path, tuple[str, ...]]:
        """The files and folders that ``archcheck_model`` matches, with their networks' names."""
        names_by_file: dict[Path, tuple[str, ...]] = {}
        for model in self.models:
            for path in model.files():
                names = names_by_file.get(path, ())
                if model.parts[1] not in names:
                    names_by_file[path] = (*names, model.parts[1])
        return names_by_file

    def is_submission(self, path: Path) -> bool:
        """Whether a file holds a network because the command line names it beside the spec.

        A test file does not where it is said which files hold networks.
        """
        if not self.on_command_line or path not in self.named:
            return False
        if path.suffix not in SUFFIXES:
            return False
        return not (self.models and any(path.match(pattern) for pattern in self.test_files))

    def is_spec(self, path: Path) -> bool:
        """Whether a file is a spec to be checked like a test file."""
        if path.suffix not in SPEC_SUFFIXES:
            return False
        if path in self.named:
            return self.models_on_command_line or _has_rules(path)
        return bool(self.models) and path.name.endswith(FOUND) and str(path) != self.spec


def shown(path: Path, folder: Path) -> str:
    """A path as it stands in node ids: relative to a folder where it lies inside it."""
    try:
        return path.relative_to(folder).as_posix()
    except ValueError:
        return path.as_posix()


def resolved(spec: str | Path, folder: Path) -> str:
    """A spec's path as seen from a folder; the name of a shipped spec stays as it is."""
    if isinstance(spec, Path) or is_path(spec):
        return os.path.abspath(folder / spec)
    return spec


def _seconds(config: pytest.Config) -> float:
    option = config.getoption("archcheck_timeout")
    text = str(config.getini("archcheck_timeout"))
    try:
        seconds = float(text) if option is None else option
    except ValueError:
        raise pytest.UsageError(f"archcheck_timeout = {text}: a number of seconds") from None
    if not 0.1 <= seconds < float("inf"):
        raise pytest.UsageError(f"archcheck_timeout: {seconds:g} seconds; at least 0.1")
    return float(seconds)


def _surroundings(config: pytest.Config) -> Surroundings:
    text = config.getoption("archcheck_memory") or config.getini("archcheck_memory")
    clean = config.getoption("archcheck_clean_env")
    clean = config.getini("archcheck_clean_env") if clean is None else clean
    try:
        return Surroundings(memory_of(text) if text else 0, clean)
    except ValueError as error:
        raise pytest.UsageError(f"archcheck_memory = {text}: {error}") from None


def _load(config: pytest.Config) -> Load:
    text = config.getoption("archcheck_load") or config.getini("archcheck_load")
    for load in LOADS:
        if text == load:
            return load
    if text:
        raise pytest.UsageError(f"archcheck_load = {text}: one of {', '.join(LOADS)}")
    return ""


def _given_path(config: pytest.Config, key: str, here: Path, base: Path) -> GivenPath | None:
    option, ini = config.getoption(f"archcheck_{key}"), config.getini(f"archcheck_{key}")
    if option:
        return GivenPath(option, here)
    return GivenPath(ini, base) if ini else None


def _data(config: pytest.Config, here: Path, base: Path) -> Path | None:
    """The folder of the data set: of the command line, the environment or the ini file."""
    for name, text, folder in (
        ("--archcheck-data", config.getoption("archcheck_data"), here),
        ("ARCHCHECK_DATA", os.environ.get("ARCHCHECK_DATA"), here),
        ("archcheck_data", config.getini("archcheck_data"), base),
    ):
        if text:
            path = folder / text
            if not path.is_dir() and name != "ARCHCHECK_DATA":  # it may be meant for others
                raise pytest.UsageError(f"{name} = {text}: there is no such folder ({path})")
            return path
    return None


def _named(config: pytest.Config) -> Iterator[Path]:
    for arg in config.args:
        yield Path(os.path.abspath(config.invocation_params.dir / arg.partition("::")[0]))


def _has_rules(path: Path) -> bool:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return any(_RULES.search(line) for line in file.read(_LARGEST_FILE).splitlines())
    except OSError:
        return False


_SETTINGS = pytest.StashKey[Settings]()
