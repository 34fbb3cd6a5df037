"""The parts of a map: a track for each input axis, and the units that masks close."""

from __future__ import annotations

import msgspec

from archcheck.fields.algebra.table import Table


class Track(msgspec.Struct, frozen=True, gc=False):
    """The fields on one input axis.

    ``local`` moves with the unit. ``fixed`` does not: it is what operations that joined all
    positions added; ``joined_by`` is the index of the first of them.
    """

    local: Table
    fixed: Table | None = None
    joined_by: int | None = None

    @property
    def tables(self) -> list[Table]:
        """The one or two tables."""
        return [self.local] if self.fixed is None else [self.local, self.fixed]


class Cut(msgspec.Struct, frozen=True, gc=False):
    """The units that constant masks close in a map. ``is_open`` is false where a unit is closed.

    A closed unit holds the constant ``value``; if that is None, a very low constant was added to
    it, which takes effect only in a softmax. ``infinite`` says whether some of those constants are
    infinite, ``seen`` whether the mask's values are known at all.
    """

    is_open: Table
    value: float | None
    infinite: bool = False
    seen: bool = True
