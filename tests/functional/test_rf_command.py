"""``archcheck rf`` as people run it: text, JSON, pictures, gradients, errors."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import torch

import archcheck
from archcheck.fields.explain.effective import Effective
from archcheck.fields.explain.summary import summarize
from archcheck.reporters.plot import picture
from tests.support.commands import output_of, run_command, run_program
from tests.support.paths import ROOT

NETS = """\
import time

import torch
from torch import nn
from torch.nn import functional as F

class Cross(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.wide = nn.Conv2d(3, width, (1, 5), padding=(0, 2))
        self.high = nn.Conv2d(3, width, (5, 1), padding=(2, 0))
        self.pool = nn.AdaptiveAvgPool2d(1)

    def forward(self, x):
        return self.pool(torch.cat([self.wide(x), self.high(x)], 1)).flatten(1)

class Gated(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.norm = nn.GroupNorm(1, 4)

    def forward(self, x):
        x = self.norm(self.conv(x))
        return x * x.mean((2, 3), keepdim=True).sigmoid()

class Holes(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 2, 3, dilation=3, padding=3)

    def forward(self, x):
        return self.conv(x)

class Volume(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv3d(1, 2, (1, 3, 5))

    def forward(self, x):
        return self.conv(x)

class Strange(nn.Module):
    def forward(self, x):
        return torch.linalg.qr(x)[0]

class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, words, x):
        return self.conv(x) + words.sum()

class Slow(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.runs = 0

    def forward(self, x):
        if x.requires_grad or torch.is_grad_enabled():
            time.sleep(60)
        return self.conv(x)

class Flat(nn.Module):
    def forward(self, x):
        return x * 2
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "nets.py").write_text(NETS)
    return tmp_path


def data(folder: Path, *words: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(output_of(folder, "rf", *words, "--output-format", "json"))
    return found


CROSS = ("nets.py:Cross", "--input", "3,9,8")


def test_text_says_what_a_unit_reads(folder: Path) -> None:
    text = output_of(folder, "rf", *CROSS, "--unit", "0,7")
    assert text == output_of(folder, "rf", *CROSS, "--unit", "0,7")
    assert text.startswith("nets.py:Cross   3×9×8\n\nat features: a map of 9×8, in front of pool")
    for line in (
        "  size           5 × 5",
        "  in the image   3 × 3 to 5 × 5   of 9 × 8: all units, borders included",
        "  padding        2 before, 2 behind   how far the fields go beyond the image",
        "unit 0,7 of 9×8",
        "  theoretical    5 × 5   9 positions, 36 % of the hull",
        "    height       −2 to 2",
        "    width        5–9",
        "      height −2 to −1, 1–2; width 7",
        "      height 0; width 5–9",
        "  actual         3 × 3   5 positions, 56 % of the hull",
        "    height       0–2 of 9",
        "    width        5–7 of 8",
        "the path that sets it: height, both ends",
        "  5  ████████████████████ high   +4  5×1",
    ):
        assert line in text.splitlines(), text


def test_json_has_the_whole_set(folder: Path) -> None:
    found = data(folder, *CROSS, "--unit", "0,7")
    assert (found["version"], found["model"], found["at"]) == (1, "Cross", "features")
    assert found["map"] == [9, 8]
    assert found["size"] == found["largest"] == found["smallest"] == [5, 5]
    assert (found["jump"], found["start"], found["padding"]) == ([1, 1], [0, 0], [[2, 2], [2, 2]])
    assert found["actual"] == {"smallest": [3, 3], "largest": [5, 5]}
    unit = found["unit"]
    assert unit["index"] == [0, 7]
    assert unit["actual"] == {
        "size": [3, 3],
        "hull": [[0, 2], [5, 7]],
        "count": 5,
        "density": 5 / 9,
        "product": False,
        "axes": [[[0, 2]], [[5, 7]]],
        "boxes": [[[[0, 0]], [[5, 7]]], [[[1, 2]], [[7, 7]]]],
    }
    paths = {(path["axis"], path["end"]): path for path in found["paths"]}
    assert [layer["module"] for layer in paths[0, "low"]["layers"]] == ["high"]
    assert [layer["module"] for layer in paths[1, "high"]["layers"]] == ["wide"]
    assert paths[1, "low"]["layers"][0]["added"] == 4
    assert found["effective"] is None
    assert found["not_modelled"] == []


def test_points_and_constructor_arguments(folder: Path) -> None:
    output = data(folder, *CROSS, "--at", "output", "--arg", "width=2")
    assert (output["at"], output["map"], output["unit"]["index"]) == ("output", [], [])
    assert output["unit"]["actual"]["count"] == 72
    assert output["global"] is True
    assert output["without_gates"] is None
    assert data(folder, *CROSS, "--at", "high")["size"] == [5, 1]


def test_gates_and_norms_are_given_both_ways(folder: Path) -> None:
    words = ("nets.py:Gated", "--input", "3,8,8")
    found = data(folder, *words)
    assert found["size"] == [10, 10]
    assert found["without_gates"]["theoretical"]["size"] == found["local"] == [3, 3]
    assert [op["function"] for op in found["joined_by"]] == ["torch.Tensor.mean"]
    assert [op["module"] for op in found["norms"]] == ["norm"]
    assert found["strict"]["size"] == [10, 10]
    assert data(folder, *words, "--at", "norm")["strict"]["size"] == [10, 10]
    text = output_of(folder, "rf", *words)
    assert "global from mean on" in text
    assert "  without gates  3 × 3   the paths through mean left out\n" in text
    assert "strictly       10 × 10   with norm joining what they average over\n" in text
    assert "the path that sets it, without gates\n" in text


def test_one_and_three_axes(folder: Path) -> None:
    text = output_of(folder, "rf", "nets.py:Holes", "--input", "1,12", "--unit", "1")
    assert "    length       −2, 1, 4\n" in text
    assert "    length       1, 4 of 12\n" in text
    assert "coverage       43 %\n" in text
    found = data(folder, "nets.py:Volume", "--input", "1,2,6,8")
    assert found["size"] == [1, 3, 5]
    assert found["unit"]["actual"]["axes"] == [[[1, 1]], [[2, 4]], [[2, 6]]]


def test_the_input_that_reaches_the_point_is_taken(folder: Path) -> None:
    found = data(folder, "nets.py:Two", "--input", "7", "--input", "3,8,8", "--at", "conv")
    assert (found["input_index"], found["size"]) == (1, [3, 3])


def test_what_is_not_known_is_said_with_its_line(folder: Path) -> None:
    words = ("rf", "nets.py:Strange", "--input", "3,8,8")
    text = output_of(folder, *words, code=1)
    assert "? not known at features: torch.linalg.qr" in text
    assert "nets.py:" in text
    found = json.loads(output_of(folder, *words, "--output-format", "json", code=1))
    assert found["size"] is None
    assert found["not_modelled"][0]["called"]["line"] > 0
    failed = output_of(folder, "rf", "nets.py:Cross", "--input", "5,8,8", code=1)
    assert "✗ runs" in failed


# -- pictures ----------------------------------------------------------------------------------

PICTURES: list[tuple[str, tuple[int, ...], str]] = [
    ("Cross", (3, 9, 8), "features"),
    ("Cross", (3, 9, 8), "output"),
    ("Gated", (3, 8, 8), "output"),
    ("Holes", (1, 12), "features"),
    ("Volume", (1, 2, 6, 8), "features"),
    ("Flat", (1, 6, 8), "output"),
]


@pytest.mark.parametrize(("name", "shape", "at"), PICTURES)
@pytest.mark.parametrize("used", [False, True])
def test_pictures_are_the_same_every_time(
    name: str, shape: tuple[int, ...], at: str, used: bool
) -> None:
    pytest.importorskip("matplotlib")
    nets: dict[str, Any] = {}
    exec(NETS, nets)
    rf = archcheck.receptive_field(archcheck.trace(nets[name](), shape))
    found = summarize(rf, rf.locations(at)[0])
    if used:
        energy = np.linspace(0, 1, prod(shape[1:])).reshape(shape[1:])
        found = replace(found, effective=Effective(energy, 1))
    first = picture(found, "svg")
    assert first == picture(found, "svg")
    assert len(first) < 200_000
    root = ElementTree.fromstring(first)
    texts = {element.text for element in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"side of the field", "growth, without gates" if name == "Gated" else "growth"} <= texts
    images = list(root.iter("{http://www.w3.org/2000/svg}image"))
    panels = 1 if len(shape) == 3 else 3
    assert len(images) == (used and len(shape) > 2) * (panels + 1)  # and the colour bar


def test_a_picture_as_pdf_is_the_same_every_time() -> None:
    pytest.importorskip("matplotlib")
    nets: dict[str, Any] = {}
    exec(NETS, nets)
    rf = archcheck.receptive_field(archcheck.trace(nets["Cross"](), (3, 9, 8)))
    found = summarize(rf, rf.locations("features")[0])
    first = picture(found, "pdf")
    assert first.startswith(b"%PDF-")
    assert b"Date" not in first
    assert first == picture(found, "pdf")


@pytest.mark.parametrize("used", [False, True])
def test_a_picture_says_what_its_lines_and_colours_mean(used: bool) -> None:
    pytest.importorskip("matplotlib")
    nets: dict[str, Any] = {}
    exec(NETS, nets)
    rf = archcheck.receptive_field(archcheck.trace(nets["Cross"](), (3, 9, 8)))
    found = summarize(rf, rf.locations("features")[0])
    if used:
        found = replace(found, effective=Effective(np.ones((9, 8)), 1))
    root = ElementTree.fromstring(picture(found, "svg"))
    texts = {element.text for element in root.iter("{http://www.w3.org/2000/svg}text")}
    assert "other paths through the network" in texts
    assert ("square root of the gradient (largest: 1)" in texts) == used


@pytest.mark.slow
def test_png_and_gradients_in_a_picture(folder: Path) -> None:
    pytest.importorskip("matplotlib")
    (folder / "field.png").write_text("something older")
    output_of(folder, "rf", *CROSS, "--effective", "--samples", "2", "--plot", "field.png")
    assert (folder / "field.png").read_bytes().startswith(b"\x89PNG\r\n")
    for name in ("one.svg", "two.svg"):
        output_of(folder, "rf", *CROSS, "--effective", "--samples", "2", "--plot", name)
    assert (folder / "one.svg").read_bytes() == (folder / "two.svg").read_bytes()
    assert not list(folder.glob(".*.*"))


def test_a_picture_is_not_drawn_over_the_weights(folder: Path) -> None:
    pytest.importorskip("matplotlib")
    (folder / "weights.svg").write_text("weights")
    words = ("--effective", "--weights", "weights.svg", "--plot", "weights.svg")
    assert "--plot weights.svg would overwrite what is read" in refused(folder, *CROSS, *words)
    assert (folder / "weights.svg").read_text() == "weights"


def test_matplotlib_is_not_imported_without_a_picture(folder: Path) -> None:
    script = (
        "import sys; from archcheck.cli.app import app\n"
        "try: app(['rf', 'nets.py:Cross', '--input', '3,9,8'], standalone_mode=False)\n"
        "finally: print(sorted(m for m in ('torch', 'matplotlib') if m in sys.modules))"
    )
    done = run_program([sys.executable, "-c", script], folder)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


def test_without_matplotlib_a_picture_is_refused(folder: Path) -> None:
    (folder / "sitecustomize.py").write_text(
        "import importlib.util as util\n"
        "find = util.find_spec\n"
        "util.find_spec = lambda name, *a: None if name == 'matplotlib' else find(name, *a)\n"
    )
    error = refused(folder, *CROSS, "--plot", "field.svg", PYTHONPATH=str(folder))
    assert "pip install matplotlib" in error
    assert not (folder / "field.svg").exists()


# -- gradients ---------------------------------------------------------------------------------


def test_gradients_stand_beside_the_field(folder: Path) -> None:
    found = data(folder, *CROSS, "--effective", "--samples", "3")["effective"]
    assert (found["samples"], found["weights"]) == (3, None)
    assert 1 < found["area"] <= 9
    assert found["side"] == pytest.approx(found["area"] ** 0.5)
    assert found["inside_actual"] == pytest.approx(1)
    text = output_of(folder, "rf", *CROSS, "--effective", "--samples", "3")
    assert text == output_of(folder, "rf", *CROSS, "--effective", "--samples", "3")
    assert "effective: random initial weights, 3 random inputs\n" in text
    assert "(Luo et al. 2016)" in text


def test_gradients_take_the_weights_of_a_checkpoint(folder: Path) -> None:
    weights = {
        "wide.weight": torch.zeros(4, 3, 1, 5),
        "wide.bias": torch.zeros(4),
        "high.weight": torch.zeros(4, 3, 5, 1),
        "high.bias": torch.zeros(4),
    }
    weights["wide.weight"][:, :, 0, 1:4] = 1
    torch.save(weights, folder / "net.pt")
    found = data(folder, *CROSS, "--effective", "--weights", "net.pt")["effective"]
    assert found["box_size"] == [1, 3]
    assert found["area"] == 3
    assert found["weights"] == "net.pt"
    del weights["high.bias"]
    torch.save(weights, folder / "less.pt")
    assert "does not have high.bias" in refused(
        folder, *CROSS, "--effective", "--weights", "less.pt"
    )


@pytest.mark.slow
def test_gradients_have_a_time_limit(folder: Path) -> None:
    words = ("nets.py:Slow", "--input", "3,8,8", "--effective", "--timeout", "8")
    text = output_of(folder, "rf", *words, code=1)
    assert "forward and backward of 0 of 16 inputs took all of the 8 seconds" in text
    assert "--samples" in text


# -- errors ------------------------------------------------------------------------------------


def refused(folder: Path, *words: str, **settings: str) -> str:
    done = run_command(folder, "rf", *words, **settings)
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert "archcheck itself failed" not in done.stderr
    return done.stderr


REFUSED: list[tuple[tuple[str, ...], str]] = [
    (("--at", "hihg"), "did you mean high"),
    (("--at", "x"), "there are features, output, wide, high, pool"),
    (("--unit", "9,0"), "the map at features is 9×8: its units are 0,0 to 8,7"),
    (("--unit", "1"), "the map at features is 9×8"),
    (("--unit", "1,-1"), "a unit is written like 3,4"),
    (("--at", "output", "--unit", "0,0"), "leave --unit out"),
    (("--plot", "field.gif"), "ends in .svg, .png or .pdf"),
    (("--plot", "nowhere/field.svg"), "cannot be written"),
    (("--weights", "net.pt"), "add --effective"),
    (("--effective", "--weights", "net.pt"), "there is no such file"),
    (("--effective", "--train"), "eval mode"),
    (("--samples", "0"), "--samples"),
]


@pytest.mark.parametrize(("words", "message"), REFUSED, ids=lambda v: str(v))
def test_what_cannot_be_done_is_said(folder: Path, words: tuple[str, ...], message: str) -> None:
    assert message in refused(folder, *CROSS, *words)
    assert not [file for file in folder.iterdir() if file.suffix in (".svg", ".png", ".pdf")]


def test_inputs_without_space_have_no_field(folder: Path) -> None:
    assert "no axes of space" in refused(folder, "nets.py:Flat", "--input", "10")
    assert "--input 3,32,32" in refused(folder, "nets.py:Flat")


def test_the_readme_shows_what_is_printed() -> None:
    root = ROOT
    text = (root / "README.md").read_text(encoding="utf-8")
    words, _, shown = text.partition("$ archcheck rf ")[2].partition("\n")
    shown = shown.partition("```")[0]
    assert output_of(root, "rf", *words.split()) == shown
