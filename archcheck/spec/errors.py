"""What is wrong with a spec, and where."""

from __future__ import annotations


class SpecError(Exception):
    """A spec cannot be read, or says something that no rule understands.

    Not the same as a rule that fails: nothing was checked. ``line`` and ``column`` count from 1;
    ``length`` is how many characters are at fault.
    """

    def __init__(
        self,
        message: str,
        *,
        file: str = "",
        line: int | None = None,
        column: int | None = None,
        length: int = 1,
        source: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.file = file
        self.line = line
        self.column = column
        self.length = length
        self.source = source

    def __str__(self) -> str:
        where = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        return f"{where}: {self.message}" if where else self.message
