"""Runs over many networks: which of them a command names, and how a run is kept as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

import msgspec


def named(name: str, patterns: Sequence[str]) -> bool:
    """Whether a name fits one of the patterns; without patterns all do."""
    return not patterns or any(fnmatch(name, pattern) for pattern in patterns)


def save(run: msgspec.Struct, items: str, file: Path) -> None:
    """Write a run as JSON, each of its ``items`` a line."""
    data = json.loads(msgspec.json.encode(run))
    lines = [json.dumps(each, ensure_ascii=False) for each in data.pop(items)]
    head = json.dumps(data, indent=1, ensure_ascii=False).removesuffix("\n}")
    text = head + f',\n "{items}": [\n  ' + ",\n  ".join(lines) + "\n ]\n}\n"
    file.write_text(text, encoding="utf-8")
