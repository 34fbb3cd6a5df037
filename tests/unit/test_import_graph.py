"""What imports what: no circles, and torch where networks run and nowhere else."""

from __future__ import annotations

import grimp
import pytest

ROOMS = {
    "archcheck.tracing",
    "archcheck.worker",
    "archcheck.evaluation",
    "archcheck.augmentation",
}
"""The rooms whose modules may run in the process that imports torch."""


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(
        "archcheck",
        include_external_packages=True,
        exclude_type_checking_imports=True,
        cache_dir=None,
    )


def own(graph: grimp.ImportGraph) -> list[str]:
    return sorted(name for name in graph.modules if name.split(".")[0] == "archcheck")


def test_no_module_imports_itself_in_a_circle(graph: grimp.ImportGraph) -> None:
    circles = [
        name
        for name in own(graph)
        if any(
            name == back or graph.chain_exists(importer=back, imported=name)
            for back in graph.find_modules_directly_imported_by(name)
            if back.startswith("archcheck")
        )
    ]
    assert circles == []


def test_torch_is_imported_only_where_networks_run(graph: grimp.ImportGraph) -> None:
    importers = {
        name
        for name in own(graph)
        if any(
            module.split(".")[0] == "torch"
            for module in graph.find_modules_directly_imported_by(name)
        )
    }
    assert {".".join(name.split(".")[:2]) for name in importers} <= ROOMS
