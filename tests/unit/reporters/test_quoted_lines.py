"""The lines of sources that findings quote."""

from __future__ import annotations

from pathlib import Path

import pytest

from archcheck.network import Place
from archcheck.reporters.formatting import source_line


@pytest.mark.parametrize(
    ("first", "encoding"),
    [("# -*- coding: latin-1 -*-", "latin-1"), ("", "utf-8-sig"), ("", "utf-8")],
)
def test_a_line_is_quoted_in_the_encoding_of_its_file(
    first: str, encoding: str, tmp_path: Path
) -> None:
    file = tmp_path / "net.py"
    file.write_bytes(f"{first}\r\nsize = 3  # größe\r\n".encode(encoding))
    assert source_line(Place(str(file), 2)) == "size = 3  # größe"


def test_a_line_of_a_file_of_no_known_encoding_is_quoted_as_far_as_it_can_be(
    tmp_path: Path,
) -> None:
    file = tmp_path / "net.py"
    file.write_bytes(b"# coding: klingon\nsize = 3  # \xff\n")
    assert source_line(Place(str(file), 2)) == "size = 3  # \ufffd"
