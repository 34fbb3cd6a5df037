"""Notebooks for tests, as Jupyter, Colab and Kaggle save them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

Source = str | tuple[str, str]
"""The text of a code cell; or a cell's type, and its text."""


def notebook(sources: Sequence[Source], *, split: bool = True) -> dict[str, Any]:
    """A notebook; with ``split`` sources are lists of lines, else one string each."""
    return {
        "cells": [_cell(source, split) for source in sources],
        "metadata": {"kernelspec": {"language": "python", "name": "python3"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def _cell(source: Source, split: bool) -> dict[str, Any]:
    kind, text = ("code", source) if isinstance(source, str) else source
    cell = {
        "cell_type": kind,
        "metadata": {},
        "source": text.splitlines(keepends=True) if split else text,
    }
    return {**cell, "execution_count": None, "outputs": []} if kind == "code" else cell


def write_notebook(
    file: Path, *sources: Source, split: bool = True, indent: int | None = 1
) -> Path:
    """Write a notebook to a file."""
    file.write_text(json.dumps(notebook(sources, split=split), indent=indent), encoding="utf-8")
    return file
