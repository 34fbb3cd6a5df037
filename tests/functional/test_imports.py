"""What does not need torch does not import it: starting would take a second longer."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.imports import RUN, imported

NET = """\
from torch import nn

Net = nn.Sequential(nn.Conv2d(3, 4, 3))
"""


def test_the_check_notices_torch() -> None:
    assert "torch" in imported("import sys, torch\n")


@pytest.mark.parametrize(
    "statement",
    [
        "import archcheck",
        "from archcheck import Network, Spec, SpecError, load_spec, receptive_field, trace, verify",
        "import archcheck; dir(archcheck)",
        "from archcheck.tracing.remote import start_worker, trace_reference",
        "import archcheck.cli.app, archcheck.api, archcheck.rules, archcheck.spec",
        "import archcheck.reporters.text, archcheck.reporters.inspection",
    ],
)
def test_importing_imports_no_torch(statement: str) -> None:
    assert "torch" not in imported(f"import sys\n{statement}\n")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("--help", 0),
        ("--version", 0),
        ("verify --help", 0),
        ("rules", 0),
        ("rule receptive-field", 0),
        ("schema", 0),
        ("spec list", 0),
        ("spec show assignment7 --resolved", 0),
        ("frobnicate", 2),
        ("verify nothing.py --spec nothing.yaml", 2),
    ],
)
def test_commands_without_a_network_import_no_torch(words: str, code: int) -> None:
    assert "torch" not in imported(RUN.format(code=code), *words.split())


@pytest.mark.parametrize("words", ["--help", "--version"])
def test_help_imports_no_library_of_numbers(words: str) -> None:
    assert not {"numpy", "pydantic", "yaml"} & set(imported(RUN.format(code=0), words))


def test_the_command_that_verifies_imports_no_torch_either(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(NET)
    (tmp_path / "spec.yaml").write_text("input: [3, 8, 8]\nrules:\n  parameters: {at_most: 9}\n")
    words = ["verify", str(tmp_path / "net.py"), "--spec", str(tmp_path / "spec.yaml")]
    assert "torch" not in imported(RUN.format(code=1), *words)


def test_what_is_not_there_is_an_attribute_error() -> None:
    import archcheck

    with pytest.raises(AttributeError, match="no_such_name"):
        _ = archcheck.no_such_name
    assert set(archcheck.__all__) <= set(dir(archcheck))
    assert all(getattr(archcheck, name) is not None for name in archcheck.__all__)
