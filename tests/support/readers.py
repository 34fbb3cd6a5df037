"""Readers of the formats that reports are written in, strict about what each format asks.

``data/schemas/sarif-2.1.0.json`` is the schema of SARIF 2.1.0 (2.1.0-rtm.5, as SchemaStore
publishes it, unchanged). GitLab and Gradescope publish no schema: theirs are written here from
https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format and
https://gradescope-autograders.readthedocs.io/en/latest/specs/#output-format.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jsonschema
import junitparser
from markdown_it import MarkdownIt

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


def read_sarif(text: str) -> list[dict[str, Any]]:
    data = json.loads(text)
    assert [error.message for error in SARIF.iter_errors(data)] == []
    (run,) = data["runs"]
    names = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert len(set(names)) == len(names)
    marks = [result["partialFingerprints"]["primaryLocationLineHash"] for result in run["results"]]
    assert len(set(marks)) == len(marks)
    found = []
    for result in run["results"]:
        assert names[result["ruleIndex"]] == result["ruleId"]
        places = [place["physicalLocation"] for place in result["locations"]]
        for place in places:
            region = place["region"]
            start = (region["startLine"], region["startColumn"])
            assert start < (region["endLine"], region["endColumn"])
            assert not place["artifactLocation"]["uri"].startswith("/")
        found.append(
            {
                "rule": result["ruleId"],
                "level": result["level"],
                "text": result["message"]["text"],
                "path": unquote(places[0]["artifactLocation"]["uri"]) if places else "",
                "region": tuple(places[0]["region"].values()) if places else None,
            }
        )
    return found


COMMAND = re.compile(r"::(error|warning|notice) ([^\r\n]*?)::([^\r\n]*)")


def read_github(text: str) -> list[dict[str, Any]]:
    def data(value: str) -> str:
        assert not re.search("%(?!25|0D|0A|3A|2C)", value)
        return unquote(value)

    found = []
    for line in text.split("\n")[:-1]:
        match = COMMAND.fullmatch(line)
        assert match is not None, line
        properties = dict(part.split("=", 1) for part in match[2].split(","))
        assert set(properties) <= {"title", "file", "line", "endLine", "col", "endColumn"}
        entry = {name: data(value) for name, value in properties.items()}
        rule = re.fullmatch(r"archcheck \((.*)\)", entry["title"])
        assert rule is not None
        found.append({**entry, "rule": rule[1], "level": match[1], "text": data(match[3])})
    return found


def read_gitlab(text: str) -> list[dict[str, Any]]:
    assert not text.startswith("\ufeff")
    data: list[dict[str, Any]] = json.loads(text)
    GITLAB.validate(data)
    assert len({entry["fingerprint"] for entry in data}) == len(data)
    for entry in data:
        assert entry["description"].startswith(entry["check_name"])
    return data


def read_junit(text: str) -> list[Any]:
    suites = list(junitparser.JUnitXml.fromstring(text.encode()))
    for suite in suites:
        cases = list(suite)
        results = [result for case in cases for result in case.result]
        counts = [
            sum(isinstance(result, kind) for result in results)
            for kind in (junitparser.Failure, junitparser.Error, junitparser.Skipped)
        ]
        assert [suite.failures, suite.errors, suite.skipped] == counts
        assert suite.tests == len(cases) == len({case.name for case in cases})
    return suites


MARKDOWN = MarkdownIt("gfm-like", {"linkify": False, "html": True})


def read_markdown(text: str) -> list[list[str]]:
    """The cells of its tables and the lines of its lists, as a reader sees them."""
    found: list[list[str]] = []
    for token in MARKDOWN.parse(text):
        children = token.children or []
        kinds = {child.type for child in children}
        assert kinds <= {"text", "text_special", "strong_open", "strong_close"}, kinds
        assert token.type not in ("html_block", "code_block", "fence", "hr", "blockquote_open")
        if token.type == "tr_open":
            found.append([])
        if token.type == "inline":
            seen = "".join(child.content for child in children)
            if token.level >= 4 and found and token.map is not None:
                found[-1].append(seen)
            else:
                found.append([seen])
    return found


def read_gradescope(text: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(text)
    GRADESCOPE.validate(data)
    assert data["score"] == sum(test.get("score", 0) for test in data["tests"])
    return data


def read_csv(text: str) -> list[dict[str, str]]:
    """Its rows, by the names of the columns; a spreadsheet takes no cell for a formula."""
    reader = csv.DictReader(io.StringIO(text), strict=True)
    rows = list(reader)
    assert len(set(reader.fieldnames or ())) == len(reader.fieldnames or ())
    for cell in [*(reader.fieldnames or ()), *(cell for row in rows for cell in row.values())]:
        assert not re.match(r"[=+\-@|%\t\r\n]", cell) or re.fullmatch(r"-?[\d.e]+", cell)
    assert all(None not in row and None not in row.values() for row in rows)
    return rows


READERS: dict[str, Callable[[str], Any]] = {
    "json": json.loads,
    "json-lines": lambda text: [json.loads(line) for line in text.splitlines()],
    "sarif": read_sarif,
    "github": read_github,
    "gitlab": read_gitlab,
    "junit": read_junit,
    "markdown": read_markdown,
    "gradescope": read_gradescope,
    "csv": read_csv,
}
