"""One entry of a spec: its options, or what is wrong with them, in words."""

from __future__ import annotations

import re
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from archcheck.errors import closest
from archcheck.rules import Rule
from archcheck.rules.options import SHORT, Amount, CommonOptions, CountOptions
from archcheck.spec.document import Document, KeyPath
from archcheck.spec.errors import SpecError


def options_of(
    document: Document, rule: Rule, item: Any, path: KeyPath, errors: list[SpecError]
) -> CommonOptions | None:
    """The options of one entry; None if it is wrong, with the reasons added to ``errors``."""
    if isinstance(item, str) and item in SHORT:
        if not issubclass(rule.Options, CountOptions):
            message = (
                f'{rule.name} does not count, so "{item}" means nothing here; '
                f"see `archcheck rule {rule.name}`"
            )
            errors.append(document.error(message, path))
            return None
        item = SHORT[item]
    if not isinstance(item, dict):
        errors.append(document.error(_no_mapping(document, rule, item, path), path))
        return None
    try:
        return rule.Options.model_validate(item)
    except ValidationError as error:
        errors += _errors(document, rule, item, path, error)
        return None


def _no_mapping(document: Document, rule: Rule, item: Any, path: KeyPath) -> str:
    """What to write in place of an entry that is no mapping."""
    written = document.written(path) or repr(item)
    counts = issubclass(rule.Options, CountOptions)
    words = f"{' or '.join(SHORT)}, or " if counts else ""
    hint = closest(item, list(SHORT)) if counts and isinstance(item, str) else ""
    amount = isinstance(item, str) and item[:1].isdecimal()
    if amount or (isinstance(item, (int, float)) and not isinstance(item, bool)):
        key = "exactly" if counts and not isinstance(item, str) else "at_most"
        fields = rule.Options.model_fields
        if key in fields and not any(field.is_required() for field in fields.values()):
            return f"{rule.name}: write {{{key}: {written}}}, not {written}"
    return f"{rule.name} takes {words}a mapping such as {{{_example(rule)}}}, not {written}{hint}"


def _example(rule: Rule) -> str:
    fields = rule.Options.model_fields
    if any(field.is_required() for field in fields.values()):
        return ", ".join(f"{key}: {value}" for key, value in rule.passes[0].options.items())
    return "less_than: 10" if "less_than" in fields else f"{next(iter(fields))}: ..."


def _errors(
    document: Document, rule: Rule, item: dict[str, Any], path: KeyPath, error: ValidationError
) -> list[SpecError]:
    details = error.errors(include_url=False)
    # A misspelt key explains the others, so it is reported first, and what is missing not at all.
    misspelt = [detail for detail in details if detail["type"] == "extra_forbidden"]
    others = [
        detail
        for detail in details
        if detail["type"] != "extra_forbidden" and not (misspelt and detail["type"] == "missing")
    ]
    by_place: dict[KeyPath, SpecError] = {}
    for detail in (*misspelt, *others):
        location = _real_path(item, detail["loc"])
        # Of a value that could have been several things one reason is reported.
        if location in by_place or any(location == place[: len(location)] for place in by_place):
            continue
        same = [d for d in details if _real_path(item, d["loc"]) == location]
        by_place[location] = _error(document, rule, detail, same, (*path, *location), path)
    return list(by_place.values())


def _error(
    document: Document,
    rule: Rule,
    detail: ErrorDetails,
    same: list[ErrorDetails],
    place: KeyPath,
    path: KeyPath,
) -> SpecError:
    location = place[len(path) :]
    if detail["type"] == "extra_forbidden":
        fields = rule.Options.model_fields if len(location) == 1 else Amount.model_fields
        message = f'unknown key "{location[-1]}"{closest(str(location[-1]), list(fields))}'
        return document.error(f"{rule.name}: {message}", place, key=True)
    name = ".".join(str(part) for part in location)
    message = _in_words(detail, same)
    where = f"{rule.name}: {name}: {message}" if name else f"{rule.name}: {message}"
    return document.error(where, place)


def _in_words(detail: ErrorDetails, details: list[ErrorDetails]) -> str:
    """What pydantic found, as people say it."""
    choices = next((d for d in details if d["type"] == "literal_error"), None)
    if choices is not None and detail["type"] in ("literal_error", "list_type"):
        wanted = str(choices["ctx"]["expected"])
        close = closest(str(detail["input"]), re.findall("'([^']*)'", wanted))
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
