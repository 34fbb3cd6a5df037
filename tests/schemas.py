"""What the documentation of other tools asks of files that they read.

``data/schemas/sarif-2.1.0.json`` is the schema of SARIF 2.1.0 (2.1.0-rtm.5, as SchemaStore
publishes it, unchanged). GitLab and Gradescope publish no schema: theirs are written here from
https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format and
https://gradescope-autograders.readthedocs.io/en/latest/specs/#output-format.
"""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema

_FILE = Path(__file__).parent / "data" / "schemas" / "sarif-2.1.0.json"

SARIF = jsonschema.Draft4Validator(
    json.loads(_FILE.read_text("utf-8")), format_checker=jsonschema.FormatChecker()
)

GITLAB = jsonschema.Draft7Validator(
    {
        "type": "array",
        "items": {
            "type": "object",
            "additionalProperties": False,
            "required": ["description", "check_name", "fingerprint", "severity", "location"],
            "properties": {
                "description": {"type": "string", "minLength": 1},
                "check_name": {"type": "string", "minLength": 1},
                "fingerprint": {"type": "string", "minLength": 8},
                "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
                "location": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["path", "lines"],
                    "properties": {
                        "path": {"type": "string", "not": {"pattern": r"^\./"}},
                        "lines": {
                            "type": "object",
                            "required": ["begin"],
                            "properties": {"begin": {"type": "integer", "minimum": 1}},
                        },
                    },
                },
            },
        },
    }
)

_VISIBILITY = {"enum": ["hidden", "after_due_date", "after_published", "visible"]}
_FORMAT = {"enum": ["text", "html", "simple_format", "md", "ansi"]}

GRADESCOPE = jsonschema.Draft7Validator(
    {
        "type": "object",
        "additionalProperties": False,
        "required": ["score", "tests"],
        "properties": {
            "score": {"type": "number"},
            "execution_time": {"type": "number", "minimum": 0},
            "output": {"type": "string"},
            "output_format": _FORMAT,
            "test_output_format": _FORMAT,
            "test_name_format": _FORMAT,
            "visibility": _VISIBILITY,
            "stdout_visibility": _VISIBILITY,
            "extra_data": {"type": "object"},
            "tests": {
                "type": "array",
                "items": {
                    "type": "object",
                    "additionalProperties": False,
                    "dependencies": {"score": ["max_score"]},
                    "properties": {
                        "score": {"type": "number", "minimum": 0},
                        "max_score": {"type": "number", "minimum": 0},
                        "status": {"enum": ["passed", "failed"]},
                        "name": {"type": "string"},
                        "name_format": _FORMAT,
                        "number": {"type": "string"},
                        "output": {"type": "string"},
                        "output_format": _FORMAT,
                        "tags": {"type": "array", "items": {"type": "string"}},
                        "visibility": _VISIBILITY,
                        "extra_data": {"type": "object"},
                    },
                },
            },
            "leaderboard": {"type": "array"},
        },
    }
)
