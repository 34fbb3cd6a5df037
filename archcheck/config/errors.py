"""The error of ``[tool.archcheck]``."""

from __future__ import annotations

from archcheck.errors import FileError


class ConfigError(FileError):
    """A pyproject.toml cannot be read, or its ``[tool.archcheck]`` is wrong."""
