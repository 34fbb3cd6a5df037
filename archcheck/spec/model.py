"""A spec: what is asked of a network."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from archcheck.rules import Rule, all_rules
from archcheck.rules.options import CommonOptions, CountOptions
from archcheck.spec.document import Document, KeyPath, parse_document, read_document

SHORT = {"forbidden": {"exactly": 0}, "required": {"at_least": 1}}
"""What a word in place of a mapping stands for, for rules that count."""
KEYS = ("title", "input", "arguments", "rules")


@dataclass(frozen=True)
class Requirement:
    """One entry of a spec: a rule and its options."""

    rule: Rule
    options: CommonOptions


@dataclass(frozen=True)
class Spec:
    """A validated spec. ``input`` is one shape an input, each without the batch."""

    requirements: tuple[Requirement, ...]
    input: tuple[tuple[int, ...], ...] | None = None
    title: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)
    file: str = ""


def load_spec(path: str | Path) -> Spec:
    """Read and validate a spec file (YAML or JSON).

    Raises:
        SpecError: with file, line and column, and the closest valid key where one is wrong.
    """
    return _spec(read_document(path))


def parse_spec(text: str, file: str = "spec") -> Spec:
    """Validate a spec from its text.

    Raises:
        SpecError: as :func:`load_spec`.
    """
    return _spec(parse_document(text, file))


def spec_from(data: dict[str, Any]) -> Spec:
    """Validate a spec given as Python data.

    Raises:
        SpecError: as :func:`load_spec`, without lines.
    """
    return _spec(Document("", "", data))


def _spec(document: Document) -> Spec:
    data = document.data
    if data is None or data == {}:
        raise document.error("the spec is empty; it needs at least `rules:`")
    if not isinstance(data, dict):
        raise document.error("a spec is a mapping with the key `rules:`")
    for key in data:
        if key not in KEYS:
            hint = _closest(key, list(KEYS))
            if key in all_rules():
                hint = "; rules stand under `rules:`"
            raise document.error(f'unknown key "{key}"{hint}', (key,), key=True)
    title = data.get("title", "")
    if not isinstance(title, (str, int, float)):
        raise document.error("title has to be text", ("title",))
    arguments = data.get("arguments") or {}
    if not isinstance(arguments, dict):
        raise document.error("arguments is a mapping of names to values", ("arguments",))
    return Spec(
        requirements=_requirements(document),
        input=_input(document),
        title=str(title),
        arguments=arguments,
        file=document.file,
    )


def _input(document: Document) -> tuple[tuple[int, ...], ...] | None:
    if "input" not in document.data:
        return None
    value = document.data["input"]
    shapes = value if _is_list_of_lists(value) else [value]
    for shape in shapes:
        if (
            not isinstance(shape, list)
            or not shape
            or not all(
                isinstance(side, int) and not isinstance(side, bool) and side > 0 for side in shape
            )
        ):
            raise document.error(
                "input is a shape without the batch, like [3, 32, 32], or a list of shapes",
                ("input",),
            )
    return tuple(tuple(shape) for shape in shapes)


def _is_list_of_lists(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, list) for v in value)


def _requirements(document: Document) -> tuple[Requirement, ...]:
    rules = document.data.get("rules")
    if not rules:
        raise document.error(
            "the spec asks for nothing: put at least one rule under `rules:`", ("rules",), key=True
        )
    if not isinstance(rules, dict):
        raise document.error("rules is a mapping of rule names to what they ask", ("rules",))
    known = all_rules()
    found = []
    for name, entry in rules.items():
        if name not in known:
            hint = _closest(name.replace("_", "-"), list(known))
            raise document.error(f'unknown rule "{name}"{hint}', ("rules", name), key=True)
        entries = entry if isinstance(entry, list) else [entry]
        if not entries:
            raise document.error(f"{name} asks for nothing", ("rules", name))
        for number, item in enumerate(entries):
            path: KeyPath = ("rules", name)
            path = (*path, number) if isinstance(entry, list) else path
            found.append(Requirement(known[name], _options(document, known[name], item, path)))
    return tuple(found)


def _options(document: Document, rule: Rule, item: Any, path: KeyPath) -> CommonOptions:
    if isinstance(item, str):
        if item not in SHORT:
            raise document.error(
                f'{rule.name}: "{item}" is neither a mapping nor '
                f"{' nor '.join(SHORT)}{_closest(item, list(SHORT))}",
                path,
            )
        if not issubclass(rule.Options, CountOptions):
            raise document.error(
                f'{rule.name} does not count, so "{item}" means nothing here; '
                f"see `archcheck rule {rule.name}`",
                path,
            )
        item = SHORT[item]
    if not isinstance(item, dict):
        raise document.error(
            f"{rule.name} takes a mapping such as {{{_example(rule)}}}, not {item!r}", path
        )
    try:
        return rule.Options.model_validate(item)
    except ValidationError as error:
        raise _first_error(document, rule, item, path, error) from None


def _example(rule: Rule) -> str:
    fields = rule.Options.model_fields
    return "less_than: 10" if "less_than" in fields else f"{next(iter(fields))}: ..."


def _first_error(
    document: Document, rule: Rule, item: dict[str, Any], path: KeyPath, error: ValidationError
) -> Exception:
    details = error.errors(include_url=False)
    # A misspelt key explains the others, so it is told first.
    detail = min(details, key=lambda d: d["type"] != "extra_forbidden")
    location = _real_path(item, detail["loc"])
    if detail["type"] == "extra_forbidden":
        key = str(location[-1])
        model = rule.Options if len(location) == 1 else None
        fields = list(model.model_fields) if model else []
        if len(location) > 1:
            from archcheck.rules.options import Amount

            fields = list(Amount.model_fields)
        message = f'unknown key "{key}"{_closest(key, fields)}'
        return document.error(f"{rule.name}: {message}", (*path, *location), key=True)
    name = ".".join(str(part) for part in location)
    message = _in_words(detail, details)
    where = f"{rule.name}: {name}: {message}" if name else f"{rule.name}: {message}"
    return document.error(where, (*path, *location))


def _in_words(detail: ErrorDetails, details: list[ErrorDetails]) -> str:
    """What pydantic found, as people say it."""
    choices = next((d for d in details if d["type"] == "literal_error"), None)
    if choices is not None and detail["type"] in ("literal_error", "list_type"):
        wanted = str(choices["ctx"]["expected"])
        close = _closest(str(detail["input"]), re.findall("'([^']*)'", wanted))
        return f"{detail['input']!r} is not one of {wanted}{close}"
    if detail["type"] in ("model_type", "model_attributes_type"):
        return (
            f"{detail['input']!r} is no comparison; write it like {{at_least: {detail['input']}}}"
        )
    if detail["type"] == "missing":
        return f'the key "{detail["loc"][-1]}" is missing'
    return detail["msg"].removeprefix("Value error, ")


def _real_path(item: Any, location: tuple[int | str, ...]) -> KeyPath:
    """The part of pydantic's location that exists in the data (unions add names of their own)."""
    path: list[str | int] = []
    current = item
    for part in location:
        if isinstance(current, dict):
            if part not in current:
                continue
        elif not isinstance(current, list) or not isinstance(part, int) or part >= len(current):
            continue
        current = current[part]
        path.append(part)
    return tuple(path)


def _closest(word: str, candidates: list[str]) -> str:
    close = get_close_matches(word, candidates, 1, 0.6)
    return f'; did you mean "{close[0]}"?' if close else ""
