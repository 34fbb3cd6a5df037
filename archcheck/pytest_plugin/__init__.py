"""The pytest plugin: rules of a spec as test items, points in the summary.

It is loaded in every run of an environment, so that nothing but pytest is imported here; the
rest comes with the first option, ini value or marker that asks for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from archcheck.pytest_plugin.suffixes import SPEC_SUFFIXES

if TYPE_CHECKING:
    from archcheck.pytest_plugin.fixture import Archcheck

_MARKER = (
    "archcheck(spec=None, model=None, arguments=None, weights=None, data=None, augmentation=None): "
    "what the fixture `archcheck` looks at: the spec (a path, the name of a shipped one, or a "
    "mapping), the network (FILE, FILE:Name or package.module:Name) and arguments for its "
    "constructor, a checkpoint, the folder of the data set, the training script (FILE or "
    "FILE:NAME). What is not said comes from the options and ini values."
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options and ini values."""
    group = parser.getgroup("archcheck", "checking PyTorch networks with archcheck")
    group.addoption(
        "--archcheck-spec",
        metavar="SPEC",
        help="Check the networks against this spec: the path of a file (./name, name.yaml or "
        "name.json) or the name of a shipped one. The Python files and notebooks that the command "
        "line names are submissions, and what archcheck_model matches.",
    )
    group.addoption(
        "--archcheck-model",
        action="append",
        metavar="FILE[:Name]",
        help="Which files hold networks to check (a glob), and the network's name in them. May be "
        "given several times; takes the place of the ini value archcheck_model.",
    )
    group.addoption(
        "--archcheck-strict",
        action="store_true",
        default=None,
        help="A rule that cannot be verified fails instead of being skipped.",
    )
    group.addoption(
        "--archcheck-timeout",
        type=float,
        metavar="SECONDS",
        help="Give up a network that does not return (60 by default).",
    )
    group.addoption(
        "--archcheck-memory",
        metavar="SIZE",
        help="The memory that a network may take beyond Python and torch, like 2GB (Linux).",
    )
    group.addoption(
        "--archcheck-clean-env",
        action="store_true",
        default=None,
        help="Hide the environment's variables from networks, and trace them anew.",
    )
    group.addoption(
        "--archcheck-load",
        metavar="HOW",
        help="How files are loaded: plain, with stand-ins for modules that are missing, or from "
        "their definitions alone; the first that does by default.",
    )
    group.addoption(
        "--archcheck-weights",
        metavar="FILE",
        help="The checkpoint that the rule accuracy measures with: beside each submission where "
        "it has such a file, else relative to the working directory.",
    )
    group.addoption(
        "--archcheck-data",
        metavar="DIR",
        help="The folder of the data set that the rule accuracy measures on; ARCHCHECK_DATA by "
        "default.",
    )
    group.addoption(
        "--archcheck-augmentation",
        metavar="FILE[:NAME]",
        help="The training script with the albumentations pipeline, found as the weights are, and "
        "the pipeline's name; the network's own file by default.",
    )
    parser.addini("archcheck_spec", "the spec, relative to this file", type="string", default="")
    parser.addini(
        "archcheck_model",
        "files with networks: one FILE or FILE:Name a line, as globs relative to this file",
        type="linelist",
        default=[],
    )
    parser.addini(
        "archcheck_strict",
        "a rule that cannot be verified fails instead of being skipped",
        type="bool",
        default=False,
    )
    parser.addini(
        "archcheck_timeout", "seconds until a network is given up", type="string", default="60"
    )
    parser.addini(
        "archcheck_memory",
        "the memory that a network may take, like 2GB",
        type="string",
        default="",
    )
    parser.addini(
        "archcheck_clean_env",
        "hide the environment's variables from networks, and trace them anew",
        type="bool",
        default=False,
    )
    parser.addini(
        "archcheck_load",
        "how files are loaded: plain, stand-ins or definitions",
        type="string",
        default="",
    )
    for name, meaning in (
        (
            "weights",
            "the checkpoint beside each submission ({stem}: its name), else beside this file",
        ),
        ("data", "the folder of the data set, relative to this file"),
        ("augmentation", "the training script, FILE or FILE:NAME, found as the weights are"),
    ):
        parser.addini(f"archcheck_{name}", meaning, type="string", default="")


def pytest_configure(config: pytest.Config) -> None:
    """The marker always; everything else only where it is asked for."""
    config.addinivalue_line("markers", _MARKER)
    if _asked(config):
        from archcheck.pytest_plugin.plugin import ArchcheckPlugin

        config.pluginmanager.register(ArchcheckPlugin(config), "archcheck-run")


def _asked(config: pytest.Config) -> bool:
    given = any(
        config.getoption(f"archcheck_{name}") or config.getini(f"archcheck_{name}")
        for name in ("spec", "model")
    )
    return given or any(arg.partition("::")[0].endswith(SPEC_SUFFIXES) for arg in config.args)


@pytest.fixture
def archcheck(request: pytest.FixtureRequest) -> Archcheck:
    """The network and the spec that the marker `archcheck` or the ini values name: `report`,
    `network`, `spec`, and `verify` for live modules."""
    from archcheck.pytest_plugin.fixture import Archcheck

    return Archcheck(request)
