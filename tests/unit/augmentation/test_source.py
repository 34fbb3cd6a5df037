"""Reading albumentations pipelines from source: what is found, what it says, what is not known."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import pytest

from archcheck.augmentation.source import Source, Unreadable, read_source
from archcheck.evidence.augmentation import Transform, Unknown

HEAD = "import albumentations as A\n"


def read(tmp_path: Path, text: str) -> Source:
    file = tmp_path / "train.py"
    file.write_text(textwrap.dedent(text))
    return read_source(str(file))


def only(source: Source) -> Transform:
    (pipeline,) = source.pipelines
    return pipeline.root


def names(transform: Transform) -> list[Any]:
    """Names, with the content of compositions as lists."""
    return [[t.name, names(t)] if t.children else t.name for t in transform.children]


def arguments(transform: Transform) -> dict[str, Any]:
    return {argument.name: argument.value for argument in transform.arguments}


IMPORTS = [
    ("import albumentations", "albumentations.Compose([albumentations.pytorch.ToTensorV2()])"),
    ("import albumentations as A", "A.Compose([A.pytorch.ToTensorV2()])"),
    ("from albumentations import Compose\nimport albumentations.pytorch as P", "P"),
    ("from albumentations import Compose as C\nfrom albumentations.pytorch import *", "C"),
    ("from albumentations import *\nfrom albumentations.pytorch import ToTensorV2 as T", "T"),
    ("from albumentations.core.composition import Compose\nimport albumentations as A", "A"),
    ("from albumentations.pytorch import transforms as T\nimport albumentations as A", "TA"),
]
WRITTEN = {
    "P": "Compose([P.ToTensorV2()])",
    "C": "C([ToTensorV2()])",
    "T": "Compose([T()])",
    "A": "Compose([A.pytorch.transforms.ToTensorV2()])",
    "TA": "A.Compose(transforms=(T.ToTensorV2(),))",
}


@pytest.mark.parametrize(("line", "call"), IMPORTS)
def test_names_of_the_library_however_they_are_imported(
    tmp_path: Path, line: str, call: str
) -> None:
    root = only(read(tmp_path, f"{line}\ntrain = {WRITTEN.get(call, call)}\n"))
    assert names(root) == ["ToTensorV2"]


def test_other_libraries_are_none_of_it(tmp_path: Path) -> None:
    text = "from torchvision import transforms as A\ntrain = A.Compose([A.ToTensor()])\n"
    source = read(tmp_path, text)
    assert (source.pipelines, source.mentions) == ((), False)
    assert source.other == ("torchvision.transforms", 1)


PLACES = {
    "train = A.Compose([])": "train",
    "a, b = 1, A.Compose([])": "b",
    "tfs = {'train': A.Compose([])}": "tfs.train",
    "load(transform=A.Compose([]))": "transform",
    "load(A.Compose([]))": "",
    "def get(train):\n    return A.Compose([])": "get",
    "def get(train):\n    tf = A.Compose([])\n    return tf": "get.tf",
    "async def get():\n    return A.Compose([]) if 1 else None": "get",
    "class Data:\n    train = A.Compose([])": "Data.train",
    "class Data:\n    def __init__(self):\n        self.train = A.Compose([])": "Data.train",
    "class Data:\n    def make(self):\n        return A.Compose([])": "Data.make",
    "if __name__ == '__main__':\n    train = A.Compose([])": "train",
    "try:\n    train = A.Compose([])\nexcept ValueError:\n    pass": "train",
    "train: A.Compose = A.Sequential([])": "train",
}


@pytest.mark.parametrize(("text", "name"), PLACES.items())
def test_pipelines_go_by_the_name_of_where_they_stand(tmp_path: Path, text: str, name: str) -> None:
    (pipeline,) = read(tmp_path, HEAD + text).pipelines
    assert pipeline.name == name


def test_a_name_means_a_pipeline_by_its_beginning_or_end(tmp_path: Path) -> None:
    text = HEAD + "class Data:\n    def get(self):\n        train = A.Compose([])\n"
    (pipeline,) = read(tmp_path, text).pipelines
    assert pipeline.name == "Data.get.train"
    assert all(pipeline.answers_to(n) for n in ("Data", "get", "train", "Data.get", "get.train"))
    assert not any(pipeline.answers_to(n) for n in ("tra", "Data.train", "rain", "ata"))


VALUES = {
    "0.5": 0.5,
    "-1": -1,
    "[1, 2.5]": (1, 2.5),
    "(x,)": (3,),
    "x * 2 + 1": 7,
    "[m * 255 for m in MEAN]": (0.25 * 255, 127.5),
    "tuple(int(m * 255) for m in MEAN)": (63, 127),
    "list(MEAN)": (0.25, 0.5),
    "MEAN + (1,)": (0.25, 0.5, 1),
    "MEAN[0]": 0.25,
    "(1,) * 3": (1, 1, 1),
    "[*MEAN, 1]": (0.25, 0.5, 1),
    "Config.SIZE": 16,
    "CFG['size']": 8,
    "round(MEAN[1] * 255)": 128,
    "tuple(map(int, MEAN_255))": (63, 127),
    "np.array(MEAN) * 2": (0.5, 1.0),
    "(255 * np.array(MEAN)).astype(int).tolist()": (63, 127),
    "[a + b for a, b in zip(MEAN, MEAN)]": (0.5, 1.0),
    "{**CFG, 'size': 9}['size']": 9,
    "CFG.get('none', 7)": 7,
    "sum(MEAN) / len(MEAN)": 0.375,
    "MEAN[::-1]": (0.5, 0.25),
    "(lambda k: k * 2)(x)": 6,
    "Config().SIZE": 16,
    "max(x, 5)": 5,
    "1 if 'size' in CFG else 2": 1,
    "float('0.5')": 0.5,
    "None": None,
    "not True": False,
    "'random'": "random",
    "x if x else 1": 3,
    "[m for m in MEAN if m > 0.3]": (0.5,),
    "np.load(MEAN)": Unknown,
    "CFG['none']": Unknown,
    "looped": Unknown,
    "{1, 2}": Unknown,
    "MEAN[5]": Unknown,
    "2 * (1 << 70)": Unknown,
    "f'{x}'": Unknown,
    "later": Unknown,
    "twice": 2,
    "grown": (1, 2),
    "loop": Unknown,
    "Config.made": 2,
    "nowhere": Unknown,
    "1 / 0": Unknown,
    "10 ** 10 ** 10": Unknown,
    "(0,) * 10 ** 9": Unknown,
    "'%999999999d' % 1": Unknown,
    "around": Unknown,
    "doubled": 3 * 4**10,
    "boxes": Unknown,
    "MEAN['a']": Unknown,
}
BEFORE = """
import albumentations as A
import numpy as np
x = 3
MEAN = (0.25, 0.5)
MEAN_255 = [m * 255 for m in MEAN]
looped = 0
while more(): looped += 1
CFG = {"size": 8}
twice = 1
twice = 2
grown = [1]
grown.append(2)
for loop in range(3): pass
around = around
a1 = x + x + x + x
a2 = a1 + a1 + a1 + a1
a3 = a2 + a2 + a2 + a2
a4 = a3 + a3 + a3 + a3
a5 = a4 + a4 + a4 + a4
a6 = a5 + a5 + a5 + a5
a7 = a6 + a6 + a6 + a6
a8 = a7 + a7 + a7 + a7
a9 = a8 + a8 + a8 + a8
doubled = a9 + a9 + a9 + a9
b1 = (1,) * 900
b2 = (b1,) * 900
b3 = (b2,) * 900
boxes = (b3,) * 900
class Config:
    SIZE = 16
    made = 1
Config.made = 2
later = compute()
"""


@pytest.mark.parametrize(("text", "value"), VALUES.items())
def test_values_that_are_plainly_constant(tmp_path: Path, text: str, value: Any) -> None:
    root = only(read(tmp_path, f"{BEFORE}\ntrain = A.Compose([A.X(p={text})])\n"))
    found = arguments(root.children[0])["p"]
    if value is Unknown:
        assert isinstance(found, Unknown)
        assert found.reason
    else:
        assert found == value
        assert type(found) is type(value)


def test_values_of_functions_and_classes(tmp_path: Path) -> None:
    text = """
    import albumentations as A
    def free(p=0.3, *, q=0.4, r):
        return A.Compose([A.X(p=p, q=q, r=r)])
    def told(p=0.3):
        return A.Compose([A.X(p=p)])
    told(0.5)
    class Data:
        P = 0.7
        Q = 0.1
        def __init__(self):
            P = 0.2
            self.Q = 2
            self.tf = A.Compose([A.X(p=P, q=self.P, r=self.Q)])
    """
    free, told, data = (arguments(p.root.children[0]) for p in read(tmp_path, text).pipelines)
    assert (free["p"], free["q"]) == (0.3, 0.4)
    assert isinstance(free["r"], Unknown)
    assert told["p"] == 0.5
    assert (data["p"], data["q"]) == (0.2, 0.7)
    assert data["r"] == 2


def test_lists_are_followed_and_parts_are_no_pipelines(tmp_path: Path) -> None:
    text = """
    import albumentations as A
    flip = A.HorizontalFlip(p=1)
    some = [flip, A.OneOf([A.Blur(), A.ToGray()], p=0.2)]
    inner = A.Sequential(some)
    def gray():
        return A.ToGray()
    train = A.Compose([*some, inner] + [gray(), A.OneOrOther(A.Blur(), second=flip)], p=0.9)
    """
    source = read(tmp_path, text)
    assert [pipeline.name for pipeline in source.pipelines] == ["train"]
    root = only(source)
    some = ["HorizontalFlip", ["OneOf", ["Blur", "ToGray"]]]
    last = ["OneOrOther", ["Blur", "HorizontalFlip"]]
    assert names(root) == [*some, ["Sequential", some], "ToGray", last]
    assert arguments(root) == {"p": 0.9}
    assert arguments(root.children[1]) == {"p": 0.2}
    place = root.children[0].place
    assert place is not None
    assert (place.line, place.column) == (3, 8)


UNKNOWN = [
    "A.Compose([A.HorizontalFlip(), make(3)])",
    "A.Compose([getattr(A, name)() for name in NAMES])",
    "A.Compose(more)",
    "A.Compose([A.Blur()]) + [A.ToGray()]",
    "A.from_dict(load())",
    "A.Compose(*lists)",
    "A.Compose(**options)",
]


@pytest.mark.parametrize("text", UNKNOWN)
def test_what_is_put_together_when_the_script_runs_is_not_known(tmp_path: Path, text: str) -> None:
    source = read(tmp_path, f"{HEAD}more = [A.Blur()]\nmore.sort()\ntrain = {text}")
    unknown = [part for part in only(source).walk() if not part.name]
    assert unknown
    assert all(part.unknown for part in unknown)


def test_lists_that_grow_without_end_are_cut_off(tmp_path: Path) -> None:
    lines = ["t0 = [A.Blur(), A.Blur()]"]
    lines += [f"t{n} = [*t{n - 1}, *t{n - 1}, *t{n - 1}]" for n in range(1, 18)]
    root = only(read(tmp_path, "\n".join([HEAD, *lines, "train = A.Compose(t17)"])))
    assert all(part.unknown for part in root.children)
    assert root.children


def test_keyword_dictionaries_and_own_classes(tmp_path: Path) -> None:
    text = """
    import albumentations as A
    HOLE = {"max_holes": 1, "p": 0.5}
    class Mine(A.ImageOnlyTransform): pass
    train = A.Compose([A.CoarseDropout(**HOLE), A.CoarseDropout(p=1, **load()), Mine(p=2)])
    """
    known, unknown, mine = only(read(tmp_path, text)).children
    assert arguments(known) == {"max_holes": 1, "p": 0.5}
    assert (known.incomplete, bool(unknown.incomplete)) == ("", True)
    assert (mine.name, mine.own, known.own) == ("Mine", True, False)


def test_how_much_of_a_script_has_to_run(tmp_path: Path) -> None:
    text = """\
    import albumentations as A
    def get(p=1):
        return A.Compose([])
    def main():
        return A.Compose([])
    train = get()
    print("train for hours")
    main()
    if __name__ == "__main__":
        test = A.Compose([])
    """
    source = read(tmp_path, text)
    assert source.until == 6
    assert source.makers == ("get",)


@pytest.mark.parametrize("text", ["def (", "x = '\ud800'", "\0", "(" * 5000, "-" * 100_000 + "1"])
def test_what_is_no_python_is_said(tmp_path: Path, text: str) -> None:
    file = tmp_path / "train.py"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(Unreadable, match=r"train\.py"):
        read_source(str(file))


def test_an_empty_file_holds_nothing(tmp_path: Path) -> None:
    assert read(tmp_path, "").pipelines == ()
    with pytest.raises(Unreadable, match="cannot be read"):
        read_source(str(tmp_path / "nothing.py"))
