"""Networks that misbehave are findings, and nothing of them outlives the command."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import COMMAND, LIMIT
from tests.support.paths import SUBMISSIONS
from tests.support.processes import assert_gone, children, is_alive, wait_until

pytestmark = pytest.mark.slow

SLEEPER = SUBMISSIONS / "sleeper.py"
SPEC = "input: [3, 8, 8]\nrules:\n  parameters: {at_most: 10k}\n"
NET = """\
import ctypes, io, os, signal, sys, threading, time
import torch
from torch import nn
{top}
class Net(nn.Module):
    def __init__(self{parameters}):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        {init}
    def forward(self, x):
        {forward}
        return self.conv(x)
"""


def network(top: str = "", init: str = "", forward: str = "", parameters: str = "") -> str:
    return NET.format(top=top, init=init, forward=forward, parameters=parameters)


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC)
    return path


def verify(tmp_path: Path, source: str, *options: str, code: int) -> dict[str, Any]:
    """The JSON report on a network; what the network prints must not reach either stream."""
    (tmp_path / "net.py").write_text(source, encoding="utf-8")
    (tmp_path / "spec.yaml").write_text(SPEC)
    done = subprocess.run(
        [COMMAND, "verify", "net.py:Net", "-s", "spec.yaml", "--output-format=json", *options],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=LIMIT,
    )
    assert done.stderr == b""
    assert done.returncode == code
    report: dict[str, Any] = json.loads(done.stdout)
    assert report["passed"] is (code == 0)
    return report


FAILING = {
    "loops at import": (network("while True: time.sleep(1)"), "imports", "not return within 3"),
    "loops in init": (network(init="while True: pass"), "builds", "not return within 3"),
    "loops in forward": (network(forward="while True: pass"), "runs", "not return within 3"),
    "stops itself": (network(forward="os.kill(os.getpid(), 19)"), "runs", "not return within 3"),
    "exits at import": (network("os._exit(0)"), "imports", "exit code 0"),
    "exits": (network(forward="os._exit(0)"), "runs", "exit code 0"),
    "crashes": (network(forward="ctypes.string_at(0)"), "runs", "SIGSEGV"),
    "aborts": (network(init="os.abort()"), "builds", "SIGABRT"),
    "becomes another": (network("os.execvp('true', ['true'])"), "imports", "ended the process"),
    "raises at import": (network("raise ValueError('no luck')"), "imports", "ValueError: no luck"),
    "raises in init": (network(init="raise ValueError('no luck')"), "builds", "no luck"),
    "raises": (
        network(forward="raise ValueError('no luck')"),
        "runs",
        "net.py:11): ValueError: no luck",
    ),
    "raises lone surrogates": (
        network(forward=r"raise ValueError('\ud800 no luck')"),
        "runs",
        "no luck",
    ),
    "interrupts": (network(forward="raise KeyboardInterrupt"), "runs", "KeyboardInterrupt"),
    "prints and raises": (
        network(forward="[print('page', i) for i in range(9999)]; os.write(1, b'x'); 1 / 0"),
        "runs",
        "ZeroDivisionError",
    ),
    "asks at import": (network("input('name? ')"), "imports", "EOFError"),
    "asks": (network(forward="input('name? ')"), "runs", "EOFError"),
    "leaves at import": (network("sys.exit()"), "imports", "sys.exit"),
    "leaves": (network(forward="sys.exit(0)"), "runs", "sys.exit(0)"),
    "recurses": (network(forward="return self(x)"), "runs", "RecursionError"),
    "closes everything": (network(forward="os.closerange(0, 99)"), "runs", "ended the process"),
    "forges answers": (
        network(forward="[os.write(fd, b'\\0\\0\\0\\4junk') for fd in range(3, 8)]"),
        "runs",
        "",
    ),
    "misses a module": (network("import no_such_module"), "imports", "'no_such_module' is not ins"),
    "is no Python": ("def f(:\n", "imports", "SyntaxError"),
    "holds a no-break space": (network("a\u00a0= 1"), "imports", "U+00A0"),
    "returns nothing": (network(forward="return None"), "runs", "NoneType, not a tensor"),
    "returns text": (network(forward="return 'cat'"), "runs", "str, not a tensor"),
    "wants arguments": (network(parameters=", width"), "builds", "needs arguments: width"),
    "wants all memory": (network(forward="bytearray(1 << 60)"), "runs", "MemoryError"),
}


@pytest.mark.parametrize("name", FAILING)
def test_a_network_that_misbehaves_is_a_finding(tmp_path: Path, name: str) -> None:
    source, stage, words = FAILING[name]
    options = ["--timeout=3"] if "not return" in words else []
    options += ["--load=plain"] if stage == "imports" else []
    report = verify(tmp_path, source, *options, code=1)
    first, *others = report["rules"]
    assert (first["rule"], first["status"]) == (stage, "failed")
    assert words in first["message"]
    assert [(rule["rule"], rule["status"]) for rule in others] == [("parameters", "not-verified")]


def test_the_places_of_a_failure_are_lines_of_the_network(tmp_path: Path) -> None:
    report = verify(tmp_path, network(forward="raise ValueError('no luck')"), code=1)
    places = {(where["file"], where["line"]) for where in report["rules"][0]["locations"]}
    assert places == {("net.py", 11)}


HARMLESS = {
    "threads that never end": "[threading.Thread(target=signal.pause).start() for _ in '1234']",
    "pages": "[print('page', i) for i in range(9999)]; os.write(1, b'raw'); os.write(2, b'raw')",
    "stdout closed": "sys.stdout.close(); sys.stderr.close()",
    "descriptors closed": "os.close(1); os.close(2)",
    "stdout replaced": "sys.stdout = io.StringIO(); print('hello')",
    "stdout gone": "sys.stdout = sys.stderr = None; print('hello')",
    "stdout broken": "sys.stdout = sys.stderr = object()",
    "reads all of stdin": "assert sys.stdin.read() == ''",
    "leaves the folder": "os.chdir('/')",
    "never ends at exit": "import atexit; atexit.register(signal.pause)",
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_a_network_does_beside_its_work_does_not_matter(tmp_path: Path, name: str) -> None:
    report = verify(tmp_path, network(forward=HARMLESS[name]), code=0)
    assert [(rule["rule"], rule["found"]) for rule in report["rules"]] == [("parameters", 112)]


def test_the_end_of_what_a_failing_network_printed_is_shown(tmp_path: Path, spec: Path) -> None:
    forward = "[print('line', i) for i in range(9999)]; 1 / 0"
    (tmp_path / "net.py").write_text(network(forward=forward))
    words = [COMMAND, "verify", "net.py", "--spec", str(spec)]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=LIMIT)
    assert done.returncode == 1
    assert "line 9998" in done.stdout
    assert "line 9000" not in done.stdout


def test_what_a_network_prints_is_shown_once(tmp_path: Path, spec: Path) -> None:
    # A failing pass from shapes is repeated for real, which is not seen.
    (tmp_path / "net.py").write_text(
        network("print('fi', 'rst')", forward="print('li', 'ne'); 1 / 0")
    )
    words = [COMMAND, "verify", "net.py", "--spec", str(spec)]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=LIMIT)
    assert (done.stdout.count("fi rst"), done.stdout.count("li ne")) == (1, 1)
    assert "archcheck:" not in done.stdout


def test_what_a_network_printed_before_it_ended_is_shown(tmp_path: Path, spec: Path) -> None:
    forward = "print('li', 'ne', flush=True); os._exit(3)"
    (tmp_path / "net.py").write_text(network(forward=forward))
    words = [COMMAND, "verify", "net.py", "--spec", str(spec)]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=LIMIT)
    assert "exit code 3" in done.stdout
    assert done.stdout.count("li ne") == 1


@pytest.mark.parametrize("way", ["print({0!r}); 1 / 0", "raise ValueError({0!r})"])
def test_a_terminal_does_not_obey_a_submission(tmp_path: Path, spec: Path, way: str) -> None:
    forward = way.format("\x1b[31mred\x1b]0;title\x07\x1b[0m\x9b2J")
    (tmp_path / "net.py").write_text(network(forward=forward), encoding="utf-8")
    words = [COMMAND, "verify", "net.py", "--spec", str(spec)]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, encoding="utf-8", timeout=LIMIT)
    assert "red" in done.stdout
    assert [letter for letter in "\x1b\x07\x9b" if letter in done.stdout] == []


# -- nothing outlives the command -----------------------------------------------------------


@contextmanager
def sleeping(
    tmp_path: Path, spec: Path, way: str, timeout: int = 120
) -> Iterator[tuple[subprocess.Popen[bytes], list[int]]]:
    """The command in a process group of its own, while its network sleeps."""
    started = tmp_path / "started"
    words = [COMMAND, "verify", f"{SLEEPER}:Net", "--spec", str(spec), f"--timeout={timeout}"]
    words += ["--arg", f"started={started}", "--arg", f"way={way}"]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdout=pipe, stderr=pipe, start_new_session=True) as process:
        running = []
        try:
            wait_until(lambda: started.exists() or process.poll() is not None)
            running = [int(number) for number in started.read_text().split()]
            yield process, running
        finally:
            for number in {process.pid, *running}:
                if is_alive(number):
                    os.kill(number, signal.SIGKILL)


@pytest.mark.parametrize("way", ["sleep", "spin", "ignore", "hold", "fork"])
@pytest.mark.parametrize("whole_group", [True, False], ids=["group", "alone"])
def test_ctrl_c_ends_the_command_and_its_child(
    tmp_path: Path, spec: Path, way: str, whole_group: bool
) -> None:
    with sleeping(tmp_path, spec, way) as (process, running):
        assert all(is_alive(number) for number in running)
        (os.killpg if whole_group else os.kill)(process.pid, signal.SIGINT)
        output, errors = process.communicate(timeout=LIMIT)
        assert process.returncode == 130
        assert (output, errors) == (b"", b"")
        assert_gone(running)


@pytest.mark.parametrize(
    ("way", "number"),
    [
        ("sleep", signal.SIGTERM),
        ("spin", signal.SIGTERM),
        ("hold", signal.SIGTERM),
        ("fork", signal.SIGTERM),
        ("sleep", signal.SIGKILL),
    ],
)
def test_the_child_ends_with_a_command_that_is_killed(
    tmp_path: Path, spec: Path, way: str, number: signal.Signals
) -> None:
    with sleeping(tmp_path, spec, way) as (process, running):
        process.send_signal(number)
        process.wait(LIMIT)
        assert_gone(running)


def test_what_a_network_forked_ends_with_its_time(tmp_path: Path, spec: Path) -> None:
    with sleeping(tmp_path, spec, "fork", timeout=3) as (process, running):
        process.communicate(timeout=LIMIT)
        assert process.returncode == 1
        assert_gone(running)


def test_ctrl_c_while_torch_is_imported(tmp_path: Path, spec: Path) -> None:
    (tmp_path / "net.py").write_text(network())
    words = [COMMAND, "verify", str(tmp_path / "net.py"), "--spec", str(spec)]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdout=pipe, stderr=pipe, start_new_session=True) as process:
        wait_until(lambda: children(process.pid))
        found = children(process.pid)
        os.killpg(process.pid, signal.SIGINT)
        output, errors = process.communicate(timeout=LIMIT)
        assert process.returncode == 130
        assert (output, errors) == (b"", b"")
        assert_gone(found)


# -- nothing ends the report, and nothing survives it -----------------------------------------

DAEMON = """\
def daemon():
    if os.fork():
        return os.wait()
    os.setsid()
    if os.fork():
        os._exit(0)
    for number in range(1, 65):
        try: signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError): pass
    with open({told!r}, 'a') as file:
        file.write(f'{{os.getpid()}}\\n')
    time.sleep(600)
"""


KILLS_PARENT = "os.kill(os.getppid(), signal.SIGKILL); time.sleep(600)"


@pytest.mark.parametrize("then", ["pass", "os._exit(3)", "os.kill(os.getppid(), 9)", "1 / 0"])
def test_no_daemon_of_a_network_survives(tmp_path: Path, then: str) -> None:
    told = tmp_path / "told"
    top = DAEMON.format(told=str(told))
    wait = f"[time.sleep(0.01) for _ in iter(lambda: os.path.exists({str(told)!r}), True)]"
    source = network(top, forward=f"daemon(); {wait}; {then}")
    verify(tmp_path, source, code=0 if then == "pass" else 1)
    running = [int(number) for number in told.read_text().split()]
    assert running
    assert [number for number in running if is_alive(number)] == []


@pytest.mark.parametrize("stage", ["top", "init", "forward"])
def test_a_network_that_kills_its_parent_ends_no_report(tmp_path: Path, stage: str) -> None:
    source = network(**{stage: KILLS_PARENT})
    report = verify(tmp_path, source, *(["--load=plain"] if stage == "top" else []), code=1)
    first = report["rules"][0]
    assert first["status"] == "failed"
    assert "killed by SIGKILL" in first["message"]


def test_a_network_that_kills_its_parent_harms_no_other(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC)
    killer = network(forward=KILLS_PARENT)
    for name, source in {"a": network(), "b": killer, "c": network(), "d": network()}.items():
        (tmp_path / f"{name}.py").write_text(source)
    (tmp_path / "pyproject.toml").write_text(
        '[tool.archcheck.networks]\n"[a-d].py" = "spec.yaml"\n'
    )
    words = [COMMAND, "check", "--output-format", "json", "--no-cache"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, timeout=LIMIT)
    assert (done.returncode, done.stderr) == (1, b"")
    reports = json.loads(done.stdout)["reports"]
    assert [report["passed"] for report in reports] == [True, False, True, True]
