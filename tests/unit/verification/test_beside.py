"""Weights beside each network, named by a pattern: the same in ``check`` and in pytest."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from archcheck.config.errors import ConfigError
from archcheck.config.model import read_config
from archcheck.pytest_plugin.artifacts import Artifacts
from archcheck.verification.beside import GivenPath
from archcheck.verification.mapping import mapped_networks
from archcheck.worker.reference import Reference


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("models/a.py", "models/b.py", "weights/a.pt", "spec.yaml"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.touch()
    return tmp_path


Weights = tuple[str | Path | None, str]


def in_check(folder: Path, weights: str) -> list[Weights]:
    """The weights of each network, and why they were not measured if there are none."""
    file = folder / "pyproject.toml"
    entry = f'{{spec = "./spec.yaml", weights = "{weights}"}}'
    file.write_text(f'[tool.archcheck.networks]\n"models/*.py" = {entry}\n')
    submissions = [network.submission for network in mapped_networks(read_config(file))]
    return [(each.weights, "" if each.weights else each.unmeasured) for each in submissions]


def in_pytest(folder: Path, weights: str) -> list[Weights]:
    artifacts = Artifacts(GivenPath(weights, folder))
    submissions = [
        artifacts.with_network(Reference(str(folder / "models" / name), "", ""), {})
        for name in ("a.py", "b.py")
    ]
    return [(each.weights, "" if each.weights else each.unmeasured) for each in submissions]


@pytest.mark.parametrize("weights_of", [in_check, in_pytest])
def test_each_network_has_its_own_weights(
    folder: Path, weights_of: Callable[[Path, str], list[Weights]]
) -> None:
    (folder / "models" / "b.pt").touch()
    assert weights_of(folder, "weights/{stem}.pt") == [
        (folder / "weights" / "a.pt", ""),
        (None, "there is no weights/b.pt beside the network"),
    ]
    assert weights_of(folder, "{stem}.pt") == [
        (None, "there is no a.pt beside the network"),
        (folder / "models" / "b.pt", ""),
    ]


@pytest.mark.parametrize("weights_of", [in_check, in_pytest])
def test_one_file_for_all_may_lie_beside_them_or_beside_the_settings(
    folder: Path, weights_of: Callable[[Path, str], list[Weights]]
) -> None:
    assert [path for path, _ in weights_of(folder, "weights/a.pt")] == [folder / "weights/a.pt"] * 2
    (folder / "models" / "weights").mkdir()
    (folder / "models" / "weights" / "a.pt").touch()
    beside = folder / "models" / "weights" / "a.pt"
    assert [path for path, _ in weights_of(folder, "weights/a.pt")] == [beside] * 2


def test_a_folder_of_weights_is_told_how_to_be_named(folder: Path) -> None:
    hint = r'weights is a folder; name the file; write "weights/\{stem\}.pt" for one each'
    with pytest.raises(ConfigError, match=hint):
        in_check(folder, "weights")
