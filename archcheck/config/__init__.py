"""``[tool.archcheck]`` in pyproject.toml: which patterns are held to which spec. No torch here."""
