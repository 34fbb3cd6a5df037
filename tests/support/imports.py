"""Which libraries a program has imported when it ends."""

from __future__ import annotations

import sys

from tests.support.commands import run_program

RUN = """\
import sys
from archcheck.cli.main import run
sys.argv = ["archcheck", *sys.argv[1:]]
code = 0
try:
    run()
except SystemExit as end:
    code = end.code
assert code == {code}, code
"""
"""The command with the words behind the program; ``code`` is how it has to end."""
REPORT = """
names = {name.partition(".")[0] for name in sys.modules}
print("imported:", *sorted(names), file=sys.stderr)
"""


def imported(code: str, *words: str) -> list[str]:
    """Which libraries a fresh interpreter holds after running some code."""
    done = run_program([sys.executable, "-c", code + REPORT, *words])
    assert done.returncode == 0, done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("imported:")
    return last.split()[1:]
