"""What is said to the user without a traceback."""

from __future__ import annotations


class Problem(Exception):  # it is not always an error of the program
    """One clear message: what is wrong, where, what to do."""
