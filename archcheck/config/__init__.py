"""``[tool.archcheck]`` in pyproject.toml: which network is held to which spec. No torch here."""

from archcheck.config.errors import ConfigError
from archcheck.config.mapping import MappedNetwork, mapped_networks
from archcheck.config.model import Config, Entry, find_config, read_config

__all__ = [
    "Config",
    "ConfigError",
    "Entry",
    "MappedNetwork",
    "find_config",
    "mapped_networks",
    "read_config",
]
