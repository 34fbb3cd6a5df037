"""What the caller and the warm process say to each other, beside the pipes of every job."""

from __future__ import annotations

import struct

REQUEST = struct.Struct("!Bi")
"""What the caller asks, and a process's number."""
FORK, RELEASE = range(2)
REPLY = struct.Struct("!Bii")
"""What happened, a process's number, and its exit code (negative for a signal)."""
STARTED, ENDED, RELEASED = range(3)
