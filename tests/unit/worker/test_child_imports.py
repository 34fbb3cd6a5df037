"""What the process that traces imports beside torch: anything heavy would be paid by every run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from archcheck.network.inputs import of_shapes
from archcheck.tracing.remote import JOB_MODULES
from archcheck.tracing.requests import TraceRequest
from archcheck.worker.protocol import Done, Job, pack, raw, unpack
from archcheck.worker.reference import Reference
from tests.support.commands import run_program
from tests.support.paths import ROOT

pytestmark = pytest.mark.slow

NETWORKS = {
    "assignment": ("examples/assignment7/net004.py", "", (3, 32, 32)),
    "resnet": ("tests/support/zoo/resnet.py", "resnet50", (3, 224, 224)),
    "vit": ("tests/support/zoo/vit.py", "vit", (3, 32, 32)),
}
# The child's own way, with the names of all modules written down where it ends.
CHILD = """\
import json, os, sys
end, told = os._exit, sys.argv[1]
def tell(code):
    with open(told, "w") as file:
        json.dump(sorted(sys.modules), file)
    end(code)
os._exit = tell
from archcheck.worker.child import main
main(sys.argv[2:])
"""
HEAVY = ("sympy", "torch._dynamo", "torch._inductor", "torch.distributed", "mpmath", "triton")


def heavy(modules: set[str]) -> set[str]:
    return {name for name in modules if any(f"{name}.".startswith(f"{h}.") for h in HEAVY)}


def brought_by_torch() -> set[str]:
    done = run_program([sys.executable, "-c", "import sys, torch; print(*sys.modules)"])
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize("name", NETWORKS)
def test_tracing_imports_nothing_heavy(name: str, tmp_path: Path) -> None:
    file, function, shape = NETWORKS[name]
    request = TraceRequest(Reference(str(ROOT / file), "", function), of_shapes([shape]), {})
    told = tmp_path / "modules.json"
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(told), *JOB_MODULES],
        input=pack(Job("archcheck.tracing.job:trace_network", raw(request), file)),
        capture_output=True,
        start_new_session=True,
    )
    answers, rest = [], done.stdout
    while rest:
        length = int.from_bytes(rest[:4], "big")
        answers.append(unpack(rest[4 : 4 + length]))
        rest = rest[4 + length :]
    assert isinstance(answers[-1], Done), done.stderr
    found = set(json.loads(told.read_text()))
    assert "torch.nn" in found
    assert heavy(found) <= heavy(brought_by_torch())
    assert not {"sympy", "torch._dynamo", "torch._inductor"} & found
