"""A worker does one job: whose time counts, what comes back, and how it came to be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from archcheck.tracing.remote import JOB_MODULES, start_worker, trace_in, warm_workers
from archcheck.tracing.requests import Traced
from archcheck.worker import process
from archcheck.worker.failures import Failure, InputError, StartError
from archcheck.worker.process import Spawned, Start, Worker
from archcheck.worker.reference import parse_reference
from archcheck.worker.warm import WarmWorkers, can_fork
from tests.support.jobs import Nap

NAP = "tests.support.jobs:nap"


@pytest.fixture(params=["fresh", "warm"])
def start(request: pytest.FixtureRequest) -> Iterator[Start]:
    if request.param == "fresh":
        yield start_worker
        return
    with warm_workers() as workers:
        yield workers.start


def rest(start: Start, job: str = NAP, *, steps: int = 0, **seconds: float) -> object:
    with start() as worker:
        request = Nap(**seconds)
        return worker.run(job, request, str, script="net.py", timeout=2, steps=steps)


@pytest.mark.slow
def test_only_the_users_code_has_a_time_limit(start: Start) -> None:
    assert rest(start, before=2.5, after=2.5) == "rested"
    failure = rest(start, during=60)
    assert isinstance(failure, Failure)
    assert (failure.stage, failure.cause, failure.seconds) == ("builds", "timeout", 2)
    assert failure.place is not None
    assert failure.place.file.endswith("jobs.py")


@pytest.mark.slow
def test_steps_share_the_time_or_have_all_of_it_each(start: Start) -> None:
    assert rest(start, step=1.1, steps=2) == "rested"
    failure = rest(start, step=1.1)
    assert isinstance(failure, Failure)
    assert failure.cause == "timeout"


def test_what_is_no_data_is_a_failure(start: Start) -> None:
    failure = rest(start, "tests.support.jobs:no_data")
    assert isinstance(failure, Failure)
    assert failure.cause == "unusable"
    assert "cannot be handed on" in failure.message


def test_a_result_of_another_type_is_none_of_ours(start: Start) -> None:
    with start() as worker:
        failure = worker.run(NAP, Nap(), int, script="net.py", timeout=60)
    assert failure == Failure("runs", "garbled")


def test_a_wrong_input_says_which(start: Start) -> None:
    with pytest.raises(InputError) as caught:
        rest(start, "tests.support.jobs:refuse")
    assert (caught.value.input, caught.value.subject) == ("weights", "net.pt")
    assert str(caught.value) == "weights net.pt: it is wrong"


def slow_module(folder: Path, monkeypatch: pytest.MonkeyPatch, seconds: float) -> str:
    (folder / "slow_to_start.py").write_text(f"import time\ntime.sleep({seconds})\n")
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return "slow_to_start"


@pytest.mark.slow
def test_a_slow_start_is_not_held_against_the_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modules = [slow_module(tmp_path, monkeypatch, 5), *JOB_MODULES]
    assert rest(lambda: Worker(Spawned(modules))) == "rested"


def test_a_start_that_takes_for_ever_is_an_error_of_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = slow_module(tmp_path, monkeypatch, 60)
    monkeypatch.setattr(process, "START_SECONDS", 0.5)
    with pytest.raises(StartError, match=r"did not come up within 0\.5 seconds"):
        rest(lambda: Worker(Spawned([module])))


@pytest.mark.parametrize("way", ["fresh", "warm"])
def test_a_process_that_cannot_start_says_why(way: str) -> None:
    modules = ["no_such_module"]
    with WarmWorkers(modules) as workers:
        start = workers.start if way == "warm" else lambda: Worker(Spawned(modules))
        with pytest.raises(StartError, match="ModuleNotFoundError: No module named 'no_such_mo"):
            rest(start)


# -- forked from a warm process ---------------------------------------------------------------

forking = pytest.mark.skipif(not can_fork(), reason="there is no fork of such a process here")


@forking
def test_torch_is_imported_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "imports"
    (tmp_path / "counted.py").write_text(f"open({str(log)!r}, 'a').write('x')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with WarmWorkers(["counted"]) as workers:
        assert [rest(workers.start) for _ in range(3)] == ["rested"] * 3
    assert log.read_text() == "x"


NET = """\
import os, random
import helper
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, random.randint(4, 400), helper.KERNEL)
    def forward(self, x):
        return self.conv(x) if os.environ.get("DEEPER") is None else x
"""


def test_a_warm_worker_sees_and_reads_what_a_fresh_one_does(tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text("KERNEL = 3\n")
    (tmp_path / "net.py").write_text(NET)
    reference = parse_reference(f"{tmp_path / 'net.py'}:Net")
    traced = []
    with warm_workers() as workers:
        for start in (start_worker, workers.start, workers.start):
            with start() as worker:
                traced.append(trace_in(worker, reference, [(3, 8, 8)], recorded=True))
    assert isinstance(traced[0], Traced), traced
    assert traced[0].dependencies is not None
    assert str(tmp_path / "helper.py") in traced[0].dependencies.contents
    assert traced[1] == traced[0]
    assert traced[2] == traced[0]


def test_a_file_that_appears_after_the_start_is_found(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(NET)
    reference = parse_reference(f"{tmp_path / 'net.py'}:Net")
    with warm_workers() as workers:
        with workers.start() as worker:
            failure = trace_in(worker, reference, [(3, 8, 8)])
        assert isinstance(failure, Failure)
        assert failure.message == "helper.py is not there"
        (tmp_path / "helper.py").write_text("KERNEL = 3\n")
        with workers.start() as worker:
            assert isinstance(trace_in(worker, reference, [(3, 8, 8)]), Traced)


@forking
def test_a_warm_process_that_cannot_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_START", "raise ValueError('no luck')")
    with warm_workers() as workers, pytest.raises(StartError, match="ValueError: no luck"):
        rest(workers.start)


@forking
def test_a_warm_process_that_is_gone_is_started_again(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(
        "import os, signal\nfrom torch import nn\nNet = nn.ReLU\n"
        "os.kill(os.getppid(), signal.SIGKILL)\n"
    )
    reference = parse_reference(f"{tmp_path / 'net.py'}:Net")
    with warm_workers() as workers:
        with workers.start() as worker:
            failure = trace_in(worker, reference, [(3, 8, 8)])
        assert isinstance(failure, Failure)
        assert failure.cause == "died"
        assert rest(workers.start) == "rested"
