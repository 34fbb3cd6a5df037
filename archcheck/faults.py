"""What is wrong in a file that somebody wrote, and where."""

from __future__ import annotations


class FileFault(Exception):
    """A file cannot be read, or says what nobody understands.

    ``line`` and ``column`` count from 1, ``length`` is how many characters are at fault,
    ``source`` the text of that line. Of what is missing no line is known.
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
