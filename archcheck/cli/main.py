"""The entry point of ``archcheck``. It imports no torch: a child process runs the networks."""

from __future__ import annotations

import gc
import signal
import sys
from types import FrameType

BROKEN, INTERRUPTED = 2, 130


def run() -> None:
    """The entry point of the installed command."""
    gc.disable()  # a short-lived process: collecting garbage only costs time
    try:
        signal.signal(signal.SIGTERM, _terminate)
        from archcheck.cli.streams import prepare

        prepare()
        from archcheck.cli.replay import this_run

        code = this_run.repeat(sys.argv[1:])
        if code is not None:
            sys.exit(code)
        from archcheck.cli.app import app

        try:
            app()
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except OSError as error:  # the disk is full, say
        sys.stderr.write(f"error: the output cannot be written: {error.strerror or error}\n")
        sys.stdout = None  # nothing is left to flush on the way out
        sys.exit(BROKEN)


def _terminate(number: int, frame: FrameType | None) -> None:
    # Raises on the main thread, so that context managers end the child processes.
    sys.exit(128 + number)


if __name__ == "__main__":
    run()
