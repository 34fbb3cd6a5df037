"""What to do about a file that is no Python: look-alikes, encodings."""

from __future__ import annotations

import codecs
import re
import unicodedata
from pathlib import Path

from archcheck.network import Place

_CODING = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_LOOKS_LIKE = {
    "Zs": "a space",
    "Pd": "a hyphen",
    "Pi": "a quotation mark",
    "Pf": "a quotation mark",
}
"""What characters look like, by their category in Unicode."""


def encoding_problem(file: str) -> tuple[str, Place | None]:
    """What to do about the encoding of a file, with the line; empty if it is UTF-8 text."""
    try:
        content = Path(file).read_bytes()
    except OSError:
        return "", None
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "the file is UTF-16 text: save it as UTF-8", None
    for number, line in enumerate(content.splitlines()[:2], 1):
        named = _CODING.match(line)
        if named is not None and not _is_encoding(named[1].decode("ascii", "replace")):
            text = f"there is no encoding {named[1].decode('ascii', 'replace')}: take the line out"
            return f"{text}, and save the file as UTF-8", Place(file, number)
    before, null, _ = content.partition(b"\0")
    if null:
        return "the file is no text: it holds null bytes", Place(file, before.count(b"\n") + 1)
    return "", None


def syntax_hint(error: SyntaxError) -> str:
    """What to do about a line that is no Python, empty if nothing is known."""
    line = error.text or ""
    at = (error.offset or 0) - 1
    character = line[at : at + 1]
    if not character or character.isascii():
        return ""
    category = unicodedata.category(character)
    name = unicodedata.name(character, "a control character").lower()
    code = f"U+{ord(character):04X} ({name})"
    if category == "Cf":
        return f"{code} is invisible: take it out"
    like = _LOOKS_LIKE.get(category)
    return f"{code} only looks like {like}: type it anew" if like else ""


def _is_encoding(name: str) -> bool:
    try:
        codecs.lookup(name)
    except LookupError:
        return False
    return True
