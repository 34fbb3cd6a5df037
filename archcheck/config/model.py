"""What ``[tool.archcheck]`` says, read and checked key by key."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from archcheck.config.errors import ConfigError
from archcheck.config.toml import KeyPath, TomlTable, kind, read_table, shown
from archcheck.errors import closest
from archcheck.tracing.shapes import input_shapes
from archcheck.worker.reference import dotted

FILE = "pyproject.toml"
KEYS = ("networks", "exclude", "skip", "timeout", "cache-dir", "output-format", "data")
BESIDE = ("weights", "data", "augmentation")
ENTRY_KEYS = ("spec", "name", "arguments", "input", "train", *BESIDE)
_MEANT = {"class": "name", "args": "arguments", "input-shape": "input", "cache": "cache-dir"}
"""Words that stand for others elsewhere."""


@dataclass(frozen=True)
class Entry:
    """What the files of one pattern are held to.

    Attributes:
        spec: a spec as it was written: a path or the name of a shipped one.
        name: the network in the file; empty for the only one.
        arguments: for the network's constructor, over those of the spec.
        input: the shapes of the inputs without the batch; by default the spec's.
        train: whether the network is traced in training mode.
        weights, data, augmentation: a checkpoint, the folder of a data set, a training script
            (with the name of its pipeline), as they were written; empty for none.
        path: where the spec was written, for errors.
    """

    spec: str
    name: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    input: tuple[tuple[int, ...], ...] | None = None
    train: bool = False
    weights: str = ""
    data: str = ""
    augmentation: str = ""
    path: KeyPath = ()


@dataclass(frozen=True)
class Config:
    """The settings of a project. Every path and pattern is relative to the folder of ``file``.

    ``timeout`` is in seconds; what is None or empty was not said.
    """

    file: Path
    networks: Mapping[str, tuple[Entry, ...]]
    exclude: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    timeout: float | None = None
    cache_dir: Path | None = None
    output_format: str = ""
    data: str = ""
    table: TomlTable | None = field(repr=False, compare=False, default=None)

    def error(self, message: str, *path: str | int) -> ConfigError:
        """An error at a key of the table."""
        if self.table is None:
            return ConfigError(message, file=shown(self.file))
        return self.table.error(message, path)


def find_config(start: Path | None = None) -> Config | None:
    """The settings that hold in a folder, by default the working directory.

    They are those of the closest ``pyproject.toml`` with the table ``[tool.archcheck]``, from the
    folder upward; nothing is merged. None if there is none.

    Raises:
        ConfigError: if that file cannot be read, or says something wrong.
        OSError: if the working directory is gone.
    """
    here = Path.cwd() if start is None else start.absolute()
    for folder in (here, *here.parents):
        file = folder / FILE
        if file.is_file():
            table = read_table(file)
            if table is not None:
                return _config(table)
    return None


def read_config(file: Path) -> Config:
    """The settings of one file.

    Raises:
        ConfigError: if it cannot be read, has no table ``[tool.archcheck]``, or says something
            wrong.
    """
    table = read_table(file.absolute())
    if table is None:
        raise ConfigError(f"{file} has no table [tool.archcheck]")
    return _config(table)


def _config(table: TomlTable) -> Config:
    data = table.data
    _known(table, data, KEYS, ())
    networks = _typed(table, data, ("networks",), dict, "a table of patterns and specs") or {}
    found = {
        pattern: tuple(_entries(table, entry, ("networks", pattern)))
        for pattern, entry in networks.items()
    }
    timeout = _typed(table, data, ("timeout",), (int, float), "a number of seconds")
    if timeout is not None and not (math.isfinite(timeout) and timeout >= 0.1):
        raise table.error(f"timeout is at least 0.1 seconds, not {timeout}", ("timeout",))
    cache_dir = _typed(table, data, ("cache-dir",), str, "a folder's path")
    if cache_dir == "":
        raise table.error("cache-dir is a folder's path, not empty", ("cache-dir",))
    return Config(
        file=table.file,
        networks=found,
        exclude=_texts(table, data, "exclude", "a list of patterns"),
        skip=_texts(table, data, "skip", "a list of rules"),
        timeout=timeout,
        cache_dir=table.file.parent / cache_dir if cache_dir else None,
        output_format=_typed(table, data, ("output-format",), str, "a format's name") or "",
        data=_path(table, data, ("data",), "a folder's path"),
        table=table,
    )


def _entries(table: TomlTable, entry: Any, path: KeyPath) -> list[Entry]:
    pattern = path[-1]
    if pattern == "":
        raise table.error("a pattern is empty", path)
    several = isinstance(entry, list)
    items = entry if several else [entry]
    if not items:
        raise table.error(f'"{pattern}" is held to no spec: the list is empty', path)
    return [
        _entry(table, item, (*path, number) if several else path)
        for number, item in enumerate(items)
    ]


def _entry(table: TomlTable, item: Any, path: KeyPath) -> Entry:
    if isinstance(item, str):
        item, at = {"spec": item}, path
    elif isinstance(item, dict):
        at = (*path, "spec")
        _known(table, item, ENTRY_KEYS, path)
        if "spec" not in item:
            raise table.error('the key "spec" is missing: the file or name of a spec', path)
    else:
        wanted = 'a spec, a table like {spec = "net.yaml", name = "Net"}, or a list of these'
        raise table.error(f"a pattern is held to {wanted}, not to {kind(item)}", path)
    spec = _typed(table, item, at if at[-1] == "spec" else (*path, "spec"), str, "a file or a name")
    if not spec.strip():
        raise table.error("the spec's name is empty", at)
    name = _typed(table, item, (*path, "name"), str, "a network's name in the file") or ""
    if name and not dotted(name):
        raise table.error(f'"{name}" is no name that a network can have', (*path, "name"))
    wanted = "a table of names and values"
    return Entry(
        spec=spec,
        name=name,
        arguments=_typed(table, item, (*path, "arguments"), dict, wanted) or {},
        input=_input(table, item, (*path, "input")),
        train=bool(_typed(table, item, (*path, "train"), bool, "true or false")),
        weights=_path(table, item, (*path, "weights"), "a file's path"),
        data=_path(table, item, (*path, "data"), "a folder's path"),
        augmentation=_path(table, item, (*path, "augmentation"), 'a script, "train.py:pipeline"'),
        path=at,
    )


def _path(table: TomlTable, data: Mapping[str, Any], path: KeyPath, wanted: str) -> str:
    text = _typed(table, data, path, str, wanted)
    if text is not None and not text.strip():
        raise table.error(f"{path[-1]} is {wanted}, not empty", path)
    return text or ""


def _input(
    table: TomlTable, item: Mapping[str, Any], path: KeyPath
) -> tuple[tuple[int, ...], ...] | None:
    wanted = "a shape without the batch, like [3, 32, 32], or a list of shapes"
    value = _typed(table, item, path, list, wanted)
    if value is None:
        return None
    flat = [side for part in value for side in (part if isinstance(part, list) else [part])]
    try:
        if any(isinstance(side, bool) for side in flat):
            raise ValueError("true is no side")
        return tuple(input_shapes(value))
    except (ValueError, TypeError):
        raise table.error(f"input is {wanted}", path) from None


def _known(table: TomlTable, data: Mapping[str, Any], keys: Sequence[str], path: KeyPath) -> None:
    for key in data:
        if key not in keys:
            hint = (
                closest(_MEANT.get(key, key.replace("_", "-")), keys)
                or f"; there are {', '.join(keys)}"
            )
            raise table.error(f'unknown key "{key}"{hint}', (*path, key))


def _typed(
    table: TomlTable, data: Mapping[str, Any], path: KeyPath, types: Any, wanted: str
) -> Any:
    """The value of a path's last key, None where it is not said."""
    key = str(path[-1])
    value = data.get(key)
    if value is None:
        return None
    if not isinstance(value, types) or (isinstance(value, bool) and types is not bool):
        raise table.error(f"{key} is {wanted}, not {kind(value)}", path)
    return value


def _texts(table: TomlTable, data: Mapping[str, Any], key: str, wanted: str) -> tuple[str, ...]:
    found = _typed(table, data, (key,), list, wanted) or []
    for number, text in enumerate(found):
        if not isinstance(text, str) or not text:
            what = "an empty one" if text == "" else kind(text)
            raise table.error(f"{key} is {wanted} in quotes; there is {what} in it", (key, number))
    return tuple(found)
