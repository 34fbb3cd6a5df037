"""The JSON Schema of a spec, for editors that complete and check while one types."""

from __future__ import annotations

from typing import Any

from archcheck.lint import LINT, all_lint_rules
from archcheck.lint.options import ALL
from archcheck.network.input_language import DTYPE_WORDS
from archcheck.network.inputs import AXES, BATCH, DTYPES, POSITIONS
from archcheck.rules import all_rules, documentation
from archcheck.rules.options import SHORT, CountOptions
from archcheck.shipped_specs import shipped_specs

SIDES = {"type": "array", "items": {"type": "integer", "minimum": 1}}
SHAPE = {**SIDES, "minItems": 1}
INPUT = {"$ref": "#/definitions/input"}


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
    definitions["lint"] = _lint()
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "archcheck spec",
        "description": "What is asked of a network's architecture.",
        "type": "object",
        "additionalProperties": False,
        # What extends another spec may leave out what that one says, and take rules away.
        "if": {"not": {"required": ["extends"]}},
        "then": {
            "anyOf": [{"required": ["rules"]}, {"required": ["lint"]}],
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
            "network": {
                "type": "string",
                "minLength": 1,
                "description": "The network of each folder that is verified: its name (Net), its "
                "file in the folder (net.py), or both (src/net.py:Net). By default it is the one "
                "that runs on the input and has the output that output-shape asks for.",
            },
            "input": {
                "description": "The shape of one sample without the batch, or one a network input.",
                "anyOf": [
                    SHAPE,
                    {"$ref": "#/definitions/tensor"},
                    {"type": "array", "minItems": 1, "items": INPUT},
                ],
            },
            "inputs": {
                "description": "What the network is given, by the names of forward's parameters, "
                "or as a list.",
                "anyOf": [
                    {"type": "object", "minProperties": 1, "additionalProperties": INPUT},
                    {"type": "array", "minItems": 1, "items": INPUT},
                ],
            },
            "variants": {
                "description": "Other inputs, by name, that every rule has to hold for as well: in "
                "place of the input, or of those of the inputs that are named.",
                "type": "object",
                "minProperties": 1,
                "additionalProperties": {
                    "anyOf": [
                        SHAPE,
                        {"type": "array", "minItems": 1, "items": INPUT},
                        {"$ref": "#/definitions/tensor"},
                        {"type": "object", "minProperties": 1, "additionalProperties": INPUT},
                    ]
                },
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
            "lint": {
                "description": LINT.summary,
                "anyOf": [{"$ref": "#/definitions/lint"}, {"type": "null"}],
            },
        },
        "definitions": dict(sorted({**definitions, **_inputs()}.items())),
    }


def _lint() -> dict[str, Any]:
    """What is said of a lint, with the names of its rules."""
    schema = LINT.Options.model_json_schema(ref_template="#/definitions/{model}")
    names = {"enum": [*all_lint_rules()]}
    properties = schema["properties"]
    some = {"minItems": 1, "items": {"enum": [ALL, *all_lint_rules()]}}
    properties["select"]["anyOf"][0] |= some
    properties["ignore"]["items"] = names
    properties["severities"]["propertyNames"] = names
    return {**schema, "title": LINT.name}


def _inputs() -> dict[str, Any]:
    """The definitions of what a network is given."""
    whole = {"type": "integer"}
    plain = {
        "type": "object",
        "description": "A value of Python, as it is.",
        "additionalProperties": False,
        "required": ["python"],
        "properties": {"python": {}},
    }
    return {
        "tensor": {
            "type": "object",
            "description": "A tensor.",
            "additionalProperties": False,
            "required": ["shape"],
            "properties": {
                "shape": {**SIDES, "description": "Its sides without the batch."},
                "dtype": {
                    "description": "Its type; by default that of the network's weights, int64 "
                    "where below or from is said, or that of value.",
                    "anyOf": [{"enum": [*DTYPES, *DTYPE_WORDS]}, {"pattern": "^torch[.]"}],
                },
                "from": {**whole, "description": "The smallest integer that is drawn, 0."},
                "below": {**whole, "description": "The integers that are drawn are below it."},
                "value": {
                    "type": ["number", "boolean"],
                    "description": "What every element is, in place of random numbers.",
                },
                "batch": {
                    "description": "The place of the batch's axis, 0 by default, or none.",
                    "anyOf": [{"type": "integer", "minimum": 0}, {"enum": ["none", None]}],
                },
                "axes": {
                    "type": "array",
                    "items": {"enum": [*AXES, BATCH]},
                    "description": "What its sides are: positions are counted along "
                    f"{', '.join(sorted(POSITIONS))}.",
                },
            },
        },
        "input": {
            "description": "A shape, a tensor, a value of Python, or a list or table of inputs.",
            "anyOf": [
                SHAPE,
                {"$ref": "#/definitions/tensor"},
                plain,
                {"type": ["boolean", "number", "string", "null"]},
                {
                    "type": "array",
                    "minItems": 1,
                    "items": INPUT,
                    "not": {"items": {"type": "number"}},
                },
                {
                    "type": "object",
                    "minProperties": 1,
                    "not": {"anyOf": [{"required": ["shape"]}, {"required": ["python"]}]},
                    "additionalProperties": INPUT,
                },
            ],
        },
    }


def _each(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema for an entry or every one of a list."""
    entry = {"if": {"type": "object"}, "then": schema}
    return {**entry, "items": entry}
