"""Programs for those who work on archcheck."""
