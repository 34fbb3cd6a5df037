"""The wheel, the GitHub Action and the GitLab job: built, installed and run as they stand."""

from __future__ import annotations

import os
import shutil
import sys
import venv
from pathlib import Path
from typing import Any

import pytest
import yaml

import archcheck
from tests.support.commands import run_program
from tests.support.paths import ROOT
from tests.support.readers import read_github, read_gitlab, read_junit, read_markdown, read_sarif

pytestmark = pytest.mark.slow

ACTION = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
JOB = yaml.safe_load((ROOT / "examples" / "ci" / "gitlab-ci.yml").read_text("utf-8"))["archcheck"]
GITHUB_SHELL = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c"]


MAPPED = '[tool.archcheck.networks]\n"models/*.py" = "./spec.yaml"\n'


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel of this source."""
    folder = tmp_path_factory.mktemp("wheels")
    words = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    assert run_program(words, ROOT).returncode == 0
    assert [file.suffix for file in folder.iterdir()] == [".whl"]
    return folder


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory, wheels: Path) -> dict[str, str]:
    """The environment of a fresh machine: it finds archcheck in the folder of wheels only, and
    torch and its other dependencies in the environment that runs these tests."""
    home = tmp_path_factory.mktemp("machine")
    venv.create(home, with_pip=True)
    (site,) = home.glob("lib/python*/site-packages")
    ours = [path for path in sys.path if path.endswith("site-packages")]
    (site / "dependencies.pth").write_text("\n".join(ours))
    kept = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
    return {
        **kept,
        "PATH": f"{home / 'bin'}:/usr/local/bin:/usr/bin:/bin",
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(wheels),
        "PIP_NO_DEPS": "1",
        "PIP_IGNORE_INSTALLED": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # pip reads it as "without": hatchling is there already
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PYTHONIOENCODING": "utf-8",
    }


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository as its owner would have it."""
    folder = tmp_path / "repository"
    (folder / "models").mkdir(parents=True)
    (folder / ".git").mkdir()
    for name in ("net003.py", "net004.py"):
        shutil.copy(ROOT / "examples" / "assignment7" / name, folder / "models" / name)
    (folder / "spec.yaml").write_text(
        "extends: assignment7\nrules: {augmentation: null, blocks: null}\n"
    )
    return folder


def step(name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(s for s in ACTION["runs"]["steps"] if s["name"] == name)
    assert found["shell"] == "bash"
    return found


@pytest.mark.parametrize("version", ["", archcheck.__version__])
def test_the_github_action_installs(machine: dict[str, str], version: str, tmp_path: Path) -> None:
    install = {**machine, "VERSION": version, "ACTION": str(ROOT)}
    done = run_program([*GITHUB_SHELL, step("Install archcheck")["run"]], tmp_path, install)
    assert done.returncode == 0, done.stderr
    assert f"Successfully installed torch-archcheck-{archcheck.__version__}" in done.stdout
    program = "import archcheck.shipped_specs as s; print(*s.shipped_specs().values(), sep='\\n')"
    found = run_program(["python", "-c", program], tmp_path, machine).stdout.splitlines()
    home = machine["PATH"].split("/bin:")[0]
    assert len(found) == len(list((ROOT / "specs").glob("*.yaml")))
    assert all(file.startswith(home) for file in found)


def test_the_github_action_verifies(
    repository: Path, machine: dict[str, str], tmp_path: Path
) -> None:
    install = {**machine, "VERSION": archcheck.__version__, "ACTION": ""}
    done = run_program([*GITHUB_SHELL, step("Install archcheck")["run"]], repository, install)
    assert done.returncode == 0, done.stderr
    inside = {
        **machine,
        "GITHUB_ACTIONS": "true",
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "NETWORK": "models/net003.py\n\nmodels/net004.py:Net\n",
        "SPEC": "spec.yaml",
        "SARIF": ACTION["inputs"]["sarif"]["default"],
    }
    given = {name for name in step("Verify")["env"] if not name.startswith("ARCHCHECK_")}
    assert given == {"NETWORK", "SPEC", "SARIF"}
    verify = [*GITHUB_SHELL, step("Verify")["run"]]
    done = run_program(verify, repository, inside)
    assert done.returncode == 1
    assert done.stderr.count("the network is traced") == 2
    assert "70 of 85 points, 200 bonus points" in done.stdout
    assert "50 of 85 points, 0 of 200 bonus points" in done.stdout
    lines = [line for line in done.stdout.splitlines(True) if line.startswith("::")]
    found = read_github("".join(lines))
    assert [(f["rule"], f["level"], f["file"]) for f in found] == [
        ("accuracy", "warning", "models/net003.py"),  # no weights are given
        ("receptive-field", "error", "models/net004.py"),
        ("accuracy", "warning", "models/net004.py"),
        ("strided", "notice", "models/net004.py"),
    ]
    folder = repository / (tmp_path / "output").read_text().strip().removeprefix("sarif=")
    results = [read_sarif(file.read_text("utf-8")) for file in sorted(folder.iterdir())]
    assert [len(result) for result in results] == [1, 3]
    summary = read_markdown((tmp_path / "summary.md").read_text("utf-8"))
    assert [row for row in summary if row[0].endswith(":Net")] == [
        ["models/net003.py:Net"],
        ["models/net004.py:Net"],
    ]
    assert (
        run_program(verify, repository, {**inside, "NETWORK": "models/net003.py"}).returncode == 0
    )
    assert run_program(verify, repository, {**inside, "NETWORK": "missing.py"}).returncode == 2
    empty = run_program(verify, repository, {**inside, "NETWORK": "\n"})
    assert (empty.returncode, empty.stdout) == (
        2,
        "::error title=archcheck::the input spec is given, and network names none\n",
    )


def test_the_github_action_checks_a_project_and_uses_the_cache_of_the_last_run(
    repository: Path, machine: dict[str, str], tmp_path: Path
) -> None:
    install = {**machine, "VERSION": archcheck.__version__, "ACTION": ""}
    done = run_program([*GITHUB_SHELL, step("Install archcheck")["run"]], repository, install)
    assert done.returncode == 0, done.stderr
    (repository / "pyproject.toml").write_text(MAPPED)
    inside = {
        **machine,
        "GITHUB_ACTIONS": "true",
        "NETWORK": "",
        "SPEC": "",
        "SARIF": "sarif",
        "ARCHCHECK_CACHE_DIR": step("Verify")["env"]["ARCHCHECK_CACHE_DIR"],
        "ARCHCHECK_CACHE_KEY": "a secret of this repository",
    }
    verify = [*GITHUB_SHELL, step("Verify")["run"]]
    (cache,) = (each["with"]["path"] for each in ACTION["runs"]["steps"] if "uses" in each)
    texts, folder = [], repository
    for number, words in enumerate(("the network is traced", "comes from the cache")):
        run = {"GITHUB_OUTPUT": str(tmp_path / "out"), "HOME": str(tmp_path / f"home{number}")}
        done = run_program(verify, folder, {**inside, **run})
        assert done.returncode == 1, done.stderr
        assert done.stderr.count(words) == len(done.stderr.splitlines()) == 2
        assert len(read_sarif((folder / "sarif" / "archcheck.sarif").read_text("utf-8"))) == 4
        texts.append([line for line in done.stdout.splitlines() if line.startswith("::")])
        assert (folder / cache).is_dir()
        folder = folder.rename(tmp_path / f"clone{number}")
        for file in folder.rglob("*.*"):
            os.utime(file, (number + 1, number + 1))
    assert texts[0] == texts[1] != []


def test_the_gitlab_job(repository: Path, machine: dict[str, str]) -> None:
    (repository / "archcheck").symlink_to(ROOT)
    (repository / "pyproject.toml").write_text(MAPPED.replace("*", "net004"))
    script = "\n".join([*JOB["before_script"], *JOB["script"]])
    settings = {**JOB["variables"], "ARCHCHECK_CACHE_KEY": "a secret of this project"}
    assert JOB["cache"]["paths"] == [settings["ARCHCHECK_CACHE_DIR"]]
    words = ["bash", "-c", f"set -eo pipefail\n{script}"]
    done = run_program(words, repository, {**machine, **settings})
    assert done.returncode == 1, done.stderr
    assert "50 of 85 points" in done.stdout
    reports = JOB["artifacts"]["reports"]
    quality = read_gitlab((repository / reports["codequality"]).read_text("utf-8"))
    assert [(entry["check_name"], entry["severity"]) for entry in quality] == [
        *(("receptive-field", "major"), ("accuracy", "minor"), ("strided", "info"))
    ]
    assert {entry["location"]["path"] for entry in quality} == {"models/net004.py"}
    (suite,) = read_junit((repository / reports["junit"]).read_text("utf-8"))
    assert (suite.tests, suite.failures, suite.skipped) == (8, 1, 2)
    assert {p.name: p.value for p in suite.properties()}["points"] == "50"


def test_shipped_specs_are_those_of_the_repository(wheels: Path, tmp_path: Path) -> None:
    (wheel,) = wheels.iterdir()
    shutil.unpack_archive(wheel, tmp_path, "zip")
    shipped = {file.name: file.read_bytes() for file in (tmp_path / "archcheck/specs").iterdir()}
    assert shipped == {file.name: file.read_bytes() for file in (ROOT / "specs").iterdir()}


CONFIGURATIONS = {
    "github-actions": "action.yml",
    "gitlab-ci": "examples/ci/gitlab-ci.yml",
    "github-workflows": "examples/ci/github-workflow.yml",
}


@pytest.mark.parametrize("schema", CONFIGURATIONS)
def test_configurations_are_valid(schema: str) -> None:
    words = ["check_jsonschema", "--builtin-schema", f"vendor.{schema}", CONFIGURATIONS[schema]]
    done = run_program([sys.executable, "-m", *words], ROOT)
    assert done.returncode == 0, done.stdout


def test_the_workflow_uses_the_action_as_it_is() -> None:
    text = (ROOT / "examples" / "ci" / "github-workflow.yml").read_text("utf-8")
    steps = yaml.safe_load(text)["jobs"]["archcheck"]["steps"]
    used = next(step for step in steps if step.get("id") == "archcheck")
    required = {name for name, given in ACTION["inputs"].items() if given["required"]}
    assert required <= set(used["with"]) <= set(ACTION["inputs"])
    assert "steps.archcheck.outputs.sarif" in text
    assert set(ACTION["outputs"]) == {"sarif"}
