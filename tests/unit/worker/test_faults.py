"""The line at fault is the author's, whatever ran below it, and however it ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from archcheck.network import Network
from archcheck.shell_words import for_python
from archcheck.tracing.remote import trace_in, warm_workers
from archcheck.tracing.requests import Traced
from archcheck.verification.wording import failure_finding
from archcheck.worker.failures import Failure
from archcheck.worker.reference import parse_reference
from archcheck.worker.warm import WarmWorkers

NET = """\
import copy, ctypes, functools, json, os, random, sys, time
import numpy, torch
from torch import nn
{top}
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        {init}

    def forward(self, x):
        {forward}
        return self.conv(x)
{end}
"""
TOP, INIT, FORWARD, END = 4, 9, 12, 14
"""The lines of what is filled in."""


def source(top: str = "", init: str = "", forward: str = "", end: str = "") -> str:
    return NET.format(top=top, init=init, forward=forward, end=end)


@pytest.fixture(scope="module")
def workers() -> Iterator[WarmWorkers]:
    with warm_workers() as warm:
        yield warm


@pytest.fixture
def trace(workers: WarmWorkers, tmp_path: Path) -> Callable[[str], Network | Failure]:
    def trace_source(text: str, name: str = "net.py") -> Network | Failure:
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True, parents=True)
        file.write_text(text, encoding="utf-8")
        with workers.start() as worker:
            reference = parse_reference(str(file), "plain")
            traced = trace_in(worker, reference, [(3, 8, 8)], timeout=30)
        return traced.network if isinstance(traced, Traced) else traced

    return trace_source


Trace = Callable[..., Network | Failure]


def failed(found: Network | Failure) -> Failure:
    assert isinstance(found, Failure)
    return found


def lines(failure: Failure) -> list[int | None]:
    return [place.line if place else None for place in (failure.place, failure.called)]


LIBRARIES = {
    "json at import": (source(top="json.loads('{')"), "imports", TOP),
    "a hook of the standard library": (
        source(init="functools.reduce(lambda a, b: json.loads('{'), [1, 2])"),
        "builds",
        INIT,
    ),
    "json in the constructor": (source(init="json.loads('{')"), "builds", INIT),
    "numpy in forward": (source(forward="numpy.stack([])"), "runs", FORWARD),
    "the standard library in forward": (source(forward="random.sample([], 2)"), "runs", FORWARD),
    "torch in forward": (source(forward="torch.stack([])"), "runs", FORWARD),
    "an exit": (source(forward="sys.exit(3)"), "runs", FORWARD),
    "an exit of the process": (source(forward="os._exit(3)"), "runs", FORWARD),
    "an exit of the process at import": (source(end="os._exit(3)"), "imports", END),
    "a segmentation fault": (source(forward="ctypes.string_at(0)"), "runs", FORWARD),
    "a segmentation fault at import": (source(end="ctypes.string_at(0)"), "imports", END),
    "an abortion": (source(init="os.abort()"), "builds", INIT),
}


@pytest.mark.parametrize(("text", "stage", "line"), LIBRARIES.values(), ids=LIBRARIES)
def test_the_line_is_the_authors(trace: Trace, text: str, stage: str, line: int) -> None:
    failure = failed(trace(text))
    assert (failure.stage, lines(failure)) == (stage, [line, None])
    assert failure.place is not None
    assert Path(failure.place.file).name == "net.py"


def test_the_processes_end_is_told_as_before(trace: Trace) -> None:
    ended = failed(trace(source(forward="print('so far'); os._exit(300)")))
    assert (ended.cause, ended.exit_code, ended.output) == ("died", 300 & 0xFF, "so far")
    crashed = failed(trace(source(forward="print('so far', flush=True); ctypes.string_at(0)")))
    assert (crashed.cause, crashed.exit_code, crashed.output) == ("died", -11, "so far")


def test_a_process_that_the_network_forks_ends_by_itself(trace: Trace) -> None:
    forks = "pid = os.fork(); os._exit(0) if pid == 0 else os.waitpid(pid, 0)"
    assert isinstance(trace(source(forward=forks)), Network)


def test_a_line_in_a_helper_of_the_author_is_the_innermost(trace: Trace, tmp_path: Path) -> None:
    helper = tmp_path / "helper.py"
    helper.write_text("import json\n\n\ndef read():\n    return json.loads('{')\n")
    failure = failed(trace("from helper import read\n" + source(forward="read()")))
    assert failure.place is not None
    assert (failure.place.file, failure.place.line) == (str(helper), 5)


TRAINING = {
    "a loop": (
        "net = Net()\nfor step in range(3):\n    y = net(torch.ones(1, 3, 8, 8))\n"
        "    y.sum().backward(y)",
        [END + 1, END + 3],
    ),
    "a call of a function": ("def fit():\n    json.loads('{')\n\nfit()", [END + 3, END + 1]),
    "arguments of the command line": (
        "import argparse\np = argparse.ArgumentParser()\np.add_argument('--lr', required=True)\n"
        "args = p.parse_args()",
        [END + 3, None],
    ),
}


@pytest.mark.parametrize(("end", "expected"), TRAINING.values(), ids=TRAINING)
def test_training_at_import_shows_the_statement_that_trains(
    trace: Trace, end: str, expected: list[int | None]
) -> None:
    failure = failed(trace(source(end=end)))
    assert (failure.stage, lines(failure), failure.advice) == ("imports", expected, "main-guard")
    assert "put it under `if __name__ == " in failure_finding(failure).hint


def test_a_loop_that_takes_too_long_at_import_is_shown(
    workers: WarmWorkers, tmp_path: Path
) -> None:
    file = tmp_path / "net.py"
    file.write_text(source(end="def fit():\n    while True:\n        time.sleep(1)\n\nfit()"))
    with workers.start() as worker:
        failure = trace_in(worker, parse_reference(str(file)), [(3, 8, 8)], timeout=0.5)
    assert isinstance(failure, Failure)
    assert (failure.cause, lines(failure), failure.advice) == (
        "timeout",
        [END + 4, END + 2],
        "main-guard",
    )


PLAIN = {
    "raises": "raise ValueError('no')",
    "asserts": "assert isinstance(3, str)",
    "is wrong by itself": "SIZE = 1 / 0",
}


@pytest.mark.parametrize("end", PLAIN.values(), ids=PLAIN)
def test_what_is_no_training_gets_no_advice(trace: Trace, end: str) -> None:
    failure = failed(trace(source(end=end)))
    assert (lines(failure), failure.advice) == ([END, None], None)


def test_a_network_that_returns_nothing_shows_its_forward(trace: Trace) -> None:
    failure = failed(trace(source().replace("return self.conv(x)", "self.conv(x)")))
    assert (failure.message, lines(failure)) == (
        "forward returned NoneType, not a tensor",
        [FORWARD - 1, None],
    )
    assert "lack a `return`" in failure.hint


# -- imports ----------------------------------------------------------------------------------


def test_all_modules_that_are_missing_are_named_as_pip_calls_them(trace: Trace) -> None:
    missing = "import cv2_ as cv2, sklearn_.metrics\n"
    optional = "try:\n    import no_such_option\nexcept ImportError:\n    pass\n"
    failure = failed(trace(optional + missing + "from nowhere_at_all import x\n" + source()))
    assert failure.missing == ("cv2_", "sklearn_", "nowhere_at_all")
    assert failure_finding(failure).message == (
        "importing the file failed: the modules 'cv2_', 'sklearn_', 'nowhere_at_all' are not "
        "installed"
    )


@pytest.mark.parametrize(
    ("module", "package"),
    [("cv2", "opencv-python"), ("sklearn", "scikit-learn"), ("PIL", "pillow"), ("x", "x")],
)
def test_a_package_is_called_what_pip_calls_it(module: str, package: str) -> None:
    failure = Failure("imports", message="", missing=(module,))
    assert f"pip install {package}, or" in failure_finding(failure).hint


def test_an_import_in_another_file_is_to_be_taken_out_there(trace: Trace, tmp_path: Path) -> None:
    package = tmp_path / "course"
    package.mkdir()
    (package / "__init__.py").write_text("from . import tools\n")
    (package / "tools.py").write_text("import sys\nimport no_such_module\n")
    failure = failed(trace(source(), "course/net.py"))
    assert failure.place is not None
    assert (failure.place.file, failure.place.line) == (str(package / "tools.py"), 2)
    assert failure_finding(failure).hint == (
        "pip install no_such_module, or take the import out of tools.py"
    )


NO_PYTHON: dict[str, tuple[str | bytes, int | None, str]] = {
    "a space": ("x\u00a0= 1\n", 1, "U+00A0 (no-break space) only looks like a space"),
    "a quote": ("x = \u201ca\u201d\n", 1, "only looks like a quotation mark"),
    "a hyphen": ("x = 3 \u2013 2\n", 1, "U+2013 (en dash) only looks like a hyphen"),
    "nothing": ("x = 3\u200b\n", 1, "U+200B (zero width space) is invisible"),
    "UTF-16": ("x = 1\n".encode("utf-16"), None, "is UTF-16 text: save it as UTF-8"),
    "an encoding": (b"# coding: utf9\nx = 1\n", 1, "there is no encoding utf9"),
    "null bytes": (b"x = 1\ny = 2\0\n", 2, "it holds null bytes"),
    "a minus": ("x = 3 \u2212 2\n", 1, "U+2212 (minus sign) only looks like a hyphen"),
    "a wide bracket": ("print\uff081)\n", 1, "only looks like (: type it anew"),
    "an ellipsis": ("x = \u2026\n", 1, "only looks like ...: type it anew"),
    "a mark inside": ("x = 1\n\ufeffy = 2\n", 2, "U+FEFF (zero width no-break space) is invisible"),
    "a control character": ("x = 3\x1a\n", 1, "U+001A (a control character) is invisible"),
    "UTF-16 without a mark": ("x = 1\n".encode("utf-16-le"), None, "is UTF-16 text"),
    "UTF-32": ("x = 1\n".encode("utf-32"), None, "is UTF-32 text: save it as UTF-8"),
    "Latin-1": ("x = 1\ny = '\u00e9'\n".encode("latin-1"), 2, "is no UTF-8 text: save it as UTF-8"),
    "tabs and spaces": ("if 1:\n        x = 1\n\ty = 2\n", 3, "by tabs and by spaces"),
    "a merge conflict": ("x = 1\n<<<<<<< HEAD\ny = 2\n", 2, "a merge conflict is left"),
    "its middle": ("x = 1\n=======\ny = 2\n", 2, "a merge conflict is left"),
    "a prompt": (">>> x = 1\n", 1, "copied from a prompt"),
    "Markdown": ("```python\nx = 1\n```\n", 1, "this is Markdown"),
    "print of Python 2": ('print "x"\n', 1, "this is Python 2"),
    "except of Python 2": ("try:\n    x = 1\nexcept E, e:\n    pass\n", 3, "this is Python 2"),
    "raise of Python 2": ('raise E, "x"\n', 1, "this is Python 2"),
    "unequal of Python 2": ("x = 1 <> 2\n", 1, "this is Python 2"),
    "an unclosed bracket": ("x = 1\ny = (2\n", 2, ""),
    "another mistake": ("x = = 1\n", 1, ""),
}


@pytest.mark.parametrize(("content", "line", "hint"), NO_PYTHON.values(), ids=NO_PYTHON)
def test_what_is_no_python_gets_advice(
    workers: WarmWorkers, tmp_path: Path, content: str | bytes, line: int | None, hint: str
) -> None:
    file = tmp_path / "net.py"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with workers.start() as worker:
        failure = trace_in(worker, parse_reference(str(file)), [(3, 8, 8)], timeout=30)
    assert isinstance(failure, Failure)
    assert failure.place == failure.called or (failure.place and failure.place.line) == line
    assert hint in failure.hint
    assert bool(hint) == bool(failure.hint)


ARGUMENTS = {
    "(self, x, size: int)": "give size, of type int, a value: `inputs: {size: ...}`",
    "(self, x, size: 'int')": "give size, of type int, a value: `inputs: {size: ...}`",
}


@pytest.mark.parametrize(("parameters", "hint"), ARGUMENTS.items(), ids=ARGUMENTS)
def test_a_forward_that_does_not_take_tensors_in_order(
    trace: Trace, parameters: str, hint: str
) -> None:
    failure = failed(trace(source().replace("forward(self, x)", f"forward{parameters}")))
    assert failure.advice is None
    assert hint in failure.hint


def test_an_input_that_forward_takes_by_name_only_is_named(trace: Trace) -> None:
    failure = failed(trace(source().replace("forward(self, x)", "forward(self, *, x)")))
    assert (failure.advice, failure.missing) == (None, ("x",))
    assert failure_finding(failure).hint.startswith("give it by its name: --input x=... (or `inp")
    with for_python():
        assert 'give it by its name: inputs={"x": ...} (or' in failure_finding(failure).hint


@pytest.mark.parametrize(
    ("call", "rows"),
    [("view(-1, 4)", "36"), ("mean(3).reshape(-1, 4)", "6"), ("flatten(0)", "144")],
)
def test_rows_of_one_sample_are_no_batch(trace: Trace, call: str, rows: str) -> None:
    network = trace(source().replace("return self.conv(x)", f"return self.conv(x).{call}"))
    assert isinstance(network, Network)
    (note,) = network.notes
    assert f"makes {rows} rows of one sample" in note.text
    assert note.place is not None and note.place.line == FORWARD + 1


def test_a_batch_that_is_put_together_again_gets_no_remark(trace: Trace) -> None:
    windows = "self.conv(x).reshape(-1, 4).relu().reshape(1, -1)"
    network = trace(source().replace("return self.conv(x)", f"return {windows}"))
    assert isinstance(network, Network)
    assert network.notes == ()


# -- what torch's own interpreter runs --------------------------------------------------------

SCRIPTED = source(
    top="@torch.jit.script\ndef double(x):\n    return x * 2\n",
    init="self.part = torch.jit.script(nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU()))",
    forward="{call}\n        x = x + 1",
)


@pytest.mark.parametrize("call", ["x = double(x)", "x = self.part(x)"])
def test_scripted_code_is_not_seen_at_the_line_that_calls_it(trace: Trace, call: str) -> None:
    network = trace(SCRIPTED.replace("{call}", call))
    assert isinstance(network, Network)
    (op,) = [network.producer(tensor) for tensor in network.opaque]
    assert op is not None
    assert op.called is not None
    assert op.called.line == FORWARD + 3
    if "part" in call:
        assert network.unused_parameters == network.unused_modules == ()


# -- modules with an equality of their own ----------------------------------------------------

UNUSUAL = """\
from torch import nn

class Metric(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.size = size
        self.conv = nn.Conv2d(3, size, 1)

    def __hash__(self):
        return hash(self.size)

    def __eq__(self, other):
        return self.size == other.size

    def forward(self, x):
        self.size += 1
        return self.conv(x)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = Metric(3), Metric(3)

    def forward(self, x):
        return self.second(self.first(x))
"""


def test_modules_are_told_apart_by_identity(trace: Trace) -> None:
    network = trace(UNUSUAL)
    assert isinstance(network, Network)
    assert network.num_parameters == 2 * 12
    assert network.unused_modules == ()
    assert [call.module for call in network.calls] == [
        "",
        "first",
        "first.conv",
        "second",
        "second.conv",
    ]
