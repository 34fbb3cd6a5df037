"""``[tool.archcheck]`` in pyproject.toml: which patterns are held to which spec. No torch here."""

from archcheck.config.errors import ConfigError
from archcheck.config.model import Config, Entry, configured_cache_dir, find_config, read_config

__all__ = [
    "Config",
    "ConfigError",
    "Entry",
    "configured_cache_dir",
    "find_config",
    "read_config",
]
