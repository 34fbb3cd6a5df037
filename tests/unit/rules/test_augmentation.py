"""The augmentation rule on what the source says: arguments of both versions, fills on the scale of
their place, which pipeline is judged, and specs that nothing can meet."""

from __future__ import annotations

import tempfile
import textwrap
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import archcheck
from archcheck.augmentation.source import read_source
from archcheck.evidence import Augmentation, Evidence
from archcheck.network import Network
from archcheck.rules import Verdict
from archcheck.rules.transforms.names import CURRENT, NAMES
from archcheck.spec import SpecError, check, load_spec, spec_from

P, F, U = "passed", "failed", "not-verified"


@lru_cache(maxsize=1)
def network() -> Network:
    return archcheck.trace(nn.Conv2d(3, 8, 3), (3, 32, 48))


def judge(script: str, *, name: str = "", **options: Any) -> Verdict:
    """The verdict on a script that is not run."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "train.py"
        file.write_text("import albumentations as A\n" + textwrap.dedent(script))
        source = read_source(str(file))
    augmentation = Augmentation(str(file), source.pipelines, source.loose, name)
    evidence = Evidence(augmentation=augmentation)
    spec = spec_from({"rules": {"augmentation": {"dataset": "cifar10", **options}}})
    return check(network(), spec, evidence).finding("augmentation").verdict


def one(transforms: str, wanted: Any, **options: Any) -> str:
    """The status of one wish on a pipeline of these transforms."""
    return judge(f"train = A.Compose([{transforms}])", transforms=[wanted], **options).status


# -- what is there -----------------------------------------------------------------------------

THERE = [
    ("A.HorizontalFlip()", "HorizontalFlip", P),
    ("A.VerticalFlip()", "HorizontalFlip", F),
    ("A.Affine()", ["ShiftScaleRotate", "Affine"], P),
    ("A.Blur()", ["ShiftScaleRotate", "Affine"], F),
    ("A.ToGray(p=0)", "ToGray", F),
    ("A.ToGray(p=0.0, always_apply=True)", "ToGray", P),
    ("A.ToGray(p=chance())", "ToGray", U),
    ("A.ToGray(**load())", "ToGray", U),
    ("A.ToGray(p=0), A.ToGray()", "ToGray", P),
    ("A.OneOf([A.ToGray(), A.Blur()], p=0.3)", "ToGray", P),
    ("A.OneOf([A.ToGray(), A.Blur()], p=0)", "ToGray", F),
    ("A.Sequential([A.OneOf([A.ToGray()])], p=0)", "ToGray", F),
    ("make(A.ToGray)", "ToGray", U),
    ("make(A.ToGray), A.ToGray()", "ToGray", P),
    ("A.ToGray(p=0.2)", {"ToGray": {"p": 0.2}}, P),
    ("A.ToGray(p=0.2)", {"ToGray": {"p": {"at_least": 0.2}}}, P),
    ("A.ToGray(p=0.2)", {"ToGray": {"p": {"at_least": 0.3}}}, F),
    ("A.ToGray()", {"ToGray": {"p": 0.5}}, U),
    ("A.Rotate(limit=15)", {"Rotate": {"limit": [-15, 15]}}, P),
    ("A.Rotate(limit=(-10, 15))", {"Rotate": {"limit": 15}}, F),
    ("A.Affine(rotate=(-9, 9))", {"Affine": {"rotate": {"at_least": -10, "at_most": 10}}}, P),
    ("A.Affine(mode=0, cval=3)", {"Affine": {"fill": 3}}, P),
    ("A.ShiftScaleRotate(value=(3, 3, 3))", {"ShiftScaleRotate": {"fill": [3, 3, 3]}}, P),
    ("A.CoarseDropout()", {"CoarseDropout": {"fill": 0, "mask_fill_value": None}}, P),
    ("A.CoarseDropout()", {"CoarseDropout": {"max_holes": 1}}, U),
    ("A.CoarseDropout(min_height=4)", {"CoarseDropout": {"max_height": 4}}, U),
    ("A.CoarseDropout(1, 16, 16, 1, 16, 16, 7)", {"CoarseDropout": {"max_width": 16}}, P),
    ("A.CoarseDropout((1, 1), (4, 4), (4, 4), 7)", {"CoarseDropout": {"max_width": 4}}, P),
    ("A.CoarseDropout((1, 1), (4, 4), (4, 4), 7)", {"CoarseDropout": {"fill": 7}}, P),
    (
        "A.CoarseDropout(max_holes=2, num_holes_range=(2, 2))",
        {"CoarseDropout": {"max_holes": 2}},
        F,
    ),
    ("A.Cutout(num_holes=1, max_h_size=8, max_w_size=8)", {"Cutout": {"max_h_size": 8}}, P),
]


@pytest.mark.parametrize(("transforms", "wanted", "status"), THERE)
def test_what_is_there(transforms: str, wanted: Any, status: str) -> None:
    assert one(transforms, wanted) == status


def test_one_of_several_is_said_to_be_one() -> None:
    script = "train = A.Compose([A.OneOf([A.Affine(), A.ShiftScaleRotate()], p=1), A.Blur()])"
    verdict = judge(script, transforms=["Affine", "Blur"])
    assert verdict.status == P
    assert "Affine is one of 2 in OneOf" in verdict.note
    assert verdict.found["transforms"] == ["Affine", "ShiftScaleRotate", "Blur"]
    assert [where.label for where in verdict.locations] == ["Affine", "Blur"]


def test_a_class_of_the_submission_is_not_the_librarys() -> None:
    script = """
    class CoarseDropout(A.ImageOnlyTransform): pass
    train = A.Compose([CoarseDropout(max_holes=1)])
    """
    assert judge(script, transforms=["CoarseDropout"]).status == F


def test_faults_point_at_the_argument() -> None:
    script = """
    train = A.Compose([
        A.CoarseDropout(max_holes=1,
                        max_height=8),
        A.ToGray(p=0),
    ])
    """
    wanted = [{"CoarseDropout": {"max_holes": 1, "max_height": 16}}, "ToGray", "Blur"]
    verdict = judge(script, transforms=wanted)
    places = [where.place for where in verdict.locations]
    assert [(p.line, p.column) for p in places if p is not None] == [(5, 32), (6, 16), (3, 9)]
    assert verdict.found_text == "0 of 3"
    for part in ("hole height 8; 16 is required", "ToGray is never applied", "Blur is missing"):
        assert part in verdict.message


# -- holes -------------------------------------------------------------------------------------

pixels, shares = st.integers(1, 40), st.sampled_from([0.125, 0.25, 0.5, 0.75])


@st.composite
def dropouts(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """One CoarseDropout in the names of version 2 and of version 1."""
    sizes = draw(st.sampled_from([pixels, shares]))

    def both(kind: st.SearchStrategy[Any]) -> tuple[Any, Any]:
        low, high = sorted(draw(st.tuples(kind, kind)))
        return low, high

    holes, height, width = both(st.integers(1, 9)), both(sizes), both(sizes)
    fill = draw(st.one_of(st.integers(0, 255), st.tuples(*[st.integers(0, 255)] * 3)))
    mask = draw(st.sampled_from([None, 0, 255]))
    new = {"num_holes_range": holes, "hole_height_range": height, "hole_width_range": width}
    old: dict[str, Any] = {}
    for part, (low, high) in (("holes", holes), ("height", height), ("width", width)):
        old[f"max_{part}"] = high
        if low != high or draw(st.booleans()):
            old[f"min_{part}"] = low
    return {**new, "fill": fill, "fill_mask": mask}, {
        **old,
        "fill_value": fill,
        "mask_fill_value": mask,
    }


def call(arguments: dict[str, Any]) -> str:
    return f"A.CoarseDropout({', '.join(f'{k}={v!r}' for k, v in arguments.items())})"


def as_spec(arguments: dict[str, Any]) -> dict[str, Any]:
    return {k: list(v) if isinstance(v, tuple) else v for k, v in arguments.items()}


@given(dropouts())
def test_names_of_both_versions_mean_the_same(both: tuple[dict[str, Any], dict[str, Any]]) -> None:
    for script in both:
        for spec in both:
            assert one(call(script), {"CoarseDropout": as_spec(spec)}) == P


@given(dropouts(), dropouts(), st.sampled_from(["num_holes_range", "hole_height_range", "fill"]))
def test_what_differs_fails_in_every_spelling(
    one_way: tuple[dict[str, Any], dict[str, Any]],
    other: tuple[dict[str, Any], dict[str, Any]],
    key: str,
) -> None:
    def plainly(value: Any) -> Any:
        if key == "fill":
            return value if isinstance(value, tuple) else (value,) * 3
        share = value[0] < 1
        return tuple(int(32 * part) for part in value) if share else value

    same = plainly(one_way[0][key]) == plainly(other[0][key])
    for script in one_way:
        assert one(call(script), {"CoarseDropout": as_spec({key: other[0][key]})}) == (
            P if same else F
        )


HOLES = [
    ("max_height=0.5, max_width=0.5", {"max_height": 16, "max_width": 24}, P),  # of 32 x 48
    ("max_height=0.5, max_width=0.5", {"max_height": 16, "max_width": 16}, F),
    ("max_height=16, max_width=16", {"max_height": 0.5}, P),
    ("hole_height_range=(0.5, 0.5), hole_width_range=(8, 8)", {"max_height": 16}, U),
    ("hole_height_range=(0.5, 1.0), hole_width_range=(0.5, 0.5)", {"max_height": 16}, U),
    ("max_height=16.0, max_width=16.0", {"max_height": 16}, P),
    ("max_height=16, max_width=8", {"hole_height_range": {"at_least": 8, "at_most": 16}}, P),
    ("max_height=17, max_width=8", {"hole_height_range": {"at_most": 16}}, F),
    ("max_holes=3, min_holes=1", {"num_holes_range": {"at_most": 3}}, P),
    ("max_holes=3, min_holes=1", {"max_holes": 3}, F),
    ("max_width=1, min_width=16", {"max_width": 16}, F),  # albumentations 1 refuses it
    ("max_holes='many'", {"max_holes": 1}, F),
    ("max_holes=how_many()", {"max_holes": 1}, U),
]


@pytest.mark.parametrize(("written", "wanted", "status"), HOLES)
def test_sizes_of_holes(written: str, wanted: dict[str, Any], status: str) -> None:
    assert one(f"A.CoarseDropout({written})", {"CoarseDropout": wanted}) == status


def test_a_share_of_an_image_that_is_resized_behind_is_not_known() -> None:
    hole = "A.CoarseDropout(max_height=0.5, max_width=0.5)"
    wanted = {"CoarseDropout": {"max_height": 16}}
    assert one(f"A.Resize(32, 48), {hole}", wanted) == P
    assert one(f"{hole}, A.RandomCrop(32, 48)", wanted) == U
    assert one(f"{hole}, A.RandomCrop(32, 48)", {"CoarseDropout": {"max_height": 0.5}}) == P


# -- fills -------------------------------------------------------------------------------------

MEAN = "(0.4914, 0.4822, 0.4465)"
NORMALIZE = f"A.Normalize({MEAN}, (0.247, 0.2435, 0.2616))"
FILLS = [
    ("A.CoarseDropout(fill=(125.3, 123, 113.9))", P),
    ("A.CoarseDropout(fill_value=[125, 123, 114]), A.ToFloat()", P),
    ("A.CoarseDropout(fill=121)", P),  # the mean over all channels
    ("A.CoarseDropout(fill=128)", F),
    ("A.CoarseDropout(fill=(124, 116, 104))", F),  # ImageNet's
    ("A.CoarseDropout()", F),
    ("A.CoarseDropout(fill='random')", F),
    ("A.CoarseDropout(fill=(125, 123))", F),
    (f"A.CoarseDropout(fill={MEAN})", U),  # nothing says how far pixels go
    (f"A.CoarseDropout(fill={MEAN}), {NORMALIZE}", F),
    (f"A.CoarseDropout(fill={MEAN}), A.Normalize(max_pixel_value=1.0)", P),
    (f"A.ToFloat(), A.CoarseDropout(fill={MEAN})", P),
    (f"A.ToFloat(max_value=255.0), A.CoarseDropout(fill={MEAN})", P),
    ("A.ToFloat(), A.CoarseDropout(fill=(125, 123, 114))", F),
    (f"{NORMALIZE}, A.CoarseDropout(fill=0)", P),
    (f"{NORMALIZE}, A.CoarseDropout()", P),
    (f"{NORMALIZE}, A.CoarseDropout(fill={MEAN})", F),
    (f"A.ToFloat(), A.Normalize({MEAN}, 0.25, 1.0), A.CoarseDropout(fill=0)", P),
    ("A.Normalize(0.5, 0.5), A.CoarseDropout(fill=(-0.017, -0.036, -0.107))", P),
    ("A.Normalize(0.5, 0.5), A.CoarseDropout(fill=0)", F),
    ("A.Normalize(), A.CoarseDropout(fill=0)", F),  # ImageNet's mean is not CIFAR-10's
    ("A.Normalize(normalization='image'), A.CoarseDropout(fill=0)", U),
    ("A.Normalize(p=0.5), A.CoarseDropout(fill=0)", U),
    ("A.Normalize(p=0), A.CoarseDropout(fill=(125, 123, 114))", P),
    ("A.OneOf([A.ToFloat(), A.NoOp()]), A.CoarseDropout(fill=0.5)", U),
    (f"A.Compose([A.ToFloat()]), A.CoarseDropout(fill={MEAN})", P),
    ("A.OneOf([A.ToFloat(), A.CoarseDropout(fill=(125, 123, 114))], p=1)", P),
    ("A.SomeOf([A.ToFloat(), A.CoarseDropout(fill=(125, 123, 114))], n=2)", U),
    ("A.Lambda(image=half), A.CoarseDropout(fill=(125, 123, 114))", U),
    ("A.Normalize(mean=load()), A.CoarseDropout(fill=0)", P),  # what it takes is the data's mean
    ("A.Normalize(mean=(load(), load(), 0.5)), A.CoarseDropout(fill=0)", F),
    ("A.Normalize(max_pixel_value=load()), A.CoarseDropout(fill=0)", U),
    ("A.CoarseDropout(fill=load())", U),
    ("A.HorizontalFlip(), A.CoarseDropout(fill=(125, 123, 114)), A.Lambda(image=half)", P),
]


@pytest.mark.parametrize(("transforms", "status"), FILLS)
def test_the_mean_is_that_of_the_place_in_the_pipeline(transforms: str, status: str) -> None:
    assert one(transforms, {"CoarseDropout": {"fill": "mean"}}) == status


def test_what_the_spec_says_of_images_and_means() -> None:
    wanted = {"CoarseDropout": {"fill_value": "mean"}}
    fill = f"A.CoarseDropout(fill={MEAN})"
    assert one(fill, wanted, images="float") == P
    assert one(fill, wanted, images="uint8") == F
    dark = {"dataset": None, "mean": [10, 20, 30]}
    assert one("A.CoarseDropout(fill=(10, 20, 30))", wanted, **dark) == P
    assert one("A.CoarseDropout(fill=(12, 20, 30))", wanted, **dark, tolerance="0.1%") == F
    assert one("A.CoarseDropout(fill=33)", wanted, dataset="mnist") == P


# -- which pipeline ----------------------------------------------------------------------------

TEST = "test = A.Compose([A.Normalize(), A.pytorch.ToTensorV2()])\n"


def test_a_pipeline_that_only_normalises_is_left_aside() -> None:
    verdict = judge(f"{TEST}train = A.Compose([A.ToGray()])", transforms=["ToGray"])
    assert (verdict.status, verdict.found["pipeline"]) == (P, "train")
    alone = judge(TEST, transforms=["ToGray"])
    assert (alone.status, alone.found["pipeline"]) == (F, "test")


SEVERAL = "a = A.Compose([{}])\nb = A.Compose([{}])\n"


def test_of_several_pipelines_all_answer_alike_or_one_is_named() -> None:
    flip, gray = "A.HorizontalFlip()", "A.ToGray()"
    asked: dict[str, Any] = {"transforms": ["ToGray"]}
    assert judge(SEVERAL.format(gray, f"{gray}, {flip}"), **asked).status == P
    assert judge(SEVERAL.format(flip, flip), **asked).status == F
    mixed = SEVERAL.format(flip, gray)
    verdict = judge(mixed, **asked)
    assert verdict.status == U
    assert "a (train.py:2) does not, b (train.py:3) holds it" in verdict.message
    assert judge(mixed, **asked, name="b").status == P
    assert judge(mixed, **asked, pipeline="a").status == F
    assert judge(mixed, **asked, pipeline="a", name="b").status == P
    wrong = judge(mixed, **asked, pipeline="c")
    assert wrong.status == U
    assert "there is no pipeline c in train.py; it has a, b" in wrong.message


def test_nothing_to_judge_is_not_verified() -> None:
    spec = spec_from({"rules": {"augmentation": {"transforms": ["ToGray"]}}})
    verdict = check(network(), spec).finding("augmentation").verdict
    assert (verdict.status, "--augmentation" in verdict.message) == (U, True)


# -- specs -------------------------------------------------------------------------------------

BAD: list[tuple[Any, str]] = [
    ("HorizontalFlipp", 'did you mean "HorizontalFlip"'),
    ("horizontal_flip", 'did you mean "HorizontalFlip"'),
    ({"CoarseDropout": {"max_hole": 1}}, 'did you mean "max_holes"'),
    ({"CoarseDropout": {"max_width": 1, "min_width": 16}}, "at least 16 and at most 1"),
    ({"CoarseDropout": {"hole_width_range": [16, 1]}}, "from 16 to 1"),
    ({"CoarseDropout": {"max_holes": 1, "num_holes_range": [1, 1]}}, "mean the same"),
    ({"CoarseDropout": {"fill": 0, "fill_value": 0}}, "mean the same"),
    ({"CoarseDropout": {"min_holes": 1}}, "without max_holes"),
    ({"CoarseDropout": {"max_holes": 0}}, "above 0"),
    ({"CoarseDropout": {"max_holes": 1.5}}, "whole numbers"),
    ({"CoarseDropout": {"max_height": 1.0}}, "one pixel or the whole image"),
    ({"CoarseDropout": {"max_height": "16px"}}, "is a number"),
    ({"CoarseDropout": {"max_height": {"at_least": 8}}}, "hole_height_range"),
    ({"CoarseDropout": {"hole_height_range": {"at_least": 8, "at_most": 4}}}, "nothing can be"),
    ({"CoarseDropout": {"max_holes": "mean"}}, "number"),
    ({"ToGray": {"p": 0}}, "above 0"),
    ({"ToGray": {"p": 2}}, "at most 1"),
    ({"ToGray": {"p": "mean"}}, "mean"),
    ({"ToGray": 3}, "mapping of its arguments"),
    ({"ToGray": {}, "Blur": {}}, "no transform"),
    ([], "no transform"),
    (["ToGray", "Blurr"], 'did you mean "Blur"'),
    (7, "no transform"),
    (None, "no transform"),
]


@pytest.mark.parametrize(("wanted", "said"), BAD)
def test_specs_that_nothing_can_meet_are_refused(wanted: Any, said: str) -> None:
    with pytest.raises(SpecError, match=said):
        spec_from({"rules": {"augmentation": {"transforms": [wanted]}}})


def test_the_mean_has_to_be_known_and_a_list_is_needed() -> None:
    mean = {"transforms": [{"CoarseDropout": {"fill": "mean"}}]}
    wrong: list[dict[str, Any]] = [mean, {"transforms": []}, {}, {**mean, "mean": [300]}]
    for options in wrong:
        with pytest.raises(SpecError):
            spec_from({"rules": {"augmentation": options}})
    with pytest.raises(SpecError, match="dataset: cifar10"):
        spec_from({"rules": {"augmentation": mean}})


def test_an_error_points_at_its_line(tmp_path: Path) -> None:
    file = tmp_path / "spec.yaml"
    file.write_text(
        "rules:\n"
        "  augmentation:\n"
        "    transforms:\n"
        "      - HorizontalFlip\n"
        "      - [ShiftScaleRotate, Affine]\n"
        "      - CoarseDropout:\n"
        "          max_width: 1\n"
        "          min_width: 16\n"
    )
    with pytest.raises(SpecError) as caught:
        load_spec(file)
    assert (caught.value.line, caught.value.column) == (7, 22)
    assert "min_width is 16, max_width is 1" in str(caught.value)


def test_the_names_are_those_of_the_library() -> None:
    library = pytest.importorskip("albumentations")
    if library.__version__ != "2.0.8":
        pytest.skip("the table is that of albumentations 2.0.8")
    import inspect

    base = library.BasicTransform
    abstract = {"BasicTransform", "DualTransform", "ImageOnlyTransform", "Transform3D"}
    found = {
        name: frozenset(inspect.signature(kind).parameters) - {"self", "p"}
        for name, kind in vars(library).items()
        if isinstance(kind, type) and issubclass(kind, base) and name not in abstract
    }
    assert {name: arguments - {"kwargs"} for name, arguments in found.items()} == CURRENT
    assert set(CURRENT) < set(NAMES)
