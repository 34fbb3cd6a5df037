"""What a training script constructs when it is imported, whatever else it does."""

from __future__ import annotations

import textwrap
import time
from pathlib import Path
from typing import Any

import pytest

from archcheck.augmentation import parse_script
from archcheck.augmentation.reading import read_pipelines
from archcheck.evidence import Augmentation
from archcheck.evidence.augmentation import Transform, Unknown
from archcheck.tracing.remote import start_worker
from archcheck.worker.failures import InputError

pytestmark = pytest.mark.slow

pytest.importorskip("albumentations")

HEAD = "import albumentations as A\n"
LEGACY = "A.CoarseDropout(max_holes=1, max_height=16, fill_value=(125, 123, 114))"


def read(tmp_path: Path, text: str, **options: Any) -> Augmentation:
    file = tmp_path / "train.py"
    file.write_text(textwrap.dedent(text))
    found = read_pipelines(parse_script(str(file)), start_worker, **options)
    assert found is not None
    return found


def arguments(transform: Transform) -> dict[str, Any]:
    return {argument.name: argument.value for argument in transform.arguments}


def test_the_source_is_kept_and_the_object_says_what_is_dropped(tmp_path: Path) -> None:
    found = read(tmp_path, f"{HEAD}train = A.Compose([{LEGACY}, A.ToGray(1, 'average')])\n")
    assert (found.library, found.notes, found.reason) == ("2.0.8", (), "")
    (pipeline,) = found.pipelines
    dropout, gray = pipeline.root.children
    assert arguments(dropout)["fill_value"] == (125, 123, 114)
    assert dropout.dropped == ("max_holes", "max_height", "fill_value")
    assert dropout.effective is not None
    assert (dropout.effective["num_holes_range"], dropout.effective["fill"]) == ((1, 2), 0)
    assert arguments(gray) == {"num_output_channels": 1, "method": "average"}
    assert gray.effective is not None
    assert (gray.effective["p"], gray.dropped) == (0.5, ())


def test_the_object_supplies_what_the_source_does_not_tell(tmp_path: Path) -> None:
    text = f"""
    import numpy as np
    {HEAD.strip()}
    MEAN = np.array((0.4914, 0.4822, 0.4465))
    chosen = []
    for kind in (A.HorizontalFlip, A.VerticalFlip):
        chosen.append(kind(p=0.3))
    chosen.append(A.CoarseDropout(fill=(MEAN * 255).tolist(), **dict(p=np.float32(0.5))))
    train = A.Compose([*chosen, A.ToGray(p=len(chosen) / 4), {LEGACY}])
    def made(p=0.25):
        return A.Compose([A.Blur(p=p + float("".join(["0.", "25"])))])
    by_name = {{"gray": getattr(A, "Compose")([A.ToGray()])}}
    """
    found = read(tmp_path, text)
    train, made, by_name = found.pipelines
    assert [p.name for p in found.pipelines] == ["train", "made", "by_name.gray"]
    first, second, dropout, gray, legacy = train.root.children
    assert [first.name, second.name] == ["HorizontalFlip", "VerticalFlip"]
    assert arguments(first) == {"p": 0.3}
    assert arguments(dropout)["fill"] == pytest.approx((125.307, 122.961, 113.8575))
    assert arguments(dropout)["p"] == 0.5
    assert arguments(gray) == {"p": 0.75}
    assert arguments(legacy)["max_holes"] == 1  # from the source: no object keeps it
    assert arguments(made.root.children[0]) == {"p": 0.5}
    assert [child.name for child in by_name.root.children] == ["ToGray"]
    assert by_name.root.place is not None
    assert (by_name.root.place.line, by_name.root.place.file) == (12, found.file)


def test_what_is_built_in_different_ways_stays_unknown(tmp_path: Path) -> None:
    text = """
    import albumentations as A
    def make(p):
        return A.Compose([A.ToGray(p=float("".join(p)))])
    a = make(["0.1"])
    b = make(["0.2"])
    """
    (pipeline,) = read(tmp_path, text).pipelines
    assert isinstance(arguments(pipeline.root.children[0])["p"], Unknown)


def test_an_object_does_not_speak_for_another_way_through_the_script(tmp_path: Path) -> None:
    text = """
    import albumentations as A
    def make(p, blur):
        return A.Compose([A.ToGray(p=float("".join(p)))] + [A.Blur()] * blur)
    def other(p="0.3"):
        return A.Compose([A.ToGray(p=float("".join(p)))])
    a = make(["0.1"], 0)
    if __name__ == "__main__":
        b = make(["0.2"], 1)
        c = other("0.4")
    """
    for pipeline in read(tmp_path, text).pipelines:
        assert isinstance(arguments(pipeline.root.children[0])["p"], Unknown)


def test_a_pipeline_of_another_file_is_found_where_it_was_built(tmp_path: Path) -> None:
    (tmp_path / "transforms.py").write_text(f"{HEAD}train = A.Compose([A.ToGray()])\n")
    found = read(tmp_path, "from transforms import train as augment\n")
    (pipeline,) = found.pipelines
    assert pipeline.name == "augment"
    assert pipeline.root.place is not None
    assert Path(pipeline.root.place.file).name == "transforms.py"
    assert not found.absent


BEFORE = f"{HEAD}train = A.Compose([A.ToGray(p=float(''.join(['0.', '5'])))])\n"
AWKWARD = {
    "raises behind": (f"{BEFORE}open('/nowhere/data')\n", True, ""),
    "loops behind": (f"{BEFORE}while True: pass\n", True, ""),
    "ends behind": (f"{BEFORE}import os; os._exit(0)\n", True, ""),
    "raises before": (f"open('/nowhere/data')\n{BEFORE}", False, "could not be run any further"),
    "exits before": (f"import sys; getattr(sys, ''.join(['ex', 'it']))()\n{BEFORE}", False, "exit"),
    "ends before": (
        f"import os; getattr(os, ''.join(['_ex', 'it']))(3)\n{BEFORE}",
        False,
        "exit code 3",
    ),
    "reads before": (f"input()\n{BEFORE}", False, "EOFError"),
    "prints": (f"print('x' * 10**6)\n{BEFORE}", True, ""),
    "closes": (f"import os; os.close(1); os.close(2)\n{BEFORE}", True, ""),
}


@pytest.mark.parametrize("name", AWKWARD)
def test_scripts_that_are_no_good_to_import(tmp_path: Path, name: str) -> None:
    text, is_seen, note = AWKWARD[name]
    found = read(tmp_path, text)
    (pipeline,) = found.pipelines
    assert pipeline.name == "train"
    value = arguments(pipeline.root.children[0])["p"]
    assert (value == 0.5) if is_seen else isinstance(value, Unknown)
    assert note in "".join(found.notes)
    assert bool(found.notes) == bool(note)


@pytest.mark.parametrize("read_line", ["json.loads('{')", "fetch.get()"])
def test_the_line_that_could_not_be_run_is_the_scripts(tmp_path: Path, read_line: str) -> None:
    (tmp_path / "fetch.py").write_text("import json\n\n\ndef get():\n    json.loads('{')\n")
    found = read(tmp_path, f"import json, fetch\n\n{read_line}\n{BEFORE}")
    name = Path(found.file).name
    assert found.notes[0].startswith(f"{name}:3 could not be run any further: JSONDecodeError")


def test_a_script_that_never_returns_is_given_up(tmp_path: Path) -> None:
    began = time.monotonic()
    found = read(tmp_path, f"while True: pass\n{BEFORE}", timeout=3.0)
    assert time.monotonic() - began < 60
    assert [pipeline.name for pipeline in found.pipelines] == ["train"]
    assert found.notes == (
        "the source alone is judged: train.py:1 did not return within 3 seconds",
    )


def test_nothing_is_left_of_a_script(tmp_path: Path) -> None:
    read(tmp_path, BEFORE)
    assert [entry.name for entry in tmp_path.iterdir()] == ["train.py"]


NOTHING = {
    "": True,
    "import torch, json\n": True,
    "import helpers_of_mine\n": False,
    "from . import transforms\n": False,
    "import albumentations\n": False,
}


@pytest.mark.parametrize(("text", "absent"), NOTHING.items())
def test_whether_there_is_none_for_sure(tmp_path: Path, text: str, absent: bool) -> None:
    found = read(tmp_path, text)
    assert (found.pipelines, found.absent) == ((), absent)
    assert found.reason.startswith("no albumentations pipeline was found in train.py")


def test_a_network_file_without_the_library_is_no_script(tmp_path: Path) -> None:
    for text in ("import torch\n", "def ("):
        file = tmp_path / "net.py"
        file.write_text(text)
        assert read_pipelines(parse_script(str(file)), start_worker, named=False) is None


def test_references_to_scripts(tmp_path: Path) -> None:
    for name in ("my train.py", "train.ipynb", "train.txt", "a:b.py"):
        (tmp_path / name).write_text("")
    spaced = str(tmp_path / "my train.py")
    assert parse_script(spaced).name == ""
    assert parse_script(f"{spaced}:Data.train").name == "Data.train"
    assert parse_script(f"{tmp_path / 'train.ipynb'}:train").name == "train"
    assert parse_script(str(tmp_path / "a:b.py")).file.endswith("a:b.py")
    for text, said in {
        str(tmp_path): "is a folder",
        str(tmp_path / "train.txt"): "not a Python file",
        str(tmp_path / "none.py"): "there is no file",
        f"{spaced}:": "there is no file",
        "": "there is no file",
        "package.module:train": "there is no file",
    }.items():
        with pytest.raises(InputError, match=said):
            parse_script(text)


DOWNLOADS = [
    "import urllib.request\ndata = urllib.request.urlopen('http://127.0.0.1:9/data.tar.gz')\n",
    "import socket\ndata = socket.create_connection(('127.0.0.1', 9))\n",
    "import os\ndata = os.system('echo; wget -q http://127.0.0.1:9/data.tar.gz')\n",
    "import subprocess\ndata = subprocess.run(['/usr/bin/curl', 'http://127.0.0.1:9/data'])\n",
    "from helper import data\n",
]


@pytest.mark.parametrize("text", DOWNLOADS)
def test_a_script_is_stopped_where_it_goes_out_to_the_network(tmp_path: Path, text: str) -> None:
    (tmp_path / "helper.py").write_text(f"\n{DOWNLOADS[0]}")
    found = read(tmp_path, f"{text}{HEAD}train = A.Compose([A.ToGray(p=data.p)])\n")
    (note,) = found.notes
    where = "helper.py:3" if "helper" in text else "train.py:2"
    assert note.startswith(f"{where} could not be run any further: it goes out to the network")
    assert isinstance(arguments(found.pipelines[0].root.children[0])["p"], Unknown)


def test_what_is_made_behind_a_download_that_failed_does_not_count(tmp_path: Path) -> None:
    text = """
    import urllib.request
    import albumentations as A
    try:
        p = float(urllib.request.urlopen("http://127.0.0.1:9/p").read())
    except:
        p = float("".join("0"))
    train = A.Compose([A.ToGray(p=p)])
    """
    for pipeline in read(tmp_path, text).pipelines:
        assert isinstance(arguments(pipeline.root.children[0])["p"], Unknown)


def test_a_script_whose_source_says_all_is_not_run(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    text = f"open({str(mark)!r}, 'w')\n{HEAD}train = A.Compose([{LEGACY}])\n"
    found = read(tmp_path, text)
    assert not mark.exists()
    (dropout,) = found.pipelines[0].root.children
    assert (found.library, dropout.dropped) == ("2.0.8", ("max_holes", "max_height", "fill_value"))


BUILT_INSIDE = [
    "class Train:\n    def __init__(self, mean):\n        self.t = A.Compose([{}])\n",
    "def get(mean):\n    return A.Compose([{}])\n",
    "class Data:\n    def loader(self):\n        parts = [{}]\n        return A.Compose(parts)\n",
]


@pytest.mark.parametrize("text", BUILT_INSIDE)
def test_what_is_dropped_is_seen_in_classes_and_functions_too(tmp_path: Path, text: str) -> None:
    (pipeline,) = read(tmp_path, HEAD + text.format(LEGACY)).pipelines
    assert pipeline.root.children[0].dropped == ("max_holes", "max_height", "fill_value")


def test_an_object_of_a_derived_class_is_said_to_be_one(tmp_path: Path) -> None:
    text = """
    import albumentations as A
    class Hole(A.CoarseDropout): pass
    class Own(A.ImageOnlyTransform): pass
    kinds = {"hole": Hole, "own": Own}
    train = getattr(A, "".join(["Comp", "ose"]))([kinds[name]() for name in ("hole", "own")])
    """
    hole, own = read(tmp_path, text).pipelines[0].root.children
    assert (hole.name, hole.own, bool(hole.altered)) == ("CoarseDropout", False, True)
    assert (own.name, own.own) == ("Own", True)


def test_torchvision_transforms_are_said_to_be_none(tmp_path: Path) -> None:
    text = "import torch\nfrom torchvision import transforms as T\ntrain = T.Compose([])\n"
    found = read(tmp_path, text)
    assert (found.pipelines, found.notes, found.absent) == ((), (), True)
    assert "train.py transforms its images with torchvision.transforms (line 2)" in found.reason
