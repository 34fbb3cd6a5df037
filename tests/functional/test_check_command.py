"""``archcheck check``: which networks it judges, what it prints, and how it ends."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.commands import COMMAND, LIMIT, output_of, run_command
from tests.support.imports import RUN, imported
from tests.support.processes import assert_gone, children, wait_until
from tests.support.readers import read_github, read_junit, read_sarif

pytestmark = pytest.mark.slow

NET = """\
from parts import *
from torch import nn

class Net(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)

    def forward(self, x):
        return self.conv(x)
"""
SPEC = "rules:\n  parameters: {less_than: 200}\n"
CONFIG = """\
[tool.archcheck.networks]
"models/*.py" = "specs/edge.yaml"

[tool.archcheck.networks."models/big.py"]
spec = "specs/big.yaml"
name = "Net"
arguments = {width = 9}
input = [3, 9, 9]

[tool.archcheck]
exclude = ["models/parts.py"]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "project"
    for name, text in {
        "pyproject.toml": CONFIG,
        "specs/edge.yaml": "extends: base.yaml\n",
        "specs/base.yaml": f"input: [3, 8, 8]\n{SPEC}",
        "specs/big.yaml": SPEC.replace("200", "300"),
        "models/net.py": NET,
        "models/big.py": NET,
        "models/parts.py": "",
        "README.md": "",
        "unrelated.py": "",
    }.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
    return place


def run(folder: Path, *words: str, code: int = 0, errors: str | None = "", **settings: str) -> str:
    return output_of(folder, "check", *words, code=code, errors=errors, **settings)


def judged(folder: Path, *files: str) -> list[str]:
    """The networks that are judged because of some files, each with its spec."""
    words = ("--output-format", "json-lines", "--", *files)
    lines = run(folder, *words, code=0, errors=None).splitlines()
    reports = [json.loads(line) for line in lines]
    return [f"{Path(r['network']).stem} {Path(r['spec']).stem}" for r in reports]


@pytest.mark.parametrize("file", ["models/net.py", "specs/edge.yaml", "pyproject.toml"])
def test_a_report_is_not_written_over_what_is_read(folder: Path, file: str) -> None:
    before = (folder / file).read_bytes()
    said = f"error: --output-file {file} would overwrite what is read: name another\n"
    words = ("--output-format", "json-lines", "-o", file)
    assert run(folder, *words, code=2, errors=said) == ""
    assert (folder / file).read_bytes() == before


EVERY = ["net edge", "big edge", "big big"]


def test_a_line_for_each_network_that_passes(folder: Path) -> None:
    text = run(folder)
    lines = [line.split() for line in text.splitlines()]
    assert [line[:-2] for line in lines] == [
        ["✓", "models/big.py:Net", "specs/edge.yaml", "the", "rule", "holds"],
        ["✓", "models/net.py:Net", "specs/edge.yaml", "the", "rule", "holds"],
        ["✓", "models/big.py:Net", "specs/big.yaml", "the", "rule", "holds"],
    ]
    assert [line[-1] for line in lines] == ["s", "s", "s"]


def test_files_that_concern_a_network(folder: Path) -> None:
    run(folder)
    assert sorted(judged(folder)) == sorted(EVERY)
    assert judged(folder, "models/net.py") == ["net edge"]
    assert judged(folder, str(folder / "models" / "net.py"), "./models/./net.py") == ["net edge"]
    assert judged(folder, "models/big.py") == ["big edge", "big big"]
    assert judged(folder, "specs/big.yaml") == ["big big"]
    for every in ("pyproject.toml", "models/parts.py", "models", "."):
        assert sorted(judged(folder, every)) == sorted(EVERY)
    for base in ("specs/edge.yaml", "specs/base.yaml"):
        assert judged(folder, base) == ["big edge", "net edge"]
    (folder / "link.py").symlink_to("models/net.py")
    assert judged(folder, "link.py") == ["net edge"]
    (folder / "models" / "other.md").write_text("")
    assert judged(folder, "models/other.md", "/dev/null", "") == []


def test_what_is_not_known_is_judged(folder: Path) -> None:
    assert sorted(judged(folder, "unrelated.py")) == sorted(EVERY)
    assert judged(folder, "unrelated.py") == []
    (folder / "models" / "net.py").write_text(NET + "# changed\n")
    assert judged(folder, "unrelated.py") == ["net edge"]
    assert judged(folder, "unrelated.py") == []
    (folder / "models" / "parts.py").unlink()
    text = run(folder, "--output-format", "concise", "unrelated.py", code=1)
    assert text.count("the module 'parts' is not installed") == 3


def test_files_that_the_network_opens_count(folder: Path) -> None:
    (folder / "width.json").write_text("4")
    net = "import json\nopened = json.load(open('width.json'))\n" + NET
    (folder / "models" / "net.py").write_text(net.replace("3, width", "3, opened"))
    run(folder)
    assert judged(folder, "width.json") == ["net edge"]
    (folder / "width.json").write_text("40")
    for _ in range(2):
        assert "parameters" in run(folder, "width.json", "--output-format=concise", code=1)


def test_weights_and_scripts_come_with_a_network(folder: Path) -> None:
    """A change of them concerns it; what is missing or wrong is told."""
    with (folder / "pyproject.toml").open("a") as file:
        file.write(
            '[tool.archcheck.networks."models/net.py"]\nspec = "specs/seen.yaml"\n'
            'weights = "net.pt"\naugmentation = "train.py:train"\n'
        )
    (folder / "specs" / "seen.yaml").write_text(
        "input: [3, 32, 32]\nrules:\n  augmentation: {transforms: [Blur]}\n"
        "  accuracy: {dataset: cifar10, at_least: 2, when_unverified: warn}\n"
    )
    (folder / "net.pt").write_text("")
    said = run(folder, code=2, errors=None, ARCHCHECK_DATA="")
    assert said == ""
    script = "import albumentations as A\ntrain = A.Compose([A.Blur()])\nother = A.Compose([])\n"
    (folder / "train.py").write_text(script)
    run(folder, ARCHCHECK_DATA="")
    for name in ("net.pt", "train.py"):
        words = ("--output-format=json", name)
        report = json.loads(run(folder, *words, ARCHCHECK_DATA=""))
        assert Path(report["spec"]).name == "seen.yaml"
        (found,) = (rule for rule in report["rules"] if rule["rule"] == "accuracy")
        assert "no data given (`data` in [tool.archcheck])" in json.dumps(found)
    (folder / "train.py").write_text(script.replace("Blur", "ToGray"))
    assert "✗ augmentation: " in run(folder, "train.py", code=1, ARCHCHECK_DATA="")


def test_a_file_that_no_network_depends_on_is_said_in_one_line(folder: Path) -> None:
    run(folder)
    said = "no network depends on README.md\n"
    for _ in range(2):  # the second one is repeated from the cache
        assert run(folder, "README.md", errors=said) == ""
    assert run(folder, "README.md", "models/net.py", errors=said).count("✓") == 1
    words = ("--output-format=json", "README.md")
    assert json.loads(run(folder, *words, errors=said))["reports"] == []
    words = ("--output-format=sarif", "README.md")
    assert read_sarif(run(folder, *words, errors=said)) == []


def test_a_path_that_does_not_exist_is_an_error(folder: Path) -> None:
    said = "error: there is no file models/nope.py\n"
    for _ in range(2):  # with nothing known of the networks, and with all that they read
        assert run(folder, "models/nope.py", code=2, errors=said) == ""
        assert run(folder, "models/net.py", "models/nope.py", code=2, errors=said) == ""
        run(folder)


def test_verbose_says_what_the_cache_did(folder: Path) -> None:
    said = ["models/big.py", "models/net.py", "models/big.py:Net"]
    traced = "the network is traced, since the cache has none of it; it is kept in the cache"
    for options, what in (
        ((), traced),
        ((), "the network comes from the cache"),
        (("--no-cache",), "the cache is not used"),
    ):
        errors = "".join(f"{name}: {what}\n" for name in said)
        run(folder, "-v", *options, errors=errors)


def test_from_the_cache_nothing_of_torch_is_imported_and_no_process_started(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    started = "\nassert ('archcheck.worker.process' in sys.modules) is {}\n"
    assert "torch" not in imported(RUN.format(code=0) + started.format(True), "check")
    for words in (["check"], ["check", "models/net.py"], ["check", "README.md"]):
        assert "torch" not in imported(RUN.format(code=0) + started.format(False), *words)


# -- failures -------------------------------------------------------------------------------


def test_failures_are_shown_in_full(folder: Path) -> None:
    (folder / "models" / "net.py").write_text(NET.replace("width=4", "width=40"))
    text = run(folder, code=1)
    passing, _, rest = text.partition("\n\n")
    assert passing.count("✓") == 2
    assert rest.startswith("models/net.py:Net   3×8×8 → ")
    assert "  held to specs/edge.yaml\n" in rest
    assert "✗ parameters: " in rest
    assert "┌─ models/net.py:7\n" in rest
    assert rest.endswith("\n1 of 3 networks failed\n")
    assert run(folder, "models/big.py").count("✓") == 2
    assert run(folder, "--exit-zero") != ""


def test_one_bad_network_is_no_matter_of_the_others(folder: Path) -> None:
    bad = {
        "aborts": "import os\nos.abort()\n",
        "exits": "import os\nos._exit(0)\n",
        "loops": NET.replace("return self.conv(x)", "\n        while True: pass"),
        "prints": NET.replace("return self.conv(x)", "print('-' * 99999)"),
        "raises": "raise ValueError('no luck')\n",
        "torn": "class Net(\n",
    }
    for name, text in bad.items():
        (folder / "models" / f"{name}.py").write_text(text)
    text = run(folder, "--timeout", "5", "--output-format", "junit", code=1)
    suites = {suite.name: (suite.failures, suite.errors) for suite in read_junit(text)}
    assert len(suites) == 2 + len(bad)
    assert [suites[f"models/{name}.py"][0] for name in bad if name != "prints"] == [1] * 5
    assert suites["models/net.py:Net"] == (0, 0)
    assert suites["models/big.py:Net"] == (0, 0)


def add_files_without_one_network(folder: Path) -> None:
    (folder / "models" / "empty.py").write_text("")
    (folder / "models" / "two.py").write_text(NET + NET[NET.index("class") :].replace("Net", "B"))


def test_a_file_without_one_network_is_a_failed_result(folder: Path) -> None:
    add_files_without_one_network(folder)
    text = run(folder, code=1)
    assert text.count("✓") == 3
    assert "✗ builds: " in text
    assert "models/empty.py is empty" in text
    assert "models/two.py holds 2 networks; " in text
    assert text.endswith("\n2 of 5 networks failed\n")
    suites = {s.name: s.failures for s in read_junit(run(folder, "--output-format=junit", code=1))}
    # Two suites of big.py have one name.
    assert (suites["models/empty.py"], suites["models/two.py"], len(suites)) == (1, 1, 4)


def test_what_cannot_be_judged_ends_with_2_and_stands_in_the_report(folder: Path) -> None:
    add_files_without_one_network(folder)
    (folder / "specs" / "big.yaml").write_text("rules:\n  parameterz: {less_than: 3}\n")
    done = run_command(folder, "check")
    assert done.returncode == 2
    assert done.stdout.count("✓") == 2
    said = 'specs/big.yaml:2:3: unknown rule "parameterz"; did you mean "parameters"?'
    assert done.stderr.startswith(f"error: {said}\n")
    assert done.stderr.count("error: ") == 1
    assert f"✗ imports: not run: {said}" in done.stdout
    assert done.stdout.endswith("\n3 of 5 networks failed\n")


def test_errors_of_the_settings_end_with_2_at_once(folder: Path) -> None:
    file = folder / "pyproject.toml"
    for text, place, said in (
        (
            "[tool.archcheck]\ntimeuot = 3\n",
            "2:1",
            'unknown key "timeuot"; did you mean "timeout"?',
        ),
        (CONFIG + "skip = ['parametres']\n", "12:1", 'did you mean "parameters"?'),
        (CONFIG + "output-format = 'ful'\n", "12:1", 'no format "ful"; did you mean "full"?'),
        (CONFIG.replace("models/*", "modles/*"), "2:1", '"modles/*.py" stands for no network'),
        (CONFIG.replace("edge.yaml", "edg.yaml"), "2:1", "there is no spec specs/edg.yaml"),
        ("[tool.archcheck]\ntimeout = 3\n", "1:7", "no network is mapped to a spec"),
        ("[tool.archcheck\n", "1:16", "this is not TOML"),
        ("", "", "error: no pyproject.toml from here upward has [tool.archcheck]"),
    ):
        file.write_text(text)
        done = run_command(folder, "check")
        assert (done.returncode, done.stdout) == (2, "")
        head, *quoted = done.stderr.splitlines()
        assert head.startswith(f"error: pyproject.toml:{place}: " if place else said)
        assert said in head
        if place:
            number = int(place.partition(":")[0])
            assert quoted[0] == f"{number} │ {text.splitlines()[number - 1]}"
            assert set(quoted[1]) == {" ", "│", "^"}
    file.unlink()
    file.mkdir()
    run(folder, code=2, errors=None)
    run(folder, "--config", "pyproject.toml", code=2, errors=None)


def test_an_input_that_is_not_known(folder: Path) -> None:
    (folder / "specs" / "base.yaml").write_text(SPEC)
    said = "error: specs/edge.yaml: the input's shape is not known: add `input: [3, 32, 32]` to "
    said += "the spec, or `input = [3, 32, 32]` to models/{} in [tool.archcheck.networks]\n"
    errors = "".join(said.format(name) for name in ("big.py", "net.py"))
    assert run(folder, code=2, errors=errors).count("✓") == 1


def test_ctrl_c_leaves_nothing_running(folder: Path) -> None:
    sleeps = "super().__init__(); open('started', 'w').close(); __import__('time').sleep(999)"
    (folder / "models" / "net.py").write_text(NET.replace("super().__init__()", sleeps))
    (folder / "pyproject.toml").write_text(CONFIG.replace("models/*", "models/n*"))
    words = [COMMAND, "check", "--no-cache"]
    process = subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_until((folder / "started").exists)
    (warm,) = children(process.pid)
    wait_until(lambda: len(children(warm)) == 2)  # the one that sleeps, and the next one's
    running = [warm, *children(warm)]
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=LIMIT)
    assert (process.returncode, output, errors) == (130, b"", b"")
    assert_gone(running)


# -- settings -------------------------------------------------------------------------------


def test_the_command_line_is_over_the_environment_is_over_the_file(folder: Path) -> None:
    with (folder / "pyproject.toml").open("a") as file:
        file.write("cache-dir = 'kept/file'\noutput-format = 'concise'\ntimeout = 90\n")
    (folder / "models" / "net.py").write_text(NET.replace("width=4", "width=40"))
    assert run(folder, code=1).startswith("models/net.py:7:")
    assert not (folder / ".archcheck_cache").exists()
    environment = {"ARCHCHECK_CACHE_DIR": str(folder / "kept" / "environment")}
    run(folder, "--output-format=full", code=1, **environment)
    run(folder, "--cache-dir", "kept/line", code=1, **environment)
    entries = {p.name: len(list(p.glob("*.network"))) for p in (folder / "kept").iterdir()}
    assert entries == {"file": 3, "environment": 3, "line": 3}
    said = "the network comes from the cache\n"
    output_of(folder, "inspect", "models/big.py", "--input", "3,8,8", "-v", errors=said)
    assert output_of(folder, "clean").startswith(f"removed {folder / 'kept' / 'file'}: 3 networks")


def test_rules_are_skipped(folder: Path) -> None:
    (folder / "specs" / "base.yaml").write_text(f"input: [3, 8, 8]\n{SPEC}  macs: {{at_most: 1}}\n")
    assert "2 of 3 networks failed" in run(folder, code=1)
    run(folder, "--skip", "macs")
    with (folder / "pyproject.toml").open("a") as file:
        file.write("skip = ['macs']\n")
    run(folder)
    run(folder, "--skip", "blocks", code=1)
    said = "error: every rule of specs/big.yaml is skipped\n"
    assert run(folder, "--skip", "parameters", code=2, errors=said).count("✗ macs: ") == 2


def test_other_commands_tell_what_is_wrong_with_the_settings(folder: Path) -> None:
    (folder / "pyproject.toml").write_text("[tool.archcheck]\ncache_dir = 'x'\n")
    said = 'error: pyproject.toml:2:1: unknown key "cache_dir"; did you mean "cache-dir"?\n'
    for words in (["verify", "models/net.py", "--spec", "specs/edge.yaml"], ["clean"]):
        done = run_command(folder, *words)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(said)


def test_another_file_of_settings(folder: Path) -> None:
    words = ("--config", "project/pyproject.toml")
    assert run(folder.parent, *words).count("✓ project/models/") == 3
    assert run(folder.parent, *words, "project/specs/big.yaml").count("✓") == 1
    assert run(folder / "models", "big.py").count("✓") == 3  # never traced from there


# -- reports --------------------------------------------------------------------------------


def test_several_formats_at_once(folder: Path) -> None:
    (folder / "models" / "net.py").write_text(NET.replace("width=4", "width=40"))
    (folder / ".git").mkdir()
    words = ["--output-format=sarif", "-o", "r.sarif", "--output-format=brief", "-o", "-"]
    text = run(folder, *words, "--output-format=junit", "-o", "r.xml", code=1)
    assert text.endswith("1 of 3 networks failed\n")
    (issue,) = read_sarif((folder / "r.sarif").read_text("utf-8"))
    assert issue["path"] == "models/net.py"
    assert len(list(read_junit((folder / "r.xml").read_text("utf-8")))) == 3
    errors = "error: --output-file nowhere/r.json cannot be written: No such file or directory\n"
    run(folder, "--output-format=json", "-o", "nowhere/r.json", code=2, errors=errors)


def test_annotations_come_by_themselves(folder: Path) -> None:
    (folder / "models" / "net.py").write_text(NET.replace("width=4", "width=40"))
    text = run(folder, code=1, GITHUB_ACTIONS="true")
    lines = [line for line in text.splitlines(True) if line.startswith("::")]
    assert [c["file"].rpartition("models/")[2] for c in read_github("".join(lines))] == ["net.py"]
