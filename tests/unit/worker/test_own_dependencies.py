"""What a command reads itself is seen as what a network reads, in a process without torch."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import msgspec

from archcheck.worker.dependencies.states import Dependencies, still_hold
from tests.support.commands import run_program

PROGRAM = """\
import os, pathlib, sys
from archcheck.worker.dependencies.recorder import start_recording
recorder = start_recording(own=True)
{acts}
import msgspec
seen = (recorder.wrote, recorder.finish())
assert "torch" not in sys.modules
print(msgspec.json.encode(seen).decode())
"""


def seen(folder: Path, acts: str) -> tuple[bool, Dependencies]:
    """Whether some acts wrote, and what they read; still to be compared in the same environment."""
    done = run_program([sys.executable, "-P", "-c", PROGRAM.format(acts=acts)], folder)
    assert done.returncode == 0, done.stderr
    return msgspec.json.decode(done.stdout, type=tuple[bool, Dependencies])


def test_files_folders_variables_and_links_are_seen(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text("a")
    (tmp_path / "link.yaml").symlink_to("spec.yaml")
    acts = (
        "pathlib.Path('spec.yaml').read_text()\nos.listdir(os.getcwd())\nos.environ.get('NO_COLOR')\n"
        "os.path.exists('gone')\npathlib.Path('link.yaml').resolve()"
    )
    wrote, reads = seen(tmp_path, acts)
    assert not wrote
    assert str(tmp_path / "spec.yaml") in reads.contents
    assert str(tmp_path) in reads.listings
    assert reads.variables == {"NO_COLOR": "absent"}
    assert reads.presences[str(tmp_path / "gone")] == "absent"
    assert reads.links[str(tmp_path / "link.yaml")] != "no link"
    assert reads.links[str(tmp_path / "spec.yaml")] == "no link"
    assert reads.unseen == ""


def test_where_a_link_leads_has_a_say(tmp_path: Path) -> None:
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text("same")
        os.utime(tmp_path / name, (1, 1))
    (tmp_path / "net.py").symlink_to("a.py")
    links = seen(tmp_path, "os.path.realpath('net.py')")[1].links
    reads = Dependencies(links={str(tmp_path / "net.py"): links[str(tmp_path / "net.py")]})
    assert still_hold(reads)
    (tmp_path / "net.py").unlink()
    (tmp_path / "net.py").symlink_to("b.py")
    assert not still_hold(reads)
    links = seen(tmp_path, "os.path.realpath('a.py')")[1].links
    reads = Dependencies(links={str(tmp_path / "a.py"): links[str(tmp_path / "a.py")]})
    assert still_hold(reads)
    (tmp_path / "a.py").unlink()
    (tmp_path / "a.py").symlink_to("b.py")
    assert not still_hold(reads)


def test_the_folders_of_archcheck_itself_are_seen(tmp_path: Path) -> None:
    acts = "from archcheck.shipped_specs import shipped_specs\nshipped_specs()"
    assert any(folder.endswith("specs") for folder in seen(tmp_path, acts)[1].listings)


def test_what_others_do_for_a_command_is_not_seen(tmp_path: Path) -> None:
    jobs = {
        "import subprocess; subprocess.run(['true'])": "it starts another program",
        "sys.audit('archcheck.job', 'tracing')": "another process works for it",
    }
    for act, why in jobs.items():
        assert seen(tmp_path, act)[1].unseen == why
        assert seen(tmp_path, f"with recorder.paused():\n    {act}")[1].unseen == ""


def test_nothing_is_written_down_in_a_pause(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text("a")
    reads = "open('spec.yaml').read(); os.listdir(os.getcwd()); os.environ.get('NO_COLOR')"
    wrote, paused = seen(tmp_path, f"with recorder.paused():\n    {reads}; open('w', 'w')")
    assert not wrote
    assert str(tmp_path / "spec.yaml") not in paused.contents
    assert str(tmp_path) not in paused.listings
    assert paused.variables == {}


def test_writing_is_seen_but_of_compiled_modules(tmp_path: Path) -> None:
    assert seen(tmp_path, "open('report.txt', 'w').close()")[0]
    assert seen(tmp_path, "open('report.txt', 'a').close()")[0]
    assert not seen(tmp_path, "open(os.devnull, 'w').close()")[0]
    (tmp_path / "module.py").write_text("")
    act = "sys.dont_write_bytecode = False; sys.path.insert(0, os.getcwd()); import module"
    assert not seen(tmp_path, act)[0]
