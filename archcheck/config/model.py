"""What ``[tool.archcheck]`` says, read and checked key by key."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta

from archcheck.config.errors import ConfigError
from archcheck.config.toml import KeyPath, TomlTable, find_table, kind, read_table, shown
from archcheck.errors import closest
from archcheck.network.input_language import InputsError, read_input, read_inputs
from archcheck.network.inputs import Inputs
from archcheck.worker.reference import LOADS, Load, dotted
from archcheck.worker.surroundings import memory_of

LONGEST_LIST = 40
"""The longest list that a message shows, in characters."""

Text = Annotated[str, Meta(pattern=r"\S")]


def _as(type_: Any) -> Callable[[Any], Any]:
    return lambda value: msgspec.convert(value, type_)


def _load(value: Any) -> str:
    if value not in LOADS:
        raise ValueError
    return str(value)


def _size(value: Any) -> str:
    text: str = msgspec.convert(value, Text)
    memory_of(text)
    return text


_LOADS = f"one of {', '.join(map(repr, LOADS))}"


class Key(NamedTuple):
    """What a key's value has to be: in words, and a function that converts it."""

    wanted: str
    convert: Callable[[Any], Any]


KEYS = {
    "networks": Key("a table of patterns and specs", _as(dict[str, Any])),
    "exclude": Key("a list of patterns in quotes", _as(list[Text])),
    "skip": Key("a list of rules in quotes", _as(list[Text])),
    "timeout": Key("a number of seconds", _as(float)),
    "load": Key(_LOADS, _load),
    "memory": Key('a size in quotes, like "2GB"', _size),
    "clean-env": Key("true or false", _as(bool)),
    "cache-dir": Key("a folder's path", _as(Text)),
    "output-format": Key("a format's name", _as(str)),
    "data": Key("a folder's path", _as(Text)),
    "lint": Key("a table of what is asked of the lint", _as(dict[str, Any])),
}
ENTRY_KEYS = {
    "spec": Key("a file or a name", _as(Text)),
    "name": Key("a network's name in the file", _as(str)),
    "arguments": Key("a table of names and values", _as(dict[str, Any])),
    "input": Key("a shape without the batch, or a list of shapes", read_input),
    "inputs": Key("a table of names and inputs", read_inputs),
    "train": Key("true or false", _as(bool)),
    "load": Key(_LOADS, _load),
    "weights": Key("a file's path", _as(Text)),
    "data": Key("a folder's path", _as(Text)),
    "augmentation": Key('a script, "train.py:pipeline"', _as(Text)),
}
_MEANT = {"class": "name", "args": "arguments", "input-shape": "input", "cache": "cache-dir"}
"""Words that stand for others elsewhere."""


@dataclass(frozen=True)
class Entry:
    """What the files of one pattern are held to.

    Attributes:
        spec: a spec as it was written: a path or the name of a shipped one.
        name: the network in the file; empty for the only one.
        arguments: for the network's constructor, over those of the spec.
        inputs: what the network is given; by default the spec's.
        train: whether the network is traced in training mode.
        load: how the files are loaded; empty for the first way that does.
        weights, data, augmentation: a checkpoint, the folder of a data set, a training script
            (with the name of its pipeline), as they were written; empty for none. ``{stem}`` in
            the first and the last stands for the name of a network's file.
        path: where the spec was written, for errors.
    """

    spec: str
    name: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    inputs: Inputs | None = None
    train: bool = False
    load: Load = ""
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
    load: Load = ""
    memory: str = ""
    clean_env: bool = False
    cache_dir: Path | None = None
    output_format: str = ""
    data: str = ""
    lint: Mapping[str, Any] = field(default_factory=dict)
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
    table = find_table(start)
    return None if table is None else _config(table)


def configured_cache_dir() -> Path | None:
    """The cache's folder as the settings name it that hold here, None if they do not.

    Raises:
        ConfigError: if the settings are wrong.
    """
    try:
        config = find_config()
    except OSError:  # the working directory is gone
        return None
    return config.cache_dir if config is not None else None


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
    errors: list[ConfigError] = []
    values = _values(table, table.data, KEYS, (), errors)
    timeout, cache_dir = values.get("timeout"), values.get("cache-dir")
    if timeout is not None and not 0.1 <= timeout < math.inf:
        wrong = f"timeout is at least 0.1 seconds, not {timeout:g}"
        errors.append(table.error(wrong, ("timeout",)))
    networks = {
        pattern: tuple(_entries(table, entry, ("networks", pattern), errors))
        for pattern, entry in values.get("networks", {}).items()
    }
    if errors:
        first, *others = sorted(errors, key=lambda error: (error.line or 0, error.column or 0))
        first.others = tuple(others)
        raise first
    return Config(
        file=table.file,
        networks=networks,
        exclude=tuple(values.get("exclude", ())),
        skip=tuple(values.get("skip", ())),
        timeout=timeout,
        load=values.get("load", ""),
        memory=values.get("memory", ""),
        clean_env=values.get("clean-env", False),
        cache_dir=table.file.parent / cache_dir if cache_dir else None,
        output_format=values.get("output-format", ""),
        data=values.get("data", ""),
        lint=values.get("lint", {}),
        table=table,
    )


def _entries(
    table: TomlTable, entry: Any, path: KeyPath, errors: list[ConfigError]
) -> Iterator[Entry]:
    pattern = path[-1]
    if pattern == "":
        errors.append(table.error("a pattern is empty", path))
    several = isinstance(entry, list)
    items = entry if several else [entry]
    if not items:
        errors.append(table.error(f'"{pattern}" is held to no spec: the list is empty', path))
    for number, item in enumerate(items):
        found = _entry(table, item, (*path, number) if several else path, errors)
        if found is not None:
            yield found


def _entry(table: TomlTable, item: Any, path: KeyPath, errors: list[ConfigError]) -> Entry | None:
    where = path
    if isinstance(item, str):
        item = {"spec": item}
    elif isinstance(item, dict):
        where = (*path, "spec")
    else:
        wanted = 'a spec, a table like {spec = "net.yaml", name = "Net"}, or a list of these'
        errors.append(table.error(f"a pattern is held to {wanted}, not to {kind(item)}", path))
        return None
    values = _values(table, item, ENTRY_KEYS, path, errors)
    if "input" in item and "inputs" in item:
        wrong = "input and inputs say the same: leave one of them out"
        errors.append(table.error(wrong, (*path, "inputs")))
    if "spec" not in item:
        errors.append(table.error('the key "spec" is missing: the file or name of a spec', path))
    name = values.get("name", "")
    if name and not dotted(name):
        wrong = f'"{name}" is no name that a network can have'
        errors.append(table.error(wrong, (*path, "name")))
    return Entry(
        spec=values.get("spec", ""),
        name=name,
        arguments=values.get("arguments", {}),
        inputs=values.get("input", values.get("inputs")),
        train=values.get("train", False),
        load=values.get("load", ""),
        weights=values.get("weights", ""),
        data=values.get("data", ""),
        augmentation=values.get("augmentation", ""),
        path=where,
    )


def _values(
    table: TomlTable,
    data: Mapping[str, Any],
    keys: Mapping[str, Key],
    path: KeyPath,
    errors: list[ConfigError],
) -> dict[str, Any]:
    """The values of a table's keys, each of one of its key's types; what is wrong with the others
    is added to ``errors``."""
    values = {}
    for name, value in data.items():
        if name not in keys:
            hint = closest(_MEANT.get(name, name.replace("_", "-")), keys)
            hint = hint or f"; there are {', '.join(keys)}"
            errors.append(table.error(f'unknown key "{name}"{hint}', (*path, name)))
            continue
        try:
            values[name] = keys[name].convert(value)
        except InputsError as error:
            errors += [table.error(f.message, (*path, name, *f.path)) for f in error.faults]
        except (ValueError, TypeError):  # msgspec's own error is a ValueError
            wrong = f"{name} is {keys[name].wanted}, not {_described(value)}"
            errors.append(table.error(wrong, (*path, name)))
    return values


def _described(value: Any) -> str:
    if isinstance(value, str) and not value.strip():
        return "empty"
    if isinstance(value, list) and len(repr(value)) <= LONGEST_LIST:
        return repr(value)
    return kind(value)
