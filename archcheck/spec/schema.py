"""The JSON Schema of a spec, for editors that complete and check while one types."""

from __future__ import annotations

from typing import Any

from archcheck.rules import all_rules, documentation
from archcheck.rules.options import SHORT, CountOptions
from archcheck.shipped_specs import shipped_specs

SHAPE = {"type": "array", "minItems": 1, "items": {"type": "integer", "minimum": 1}}


def json_schema() -> dict[str, Any]:
    """The schema, in draft 7: the newest that YAML language servers document."""
    definitions: dict[str, Any] = {}
    rules: dict[str, Any] = {}
    whole: dict[str, Any] = {}
    for name, rule in all_rules().items():
        schema = rule.Options.model_json_schema(ref_template="#/definitions/{model}")
        definitions.update(schema.pop("$defs", {}))
        schema.pop("title", None)
        schema["description"] = rule.summary
        needed = schema.pop("required", None)
        if needed is not None:
            whole[name] = _each({"required": needed})
        definitions[name] = schema
        one: list[dict[str, Any]] = [{"$ref": f"#/definitions/{name}"}]
        if issubclass(rule.Options, CountOptions):
            one.append({"enum": list(SHORT)})
        rules[name] = {
            "description": documentation(rule).split("\n## ")[0].removeprefix("## What it does\n"),
            "anyOf": [
                *one,
                {"type": "array", "minItems": 1, "items": {"anyOf": one}},
                {"type": "null"},
            ],
        }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "archcheck spec",
        "description": "What is asked of a network's architecture.",
        "type": "object",
        "additionalProperties": False,
        # What extends another spec may leave out what that one says, and take rules away.
        "if": {"not": {"required": ["extends"]}},
        "then": {
            "required": ["rules"],
            "properties": {
                "rules": {
                    "minProperties": 1,
                    "properties": whole,
                    "patternProperties": {"": {"not": {"type": "null"}}},
                }
            },
        },
        "properties": {
            "title": {"type": ["string", "number"], "description": "What the spec is for."},
            "extends": {
                "type": "string",
                "minLength": 1,
                "description": "The spec that this one builds on: a shipped one by its name "
                f"({', '.join(shipped_specs())}), or the path of a file, relative to this one.",
            },
            "input": {
                "description": "The shape of one sample without the batch, or one a network input.",
                "anyOf": [SHAPE, {"type": "array", "minItems": 1, "items": SHAPE}],
            },
            "arguments": {
                "type": "object",
                "description": "Arguments for the network's constructor. Classes and functions are "
                "given by name: nn.GELU, or one of the file.",
            },
            "rules": {
                "type": "object",
                "additionalProperties": False,
                "properties": rules,
            },
        },
        "definitions": dict(sorted(definitions.items())),
    }


def _each(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema for an entry or every one of a list."""
    entry = {"if": {"type": "object"}, "then": schema}
    return {**entry, "items": entry}
