"""The texts of the files that a network was written in."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from archcheck.network import Cell, Network, Place
from archcheck.worker.scripts import is_notebook, read_cells
from archcheck.worker.typed_code import typed_lines


def sources_of(network: Network) -> dict[str, str]:
    """The text of each file that a network's lines are in, by its name; a file that cannot be read
    is left out. Of a notebook it is the text of its code cells."""
    called = (step.called for steps in (network.ops, network.calls) for step in steps)
    built = (step.built for steps in (network.ops, network.modules) for step in steps)
    files = {place.file: place.cell is not None for place in (*called, *built) if place is not None}
    texts = {file: _text(file, in_cells) for file, in_cells in files.items()}
    return {file: text for file, text in texts.items() if text}


def cells_of(files: Iterable[str]) -> dict[str, tuple[Cell | None, ...]]:
    """The cell of each line of those that are notebooks, by file."""
    found = {}
    for file in filter(is_notebook, files):
        cells = read_cells(file)
        if cells is not None:
            lines = range(1, len(cells.lines) + 1)
            found[file] = tuple(cells.placed(Place(file, line)).cell for line in lines)
    return found


def _text(file: str, in_cells: bool) -> str:
    if in_cells:
        cells = read_cells(file)
        return "\n".join(cells.lines) if cells is not None else ""
    try:
        return Path(file).read_bytes().decode("utf-8", "replace")
    except (OSError, ValueError):
        return "\n".join(typed_lines(file))
