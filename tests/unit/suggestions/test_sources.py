"""Files that are edited keep all the rest: encoding, marks, line ends, a notebook's JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from archcheck.errors import FileError
from archcheck.suggestions.edits import Change, Edit, Site, Value, splices_of
from archcheck.suggestions.files import difference, write
from archcheck.suggestions.signatures import class_arguments
from archcheck.suggestions.sources import NotEditable, Source
from archcheck.suggestions.syntax import Call, Syntax

BOM = b"\xef\xbb\xbf"


def edited(source: Source, callee: str, **arguments: Value) -> bytes:
    """The file after arguments of the first call of something are set."""
    return edited_by(source, callee, Change(tuple(arguments.items())))


def edited_by(source: Source, callee: str, change: Change) -> bytes:
    syntax = Syntax(source)
    call = next(syntax.calls_of(callee))
    return source.after(splices_of(syntax, {site(syntax, call, callee): change}))


def site(syntax: Syntax, call: Call, callee: str) -> Site:
    where = syntax.position(call.node)
    end = where.end.line, where.end.column
    names = class_arguments(callee)
    return Site("net.py", where.start.line, where.start.column, end, call.node, names)


@pytest.mark.parametrize(
    ("before", "after", "arguments"),
    [
        ("Conv2d(3, 8, 3)", "Conv2d(3, 8, 3, dilation=2)", {"dilation": 2}),
        ("Conv2d(3, 8, 3, 1, 1)", "Conv2d(3, 8, 3, 1, 4)", {"padding": 4}),
        ("Conv2d(3, 8, (3, 3))", "Conv2d(3, 8, (5, 5))", {"kernel_size": 5}),
        ("Conv2d(3, 8, [3, 1])", "Conv2d(3, 8, [5, 1])", {"kernel_size": (5, 1)}),
        ("Conv2d(3, 8, 3)", "Conv2d(3, 8, (5, 3))", {"kernel_size": (5, 3)}),
        ("Conv2d( 3,8 , kernel_size = 3 )", "Conv2d( 3,8 , kernel_size = 5 )", {"kernel_size": 5}),
        ("Conv2d(3, 8, 3, bias=True)", "Conv2d(3, 8, 3, bias=False)", {"bias": False}),
        ("Conv2d(3, 8, 3,)", "Conv2d(3, 8, 3, groups=1,)", {"groups": 1}),
        ("Conv2d(*a, bias=False)", "Conv2d(*a, bias=False, stride=2)", {"stride": 2}),
        (
            "Conv2d(\n    3,  # colours\n    8,\n    3,  # taps\n)",
            "Conv2d(\n    3,  # colours\n    8,\n    3, dilation=2,  # taps\n)",
            {"dilation": 2},
        ),
    ],
)
def test_arguments_are_set_and_the_rest_stays(
    before: str, after: str, arguments: Mapping[str, Value]
) -> None:
    source = Source("net.py", f"net = {before}  # here\n".encode())
    assert edited(source, "Conv2d", **arguments).decode() == f"net = {after}  # here\n"


@pytest.mark.parametrize("indent", ["    ", "\t", "  "])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_lines_of_a_call_stay_indented(indent: str, end: str) -> None:
    lines = [
        "# the network",
        "class Net:",
        f"{indent}def build(self):",
        f"{indent * 2}return Sequential(",
        f"{indent * 3}Conv2d(  # first",
        f"{indent * 4}3,",
        "",
        f"{indent}# not indented as the rest",
        f"{indent * 4}8, 3,  # taps",
        f"{indent * 3}),",
        f"{indent * 2})",
        "",
    ]
    text = end.join(lines)
    after = edited(Source("net.py", text.encode()), "Conv2d", dilation=2).decode()
    assert after == text.replace("8, 3,  # taps", "8, 3, dilation=2,  # taps")


def test_another_layer_takes_the_place_of_one() -> None:
    source = Source("net.py", b"pool = nn.MaxPool2d(2, stride=2)  # halves\n")
    change = Change((("in_channels", 8), ("out_channels", 8), ("stride", 2)), "Conv2d", afresh=True)
    assert edited_by(source, "MaxPool2d", change) == b"pool = nn.Conv2d(8, 8, stride=2)  # halves\n"


def test_a_call_inside_of_another_is_edited_with_it() -> None:
    source = Source("net.py", b"x = AvgPool2d(Conv2d(3, 8, 3), 2)\n")
    syntax = Syntax(source)
    edit: Edit = {
        site(syntax, next(syntax.calls_of("AvgPool2d")), "AvgPool2d"): Change((("padding", 1),)),
        site(syntax, next(syntax.calls_of("Conv2d")), "Conv2d"): Change((("stride", 2),)),
    }
    assert source.after(splices_of(syntax, edit)) == (
        b"x = AvgPool2d(Conv2d(3, 8, 3, stride=2), 2, padding=1)\n"
    )


@pytest.mark.parametrize(
    ("head", "encoding"),
    [
        (b"", "utf-8"),
        (BOM, "utf-8"),
        (b"# -*- coding: latin-1 -*-\r\n", "latin-1"),
    ],
)
def test_encoding_mark_and_line_ends_are_kept(head: bytes, encoding: str) -> None:
    before = "# größer\r\nnet = Conv2d(3, 8, 3)\n\x0c\r\nend = 'ü'".encode(encoding)
    after = "# größer\r\nnet = Conv2d(3, 8, 5)\n\x0c\r\nend = 'ü'".encode(encoding)
    assert edited(Source("net.py", head + before), "Conv2d", kernel_size=5) == head + after


def test_columns_behind_other_characters_are_found() -> None:
    from archcheck.network import Place

    line = "größe, 𝛼 = 'ü', Conv2d(3, 8, 3)"
    syntax = Syntax(Source("net.py", line.encode()))
    place = Place("net.py", 1, 1, 1, len(line.encode()) + 1)
    found = syntax.call_at(place)
    assert found is not None and found.name == "Conv2d"


NOTEBOOK = {
    "cells": [
        {"cell_type": "markdown", "metadata": {}, "source": ["# Conv2d(3, 8, 3)\n"]},
        {
            "cell_type": "code",
            "metadata": {"é": 1},
            "source": ["%matplotlib inline\n", 'name = "größe 𝛼"\n', "!pip install x\n"],
        },
        {
            "cell_type": "code",
            "metadata": {},
            "source": "a = '𝛼ü\\n'; net = Conv2d(3, 8, 3)\nprint(1)",
        },
    ],
    "metadata": {"kernelspec": {"language": "python"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}


@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize("indent", [1, 4, None])
def test_of_a_notebook_only_the_line_changes(ascii_only: bool, indent: int | None) -> None:
    text = json.dumps(NOTEBOOK, ensure_ascii=ascii_only, indent=indent)
    after = edited(Source("net.ipynb", text.encode()), "Conv2d", dilation=2)
    expected = text.replace("net = Conv2d(3, 8, 3)", "net = Conv2d(3, 8, 3, dilation=2)")
    assert after.decode() == expected


def test_what_is_no_python_is_not_edited() -> None:
    with pytest.raises(NotEditable, match="cannot be read"):
        Syntax(Source("net.py", b"def net(:\n"))


def test_a_file_is_written_whole_with_its_mode(tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_bytes(b"a\r\n")
    file.chmod(0o640)
    write({str(file): b"a\r\n"}, {str(file): b"b\r\n"})
    assert file.read_bytes() == b"b\r\n"
    assert file.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [file]


def test_a_link_leads_to_the_file_that_is_written(tmp_path: Path) -> None:
    file, link = tmp_path / "net.py", tmp_path / "link.py"
    file.write_bytes(b"a\n")
    link.symlink_to(file)
    write({str(link): b"a\n"}, {str(link): b"b\n"})
    assert link.is_symlink() and file.read_bytes() == b"b\n"


def test_a_file_that_changed_meanwhile_is_left_alone(tmp_path: Path) -> None:
    one, other = tmp_path / "one.py", tmp_path / "other.py"
    one.write_bytes(b"a\n")
    other.write_bytes(b"changed\n")
    read, contents = {str(one): b"a\n", str(other): b"a\n"}, {str(one): b"b\n", str(other): b"b\n"}
    with pytest.raises(FileError, match="changed since it was read"):
        write(read, contents)
    assert one.read_bytes() == b"a\n" and other.read_bytes() == b"changed\n"


def test_a_diff_says_where_a_line_has_no_end() -> None:
    source = Source("net.py", b"a = 1\nb = 2")
    assert difference(source, b"a = 1\nb = 3").splitlines()[3:] == [
        " a = 1",
        "-b = 2",
        "\\ No newline at end of file",
        "+b = 3",
        "\\ No newline at end of file",
    ]
