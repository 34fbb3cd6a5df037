"""How large the holes of a dropout are, in pixels or as a share of the image."""

from __future__ import annotations

from typing import Any

from archcheck.rules.transforms.arguments import Unclear, same, shown

Range = tuple[Any, Any]


def is_share(size: Range) -> bool:
    """Whether a size is a share of the image's: a number below 1.

    Raises:
        Unclear: for 1.0, which is one pixel to albumentations 2 and the whole image in its
            documentation.
    """
    low, high = size
    if high == 1 and (isinstance(high, float) or isinstance(low, float)):
        raise Unclear("1.0 may be one pixel or the whole image")
    return bool(high < 1)


def in_pixels(size: Range, side: int | None) -> Range:
    """A size in whole pixels.

    Args:
        size: the lowest and the highest size.
        side: the image's, in pixels; None if it is not known.

    Raises:
        Unclear: if it is a share of a side that is not known.
    """
    if not is_share(size):
        return (int(size[0]), int(size[1]))
    if side is None:
        raise Unclear(f"{shown(size)} is a share of an image whose size is not known here")
    return (int(side * size[0]), int(side * size[1]))


def same_size(asked: Range, size: Range, side: int | None) -> bool:
    """Whether two sizes are the same on an image of that side.

    Raises:
        Unclear: if they can only be compared on an image whose size is not known.
    """
    if is_share(asked) == is_share(size):
        return same(asked, size)
    return in_pixels(asked, side) == in_pixels(size, side)


def in_words(size: Range, side: int | None) -> str:
    """``16``, ``8 to 16`` or ``0.5 (16 of 32 pixels)``."""
    low, high = size
    text = shown(low) if low == high else f"{shown(low)} to {shown(high)}"
    try:
        if not is_share(size) or side is None:
            return text
        pixels = in_pixels(size, side)
    except Unclear:
        return text
    counted = str(pixels[0]) if pixels[0] == pixels[1] else f"{pixels[0]} to {pixels[1]}"
    return f"{text} ({counted} of {side} pixels)"
