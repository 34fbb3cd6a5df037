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
_SIGNS = {"\u2212": "a hyphen", "\u00d7": "an asterisk (*)", "\u00f7": "a slash (/)"}
"""Signs of arithmetic, and what Python has for them."""
_PYTHON_2 = "this is Python 2: write it in Python 3"
_LINES = {
    r"(<{7}|={7}|>{7}|\|{7})( |$)": "a merge conflict is left in the file: keep one side, and take "
    "the lines with the marks out",
    r"\s*(>>>|\.\.\.) ": "this was copied from a prompt: take >>> and ... out",
    r"\s*```": "this is Markdown: take the line out",
    r"\s*(print|exec)\s+[^(=\s]": _PYTHON_2,
    r"\s*except\s+[\w.]+\s*,\s*\w+\s*:": _PYTHON_2,
    r"\s*raise\s+[\w.]+\s*,": _PYTHON_2,
    r"\s*type\s+\w+.*=": "this is Python 3.12 or newer, and an older one runs here",
    r"\s*(def|class)\s+\w+\[": "this is Python 3.12 or newer, and an older one runs here",
}
"""Lines that are no Python for a reason, and what to do."""


def encoding_problem(file: str) -> tuple[str, Place | None]:
    """What to do about the encoding of a file, with the line; empty if it is UTF-8 text."""
    try:
        content = Path(file).read_bytes()
    except OSError:
        return "", None
    if content.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "the file is UTF-32 text: save it as UTF-8", None
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or _is_utf16(content):
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
    if isinstance(error, TabError) or (isinstance(error, IndentationError) and "\t" in line):
        return "the file is indented by tabs and by spaces: indent it by spaces alone"
    if "codec can't decode" in error.msg:
        return "the file is no UTF-8 text: save it as UTF-8"
    for pattern, hint in _LINES.items():
        if re.match(pattern, line):
            return hint
    rest = line[max((error.offset or 0) - 1, 0) :]
    if rest.startswith(("<>", "`")) or error.msg.startswith("leading zeros"):
        return _PYTHON_2
    return _about_character(rest[:1])


def _about_character(character: str) -> str:
    """What to do about a character that does not belong there."""
    category = unicodedata.category(character) if character else ""
    if (category != "Cc" and character.isascii()) or character in ("", "\n", "\r", "\t"):
        return ""
    name = unicodedata.name(character, "a control character").lower()
    code = f"U+{ord(character):04X} ({name})"
    if category in ("Cf", "Cc"):
        return f"{code} is invisible: take it out"
    like = _LOOKS_LIKE.get(category) or _ascii_like(character)
    return f"{code} only looks like {like}: type it anew" if like else ""


def _ascii_like(character: str) -> str:
    """The character of ASCII that another one looks like, empty if there is none."""
    like = _SIGNS.get(character) or unicodedata.normalize("NFKC", character)
    return like if like.isascii() else ""


def _is_utf16(content: bytes) -> bool:
    """Whether it is text in two bytes a character, without the mark that says so."""
    halves = sorted((content[:1000:2], content[1:1000:2]), key=lambda half: half.count(0))
    return (
        len(content) > 3 and not halves[0].count(0) and halves[1].count(0) * 5 > len(halves[1]) * 4
    )


def _is_encoding(name: str) -> bool:
    try:
        codecs.lookup(name)
    except LookupError:
        return False
    return True
