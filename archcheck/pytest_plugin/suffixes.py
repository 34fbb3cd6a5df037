"""The endings of files that may be specs on pytest's command line."""

SPEC_SUFFIXES = (".yaml", ".yml", ".json")
