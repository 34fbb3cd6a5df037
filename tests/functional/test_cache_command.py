"""The cache as people meet it: the same reports, only sooner."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import COMMAND, LIMIT, environment, output_of, run_command, run_program
from tests.support.imports import RUN, imported

pytestmark = pytest.mark.slow

NET = """\
import os
from torch import nn

class Net(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        with open(os.path.join(os.path.dirname(__file__), "runs.log"), "a") as log:
            log.write("ran\\n")
        self.conv = nn.Conv2d(3, width, 3)
        self.gone = nn.Linear(1, 1)

    def forward(self, x):
        return self.conv(x)
"""
SPEC = "input: [3, 8, 8]\nrules:\n  parameters: {less_than: 10}\n  macs: {at_most: 1M}\n"
KEPT = "the network is traced, since the cache has none of it; it is kept in the cache\n"
VERIFY = ("verify", "net.py", "--spec", "spec.yaml")
INSPECT = ("inspect", "net.py", "--input", "3,8,8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "project"
    place.mkdir()
    (place / "net.py").write_text(NET)
    (place / "spec.yaml").write_text(SPEC)
    return place


def run(folder: Path, *words: str, code: int = 1, errors: str = "", **settings: str) -> str:
    return output_of(folder, *words, code=code, errors=errors, **settings)


def runs(folder: Path) -> int:
    """How often the network was run."""
    log = folder / "runs.log"
    return len(log.read_text().splitlines()) if log.exists() else 0


def without_time(text: str) -> str:
    return re.sub(r" +[0-9.]+ s$|\"seconds\": [0-9.]+", "", text, flags=re.MULTILINE)


def entries(folder: Path, cache: str = ".archcheck_cache") -> list[Path]:
    return sorted((folder / cache).glob("*.network"))


def printed(folder: Path) -> Path:
    """What is kept of the only run."""
    (file,) = (folder / ".archcheck_cache").glob("*.run")
    return file


def test_the_second_report_is_the_first_and_the_network_is_not_run(folder: Path) -> None:
    first = run(folder, *VERIFY)
    assert without_time(run(folder, *VERIFY)) == without_time(first)
    assert runs(folder) == 1
    for way in ("full", "concise", "json"):
        words = (*VERIFY, f"--output-format={way}")
        assert without_time(run(folder, *words)) == without_time(run(folder, *words, "--no-cache"))
    assert runs(folder) == 4
    assert len(entries(folder)) == 1


def test_commands_share_the_cache(folder: Path) -> None:
    run(folder, *VERIFY)
    table = run(folder, *INSPECT, code=0)
    assert runs(folder) == 1
    assert table == run(folder, *INSPECT, "--no-cache", code=0)
    said = "the network comes from the cache\n"
    assert table == run(folder, *INSPECT, "-v", code=0, errors=said)
    data = run(folder, *INSPECT, "--output-format=json", code=0)
    assert data == run(folder, *INSPECT, "--output-format=json", "--no-cache", code=0)


def test_from_the_cache_nothing_of_torch_is_imported_and_no_process_started(folder: Path) -> None:
    words = ["verify", str(folder / "net.py"), "--spec", str(folder / "spec.yaml")]
    words += ["--cache-dir", str(folder / "cache")]
    started = "\nassert ('archcheck.worker.process' in sys.modules) is {}\n"
    assert "torch" not in imported(RUN.format(code=1) + started.format(True), *words)
    assert "torch" not in imported(RUN.format(code=1) + started.format(False), *words)
    assert runs(folder) == 1


def test_another_request_is_another_entry(folder: Path) -> None:
    run(folder, *VERIFY)
    for number, options in enumerate((("--arg", "width=5"), ("--input", "3,9,9"), ("--train",)), 2):
        changed = run(folder, *VERIFY, *options)
        assert runs(folder) == len(entries(folder)) == number
        assert without_time(run(folder, *VERIFY, *options)) == without_time(changed)
    run(folder, *VERIFY)
    assert runs(folder) == 4


def test_arguments_of_the_spec_count(folder: Path) -> None:
    run(folder, *VERIFY)
    (folder / "spec.yaml").write_text(SPEC + "arguments: {width: 5}\n")
    assert "142 parameters" in run(folder, *VERIFY)
    assert runs(folder) == 2


def test_rules_of_the_spec_do_not(folder: Path) -> None:
    run(folder, *VERIFY)
    (folder / "spec.yaml").write_text(SPEC.replace("less_than: 10", "less_than: 10k"))
    run(folder, *VERIFY, code=0)
    assert runs(folder) == 1


def test_a_changed_file_is_traced_anew(folder: Path) -> None:
    assert "114 parameters" in run(folder, *VERIFY)
    before = (folder / "net.py").stat()
    (folder / "net.py").write_text(NET.replace("width=4", "width=6"))  # of the same size and time
    os.utime(folder / "net.py", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert "170 parameters" in run(folder, *VERIFY)
    (folder / "net.py").write_text("from parts import *\n" + NET)
    (folder / "parts.py").write_text("")
    run(folder, *VERIFY)
    (folder / "parts.py").write_text("raise ValueError('no luck')")
    assert "ValueError: no luck" in run(folder, *VERIFY)
    (folder / "parts.py").unlink()
    assert "'parts' is not installed" in run(folder, *VERIFY)


def test_what_decides_about_the_code_counts(folder: Path) -> None:
    run(folder, *VERIFY)
    for number, setting in enumerate(("PYTHONPATH", "PYTHONHASHSEED", "CUDA_VISIBLE_DEVICES"), 2):
        settings: dict[str, Any] = {setting: "7"}
        run(folder, *VERIFY, **settings)
        assert runs(folder) == number


def test_a_network_that_fails_is_run_again(folder: Path) -> None:
    (folder / "net.py").write_text(NET.replace("return self.conv(x)", "print('seen'); 1 / 0"))
    first = run(folder, *VERIFY)
    assert "ZeroDivisionError" in first
    assert "seen" in first
    assert without_time(run(folder, *VERIFY)) == without_time(first)
    assert runs(folder) == 2
    assert not (folder / ".archcheck_cache").exists()


def test_what_a_network_prints_is_shown_neither_time(folder: Path) -> None:
    (folder / "net.py").write_text(NET + "print('hello')\n")
    first = run(folder, *VERIFY)
    assert "hello" not in first
    assert without_time(run(folder, *VERIFY)) == without_time(first)


def test_notes_are_kept(folder: Path) -> None:
    (folder / "net.py").write_text(NET + NET[NET.index("class") :])
    first = run(folder, *VERIFY)
    assert "Net is defined 2 times" in first
    assert without_time(run(folder, *VERIFY)) == without_time(first)
    assert runs(folder) == 1


def test_what_starts_programs_is_not_kept(folder: Path) -> None:
    started = NET.replace("super().__init__()", "super().__init__(); subprocess.run(['true'])")
    (folder / "net.py").write_text("import subprocess\n" + started)
    said = (
        "the network is traced, since the cache has none of it; "
        "it is not kept: it starts another program\n"
    )
    for _ in range(2):
        run(folder, *VERIFY, "-v", errors=said)
    assert runs(folder) == 2


def test_what_the_cache_does_is_said_to_who_asks(folder: Path) -> None:
    run(folder, *VERIFY, "-v", errors=KEPT)
    run(folder, *VERIFY, "-v", errors="the network comes from the cache\n")
    run(folder, *VERIFY, "-v", "--no-cache", errors="the cache is not used\n")


# -- where it lies --------------------------------------------------------------------------


def test_no_cache_writes_nothing(folder: Path) -> None:
    run(folder, *VERIFY, "--no-cache")
    run(folder, *VERIFY, ARCHCHECK_NO_CACHE="1")
    assert runs(folder) == 2
    assert not (folder / ".archcheck_cache").exists()


def test_another_folder(folder: Path, tmp_path: Path) -> None:
    run(folder, *VERIFY, "--cache-dir", "kept/here")
    run(folder, *VERIFY, ARCHCHECK_CACHE_DIR=str(folder / "kept" / "here"))
    assert runs(folder) == 1
    assert len(entries(folder, "kept/here")) == 1
    assert not (folder / ".archcheck_cache").exists()
    assert "1 network " in run(folder, "clean", "--cache-dir", "kept/here", code=0)
    assert not (folder / "kept" / "here").exists()


def test_a_file_is_no_folder(folder: Path) -> None:
    said = "error: --cache-dir net.py is not a folder\n"
    run(folder, *VERIFY, "--cache-dir", "net.py", code=2, errors=said)
    run(folder, "clean", "--cache-dir", "net.py", code=2, errors=said)


def test_a_cache_that_cannot_be_written_does_not_matter(folder: Path) -> None:
    first = run(folder, *VERIFY, "--no-cache")
    for place in ("/proc/archcheck", "gone/../net.py/x"):
        assert without_time(run(folder, *VERIFY, "--cache-dir", place)) == without_time(first)


def test_a_read_only_folder_serves_what_it_has(folder: Path) -> None:
    first = run(folder, *VERIFY)
    cache = folder / ".archcheck_cache"
    cache.chmod(0o500)
    try:
        assert without_time(run(folder, *VERIFY)) == without_time(first)
        run(folder, *VERIFY, "--train")
    finally:
        cache.chmod(0o700)


def test_without_a_home_there_is_no_cache(folder: Path) -> None:
    run(folder, *VERIFY, XDG_STATE_HOME="/proc/none")
    assert runs(folder) == 1
    assert not (folder / ".archcheck_cache").exists()


def test_a_moved_project_shows_its_new_place(folder: Path, tmp_path: Path) -> None:
    words = (*VERIFY, "--output-format=concise")
    run(folder, *words)
    moved = tmp_path / "moved"
    shutil.copytree(folder, moved)
    text = run(tmp_path, "verify", "moved/net.py", "--spec", "moved/spec.yaml", *words[4:])
    assert text.startswith("moved/net.py:")
    assert str(folder) not in text


def test_from_another_folder_the_paths_are_right(folder: Path, tmp_path: Path) -> None:
    (folder / "pyproject.toml").write_text("")
    (folder / "deep").mkdir()
    concise = ("--output-format=concise",)
    first = run(folder, *VERIFY, *concise)
    assert first.startswith("net.py:")
    words = ("verify", "../net.py", "--spec", "../spec.yaml", *concise)
    for _ in range(2):
        text = run(folder / "deep", *words)
        assert text == first.replace("net.py:", f"{folder / 'net.py'}:")
    assert runs(folder) == 2  # the working directory is a thing that a network can ask for
    assert len(entries(folder)) == 2


# -- damage ---------------------------------------------------------------------------------


def test_damage_means_tracing_anew(folder: Path) -> None:
    first = run(folder, *VERIFY)
    (entry,) = entries(folder)
    data = entry.read_bytes()
    for number, damaged in enumerate(
        (data[: len(data) // 2], b"", data.replace(b"conv", b"gone")), 2
    ):
        entry.write_bytes(damaged)
        printed(folder).unlink()
        assert without_time(run(folder, *VERIFY)) == without_time(first)
        assert runs(folder) == number
    assert without_time(run(folder, *VERIFY)) == without_time(first)
    assert runs(folder) == 4


def test_what_another_user_kept_is_not_believed(folder: Path, tmp_path: Path) -> None:
    state = str(tmp_path / "other")
    for _ in range(2):
        run(folder, *VERIFY, XDG_STATE_HOME=state)
    assert runs(folder) == 1
    run(folder, *VERIFY)
    assert runs(folder) == 2


def test_commands_at_once(folder: Path) -> None:
    first = without_time(run(folder, *VERIFY, "--no-cache"))
    ran = []
    for _ in range(2):
        processes = [
            subprocess.Popen(
                [COMMAND, *VERIFY], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
            for _ in range(4)
        ]
        for process in processes:
            output, errors = process.communicate(timeout=LIMIT)
            assert (process.returncode, errors) == (1, b"")
            assert without_time(output.decode()) == first
        ran.append(runs(folder))
    assert 2 <= ran[0] <= 5  # who comes late finds what the others kept
    assert ran[1] == ran[0]
    left = {path.suffix for path in (folder / ".archcheck_cache").iterdir()}
    assert left == {"", ".TAG", ".network", ".run"}
    assert len(entries(folder)) == 1
    assert printed(folder).is_file()


# -- clean ----------------------------------------------------------------------------------


def test_clean_says_what_it_removed(folder: Path) -> None:
    place = folder / ".archcheck_cache"
    assert run(folder, "clean", code=0) == f"there is no cache at {place}\n"
    run(folder, *VERIFY)
    size = entries(folder)[0].stat().st_size + printed(folder).stat().st_size
    kept = {path.name for path in folder.iterdir()} - {".archcheck_cache"}
    assert run(folder, "clean", code=0) == f"removed {place}: 1 network ({size:,} bytes)\n"
    assert {path.name for path in folder.iterdir()} == kept
    run(folder, *VERIFY)
    size = entries(folder)[0].stat().st_size + printed(folder).stat().st_size
    (place / "notes.txt").write_text("mine")
    text = run(folder, "clean", code=0)
    removed = f"removed 1 network ({size:,} bytes) from {place}"
    assert text == f"{removed}; left what is not the cache's: notes.txt\n"
    assert (place / "notes.txt").read_text() == "mine"


def test_the_cache_is_in_the_help() -> None:
    text = run(Path.cwd(), "verify", "--help", code=0)
    for word in ("--no-cache", "ARCHCHECK_NO_CACHE", "--cache-dir", "ARCHCHECK_CACHE_DIR"):
        assert word in text
    assert "clean " in run(Path.cwd(), "--help", code=0)


# -- carried to another machine -------------------------------------------------------------

SECRET = "a secret of the CI system, kept there"
SETTINGS = """\
[tool.archcheck]
exclude = ["models/shared.py"]

[tool.archcheck.networks]
"models/*.py" = "spec.yaml"
"""
A = "".join(line for line in NET.splitlines(True) if "log" not in line)
B = "from shared import WIDTH\n"
USED = "the network comes from the cache"
WITH_MODULES = """\
import sys
from archcheck.cli.main import run
try:
    run()
finally:
    print("torch" in sys.modules or "archcheck.worker.process" in sys.modules, file=sys.stderr)
"""


def check(folder: Path, *options: str, key: str = SECRET) -> tuple[str, list[str], bool]:
    """What ``check`` prints on a machine of its own, what it says of the cache, and whether it
    started a process or imported torch."""
    home = {"HOME": str(folder.parent / "home"), "XDG_STATE_HOME": "", "ARCHCHECK_CACHE_KEY": key}
    words = [sys.executable, "-P", "-c", WITH_MODULES, "check", "-v", *options]
    done = run_program(words, folder, environment(**home))
    assert done.returncode == 1, done.stderr
    *said, busy = done.stderr.splitlines()
    return done.stdout, said, busy == "True"


@pytest.fixture
def checked(folder: Path) -> Path:
    """A project of two networks that was checked."""
    (folder / "models").mkdir()
    (folder / "net.py").unlink()
    (folder / "models" / "a.py").write_text(A)
    (folder / "models" / "b.py").write_text(B + A.replace("width=4", "width=WIDTH"))
    (folder / "models" / "shared.py").write_text("WIDTH = 4\n")
    (folder / "pyproject.toml").write_text(SETTINGS)
    assert check(folder)[2]
    return folder


def carried(folder: Path, target: Path) -> Path:
    """The project and its cache at another place, with other times; the old one is gone."""
    shutil.copytree(folder, target, copy_function=shutil.copyfile)
    shutil.rmtree(folder)
    return target


def test_a_cache_holds_for_the_same_contents_elsewhere(checked: Path, tmp_path: Path) -> None:
    here = carried(checked, tmp_path / "runner" / "work" / "clone")
    text, said, busy = check(here, "--output-format=json")
    assert said == [f"models/a.py: {USED}", f"models/b.py: {USED}"]
    assert not busy
    assert '"models/a.py:Net"' in text
    assert '"file": "models/a.py"' in text
    assert str(tmp_path) not in text
    assert without_time(text) == without_time(check(here, "--output-format=json", "--no-cache")[0])


@pytest.mark.parametrize(
    ("file", "old", "new", "changed"),
    [
        ("models/a.py", "width=4", "width=5", ["models/a.py has changed", ""]),
        ("models/shared.py", "= 4", "= 5", ["", "models/shared.py has changed"]),
    ],
    ids=["its own", "an import"],
)
def test_a_byte_that_changed_is_traced_anew(
    checked: Path, tmp_path: Path, file: str, old: str, new: str, changed: list[str]
) -> None:
    here = carried(checked, tmp_path / "clone")
    (here / file).write_text((here / file).read_text().replace(old, new))
    said = check(here)[1]
    for name, line, reason in zip("ab", said, changed, strict=True):
        traced = f"the network is traced, since {reason}; it is kept in the cache"
        assert line == f"models/{name}.py: {traced if reason else USED}"


def test_a_cache_of_another_key_is_not_believed(checked: Path, tmp_path: Path) -> None:
    here = carried(checked, tmp_path / "clone")
    for key in ("another secret of the CI system", ""):
        said = check(here, key=key)[1]
        assert all("its entry is damaged, or sealed with another key" in line for line in said)


def test_the_place_of_the_cache_and_an_unrelated_file_do_not_count(
    checked: Path, tmp_path: Path
) -> None:
    here = carried(checked, tmp_path / "clone")
    (here / ".archcheck_cache").rename(tmp_path / "restored")
    (here / "notes.txt").write_text("")
    said, busy = check(here, "--cache-dir", str(tmp_path / "restored"))[1:]
    assert said == [f"models/a.py: {USED}", f"models/b.py: {USED}"]
    assert not busy


def test_a_key_that_is_too_short_is_said(folder: Path) -> None:
    done = run_command(folder, *VERIFY, ARCHCHECK_CACHE_KEY="short")
    assert done.returncode == 2
    assert done.stderr == (
        "error: ARCHCHECK_CACHE_KEY has 5 characters; a key has at least 16: take those that "
        "`openssl rand -hex 32` prints\n"
    )
