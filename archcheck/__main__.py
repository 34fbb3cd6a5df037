"""``python -m archcheck``."""

from archcheck.cli.main import run

run()
