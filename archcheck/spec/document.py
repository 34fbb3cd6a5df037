"""YAML and JSON with the place of every key and value remembered."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from yaml.constructor import SafeConstructor

from archcheck.limited_file import read_at_most
from archcheck.spec.errors import SpecError

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
LARGEST_FILE = 1 << 20
"""Larger files are not read, in bytes."""
MOST_NODES = 100_000
MOST_LEVELS = 50

_SURPRISING = re.compile(r"^[+-]?0[0-9_]|:")

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True)
class Source:
    """A file and its text."""

    file: str
    text: str


@dataclass(frozen=True)
class Mark:
    """A stretch of one line of a file; ``line`` and ``column`` count from 1."""

    source: Source
    line: int
    column: int
    length: int


@dataclass
class Document:
    """Parsed data, and where every key and value stands.

    ``source`` is the file it was read from. What came from another one, through ``extends``,
    carries that file in its marks; ``bases`` names the files it came from. ``blank`` holds the
    paths of values that nothing was written for (``max-pool:``), which YAML reads as null.
    """

    source: Source
    data: Any
    keys: dict[KeyPath, Mark] = field(default_factory=dict)
    values: dict[KeyPath, Mark] = field(default_factory=dict)
    blank: set[KeyPath] = field(default_factory=set)
    bases: tuple[str, ...] = ()

    @property
    def file(self) -> str:
        """The file's name."""
        return self.source.file

    def error(self, message: str, path: KeyPath = (), *, key: bool = False) -> SpecError:
        """An error at a path, or at the nearest place above it that is known."""
        places = (self.keys, self.values) if key else (self.values, self.keys)
        where: Mark | None = None
        at = path
        while where is None:
            where = next((marks[at] for marks in places if at in marks), None)
            if where is None and not at:
                break
            at = at[:-1]
        return self.error_at(message, where)

    def written(self, path: KeyPath) -> str:
        """The text of a value as it stands in the file, empty if that is not known."""
        mark = self.values.get(path)
        if mark is None:
            return ""
        line = mark.source.text.splitlines()[mark.line - 1]
        return line[mark.column - 1 : mark.column - 1 + mark.length]

    def error_at(self, message: str, mark: Mark | None) -> SpecError:
        """An error at a mark."""
        if mark is None:
            return SpecError(message, file=self.file)
        lines = mark.source.text.splitlines()
        source = lines[mark.line - 1] if mark.line <= len(lines) else ""
        return SpecError(
            message,
            file=mark.source.file,
            line=mark.line,
            column=mark.column,
            length=max(1, min(mark.length, len(source) - mark.column + 1)),
            source=source,
        )


def read_document(path: str | Path) -> Document:
    """Read a YAML or JSON file.

    Raises:
        SpecError: if it cannot be read or parsed, or gives a key twice.
    """
    file = str(path)
    try:
        raw = read_at_most(path, LARGEST_FILE)
    except FileNotFoundError:
        raise SpecError(f"there is no file {file}") from None
    except IsADirectoryError:
        raise SpecError(f"{file} is a folder; name the spec's file") from None
    except OSError as error:
        raise SpecError(f"{file} cannot be read: {error.strerror}") from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise SpecError("this is not UTF-8 text", file=file, line=line) from None
    return parse_document(text, file)


def parse_document(text: str, file: str = "spec") -> Document:
    """Parse YAML or JSON text.

    Raises:
        SpecError: if it cannot be parsed, or gives a key twice.
    """
    document = Document(Source(file, text), None)
    plain = text
    if text.lstrip()[:1] in "{[" and _is_json(text):
        plain = text.replace("\t", " ")  # YAML knows no tabs; strings of JSON hold none
    try:
        node = yaml.compose(plain, Loader=_Loader)
        if node is not None:
            document.data = _Builder(document).build(node, (), ())
    except yaml.MarkedYAMLError as error:
        raise _not_yaml(document, error) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise SpecError("this is not YAML: a control character", file=file, line=line) from None
    except yaml.YAMLError as error:
        raise SpecError(f"this is not YAML: {error}", file=file) from None
    except RecursionError:
        raise SpecError("this is nested too deeply for a spec", file=file) from None
    return document


_OPEN = {"{": "bracket {", "[": "bracket [", '"': 'quote "', "'": "quote '"}


def _not_yaml(document: Document, error: yaml.MarkedYAMLError) -> SpecError:
    """What is wrong with a text that is no YAML, in the words of people who write specs."""
    text = document.source.text
    problem, context = error.problem_mark, error.context_mark
    if context is not None and _is_open(text, context.index):
        opened = _OPEN[text[context.index]]
        return document.error_at(f"the {opened} is not closed", _at(document, context))
    mark = problem or context
    where = None if mark is None else _at(document, mark)
    rest = "" if mark is None else text[mark.index :]
    if rest.startswith("\t"):
        return document.error_at("YAML takes no tabs: indent by spaces", where)
    if rest.startswith("---"):
        return document.error_at("a second document begins here: a spec is a single one", where)
    return document.error_at(f"this is not YAML: {error.problem}", where)


def _is_open(text: str, index: int) -> bool:
    """Whether a bracket or a quote begins at an index of a text and never ends."""
    opened = text[index : index + 1]
    if opened not in ("{", "["):
        return opened in _OPEN and opened not in text[index + 1 :]
    depth = 0
    for character in text[index:]:
        depth += (character in "{[") - (character in "}]")
        if depth == 0:
            return False
    return True


def _at(document: Document, mark: yaml.Mark) -> Mark:
    return Mark(document.source, mark.line + 1, mark.column + 1, 1)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


class _Builder:
    """Turns YAML nodes into data, writing down where each stands."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.scalars = SafeConstructor()
        self.nodes = 0

    def build(self, node: yaml.Node, path: KeyPath, above: tuple[int, ...]) -> Any:
        self.nodes += 1
        mark = self._mark(node)
        self.document.values.setdefault(path, mark)
        if node.tag.endswith(":null") and not node.value:
            self.document.blank.add(path)
        if id(node) in above:
            raise self.document.error_at("this refers to itself", mark)
        if self.nodes > MOST_NODES or len(above) > MOST_LEVELS:
            raise self.document.error_at("this is too large or too deep for a spec", mark)
        inside = (*above, id(node))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, inside)
        if isinstance(node, yaml.SequenceNode):
            return [
                self.build(item, (*path, index), inside) for index, item in enumerate(node.value)
            ]
        if node.tag.endswith(":int") and _SURPRISING.search(node.value):
            # YAML 1.1 reads 010 as eight and 1:30 as ninety.
            raise self.document.error_at(f"{node.value} is not a number as people write it", mark)
        try:
            return self.scalars.construct_object(node)
        except (yaml.YAMLError, ValueError):
            raise self.document.error_at(f"{node.value!r} cannot be read", mark) from None

    def _mapping(
        self, node: yaml.MappingNode, path: KeyPath, inside: tuple[int, ...]
    ) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            mark = self._mark(key_node)
            if not isinstance(key_node, yaml.ScalarNode):
                raise self.document.error_at("a key has to be a word", mark)
            key = key_node.value
            if key in mapping:
                first = self.document.keys[(*path, key)].line
                raise self.document.error_at(
                    f"the key {key!r} is given twice (first in line {first}); "
                    "several requirements of one rule are written as a list",
                    mark,
                )
            self.document.keys[(*path, key)] = mark
            mapping[key] = self.build(value_node, (*path, key), inside)
        return mapping

    def _mark(self, node: yaml.Node) -> Mark:
        start, end = node.start_mark, node.end_mark
        length = end.column - start.column if end.line == start.line else 1 << 16
        return Mark(self.document.source, start.line + 1, start.column + 1, max(1, length))
