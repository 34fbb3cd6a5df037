"""``python -m archcheck``."""

import os
import sys

# Python puts the working directory in front; its files must not stand in for our libraries.
if sys.path and sys.path[0] in ("", os.getcwd()):
    del sys.path[0]

from archcheck.cli.main import run

run()
