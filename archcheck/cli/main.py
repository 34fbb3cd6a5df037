"""The command ``archcheck``. It imports no torch: a child process runs the networks."""

from __future__ import annotations

import sys


def run() -> None:
    """The entry point of the installed command."""
    try:
        for stream in (sys.stdout, sys.stderr):
            # A terminal that cannot show a character shows a question mark, not a traceback.
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="replace")
        from archcheck.cli.app import app

        app()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    run()
