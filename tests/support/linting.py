"""Linting networks in this process, and the lines that samples name."""

from __future__ import annotations

from pathlib import Path
from runpy import run_path

from torch import nn

from archcheck.evidence import Passes
from archcheck.lint import all_lint_rules
from archcheck.lint.base import Fault, LintRule, Sample, Unknown
from archcheck.lint.judge import findings_of
from archcheck.lint.linted import Linted
from archcheck.lint.options import LintOptions
from archcheck.network import Network
from archcheck.network.shapes import AnyInputs, inputs_of
from archcheck.tracing.trace import trace
from archcheck.verification.passes import first_pass, passes_of
from archcheck.worker.construction import constructions_recorded
from archcheck.worker.failures import Failure, NetworkError

HEAD = "import torch\nimport torch.nn.functional as F\nfrom torch import nn\n"
MARK = "# <-"


def passes(model: nn.Module, shape: AnyInputs) -> Passes:
    """The passes of a live network."""

    def run(*, training: bool, batch: int = 0) -> Network | Failure:
        try:
            return trace(model, shape, training=training, batch=batch)
        except NetworkError as error:
            return error.failure()

    traced, failed = first_pass(inputs_of(shape), run(training=False), run)
    assert isinstance(traced, Network), traced
    return passes_of(traced, run, failed)


def source_of(sample: Sample) -> str:
    """The file of a sample."""
    text = sample.network
    if "class " not in text:
        text = f"def Net():\n    return {text}\n"
    return HEAD + text


def marked_lines(source: str) -> list[int]:
    """The lines at fault, from 1."""
    lines = source.splitlines()
    return [number for number, line in enumerate(lines, 1) if line.rstrip().endswith(MARK)]


def found_in(sample: Sample, rule: LintRule, folder: Path) -> list[Fault | Unknown]:
    """What a rule finds in a sample."""
    file = folder / "net.py"
    file.write_text(source_of(sample))
    with constructions_recorded():
        network = run_path(str(file))["Net"]()
        linted = Linted(passes(network, sample.input), sample.loss)
    found = findings_of(linted, LintOptions(select=("all",)))
    return [each for by, each in found if by is rule]


def found_by(name: str, module: nn.Module, shape: tuple[int, ...]) -> dict[str, str]:
    """What a rule says of a live network, by the module at fault."""
    found = list(all_lint_rules()[name].find(Linted(passes(module, shape))))
    assert all(isinstance(each, Fault) for each in found)
    return {each.locations[0].module: each.message for each in found if isinstance(each, Fault)}


def lines_of(found: list[Fault | Unknown]) -> list[int]:
    """The first line of each finding, in order."""
    places = [each.locations[0].place for each in found]
    return sorted(place.line for place in places if place is not None)
