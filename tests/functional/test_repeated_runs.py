"""What was printed before is printed again only as long as nothing has changed that has a say."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import (
    environment,
    output_in_terminal,
    output_of,
    run_command,
    run_program,
)

pytestmark = pytest.mark.slow

NET = """\
from torch import nn
from parts import WIDTH

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, WIDTH, 3)

    def forward(self, x):
        return self.conv(x)
"""
BASE = "input: [3, 8, 8]\nrules:\n  parameters: {less_than: 10}\n"
FILES = {
    "net.py": NET,
    "parts.py": "WIDTH = 4\n",
    "base.yaml": BASE,
    "spec.yaml": "extends: base.yaml\nrules:\n  macs: {at_most: 1M}\n",
    "libs/some.txt": "",
}
VERIFY = ("verify", "net.py", "--spec", "spec.yaml")
INSPECT = ("inspect", "net.py", "--input", "3,8,8")
FIELD = ("rf", "net.py", "--input", "3,8,8")
RUN = """\
import atexit, sys
from archcheck.cli.main import run
mark = sys.argv.pop(1)
atexit.register(lambda: open(mark, "w").write(" ".join(sys.modules)))
run()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "project"
    for name, text in FILES.items():
        file = place / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return place


def run(folder: Path, *words: str, code: int = 1, **settings: str) -> tuple[str, set[str]]:
    """What a command prints, and the libraries that it imported."""
    mark = folder.parent / "mark"
    program = [sys.executable, "-P", "-c", RUN, str(mark), *words]
    done = run_program(program, folder, environment(**settings))
    # Which files no network depends on is said each time, repeated or not.
    remark = r"(no network depends on .*\n)?"
    assert done.returncode == code, done.stdout + done.stderr
    assert re.fullmatch(remark, done.stderr), done.stderr
    return done.stdout, {name.partition(".")[0] for name in mark.read_text().split()}


def is_repeated(
    folder: Path, *words: str, code: int = 1, settings: dict[str, Any] | None = None
) -> bool:
    return "typer" not in run(folder, *words, code=code, **settings or {})[1]


def without_time(text: str) -> str:
    time = r" *(\x1b\[[0-9;]*m)? *[0-9.]+ s(\x1b\[0m)?$"
    return re.sub(time, "", text, flags=re.MULTILINE)


def kept(folder: Path) -> list[Path]:
    return sorted((folder / ".archcheck_cache").glob("*.run"))


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (VERIFY, 1),
        ((*VERIFY, "--exit-zero", "--output-format", "json"), 0),
        ((*VERIFY, "--output-format=sarif"), 1),
        ((*VERIFY, "--output-format=concise", "-o", "-"), 1),
        (INSPECT, 0),
        ((*FIELD, "--at", "conv"), 0),
    ],
    ids=["verify", "json", "sarif", "concise", "inspect", "rf"],
)
def test_the_same_again_needs_no_library(folder: Path, words: tuple[str, ...], code: int) -> None:
    first, imported = run(folder, *words, code=code)
    assert {"typer", "numpy"} < imported
    again, imported = run(folder, *words, code=code)
    assert again == without_time(first)
    heavy = {"typer", "click", "rich", "pydantic", "yaml", "numpy", "torch", "subprocess"}
    assert not heavy & imported
    assert again == run(folder, *words, code=code)[0]


# -- what has a say -------------------------------------------------------------------------


def edit(name: str, old: str, new: str) -> Callable[[Path], object]:
    def change(folder: Path) -> object:
        text = (folder / name).read_text()
        assert old in text
        return (folder / name).write_text(text.replace(old, new))

    return change


def replace_by_link(folder: Path) -> None:
    """The same content with the same time, elsewhere."""
    (folder / "deep").mkdir()
    (folder / "net.py").rename(folder / "deep" / "net.py")
    (folder / "deep" / "parts.py").write_text(FILES["parts.py"])
    (folder / "net.py").symlink_to("deep/net.py")


def settle_a_cache(folder: Path) -> None:
    (folder / "pyproject.toml").write_text('[tool.archcheck]\ncache-dir = "elsewhere"\n')


CHANGES: dict[str, Callable[[Path], object]] = {
    "network": edit("net.py", "Conv2d(3", "Conv2d( 3"),
    "import": edit("parts.py", "4", "5"),
    "spec": edit("spec.yaml", "1M", "100"),
    "base": edit("base.yaml", "10", "20"),
    "link": replace_by_link,
    "package": lambda folder: (folder / "libs" / "new-1.0.dist-info").mkdir(),
    "module": lambda folder: (folder / "libs" / "parts.py").write_text("WIDTH = 6\n"),
    "settings": settle_a_cache,
}


@pytest.mark.slow
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_changed_is_judged_anew(folder: Path, change: Callable[[Path], object]) -> None:
    libraries: dict[str, Any] = {"PYTHONPATH": str(folder / "libs")}
    run(folder, *VERIFY, **libraries)
    assert is_repeated(folder, *VERIFY, settings=libraries)
    change(folder)
    text, imported = run(folder, *VERIFY, **libraries)
    assert "typer" in imported
    fresh = run(folder, *VERIFY, "--no-cache", **libraries)[0]
    assert without_time(text) == without_time(fresh)
    assert run(folder, *VERIFY, **libraries)[0] == without_time(fresh)


@pytest.mark.slow
def test_what_the_output_looks_like_has_a_say(folder: Path) -> None:
    run(folder, *VERIFY)
    settings: list[dict[str, Any]] = [
        {"FORCE_COLOR": "1"},
        {"FORCE_COLOR": "1", "NO_COLOR": "1"},
        {"COLUMNS": "30"},
        {"PYTHONIOENCODING": "ascii"},
        {"ARCHCHECK_DATA": str(folder)},
    ]
    for setting in settings:
        text, imported = run(folder, *VERIFY, **setting)
        assert "typer" in imported
        fresh = run(folder, *VERIFY, "--no-cache", **setting)[0]
        assert without_time(text) == without_time(fresh)
        assert ("\x1b[" in text) == ("FORCE_COLOR" in setting)
        assert run(folder, *VERIFY, **setting)[0] == without_time(text)


@pytest.mark.slow
def test_a_terminal_has_a_say_and_its_width(folder: Path) -> None:
    plain = run(folder, *VERIFY)[0]
    shown = output_in_terminal(folder, *VERIFY)
    assert "\x1b[" in shown
    assert output_in_terminal(folder, *VERIFY) != shown  # without the time
    narrow = output_in_terminal(folder, *VERIFY, COLUMNS="30")
    assert without_time(narrow) != without_time(shown)
    assert run(folder, *VERIFY)[0] == without_time(plain)
    dumb = output_in_terminal(folder, *VERIFY, TERM="dumb")
    assert "\x1b[" not in dumb


def test_the_folder_has_a_say(folder: Path) -> None:
    words = ("verify", str(folder / "net.py"), "--spec", str(folder / "spec.yaml"))
    cache = ("--cache-dir", str(folder / "cache"), "--output-format=concise")
    (folder / "deep").mkdir()
    here = run(folder, *words, *cache)[0]
    assert is_repeated(folder, *words, *cache)
    there, imported = run(folder / "deep", *words, *cache)
    assert "typer" in imported
    assert here.startswith("net.py:")
    assert there == here.replace("net.py:", f"{folder / 'net.py'}:")


@pytest.mark.slow
def test_options_have_a_say(folder: Path) -> None:
    run(folder, *VERIFY)
    for options, code in ((("--exit-zero",), 0), (("--skip", "parameters"), 0), (("--train",), 1)):
        assert not is_repeated(folder, *VERIFY, *options, code=code)
        assert is_repeated(folder, *VERIFY, *options, code=code)
    assert is_repeated(folder, *VERIFY)


def test_the_cache_of_the_settings_is_looked_into(folder: Path) -> None:
    settle_a_cache(folder)
    run(folder, *VERIFY)
    assert is_repeated(folder, *VERIFY)
    assert list((folder / "elsewhere").glob("*.run"))
    other = {"ARCHCHECK_CACHE_DIR": str(folder / "other")}
    assert not is_repeated(folder, *VERIFY, settings=other)
    assert is_repeated(folder, *VERIFY, settings=other)
    assert is_repeated(folder, *VERIFY)


# -- what is never repeated -----------------------------------------------------------------


def test_without_the_cache_nothing_is_kept_or_repeated(folder: Path) -> None:
    for _ in range(2):
        assert not is_repeated(folder, *VERIFY, "--no-cache")
        assert not is_repeated(folder, *VERIFY, settings={"ARCHCHECK_NO_CACHE": "1"})
    assert not (folder / ".archcheck_cache").exists()
    run(folder, *VERIFY)
    assert not is_repeated(folder, *VERIFY, settings={"ARCHCHECK_NO_CACHE": "1"})


def test_remarks_are_made_each_time(folder: Path) -> None:
    traced = "the network is traced, since the cache has none of it; it is kept in the cache"
    used = "the network comes from the cache"
    for said in (f"{traced}\n", f"{used}\n", f"{used}\n"):
        output_of(folder, *VERIFY, "-v", code=1, errors=said)
    assert kept(folder) == []


def test_files_are_written_each_time(folder: Path) -> None:
    full = ("--output-format", "full", "-o", "report.txt")
    words = (*VERIFY, *full, "--output-format", "concise", "-o", "-")
    for _ in range(2):
        assert "parameters" in output_of(folder, *words, code=1)
        assert "parameters" in (folder / "report.txt").read_text()
        (folder / "report.txt").unlink()
    for _ in range(2):
        output_of(folder, *INSPECT, "-o", "table.txt")
        (folder / "table.txt").unlink()
    assert kept(folder) == []


def test_github_hears_of_it_each_time(folder: Path) -> None:
    summary = folder / "summary.md"
    inside = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)}
    run(folder, *VERIFY)
    texts = [output_of(folder, *VERIFY, code=1, **inside) for _ in range(2)]
    assert all("::error " in text for text in texts)
    assert summary.read_text().count("### net") == 2
    assert is_repeated(folder, *VERIFY)


@pytest.mark.parametrize("form", ["junit", "gradescope"])
def test_a_format_that_tells_the_time_is_made_anew(folder: Path, form: str) -> None:
    for _ in range(2):
        assert not is_repeated(folder, *VERIFY, f"--output-format={form}")


@pytest.mark.slow
def test_what_another_process_measures_is_measured_anew(folder: Path) -> None:
    (folder / "net.py").write_text("import albumentations\n" + NET)
    (folder / "spec.yaml").write_text(BASE + "  augmentation: {transforms: [HorizontalFlip]}\n")
    for _ in range(2):
        assert not is_repeated(folder, *VERIFY)
    for _ in range(2):
        assert not is_repeated(folder, *FIELD, "--effective", "--samples", "1", code=0)


def test_a_network_that_fails_is_run_again(folder: Path) -> None:
    (folder / "parts.py").write_text("WIDTH = 0\nraise OSError('no luck')\n")
    for _ in range(2):
        text, imported = run(folder, *VERIFY)
        assert "no luck" in text
        assert "typer" in imported
    assert kept(folder) == []


# -- nothing but what was kept here is believed ---------------------------------------------


@pytest.mark.slow
def test_damaged_and_foreign_runs_are_none(folder: Path, tmp_path: Path) -> None:
    first = without_time(run(folder, *VERIFY)[0])
    (file,) = kept(folder)
    data = file.read_bytes()
    for damaged in (data[: len(data) // 2], b"", data.replace(b"parameters", b"parametric")):
        file.write_bytes(damaged)
        text, imported = run(folder, *VERIFY)
        assert "typer" in imported
        assert without_time(text) == first
        assert is_repeated(folder, *VERIFY)
    other = {"XDG_STATE_HOME": str(tmp_path / "other")}
    assert not is_repeated(folder, *VERIFY, settings=other)
    assert is_repeated(folder, *VERIFY, settings=other)
    assert not is_repeated(folder, *VERIFY)


def test_a_run_stands_for_no_other(folder: Path) -> None:
    run(folder, *VERIFY)
    (file,) = kept(folder)
    run(folder, *VERIFY, "--skip", "parameters", code=0)
    (other,) = set(kept(folder)) - {file}
    file.write_bytes(other.read_bytes())
    assert not is_repeated(folder, *VERIFY)


# -- all networks of a project --------------------------------------------------------------


@pytest.fixture
def project(folder: Path) -> Path:
    (folder / "models").mkdir()
    (folder / "net.py").rename(folder / "models" / "a.py")
    (folder / "parts.py").rename(folder / "models" / "parts.py")
    text = NET.replace("from parts import WIDTH\n", "").replace("WIDTH", "2")
    (folder / "models" / "b.py").write_text(text)
    (folder / "spec.yaml").write_text(BASE.replace("10", "100"))
    table = '[tool.archcheck.networks]\n"models/?.py" = "spec.yaml"\n'
    (folder / "pyproject.toml").write_text(table)
    (folder / "other.py").write_text("")
    return folder


@pytest.mark.slow
def test_check_judges_what_files_concern(project: Path) -> None:
    """As a run does that repeats nothing."""
    run(project, "check", code=1)
    run_command(project, "check")  # with other programs than run's, so another cache
    (project / "link.py").symlink_to("models/b.py")
    named: list[tuple[str, ...]] = [
        ("other.py",),
        ("models/a.py",),
        ("models/parts.py", "other.py"),
        ("link.py",),
        ("spec.yaml",),
        ("pyproject.toml",),
        ("models",),
        ("other.py", ""),
        ("models/a.py", "models/b.py"),
    ]
    for files in named:
        done = run_command(project, "check", "-v", "--", *files)
        code, fresh = done.returncode, without_time(done.stdout)
        assert without_time(run(project, "check", "--", *files, code=code)[0]) == fresh
        text, imported = run(project, "check", "--", *files, code=code)
        assert text == fresh
        assert "typer" not in imported
        assert run(project, "check", *files, code=code)[0] == fresh


def test_check_looks_at_files_anew(project: Path) -> None:
    run(project, "check", code=1)
    assert is_repeated(project, "check", "--", "other.py", code=0)
    (project / "other.py").write_text("# what no network reads\n")
    assert is_repeated(project, "check", "--", "other.py", code=0)
    (project / "other.py").unlink()
    (project / "other.py").symlink_to("models/b.py")
    run(project, "check", "--", "models/b.py", code=0)
    text, imported = run(project, "check", "--", "other.py", code=0)
    assert "models/b.py:Net" in text
    assert "typer" not in imported


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        edit("models/b.py", "(3, 2", "(3, 3"),
        edit("models/parts.py", "4", "3"),
        edit("spec.yaml", "100", "90"),
        edit("pyproject.toml", "?", "b"),
        lambda folder: (folder / "models" / "c.py").write_text(NET),
        lambda folder: (folder / "models" / "a.py").unlink(),
    ],
    ids=["network", "import", "spec", "settings", "another network", "none any more"],
)
def test_check_judges_anew_what_changed(project: Path, change: Callable[[Path], object]) -> None:
    words = ("check", "--exit-zero", "--timeout", "50", "--")
    run(project, *words, code=0)
    assert is_repeated(project, *words, code=0)
    assert is_repeated(project, *words, "other.py", code=0)
    change(project)
    assert not is_repeated(project, *words, "other.py", code=0)
    text, imported = run(project, *words, code=0)
    assert "typer" in imported
    fresh = without_time(run(project, "check", "--no-cache", *words[1:], code=0)[0])
    assert without_time(text) == fresh
    assert run(project, *words, code=0)[0] == fresh


def test_a_file_after_an_option_may_be_its_value(project: Path) -> None:
    """What is not told apart for sure is not repeated for other files."""
    run(project, "check", "--exit-zero", code=0)
    text = run(project, "check", "--exit-zero", "--", "models/b.py", code=0)[0]
    assert "a.py" not in text
    text = run(project, "check", "--exit-zero", "models/a.py", code=0)[0]
    assert "b.py" not in text
    (project / "--").write_text((project / "pyproject.toml").read_text())
    for name in ("a", "b"):
        words = ("check", "--exit-zero", "--config", "--", f"models/{name}.py")
        assert f"{name}.py:Net" in run(project, *words, code=0)[0]
