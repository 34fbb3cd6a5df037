"""What a map holds: a track for each input axis, and what masks closed."""

from __future__ import annotations

import msgspec

from archcheck.fields.algebra.table import Table


class Track(msgspec.Struct, frozen=True, gc=False):
    """The fields on one input axis.

    ``local`` moves with the unit. ``fixed`` does not: it is what an operation that joined all
    positions brought in, the first of which is ``joined_by`` (an index into the network's
    operations).
    """

    local: Table
    fixed: Table | None = None
    joined_by: int | None = None

    @property
    def tables(self) -> list[Table]:
        """The tables that are there."""
        return [self.local] if self.fixed is None else [self.local, self.fixed]


class Cut(msgspec.Struct, frozen=True, gc=False):
    """What constant masks closed in a map. ``is_open`` is false where a unit is closed.

    A closed unit holds the constant ``value``; where that is None, something very low was added
    to it, which cuts nothing yet: a softmax does. ``infinite`` says whether some of that is
    without bounds, ``seen`` whether the mask's values are known at all.
    """

    is_open: Table
    value: float | None
    infinite: bool = False
    seen: bool = True
