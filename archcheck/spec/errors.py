"""What is wrong with a spec, and where."""

from __future__ import annotations

from archcheck.errors import FileError


class SpecError(FileError):
    """A spec cannot be read, or says something that no rule understands.

    Not the same as a rule that fails: nothing was checked.
    """
