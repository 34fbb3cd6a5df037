"""The messages between the caller and the warm process, beside the pipes of every job."""

from __future__ import annotations

import struct

REQUEST = struct.Struct("!Bi")
"""A request, and a pid."""
FORK, RELEASE = range(2)
REPLY = struct.Struct("!Bii")
"""An event, a pid, and the exit code of that process (negative for a signal)."""
STARTED, ENDED, RELEASED = range(3)
