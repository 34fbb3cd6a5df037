"""The hooks of this repository under a real pre-commit, in real git repositories."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.support.commands import LIMIT, run_program
from tests.support.paths import ROOT

pytestmark = pytest.mark.slow

BIN = Path(sys.executable).parent
HOOKS = ".pre-commit-hooks.yaml"
GOOD = """\
from parts import block
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = block(3, 4)

    def forward(self, x):
        return self.conv(x)
"""
PARTS = """\
from torch import nn


def block(inputs, outputs):
    return nn.Conv2d(inputs, outputs, 3)
"""
POOL = "    return nn.Sequential(nn.Conv2d(inputs, outputs, 3), nn.MaxPool2d(2))\n"
SPEC = "extends: base.yaml\nrules: {max-pool: forbidden}\n"
BASE = "input: [3, 8, 8]\nrules:\n  parameters: {less_than: 200}\n"
CONFIG = '[tool.archcheck]\nexclude = ["models/parts.py"]\n\n[tool.archcheck.networks]\n'
CONFIG += '"models/*.py" = "specs/edge.yaml"\n'
# Every process that imports one of these says so: what no run says was imported nowhere.
SPY = """\
import os, sys
def hook(event, args):
    if event == "import" and args[0] in ("torch", "archcheck.worker.process"):
        with open(os.environ["SPIED"], "a") as log:
            log.write(args[0] + "\\n")
sys.addaudithook(hook)
"""


def git(folder: Path, *words: str) -> str:
    done = run_program(["git", *words], folder, environment())
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def environment() -> dict[str, str]:
    """An environment with archcheck installed, whatever git runs these tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    kept |= {f"GIT_{who}_NAME": "Ada" for who in ("AUTHOR", "COMMITTER")}
    kept |= {f"GIT_{who}_EMAIL": "ada@example.org" for who in ("AUTHOR", "COMMITTER")}
    kept |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    kept |= {"PATH": f"{BIN}{os.pathsep}{kept['PATH']}", "PYTHONIOENCODING": "utf-8"}
    return kept


@pytest.fixture(scope="module")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This repository as pre-commit gets it: what a clone of it holds, committed."""
    folder = tmp_path_factory.mktemp("hooks") / "archcheck"
    shutil.copytree(
        ROOT / "archcheck", folder / "archcheck", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copytree(ROOT / "specs", folder / "specs")
    for name in (HOOKS, "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"):
        shutil.copy(ROOT / name, folder / name)
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "The hooks")
    return folder


class Project:
    """A git repository whose hook is installed."""

    def __init__(self, folder: Path, hooks: Path, home: Path, hook: str = "archcheck") -> None:
        self.folder = folder
        self.log = folder.parent / "spied"
        spy = folder.parent / "spy"
        spy.mkdir()
        (spy / "sitecustomize.py").write_text(SPY)
        self.environment = {
            **environment(),
            "PRE_COMMIT_HOME": str(home),
            "PYTHONPATH": str(spy),
            "SPIED": str(self.log),
        }
        git(folder.parent, "init", "-q", folder.name)
        rev = git(hooks, "rev-parse", "HEAD")
        config = {"repos": [{"repo": str(hooks), "rev": rev, "hooks": [{"id": hook}]}]}
        self.write(".pre-commit-config.yaml", yaml.safe_dump(config))
        self.run(sys.executable, "-m", "pre_commit", "install")

    def write(self, name: str, text: str) -> None:
        """Write a file and stage it."""
        file = self.folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        git(self.folder, "add", "--", name)

    def run(self, *words: str, code: int = 0) -> str:
        """What a command prints, colours taken out."""
        done = subprocess.run(
            words,
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=LIMIT,
        )
        assert done.returncode == code, done.stdout
        return re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)

    def commit(self, *, code: int = 0) -> str:
        """Commit what is staged."""
        return self.run("git", "commit", "-m", "Work", code=code)

    def imported(self) -> list[str]:
        """What was imported since this was asked last."""
        found = self.log.read_text().split() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return sorted(set(found))


TRACED = ["archcheck.worker.process", "torch"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pre-commit")


@pytest.fixture
def project(tmp_path: Path, hooks: Path, home: Path) -> Project:
    """A project with one good network, staged and not committed."""
    (tmp_path / "project").mkdir()
    made = Project(tmp_path / "project", hooks, home)
    made.write("pyproject.toml", CONFIG)
    made.write("specs/base.yaml", BASE)
    made.write("specs/edge.yaml", SPEC)
    made.write("models/parts.py", PARTS)
    made.write("models/net.py", GOOD)
    return made


def test_the_manifest_is_valid() -> None:
    words = [sys.executable, "-m", "pre_commit", "validate-manifest", HOOKS]
    assert run_program(words, ROOT).returncode == 0
    hooks = {hook["id"]: hook for hook in yaml.safe_load((ROOT / HOOKS).read_text("utf-8"))}
    assert {name: hook["language"] for name, hook in hooks.items()} == {
        "archcheck": "system",
        "archcheck-isolated": "python",
    }
    for hook in hooks.values():
        assert hook["require_serial"] is True
        files = re.compile(hook["files"])
        for name in (
            "net.py",
            "a/b.yaml",
            "a/b.yml",
            "b.json",
            "w.safetensors",
            "w.pt",
            "pyproject.toml",
            "a/pyproject.toml",
        ):
            assert files.search(name)
        for name in ("README.md", "net.pyc", "other.toml", "not-pyproject.toml", "Makefile"):
            assert not files.search(name)


def test_a_good_commit_passes_and_a_bad_one_is_stopped(project: Project) -> None:
    text = project.commit()
    assert re.search(r"archcheck\.+Passed", text)
    assert project.imported() == TRACED
    project.write("models/net.py", GOOD.replace("block(3, 4)", "nn.Conv2d(3, 9, 3)"))
    text = project.commit(code=1)
    assert re.search(r"archcheck\.+Failed", text)
    assert "- exit code: 1" in text
    assert "✗ parameters: " in text
    assert "┌─ models/net.py:8\n8 │     self.conv = nn.Conv2d(3, 9, 3)\n" in text
    assert "held to specs/edge.yaml" in text
    assert git(project.folder, "rev-list", "--count", "HEAD") == "1"
    assert project.imported() == TRACED
    # The same once more comes from the cache, and is stopped all the same.
    assert "✗ parameters: " in project.commit(code=1)
    assert project.imported() == []
    project.write("models/net.py", GOOD + "\n\n# better\n")
    project.commit()


def test_what_has_not_changed_needs_no_torch(project: Project) -> None:
    project.commit()
    assert project.imported() == TRACED
    every = [sys.executable, "-m", "pre_commit", "run", "archcheck", "--all-files", "--verbose"]
    text = project.run(*every)
    assert "✓ models/net.py:Net   specs/edge.yaml   all 2 rules hold" in text
    assert project.imported() == []
    project.write("unrelated.py", "x = 1\n")
    project.write("docs/README.md", "# Nothing\n")
    assert re.search(r"archcheck\.+Passed", project.commit())
    assert project.imported() == []
    project.write("docs/README.md", "# More\n")
    assert re.search(r"archcheck\.+\(no files to check\)Skipped", project.commit())


def test_whatever_a_network_depends_on_verifies_it_again(project: Project) -> None:
    project.commit()
    project.imported()
    # A file that it imports: traced anew.
    project.write("models/parts.py", PARTS.replace(PARTS.splitlines(True)[-1], POOL))
    text = project.commit(code=1)
    assert "✗ max-pool: " in text
    assert "models/parts.py:5" in text
    assert project.imported() == TRACED
    assert "✗ max-pool: " in project.commit(code=1)
    project.write("models/parts.py", PARTS + "# as it was\n")
    project.commit()
    # The spec, and the spec that it extends: the Network is known.
    project.imported()
    project.write("specs/edge.yaml", SPEC + "title: 'less'\n")
    project.commit()
    project.write("specs/base.yaml", BASE.replace("200", "100"))
    assert "less than 100" in project.commit(code=1)
    assert project.imported() == []
    project.write("specs/base.yaml", BASE)
    # Which spec it is held to.
    project.write("specs/small.yaml", BASE.replace("200", "50"))
    project.write("pyproject.toml", CONFIG.replace("edge", "small"))
    text = project.commit(code=1)
    assert "held to specs/small.yaml" in text
    assert project.imported() == []


def test_only_what_is_staged_counts(project: Project) -> None:
    project.commit()
    (project.folder / "models/parts.py").write_text(PARTS.replace("outputs, 3)", "99, 3)"))
    project.write("models/net.py", GOOD + "# more\n")
    project.commit()
    assert "99" in (project.folder / "models/parts.py").read_text()
    git(project.folder, "add", "models/parts.py")
    assert "✗ parameters: " in project.commit(code=1)


def test_what_git_does_not_track_is_left_alone(project: Project) -> None:
    project.commit()
    (project.folder / "models" / "draft one.py").write_text("raise ValueError('not yet')\n")
    project.write("other.py", "")
    project.commit()
    assert "not yet" in project.run("archcheck", "check", code=1)
    project.write("models/draft one.py", "raise ValueError('not yet')\n")
    assert "not yet" in project.commit(code=1)


def test_deleted_and_renamed_files(project: Project) -> None:
    project.commit()
    git(project.folder, "mv", "models/net.py", "models/renamed net.py")
    project.commit()
    git(project.folder, "rm", "-q", "models/parts.py")
    # pre-commit tells no hook of deletions; with any other file the network is found changed.
    project.write("other.py", "")
    text = project.commit(code=1)
    assert "✗ imports: importing the file failed: the module 'parts' is not installed" in text
    git(project.folder, "reset", "-q", "--hard")
    git(project.folder, "rm", "-q", "models/renamed net.py")
    project.write("other.py", "")
    text = project.commit(code=1)
    assert "- exit code: 2" in text
    assert 'pyproject.toml:5:1: "models/*.py" stands for no network' in text


def test_names_of_files(project: Project) -> None:
    names = ["a name.py", "-v.py", "--help.py", "ünï 🙂.py", "it's.py"]
    git(project.folder, "rm", "-rqf", "models")
    project.write("pyproject.toml", CONFIG.replace("models/", ""))
    project.write("parts.py", PARTS)
    for name in names:
        project.write(name, GOOD.replace("block(3, 4)", "nn.Conv2d(3, 9, 3)"))
    text = project.commit(code=1)
    assert "- exit code: 1" in text
    for name in names:
        assert f"┌─ {name}:8" in text
        project.write(name, GOOD)
    project.commit()
    project.write("-v.py", GOOD.replace("block(3, 4)", "nn.Conv2d(3, 9, 3)"))
    text = project.commit(code=1)
    assert "┌─ -v.py:8" in text
    assert "it's" not in text


def test_a_name_that_is_not_utf8(project: Project) -> None:
    """pre-commit itself takes no such name, so the command stands alone."""
    name = os.fsdecode(b"models/n\xff.py")
    (project.folder / name).write_text(GOOD)
    said = "error: models/n\N{REPLACEMENT CHARACTER}.py: its name is not UTF-8; rename the file\n"
    for words in ([name], []):
        text = project.run("archcheck", "check", *words, code=2)
        assert said in text
        assert "✓ models/net.py:Net" in text
    (project.folder / name).unlink()
    gone = "error: there is no file models/n\N{REPLACEMENT CHARACTER}.py\n"
    assert project.run("archcheck", "check", name, code=2) == gone


def test_the_isolated_hook_in_an_environment_of_its_own(
    tmp_path: Path, hooks: Path, home: Path
) -> None:
    """Installed by pip from the clone; what it depends on is lent by the environment of these
    tests, since nothing is fetched."""
    (tmp_path / "project").mkdir()
    project = Project(tmp_path / "project", hooks, home, "archcheck-isolated")
    ours = [path for path in sys.path if path.endswith("site-packages")]
    project.environment |= {
        "PYTHONPATH": os.pathsep.join([project.environment["PYTHONPATH"], *ours]),
        "PATH": os.environ["PATH"].replace(str(BIN), ""),
        "PIP_NO_INDEX": "1",
        "PIP_NO_DEPS": "1",
        "PIP_IGNORE_INSTALLED": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # pip reads it as "without": hatchling is there already
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    project.write("pyproject.toml", CONFIG.replace("edge", "base"))
    project.write("specs/base.yaml", BASE)
    project.write("models/parts.py", PARTS)
    project.write("models/net.py", GOOD)
    project.commit()
    (found,) = home.glob("repo*/py_env-*/bin/archcheck")
    assert found.is_file()
    project.write("models/net.py", GOOD.replace("block(3, 4)", "block(3, 99)"))
    assert "✗ parameters: " in project.commit(code=1)


def test_the_five_commands_of_the_readme(tmp_path: Path, hooks: Path) -> None:
    """Literally, in an empty folder beside a clone. The new environment borrows what archcheck
    depends on, since nothing is fetched."""
    text = (ROOT / "README.md").read_text("utf-8")
    text = text[text.index("### Before every commit") :]
    commands = re.findall("```sh\n(.*?)```", text[: text.index("\n### ")], re.DOTALL)
    assert 1 <= len(commands) <= 5
    clone, folder, programs = tmp_path / "archcheck", tmp_path / "project", tmp_path / "bin"
    git(tmp_path, "clone", "-q", str(hooks), str(clone))
    shutil.copytree(ROOT / "examples" / "assignment7", clone / "examples" / "assignment7")
    folder.mkdir()
    programs.mkdir()
    for name, module in {"python3": "", "pre-commit": "-m pre_commit"}.items():
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {module} "$@"\n')
        (programs / name).chmod(0o755)
    ours = [path for path in sys.path if path.endswith("site-packages")]
    fresh = {
        **environment(),
        "PATH": f"{programs}:/usr/local/bin:/usr/bin:/bin",
        "PYTHONPATH": os.pathsep.join(ours),
        "PRE_COMMIT_HOME": str(tmp_path / "home"),
        "PIP_NO_INDEX": "1",
        "PIP_NO_DEPS": "1",
        "PIP_NO_BUILD_ISOLATION": "0",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    script = "".join(f"set -e\n{command}" for command in commands) + "which archcheck\n"
    done = run_program(["sh", "-c", script], folder, fresh)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == str(folder / ".venv" / "bin" / "archcheck")
    assert re.search(r"archcheck\.+Passed", done.stdout + done.stderr)
    assert git(folder, "log", "--format=%s") == "Networks are checked"
    shutil.copy(clone / "examples" / "assignment7" / "net004.py", folder / "models" / "net004.py")
    git(folder, "add", "models")
    fresh["PATH"] = f"{folder / '.venv' / 'bin'}:{fresh['PATH']}"
    done = run_program(["git", "commit", "-m", "Worse"], folder, fresh)
    assert done.returncode == 1
    assert "✗ receptive-field: " in done.stdout + done.stderr
    assert "┌─ models/net004.py:86" in done.stdout + done.stderr
