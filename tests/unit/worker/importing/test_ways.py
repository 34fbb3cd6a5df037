"""Files that do more than to define a network: how they are loaded, and what is said of it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest
import torch

from archcheck.network import Network
from archcheck.tracing.remote import trace_in, warm_workers
from archcheck.tracing.requests import Traced
from archcheck.worker.attempts import first_that_loads
from archcheck.worker.building import Loaded
from archcheck.worker.failures import Failure, ImportFailure, InputError, NetworkError
from archcheck.worker.loading import loaded
from archcheck.worker.reference import Load, parse_reference
from archcheck.worker.warm import WarmWorkers
from tests.support.paths import SCRIPTS

ALONE = "loaded from its definitions alone"
WITHOUT = "loaded with stand-ins for "


def load(file: Path, how: Load = "", name: str = "") -> Loaded:
    reference = parse_reference(f"{file}:{name}" if name else str(file), how)
    with loaded(reference, {}) as found:
        return found


def parameters(found: Loaded) -> int:
    return sum(p.numel() for p in found.model.parameters())


def how_loaded(found: Loaded) -> str:
    return next((n.text for n in found.notes if n.text.startswith("loaded ")), "")


STUDENTS = {
    "mnist_tutorial": ("Net", 21840, f"{ALONE}, with stand-ins"),
    "cifar_argparse": ("SmallNet", 432 + 32 + 4608 + 64 + 18432 + 128 + 650, f"{ALONE}, with"),
    "kaggle_kernel": ("LeafNet", 672 + 10416 + 245, f"{ALONE}, with stand-ins"),
    "lightning_module": ("LitClassifier", 336 + 1090, WITHOUT),
    "dataset_base": ("Net", 432 + 160 + 544 + 330, WITHOUT),
    "hydra_main": ("Encoder", 224 + 1168, WITHOUT),
    "summary_writer": ("model", 216 + 2 * (2 * 576 + 2 * 16) + 90, f"{ALONE}, with stand-ins"),
    "under_main": ("Classifier", 456 + 70, f"{ALONE}, with what stands under `if __name__"),
    "asks_for_input": ("TinyCNN", 224 + 1168, f"{ALONE}: left out: lines 4-5, 22"),
    "downloads": ("FlowerNet", 1776 + 65, f"{ALONE}: left out: lines 10-12"),
    "config_and_factory": ("VGG", 224 + 1168 + 170, f"{ALONE}, with stand-ins"),
}


@pytest.mark.parametrize("script", STUDENTS)
def test_a_students_script_is_loaded_and_leaves_nothing_behind(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", [f"{script}.py"])
    found = load(SCRIPTS / "messy" / f"{script}.py")
    name, number, how = STUDENTS[script]
    assert (found.name, parameters(found)) == (name, number)
    assert how_loaded(found).startswith(how)
    assert list(tmp_path.iterdir()) == []


# -- what is never run ------------------------------------------------------------------------

NET = """
class Net(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)

    def forward(self, x):
        return self.conv(x)
"""
HEAD = "import os, torch\nfrom pathlib import Path\nfrom torch import nn\n"


def write(folder: Path, rest: str, net: str = NET) -> Path:
    file = folder / "net.py"
    file.write_text(HEAD + net + dedent(rest), encoding="utf-8")
    return file


DEEDS = {
    "asks": "answer = input('?')",
    "asks in a function": "def main():\n    return [input()]\nmain()",
    "trains": "net = Net()\nnet(torch.zeros(1, 3, 8, 8)).mean().backward()",
    "trains in a method": """
        class Runner:
            def run(self):
                Net()(torch.zeros(1, 3, 8, 8)).mean().backward()
        Runner().run()
        """,
    "saves": "torch.save(Net().state_dict(), 'left.pt')",
    "writes": "with open('left.txt', 'w') as file:\n    file.write('x')",
    "writes a path": "Path('left.txt').write_text('x')",
    "makes a folder": "os.makedirs('left', exist_ok=True)",
    "starts a program": "os.system('touch left.txt')",
    "downloads": "import urllib.request\nurllib.request.urlretrieve('http://127.0.0.1:9/', 'left')",
    "downloads by a library": "import gone\ndata = gone.CIFAR10('left', download=True)",
}


@pytest.mark.parametrize("rest", DEEDS.values(), ids=DEEDS)
def test_what_an_import_must_not_do_is_left_out(
    rest: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = load(write(tmp_path, rest))
    assert how_loaded(found).startswith(ALONE)
    assert parameters(found) == 112
    assert [path.name for path in tmp_path.iterdir()] == ["net.py"]


HIDDEN_DEEDS = {
    "writes": "getattr(Path('left.txt'), 'open')('w').write('x')",
    "writes and goes on": "try:\n    getattr(Path('left'), 'touch')()\nexcept BaseException: pass",
    "makes a folder": "getattr(os, 'mkdir')('left')",
    "renames": "getattr(os, 'rename')('net.py', 'left.py')",
    "connects": "import socket\nwith socket.socket() as s:\n    s.connect(('127.0.0.1', 9))",
    "starts a program": "import subprocess\ngetattr(subprocess, 'run')(['true'])",
}


@pytest.mark.parametrize("rest", HIDDEN_DEEDS.values(), ids=HIDDEN_DEEDS)
def test_what_is_not_seen_beforehand_is_stopped(
    rest: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = write(tmp_path, rest)
    with pytest.raises(ImportFailure) as caught:
        load(file)
    assert caught.value.place is not None
    assert caught.value.place.line > len((HEAD + NET).splitlines())
    assert [path.name for path in tmp_path.iterdir()] == ["net.py"]
    assert parameters(load(file, "definitions")) == 112
    assert [path.name for path in tmp_path.iterdir()] == ["net.py"]


def test_plainly_all_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = load(write(tmp_path, "Path('made.txt').write_text('x')"), "plain")
    assert found.notes == []
    assert (tmp_path / "made.txt").read_text() == "x"


def test_a_stopped_import_stops_nothing_later(tmp_path: Path) -> None:
    with pytest.raises(ImportFailure):
        load(write(tmp_path, "getattr(os, 'mkdir')('left')"))
    (tmp_path / "after").mkdir()
    with socket.socket() as plug:
        plug.bind(("127.0.0.1", 0))


def test_what_a_library_writes_while_it_is_imported_is_its_own(tmp_path: Path) -> None:
    package = tmp_path / "site-packages" / "keeps_a_cache"
    package.mkdir(parents=True)
    cache = tmp_path / "cache"
    (package / "__init__.py").write_text(
        f"import pathlib\npathlib.Path({str(cache)!r}).write_text('x')\n"
    )
    top = f"import sys\nsys.path.append({str(package.parent)!r})\nimport keeps_a_cache\n"
    found = load(write(tmp_path, "", top + NET))
    assert (found.notes, cache.read_text()) == ([], "x")


# -- definitions alone ------------------------------------------------------------------------

DEFINITIONS = {
    "a constant": ("WIDTH = 2 * 3\nwidth = WIDTH + len('ab')", 8),
    "a choice": ("width = 8 if torch.cuda.device_count() > 99 else 6", 6),
    "branches": ("if os.getenv('NO_SUCH'):\n    width = 8\nelse:\n    width = 6", 6),
    "settings": ("class CFG:\n    width = 6\ncfg = CFG()\nwidth = cfg.width", 6),
    "settings that are set": (
        "class CFG:\n    def __init__(self):\n        self.width = 6\nwidth = CFG().width",
        6,
    ),
    "arguments": (
        "import argparse\np = argparse.ArgumentParser()\np.add_argument('--width', default=6)\n"
        "width = p.parse_args().width",
        6,
    ),
    "an option": ("try:\n    import gone\n    width = 8\nexcept ImportError:\n    width = 6", 6),
    "a table": ("sizes = {'a': [4, 6]}\nwidth = sizes['a'][-1]", 6),
    "a function": ("def size(n):\n    return n + 2\n@property\ndef other(self): ...\nwidth = 6", 6),
    "a path": ("import sys\nsys.path.insert(0, os.path.dirname(__file__))\nwidth = 6", 6),
    "a future": ("width: int | str = 6", 6),
}
ASKS = "\nname = input()\n"


@pytest.mark.parametrize(("top", "width"), DEFINITIONS.values(), ids=DEFINITIONS)
def test_definitions_are_run_as_they_stand(
    top: str, width: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["net.py"])
    file = write(tmp_path, ASKS, f"{top}\n{NET.replace('width=4', 'width=width')}")
    found = load(file)
    assert how_loaded(found).startswith(ALONE)
    assert parameters(found) == width * 28


@pytest.mark.parametrize("how", ["", "definitions"])
@pytest.mark.parametrize(
    ("rest", "width"),
    [("model = Net(6)", 6), ("model = Net(width=7).to('cpu')", 7), ("model = Net(8).eval()", 8)],
)
def test_an_instance_is_built_where_its_value_is_a_call_of_the_class(
    rest: str, width: int, how: Load, tmp_path: Path
) -> None:
    file = write(tmp_path, f"{rest}\n{ASKS}\nmodel.train()", NET.replace("width=4", "width"))
    found = load(file, how)
    assert (found.name, parameters(found)) == ("model", width * 28)


UNKNOWN = {
    "worked out anew": ("width *= 2", "line 13 may change width, which Net uses"),
    "grown": ("sizes.append(9)", "line 13 may change sizes, which Net uses"),
    "patched": ("Net.forward = print", "line 13 may change Net, and"),
    "set by a function": (
        "def f():\n    global width\n    width = 9\nf()",
        "line 15 may change width, which Net uses",
    ),
    "anything": ("exec(name)", "line 13 may change anything"),
    "given a value only there": ("extra = name", "line 12 gives name its value"),
}


@pytest.mark.parametrize(("rest", "message"), UNKNOWN.values(), ids=UNKNOWN)
def test_another_network_is_never_told_as_right(rest: str, message: str, tmp_path: Path) -> None:
    top = "width = 4\nsizes = [4]\n"
    use = "self.conv = nn.Conv2d(3, width, sizes[0] - 1)"
    net = NET.replace("self.conv = nn.Conv2d(3, width, 3)", use).replace("width=4", "depth=4")
    if "extra" in rest:
        net = net.replace("sizes[0] - 1", "extra")
    file = tmp_path / "net.py"
    file.write_text(f"from torch import nn\n{top}{net}name = input()\n{rest}\n")
    with pytest.raises(NetworkError) as caught:
        load(file)
    assert caught.value.cause == "unknown"
    assert caught.value.message.startswith(message)
    assert caught.value.place is not None


def test_a_definition_that_raises_says_what(tmp_path: Path) -> None:
    (tmp_path / "sizes.py").write_text("WIDTH = 4\nraise OSError('no luck')\n")
    net = "from sizes import WIDTH\n" + NET.replace("width=4", "width=4, depth=2")
    used = net.replace("3, width, 3", "3, WIDTH, 3")
    for how in ("", "definitions"):
        with pytest.raises(ImportFailure, match="OSError: no luck") as caught:
            load(write(tmp_path, ASKS, used), how)
        assert caught.value.place is not None
        assert caught.value.place.file.endswith("sizes.py")
    assert parameters(load(write(tmp_path, ASKS, net))) == 112


PATCHES = {
    "a layer": "nn.Conv2d.forward = print",
    "a layer in a function": "def f():\n    torch.nn.Linear = None\nf()",
    "by setattr": "setattr(nn, 'Conv2d', None)",
    "a default": "torch.set_default_dtype(torch.float64)",
    "by another file": "import patches",
}


@pytest.mark.parametrize("patch", PATCHES.values(), ids=PATCHES)
def test_a_file_that_patches_torch_and_fails_is_not_passed_over(
    patch: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What would have been patched further down is as unknown as what was.
    (tmp_path / "patches.py").write_text(
        "from torch import nn\nraise OSError('no luck')\nnn.Linear = 3"
    )
    text = "import torch\nfrom torch import nn\nraise OSError('no luck')\n"
    (tmp_path / "helpers.py").write_text(text.replace("raise", "import patches\nraise") + patch)
    file = write(tmp_path, f"from helpers import setup\n{ASKS}")
    with pytest.raises(ImportFailure, match="OSError: no luck"):
        load(file)
    (tmp_path / "helpers.py").write_text(f"{text}import os\nos.environ['A'] = 'b'\n")
    assert parameters(load(file)) == 112


def test_a_class_whose_base_is_left_out_harms_no_other(tmp_path: Path) -> None:
    rest = f"Base = print or input()\n{ASKS}class Data(Base(3)):\n    pass\n"
    assert parameters(load(write(tmp_path, rest))) == 112


def test_a_network_that_is_left_out_itself_is_told(tmp_path: Path) -> None:
    file = write(tmp_path, f"net = input and make()\n{ASKS}")
    with pytest.raises(NetworkError, match="gives net its value"):
        load(file, name="net")


def test_a_file_in_a_package_is_loaded_from_its_definitions(tmp_path: Path) -> None:
    package = tmp_path / "course"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "sizes.py").write_text("WIDTH = 6\n")
    net = "from .sizes import WIDTH\n" + NET.replace("width=4", "width=WIDTH")
    assert parameters(load(write(package, ASKS, net))) == 6 * 28


def test_a_package_that_imports_the_file_runs_no_more_of_it(tmp_path: Path) -> None:
    package = tmp_path / "course"
    package.mkdir()
    (package / "__init__.py").write_text("from .net import Net\n")
    found = load(write(package, ASKS), name="Net")
    assert parameters(found) == 112


# -- one way after the other ------------------------------------------------------------------


@pytest.fixture(scope="module")
def workers() -> Iterator[WarmWorkers]:
    with warm_workers() as warm:
        yield warm


def trace(workers: WarmWorkers, file: Path, how: Load = "") -> Network | Failure:
    answer = first_that_loads(
        parse_reference(str(file), how),
        lambda worker, reference: trace_in(worker, reference, [(3, 8, 8)], timeout=20),
        workers.start,
    )
    return answer.network if isinstance(answer, Traced) else answer


def test_a_file_that_raises_is_loaded_from_its_definitions(workers: WarmWorkers) -> None:
    network = trace(workers, SCRIPTS / "messy" / "reads_a_file.py")
    assert isinstance(network, Network)
    assert network.num_parameters == 252
    assert [note.text for note in network.notes] == [f"{ALONE}: left out: lines 7-13"]


def test_an_attempt_leaves_nothing_to_the_next(workers: WarmWorkers, tmp_path: Path) -> None:
    patch = "nn.Conv2d.kernel_size = 7\nnn.Linear = nn.Conv2d = None\nraise ValueError('no')\n"
    failure = trace(workers, write(tmp_path, patch))
    assert isinstance(failure, Failure)
    assert failure.cause == "unknown"
    other = trace(workers, write(tmp_path, "raise ValueError('no')\n"))
    assert isinstance(other, Network)
    assert other.num_parameters == 112


def test_a_module_that_is_missing_is_told_before_the_line_that_is_left_out_for_it(
    workers: WarmWorkers, tmp_path: Path
) -> None:
    (tmp_path / "config.txt").write_text("8", encoding="utf-8")
    top = "import gone\ncfg = gone.Config(open('config.txt').read())\n"
    net = NET.replace("nn.Conv2d(3, width, 3)", "nn.Conv2d(3, cfg.width, 3)")
    failure = trace(workers, write(tmp_path, top, net))
    assert isinstance(failure, Failure)
    assert failure.missing == ("gone",)


FAILS = {
    "a mistake of the network's": ("raise ValueError('first')\n", NET.replace("nn.Module", "no")),
    "no network": ("raise ValueError('first')\n", ""),
}


@pytest.mark.parametrize(("rest", "net"), FAILS.values(), ids=FAILS)
def test_the_first_failure_is_told_where_definitions_do_not_help(
    workers: WarmWorkers, rest: str, net: str, tmp_path: Path
) -> None:
    failure = trace(workers, write(tmp_path, rest, net))
    assert isinstance(failure, Failure)
    assert failure.message in ("ValueError: first", "NameError: name 'no' is not defined")


def test_one_way_that_is_named_is_the_only_one(workers: WarmWorkers, tmp_path: Path) -> None:
    file = write(tmp_path, "raise ValueError('no')\n")
    for how in ("plain", "stand-ins"):
        failure = trace(workers, file, how)
        assert isinstance(failure, Failure)
        assert failure.message == "ValueError: no"


def test_an_installed_module_is_run_as_it_is() -> None:
    with loaded(parse_reference("torch.nn:ReLU", "definitions"), {}) as found:
        assert isinstance(found.model, torch.nn.ReLU)


def test_no_network_is_no_network(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no nn\.Module is defined here"):
        load(write(tmp_path, ASKS, ""))
