"""Following a script's source as Python would run it, as far as its text tells.

What the text does not tell is a value that is not known; where such a value decides which way the
script goes, every way is followed.
"""

from archcheck.augmentation.interpreter.explorer import Explored, Way, explore

__all__ = ["Explored", "Way", "explore"]
