"""``extends``: a spec built on another one, key by key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from archcheck.errors import closest
from archcheck.rules import all_rules
from archcheck.rules.options import SHORT, CountOptions
from archcheck.shipped_specs import UnknownName, spec_file
from archcheck.spec.document import Document, KeyPath, read_document
from archcheck.spec.errors import SpecError

LONGEST_CHAIN = 20
"""No chain of specs is longer."""
_UPPER = frozenset({"less_than", "at_most"})
_LOWER = frozenset({"more_than", "at_least"})
_BOUNDS = _UPPER | _LOWER | {"exactly"}
_OTHER_WORD = {"input": "inputs", "inputs": "input"}
"""Keys that take the place of each other."""


def complete(document: Document, errors: list[SpecError], above: tuple[str, ...] = ()) -> Document:
    """A document with everything that it inherits.

    Mappings merge key by key, so that one option of a rule can be changed. A comparison takes
    the place of the inherited ones on its side: ``at_most: 300k`` of ``less_than: 200k``,
    ``exactly`` of all. A list of entries, like any other value, replaces what was there. ``null``
    takes a rule or an option away; one that takes nothing away is added to ``errors``.

    Raises:
        SpecError: at the line of ``extends`` if there is no such spec or it extends itself.
    """
    data = document.data
    if not isinstance(data, dict) or "extends" not in data:
        return document
    chain = (*above, _identity(document.file))
    base = complete(_base(document, chain), errors, chain)
    if not isinstance(base.data, dict):
        raise base.error("a spec is a mapping with the key `rules:`")
    return _Merge(base, document, errors).result()


def _identity(file: str) -> str:
    return str(Path(file).resolve()) if file else ""


def _base(document: Document, chain: tuple[str, ...]) -> Document:
    at: KeyPath = ("extends",)
    name = document.data["extends"]
    if not isinstance(name, str) or not name.strip():
        raise document.error("extends names one spec: a shipped one, or the path of a file", at)
    file = _find(document, name.strip())
    if _identity(file) in chain:
        names = [*chain[chain.index(_identity(file)) :], _identity(file)]
        way = " → ".join(Path(step).name for step in names)
        raise document.error(f"a spec cannot extend itself: {way}", at)
    if len(chain) >= LONGEST_CHAIN:
        raise document.error(f"more than {LONGEST_CHAIN} specs extend each other", at)
    try:
        return read_document(file)
    except SpecError as error:
        if error.line is not None:
            raise
        raise document.error(f"extends: {error.message}", at) from None


def _find(document: Document, name: str) -> str:
    try:
        return str(spec_file(name, Path(document.file).parent))
    except UnknownName as error:
        raise document.error(str(error), ("extends",)) from None


class _Merge:
    """Two documents become one; every key and value keeps the place where it was written."""

    def __init__(self, base: Document, own: Document, errors: list[SpecError]) -> None:
        self.errors = errors
        self.base = base
        self.own = own
        self.merged = Document(own.source, None, bases=(base.file, *base.bases))

    def result(self) -> Document:
        """The own document's keys over the base's."""
        base, own = self.base.data, self.own.data
        self._mark(self.own, ())
        data: dict[str, Any] = {}
        for key in [*base, *(key for key in own if key not in base)]:
            path: KeyPath = (key,)
            if key == "extends" or (key not in own and _OTHER_WORD.get(key) in own):
                continue
            if key not in own:
                data[key] = self._take(self.base, path, base[key])
            elif key == "rules" and isinstance(base.get(key), dict) and isinstance(own[key], dict):
                self._mark(self.own, path)
                data[key] = self._rules(base[key], own[key])
            elif key == "arguments" and isinstance(base.get(key), dict) and own[key] is not None:
                data[key] = self._arguments(base[key], own[key])
            else:
                data[key] = self._take(self.own, path, own[key])
        if "rules" not in data and "lint" not in data:
            data["rules"] = {}
        self.merged.data = data
        return self.merged

    def _arguments(self, base: dict[str, Any], own: Any) -> Any:
        # A null among them is an argument like any other.
        if not isinstance(own, dict):
            return self._take(self.own, ("arguments",), own)
        self._mark(self.own, ("arguments",))
        kept = {
            name: self._take(self.base, ("arguments", name), value)
            for name, value in base.items()
            if name not in own
        }
        own_values = {
            name: self._take(self.own, ("arguments", name), value) for name, value in own.items()
        }
        return {**kept, **own_values}

    def _rules(self, base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        for name in [*base, *(name for name in own if name not in base)]:
            path: KeyPath = ("rules", name)
            if name not in own:
                merged[name] = self._take(self.base, path, base[name])
            elif own[name] is None:
                self._drop(base, path, "rule")
            else:
                inherited, entry = base.get(name), own[name]
                if _counts(name) and isinstance(entry, dict):
                    inherited = _spelt_out(inherited)
                if _counts(name) and isinstance(inherited, dict):
                    entry = _spelt_out(entry)
                if isinstance(inherited, dict) and isinstance(entry, dict):
                    merged[name] = self._mapping(inherited, entry, path)
                else:
                    merged[name] = self._take(self.own, path, entry)
        return merged

    def _mapping(self, base: dict[str, Any], own: dict[str, Any], path: KeyPath) -> dict[str, Any]:
        self._mark(self.own, path)
        replaced = _replaced(own)
        merged: dict[str, Any] = {}
        for key in [*base, *(key for key in own if key not in base)]:
            at = (*path, key)
            if key not in own:
                if key not in replaced:
                    merged[key] = self._take(self.base, at, base[key])
            elif own[key] is None:
                self._drop(base, at, "option")
            elif isinstance(base.get(key), dict) and isinstance(own[key], dict):
                merged[key] = self._mapping(base[key], own[key], at)
            else:
                merged[key] = self._take(self.own, at, own[key])
        return merged

    def _drop(self, base: dict[str, Any], path: KeyPath, what: str) -> None:
        name = str(path[-1])
        if path in self.own.blank:
            message = f"nothing stands behind {name}; write null to take the inherited {what} away"
        elif name not in base:
            hint = closest(name, base)
            message = f'null takes nothing away: no {what} "{name}" is inherited{hint}'
        else:
            return
        self.errors.append(self.own.error(message, path, key=True))

    def _take(self, document: Document, path: KeyPath, value: Any) -> Any:
        """A value with the places of everything in it."""
        self._mark(document, path)
        items: Any = ()
        if isinstance(value, dict):
            items = value.items()
        elif isinstance(value, list):
            items = enumerate(value)
        for key, item in items:
            self._take(document, (*path, key), item)
        return value

    def _mark(self, document: Document, path: KeyPath) -> None:
        for marks, into in (
            (document.keys, self.merged.keys),
            (document.values, self.merged.values),
        ):
            if path in marks:
                into[path] = marks[path]


def _counts(name: str) -> bool:
    rule = all_rules().get(name)
    return rule is not None and issubclass(rule.Options, CountOptions)


def _spelt_out(entry: Any) -> Any:
    return SHORT[entry] if isinstance(entry, str) and entry in SHORT else entry


def _replaced(own: dict[str, Any]) -> frozenset[str]:
    """The inherited comparisons that those of an entry take the place of."""
    bounds = {key for key, value in own.items() if key in _BOUNDS and value is not None}
    if "exactly" in bounds:
        return _BOUNDS
    replaced = {"exactly"} if bounds else set()
    for side in (_UPPER, _LOWER):
        replaced |= side if bounds & side else set()
    return frozenset(replaced)
