"""Texts of networks and specs are shown in every format, and nothing obeys them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from torch import nn

import archcheck
from archcheck.cli.errors import print_error
from archcheck.cli.output import render_brief, render_text, write_field, write_inspection
from archcheck.fields import receptive_field
from archcheck.fields.explain.summary import first_known, summarize
from archcheck.network import Place
from archcheck.plain_text import inert
from archcheck.reporters.formats import MACHINE_FORMATS, ReportFormat, render
from archcheck.reporters.specs import error_text
from archcheck.reporters.text import finding_text
from archcheck.rules import Location
from archcheck.spec import Failure, Report, SpecError, check, failed_to_run, spec_from
from archcheck.worker.failures import InputError
from archcheck.worker.protocol import Refused

HOSTILE = (
    "x\n::error::owned\r\n  ::warning::two\u2028::set-env::\x1b[2J##[add-mask]y ##vso[z]\x85\u202e"
)


class Net(nn.Module):
    """A network whose module has a name that is a command."""

    def __init__(self) -> None:
        super().__init__()
        self.add_module(HOSTILE, nn.Conv2d(3, 4, 3))
        self.add_module(f"{HOSTILE}2", nn.Conv2d(4, 4, 3))

    def forward(self, x):  # type: ignore[no-untyped-def]
        return {HOSTILE: nn.Sequential(*self.children())(x)}


Net.__name__ = Net.__qualname__ = HOSTILE
RULES = {
    "receptive-field": {"at_least": 9, "message": f"{HOSTILE}\n::error::said by the spec\n"},
    "layers": {"kind": "conv2d", "exactly": 1},
    "parameters": {"at_most": 5},
}


def reports() -> Iterator[Report]:
    spec = spec_from({"title": HOSTILE, "rules": RULES})
    network = archcheck.trace(Net(), (3, 8, 8))
    yield check(network, spec, file=f"{HOSTILE}.py")
    place = Location(Place(f"{HOSTILE}.py", 1), HOSTILE, HOSTILE)
    failure = Failure("runs", HOSTILE, (place,), HOSTILE)
    yield failed_to_run(
        failure, spec, name=HOSTILE, file=f"{HOSTILE}.py", output=f"::error::\n{HOSTILE}"
    )


def assert_harmless(text: str, *, commands: bool = False) -> None:
    """Nothing in a text is obeyed by a terminal or a build server."""
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202e]", text)
    if not commands:
        assert not [line for line in text.split("\n") if line.strip().startswith("::")]
        assert not re.search(r"##\w*\[", text)


@pytest.mark.parametrize("name", [each.value for each in ReportFormat])
def test_no_format_passes_commands_on(name: str) -> None:
    both = list(reports())
    if name in MACHINE_FORMATS:
        text = render(name, both)
    elif name == "brief":
        text = render_brief(both, for_file=True)
    else:
        text = "".join(render_text(report, name, for_file=True) for report in both)
    assert_harmless(text, commands=name == "github")
    if name == "github":
        lines = text.splitlines()
        assert len(lines) > 3
        assert all(line.startswith("::error title=archcheck (") for line in lines)


def test_no_report_passes_commands_on_in_python() -> None:
    for report in reports():
        assert_harmless(str(report))


def test_no_finding_passes_commands_on_in_pytest() -> None:
    from archcheck.reporters.findings import issues

    for issue in issues(reports()):
        assert_harmless(finding_text(issue))


def test_what_is_printed_beside_reports_passes_no_commands_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    network = archcheck.trace(Net(), (3, 8, 8))
    write_inspection(network, "text", None)
    fields = receptive_field(network)
    view, location = first_known([fields], "features")
    write_field(network, summarize(view, location, None), "features", "text", None)
    error = SpecError(HOSTILE, file=HOSTILE, line=1, column=1, source=HOSTILE)
    print_error(str(error), source=error.source, error=error)
    out, err = capsys.readouterr()
    assert "Conv2d" in out
    assert "error: " in err
    for text in (out, err, error_text(error)):
        assert_harmless(text)


def test_a_row_that_a_terminal_breaks_does_not_begin_with_a_command() -> None:
    console = Console(file=StringIO(), width=20)
    console.print("a name that is long ::error::owned by wrapping")
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "\n::error" in text
    assert_harmless(inert(text))


def test_an_input_that_is_wrong_is_told_in_one_line() -> None:
    error = Refused.of(InputError(f"there is no {HOSTILE}")).error()
    assert_harmless(str(error).replace("##", ""))
    assert "\n" not in str(error)


def test_what_is_no_command_stays_as_it_is(tmp_path: Path) -> None:
    for text in ("a::b", "path.py::test", "# # [x]", "## heading", "x\n  :: y"):
        assert inert(text) == text.replace(":: y", ": : y")
