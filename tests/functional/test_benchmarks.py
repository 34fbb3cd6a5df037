"""The benchmarks run, measure what they say, and keep going where a tool fails.

Nothing here is about how long anything takes.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import torch

from benchmarks import cases, networks, processes, table
from benchmarks.processes import ROOT, run
from benchmarks.ratios import Failed, by_round, interleave, spread
from benchmarks.results import Answer, Case, Part, Ratio, Results, Series, load
from benchmarks.tools import FIELDS, NETWORKS, SHAPES
from tests.support.commands import LIMIT, run_program
from tests.support.processes import assert_gone, wait_until
from tests.support.zoo import resnet


def benchmark(tmp_path: Path, part: str) -> Results:
    """What one part finds on tiny networks."""
    file = tmp_path / "results.json"
    words = [sys.executable, "-m", "benchmarks", part, "--smoke", "--json", str(file)]
    done = run_program(words, ROOT)
    assert done.returncode == 0, done.stderr
    results = load(file)
    # What was found is what is printed, and nothing is passed over in silence.
    for found in results.parts[part].ratios:
        assert f"{found.name} / {found.over}: {found.values[0]:.2f}" in done.stdout
    for name, why in results.parts[part].failed.items():
        assert f"{name}: not measured: {why}" in done.stdout
    return results


@pytest.mark.slow
@pytest.mark.parametrize("part", ["whole-process", "memory", "in-process", "scaling"])
def test_every_part_runs(tmp_path: Path, part: str) -> None:
    found = benchmark(tmp_path, part).parts[part]
    measured = {series.name.partition(",")[0] for series in found.series}
    missing = {name.partition(",")[0] for name in found.failed}
    tools = {
        "whole-process": {"import torch", "archcheck verify", "archcheck inspect", "torchinfo"},
        "memory": {"import torch", "archcheck verify", "archcheck inspect", "torchinfo"},
        "in-process": {"archcheck", "torchinfo"},
        "scaling": {"archcheck"},
    }[part]
    assert tools <= measured
    if part != "scaling":
        assert {"torchscan", "TorchLens", "fvcore"} <= measured | missing
    assert all(value > 0 for series in found.series for value in series.values)
    assert {ratio.over for ratio in found.ratios} <= {s.name for s in found.series} | {
        "300 MB",
        "import torch + 20 × 60 ms",
        "a process each, 4 × archcheck verify",
        "60 MB",
    }
    if part == "memory":
        # torch alone is more than a hundred megabytes, in whichever process; a cache spares it.
        for series in found.series:
            assert (series.values[0] > 100e6) == ("cached" not in series.name)


@pytest.mark.slow
def test_receptive_fields_are_compared(tmp_path: Path) -> None:
    results = benchmark(tmp_path, "correctness")
    assert [case.truth for case in results.cases] == [9, 15, 20]
    for case in results.cases:
        assert case.answers["archcheck"] == Answer(case.truth)
    assert set(FIELDS) == set(results.cases[0].answers) | set(results.parts["correctness"].failed)


def test_networks_are_those_of_the_papers() -> None:
    def parameters(build: Callable[[], torch.nn.Module]) -> int:
        with torch.device("meta"):
            return sum(parameter.numel() for parameter in build().parameters())

    assert parameters(networks.resnet50) == 25_557_032
    assert parameters(networks.densenet201) == 20_013_928
    assert parameters(networks.swin_t) == 28_288_354
    assert parameters(networks.unet31m) == 31_037_698
    assert set(NETWORKS) | {"unet31m"} == set(SHAPES)
    assert all(callable(getattr(networks, name)) for name in SHAPES)


def test_resnet_without_identities_computes_the_same() -> None:
    plain = networks.resnet50().eval()
    assert not any(isinstance(part, torch.nn.Identity) for part in plain.modules())
    original = resnet.resnet50().eval()
    original.load_state_dict(plain.state_dict())
    x = torch.rand(1, 3, 64, 64)
    assert torch.equal(plain(x), original(x))


def test_case_names_are_distinct() -> None:
    assert len({case.name for case in cases.CASES}) == len(cases.CASES)


def test_rounds_go_there_and_back_and_the_first_is_dropped() -> None:
    order: list[str] = []

    def contestant(name: str) -> Callable[[], int]:
        return lambda: order.append(name) or len(order)  # type: ignore[func-returns-value]

    found, failed = interleave({name: contestant(name) for name in "abc"}, 2)
    assert "".join(order) == "abccbaabc"
    assert found == {"a": [6, 7], "b": [5, 8], "c": [4, 9]}
    assert failed == {}


def test_a_contestant_that_fails_is_named_and_the_others_go_on() -> None:
    calls: list[int] = []

    def fails() -> float:
        calls.append(1)
        if len(calls) == 2:
            raise Failed("no more")
        return 1.0

    found, failed = interleave({"good": lambda: 2.0, "bad": fails}, 3)
    assert found == {"good": [2.0] * 3}
    assert failed == {"bad": "no more"}
    assert len(calls) == 2


def test_median_and_quartiles() -> None:
    assert spread([4.0, 1.0, 3.0, 2.0, 5.0]) == (3.0, 2.0, 4.0)
    assert spread([7.0]) == (7.0, 7.0, 7.0)
    assert by_round([2.0, 3.0], [4.0, 4.0]) == [0.5, 0.75]


@pytest.mark.slow
def test_memory_is_that_of_the_whole_tree() -> None:
    child = "import time; b = b'1' * 100_000_000; time.sleep(3)"
    parent = f"import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', {child!r}])"
    hold = "; b = b'1' * 100_000_000; p.wait()"
    used = run([sys.executable, "-c", parent + hold], memory=True).memory
    assert used is not None
    assert 200e6 < used < 300e6
    assert run([sys.executable, "-c", "pass"]).memory is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import nothing_of_that_name", "exit code 1: ModuleNotFoundError: No module named"),
        ("import sys; sys.exit(3)", "exit code 3: it does not say why"),
        (
            "print('net\\n\\n✗ runs: it raised'); raise SystemExit(1)",
            "exit code 1: runs: it raised$",
        ),
        ("import os; os.kill(os.getpid(), 9)", "exit code -9"),
    ],
)
def test_why_a_process_failed(text: str, message: str) -> None:
    with pytest.raises(Failed, match=f"^{message}"):
        run([sys.executable, "-c", text])


def test_a_process_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "SECONDS", 0.5)
    with pytest.raises(Failed, match="longer than"):
        run([sys.executable, "-c", "import time; time.sleep(60)"])


def test_a_process_that_takes_too_much_memory_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "MOST_BYTES", 100e6)
    hold = "import time; b = b'1' * 150_000_000; time.sleep(60)"
    with pytest.raises(Failed, match=r"took more than 0\.1 GB of memory"):
        run([sys.executable, "-c", hold], memory=True)


def test_an_interrupted_run_leaves_no_process(tmp_path: Path) -> None:
    started = tmp_path / "pid"
    child = f"import os, time; open({str(started)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    program = f"from benchmarks.processes import run; run([{sys.executable!r}, '-c', {child!r}])"
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stderr=subprocess.DEVNULL
    ) as process:
        wait_until(lambda: started.exists() and started.read_text())
        process.send_signal(signal.SIGINT)
        process.wait(LIMIT)
    assert_gone([int(started.read_text())])


def test_a_command_that_is_not_there() -> None:
    with pytest.raises(Failed, match="No such file"):
        run(["/nowhere/archcheck"])


def test_expected_exit_codes_are_no_failure() -> None:
    assert run([sys.executable, "-c", "import sys; sys.exit(1)"], codes=(1,)).seconds > 0


# -- the page of the docs ------------------------------------------------------------------------


def kept() -> Results:
    """A run with figures that are easy to follow."""
    whole = Part(
        (
            Series("import torch", "python -c 'import torch'", (1.0, 1.0)),
            Series("archcheck verify", "archcheck verify ...", (0.9, 0.7)),
            Series("archcheck inspect", "archcheck inspect ...", (1.5, 1.0)),
            Series("torchinfo", "python -c ...", (2.0, 2.0)),
        ),
        (
            Ratio("archcheck verify", "import torch", (0.9, 0.7), 1.0),
            Ratio("archcheck inspect", "torchinfo", (0.75, 0.5), 0.85),
            Ratio("import torch", "torchinfo", (0.5, 0.5)),
        ),
        {"TorchLens": "exit code 1: ModuleNotFoundError: No module named 'torchlens'"},
    )
    memory = Part((Series("torchinfo", "python -c ...", (250e6,)),))
    growth = Part(
        (Series("big", "archcheck", (0.02,)), Series("small", "archcheck", (0.016,))),
        (Ratio("big", "small", (1.25,), 1.5),),
    )
    case = Case(
        "transposed convolution",
        6,
        {"archcheck": Answer(6), "TorchLens": Answer(7, "bound"), "torchscan": Answer(1)},
    )
    return Results(
        date="2026-01-31",
        machine={"processor": "A", "cores": "2", "system": "Linux", "python": "3.11.7"},
        versions={"torch": "2.13.0"},
        rounds=2,
        threads=0,
        parts={
            "whole-process": whole,
            "memory": memory,
            "in-process": growth,
            "scaling": growth,
            "correctness": Part(),
        },
        cases=(case,),
    )


def test_the_section_says_what_was_found() -> None:
    text = table.section(kept())
    assert "| **`archcheck inspect`, nothing cached** | 1.25 s | 0.62 (0.56–0.69) | – |" in text
    assert "| torchinfo | 2.00 s | 1 | 250 MB |" in text
    assert "takes 0.80 (0.75–0.85) times as long" in text
    assert "| big | 20 ms | small | 16 ms | 1.25 (1.25–1.25) |" in text
    assert "| transposed convolution | 6 | 6 | ≤ 7 | 1 ✗ |" in text
    assert "Not measured: TorchLens (whole processes): exit code 1: ModuleNotFound" in text
    assert "Measured on 2026-01-31: A, 2 cores, Linux, Python 3.11.7, torch 2.13.0" in text


@pytest.mark.parametrize(
    ("answer", "cell"),
    [
        (Answer(6), "6"),
        (Answer(7), "7 ✗"),
        (Answer(6, "bound"), "≤ 6"),
        (Answer(5, "bound"), "5 ✗"),
        (Answer(6, "gradients"), "(6)"),
        (Answer(4, "gradients"), "(4) ✗"),
        (Answer(why_not="unsupported"), "none"),
    ],
)
def test_answers_in_the_table(answer: Answer, cell: str) -> None:
    found = kept()
    case = Case("net", 6, {"archcheck": answer})
    text = table.section(msgspec.structs.replace(found, cases=(case,)))
    assert f"| net | 6 | {cell} |" in text


def test_the_section_is_replaced_between_its_marks() -> None:
    readme = f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n"
    once = table.with_section(readme, "new")
    assert once == f"before\n{table.BEGIN}\nnew\n\n{table.END}\nafter\n"
    assert table.with_section(once, "new") == once
    assert table.with_section(once, "") == f"before\n{table.BEGIN}\n{table.END}\nafter\n"
    with pytest.raises(ValueError, match="has no"):
        table.with_section("before", "new")


def test_results_come_back_as_they_were_saved(tmp_path: Path) -> None:
    found = kept()
    found.save(tmp_path / "results.json")
    assert load(tmp_path / "results.json") == found


def test_the_page_shows_the_run_that_is_kept() -> None:
    from benchmarks.results import KEPT

    text = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    section = table.section(load(KEPT)) if KEPT.exists() else ""
    assert table.with_section(text, section) == text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["in-proces"], "there is no part 'in-proces'; the parts are whole-process"),
        (["--update-docs", "--smoke"], "needs all parts"),
        (["--rounds", "0"], "at least 1"),
    ],
)
def test_wrong_command_lines(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from benchmarks.__main__ import main

    with pytest.raises(SystemExit) as error:
        main(arguments)
    assert error.value.code == 2
    assert message in capsys.readouterr().err
