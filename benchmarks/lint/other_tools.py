"""Other tools for faults of networks, each asked as its own documentation does it.

They are given what they want beside a network: a batch, a loss and an optimizer without weight
decay, or the source of a training script. Which of their findings name which fault says ``NAMES``.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from importlib.metadata import version
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import torch

from benchmarks.lint.batches import batch
from benchmarks.lint.catalogue import FAULTY, FIXED, Case


class Said(msgspec.Struct, frozen=True):
    """A finding of a tool: the check, where or what, and the line where it gives one."""

    check: str
    level: str
    text: str
    line: int | None = None


DISTRIBUTIONS = {
    "torch-audit": "torch-audit",
    "torchtest2": "torchtest2",
    "torch-preflight": "torch-preflight",
}
NAMES: dict[str, dict[str, frozenset[str]]] = {
    "torch-audit": {
        "TA400": frozenset({"bias-before-batchnorm"}),
        "TA500": frozenset({"unused-parameter"}),
        "TA501": frozenset({"reused-batchnorm"}),
        "TA103": frozenset({"no-gradient-path", "softmax-of-one"}),
    },
    "torchtest2": {
        "eval_determinism": frozenset({"functional-dropout-always-on", "layer-built-in-forward"}),
        "gradient_flow": frozenset({"no-gradient-path", "softmax-of-one", "unused-parameter"}),
        "batch_independence": frozenset({"batch-mixing", "softmax-over-batch"}),
        "input_dependency": frozenset({"ignored-input"}),
    },
    "torch-preflight": {"TG005": frozenset({"activation-on-output", "double-softmax"})},
}
"""The faults that a check names, by the rule that stands for them. A check counts that says what is
wrong, or names the layer or the parameter that it goes wrong for."""
RAISES = "inplace operation"
"""What torch's own error says where a gradient is spoilt in place; a tool that passes it on names
``inplace-corrupts-skip``."""
LOOP = """
model = {name}()
criterion = nn.{loss}()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.0)
for inputs, targets in loader:
    optimizer.zero_grad()
    loss = criterion(model(inputs), targets)
    loss.backward()
    optimizer.step()
"""
"""What a tool that reads sources sees behind a network, so that it knows the loss."""

Ask = Callable[[Case, str], list[Said]]


def versions() -> dict[str, str]:
    """The versions of all tools.

    Raises:
        PackageNotFoundError: if one is not installed.
    """
    return {name: version(distribution) for name, distribution in DISTRIBUTIONS.items()}


def names(tool: str, rules: frozenset[str], said: Said) -> bool:
    """Whether a finding names a fault that one of these rules is for."""
    if RAISES in said.text:
        return "inplace-corrupts-skip" in rules
    return bool(NAMES[tool].get(said.check, frozenset()) & rules)


def torch_audit(case: Case, name: str) -> list[Said]:
    """One step of training, phase by phase."""
    from torch_audit import audit_dynamic

    with case.built(name) as model:
        given = batch(case, model)
        model.train()
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.0)
        with audit_dynamic(model, optimizer=optimizer, every_n_steps=1, reporters=[]) as auditor:
            outputs = auditor.forward(*given.inputs)
            auditor.backward(given.loss(outputs, given.targets))
            auditor.optimizer_step()
        result = auditor.finish(report=False)
    return [
        Said(each.rule_id, _level(each.severity.value), f"{each.module_path}: {each.message}")
        for each in result.findings
    ]


def torchtest2(case: Case, name: str) -> list[Said]:
    """Its one call, but for the check that a network learns a batch of random targets by heart."""
    from torchtest2 import check_model

    with case.built(name) as model:
        given = batch(case, model)
        report = check_model(
            model,
            given.inputs,
            given.targets,
            loss_fn=given.loss,
            optimizer=torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.0),
            output_batch_dim=given.axis,
            skip=["overfit_batch"],
        )
    told = [*report.failures, *report.warnings]
    return [Said(each.name, _level(each.status.value), each.message) for each in told]


def torch_preflight(case: Case, name: str) -> list[Said]:
    """Its command, on the source of one network and a training loop."""
    from torch_preflight.cli import main

    other = {FAULTY: FIXED, FIXED: FAULTY}.get(name, "")
    source = without(case.source, other)
    loop = LOOP.format(name=name, loss="CrossEntropyLoss" if case.loss else "MSELoss")
    lines = source.count("\n")
    with TemporaryDirectory() as folder:
        file = Path(folder, "train.py")
        file.write_text(source + "\nimport torch\n" + loop, encoding="utf-8")
        with redirect_stdout(StringIO()) as printed:
            main(["check", str(file), "-f", "json", "-j", "1"])
    return list(_diagnostics(json.loads(printed.getvalue()), lines))


def _diagnostics(answer: Any, lines: int) -> Iterator[Said]:
    """Its findings, but for notes on the loop, which is not the network's."""
    for each in answer["diagnostics"]:
        inside = each["line"] <= lines
        if inside or each["severity"] == "error":
            line = each["line"] if inside else None
            yield Said(each["code"], _level(each["severity"]), each["message"], line)


TOOLS: dict[str, Ask] = {
    "torch-audit": torch_audit,
    "torchtest2": torchtest2,
    "torch-preflight": torch_preflight,
}


def without(source: str, name: str) -> str:
    """A source with blank lines in place of the classes whose names begin so."""
    lines = source.splitlines()
    for node in ast.parse(source).body:
        if name and isinstance(node, ast.ClassDef) and node.name.startswith(name):
            assert node.end_lineno is not None
            lines[node.lineno - 1 : node.end_lineno] = [""] * (node.end_lineno - node.lineno + 1)
    return "\n".join(lines) + "\n"


def _level(word: str) -> str:
    """``error``, ``warning`` or ``note``, in the words of all tools."""
    return {"FATAL": "error", "ERROR": "error", "FAIL": "error", "error": "error"}.get(word) or (
        "warning" if word in ("WARN", "warning") else "note"
    )
