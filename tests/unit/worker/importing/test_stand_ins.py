"""Modules that are missing: what a network does without, and what it needs."""

from __future__ import annotations

import builtins
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import torch

from archcheck.worker.building import Loaded
from archcheck.worker.failures import ImportFailure, InputError, NetworkError
from archcheck.worker.loading import loaded
from archcheck.worker.reference import Load, parse_reference

NET = """
class Net({base}):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        {init}

    def forward(self, x):
        x = self.conv(x)
        {forward}
        return x
"""


def source(top: str = "", init: str = "", forward: str = "", base: str = "nn.Module") -> str:
    net = NET.format(base=base, init=init, forward=forward)
    return f"import torch\nfrom torch import nn\n{dedent(top)}\n{net}"


def load(folder: Path, text: str, how: Load = "", run: bool = True) -> Loaded:
    file = folder / "net.py"
    file.write_text(text, encoding="utf-8")
    with loaded(parse_reference(str(file), how), {}) as found:
        if run:
            found.model(torch.zeros(1, 3, 8, 8))
        return found


NOT_NEEDED = {
    "imported": source("import gone"),
    "a part of it": source("import gone.parts.deep as deep\nfrom gone.other import a, b as c"),
    "called": source("import gone\nx = gone.Compose([gone.A(p=0.5), gone.B(3)]).c.d(4)"),
    "decorates a function": source("import gone\n@gone.main(path='x')\ndef main(): pass"),
    "a base of another class": source(
        "import gone\nclass Data(gone.Dataset):\n    def __init__(self): super().__init__()\n"
        "data = Data()"
    ),
    "annotates": source(
        "import gone\nfrom typing import Optional, Union\n"
        "def f(x: gone.A, y: Optional[gone.B] = None, *z: gone.C[int] | None)"
        " -> Union[gone.D, int]: ...\nAlias = Optional[gone.A]"
    ),
    "decorates a function that builds it": source("import gone")
    + "\n@gone.register\ndef net(**options): return Net(**options)\n",
    "set": source("import gone\ngone.rc['figure'] = (8, 8)\ngone.level = 3"),
    "printed": source("import gone\nprint(f'{gone.__version__} {gone}')"),
    "a metric that is stored": source(
        "import torchmetrics", init="self.acc = torchmetrics.Accuracy(task='binary').clone()"
    ),
    "a bar for the training": source(
        "from tqdm_ import tqdm\ndef train(loader):\n    for x in tqdm(loader): pass"
    ),
    "an import in a function": source("def train():\n    import gone\n    gone.fit()"),
}


@pytest.mark.parametrize("text", NOT_NEEDED.values(), ids=NOT_NEEDED)
def test_a_network_is_loaded_that_does_without(tmp_path: Path, text: str) -> None:
    found = load(tmp_path, text)
    assert sum(p.numel() for p in found.model.parameters()) == 112
    notes = [note for note in found.notes if note.text.startswith("loaded with stand-ins for ")]
    assert len(notes) == ("def train():" not in text)


def test_a_class_of_a_missing_module_in_an_annotation_says_nothing_of_the_argument(
    tmp_path: Path,
) -> None:
    file = tmp_path / "net.py"
    for hint in ("gone.Config", "gone.Config | None", "Optional[gone.Config]", "'gone.Config'"):
        text = source("import gone\nfrom typing import Optional", init="self.fc = cfg.fc")
        file.write_text(text.replace("(self)", f"(self, cfg: {hint})", 1), encoding="utf-8")
        with loaded(parse_reference(str(file)), {"cfg": {"fc": 7}}) as found:
            assert found.model.fc == 7


OTHER = source().partition("from torch import nn")[2].replace("class Net", "class Other")


def test_several_networks_are_listed_though_other_things_are_made_of_what_is_missing(
    tmp_path: Path,
) -> None:
    top = "from gone import Base, function\nclass Data(Base):\n    def fit(self): ..."
    with pytest.raises(InputError, match=r"name one: net\.py:Net, net\.py:Other"):
        load(tmp_path, source(top) + OTHER)


def test_a_network_whose_base_is_missing_is_told_before_its_parts_are_listed(
    tmp_path: Path,
) -> None:
    whole = "\nimport gone\nclass Whole(gone.Base):\n    def forward(self, x): ..."
    with pytest.raises(NetworkError) as caught:
        load(tmp_path, source() + OTHER + whole)
    assert caught.value.missing == ("gone",)


def test_the_class_is_told_whose_base_is_missing(tmp_path: Path) -> None:
    text = source("import gone", base="gone.Base")
    with pytest.raises(NetworkError) as caught:
        load(tmp_path, text)
    assert caught.value.place is not None
    assert text.splitlines()[caught.value.place.line - 1] == "class Net(gone.Base):"


NEEDED = {
    "a base": source("import gone", base="gone.Module"),
    "a base beside another": source("from gone import Mixin", base="nn.Module, Mixin"),
    "a decorator": source("import gone").replace("class Net", "@gone.register\nclass Net"),
    "a part": source("import gone", init="self.part = gone.resnet18()"),
    "a part of its parts": source(
        "import gone", init="self.part = nn.Sequential(*gone.resnet18().children())"
    ),
    "a part in a list": source("import gone", init="self.parts = [gone.resnet18()]"),
    "a layer in a container": source("import gone", init="self.a = nn.Sequential(gone.A)"),
    "a number": source("import gone", init="self.fc = nn.Linear(gone.SIZE, 10)"),
    "a size that is worked out": source("import gone", init="self.fc = nn.Linear(gone.A.b * 2, 1)"),
    "a condition": source("import gone", init="self.fc = 1 if gone.FLAG else 2"),
    "a comparison": source("import gone", init="self.fc = gone.__version__ > '1'"),
    "a loop": source("import gone", init="self.fc = [x for x in gone.sizes]"),
    "a function in forward": source("import gone", forward="x = gone.nms(x)"),
    "an import in forward": source(forward="from gone import f; x = f(x)"),
    "a value beside a tensor": source("import gone", forward="x = x * gone.SCALE"),
    "a tensor's size": source("import gone", forward="x = x.view(gone.SIZE, -1)"),
    "an argument of torch's": source("import gone", forward="x = torch.add(x, gone.OFFSET)"),
    "a metric that is run": source(
        "import torchmetrics",
        init="self.acc = torchmetrics.Accuracy()",
        forward="self.acc(x, x)",
    ),
    "what another function returned": source(
        "import gone\nsize = gone.config().size", init="self.fc = nn.Linear(4, size)"
    ),
    "a file's own mistake is passed over": source(
        "import gone",
        init="""
        try:
            self.fc = nn.Linear(4, int(gone.SIZE))
        except:
            self.fc = nn.Linear(4, 5)
        """.strip(),
    ),
    "everything of it": source("from gone import *"),
    "a class that is handed to it": source("import gone").replace(
        "    def forward", "    def forward", 1
    )
    + "gone.patch(Net)\n",
}


@pytest.mark.parametrize("text", NEEDED.values(), ids=NEEDED)
def test_what_a_network_needs_is_missing(tmp_path: Path, text: str) -> None:
    with pytest.raises(NetworkError) as caught:
        load(tmp_path, text)
    missing = "torchmetrics" if "torchmetrics" in text else "gone"
    assert caught.value.missing == (missing,)
    assert f"the module {missing!r} is not installed" in caught.value.message


def test_all_that_are_missing_are_named(tmp_path: Path) -> None:
    text = source("import cv2_, sklearn_.metrics\nfrom gone import SIZE", "nn.Linear(SIZE, SIZE)")
    with pytest.raises(NetworkError) as caught:
        load(tmp_path, text)
    assert caught.value.missing == ("gone", "cv2_", "sklearn_")


@pytest.mark.parametrize("mistake", ["assert False", "raise ValueError(3)", "int('x')"])
def test_another_mistake_is_not_put_down_to_what_is_missing(tmp_path: Path, mistake: str) -> None:
    text = source("import gone\nx = gone.A()") + mistake
    with pytest.raises(ImportFailure) as caught:
        load(tmp_path, text)
    assert caught.value.missing == ()
    assert caught.value.place is not None
    assert caught.value.place.line == len(text.splitlines())


def test_the_line_that_needs_it_is_told(tmp_path: Path) -> None:
    text = source("import gone", forward="x = gone.nms(x)")
    with pytest.raises(NetworkError) as caught:
        load(tmp_path, text)
    assert caught.value.place is not None
    assert caught.value.place.line == text[: text.index("gone.nms")].count("\n") + 1


OPTIONAL = {
    "under try": "try:\n    import gone\n    width = 8\nexcept ImportError:\n    width = 4",
    "in a function under try": """
        def fast():
            import gone
            return 8
        try:
            width = fast()
        except ModuleNotFoundError:
            width = 4
        """,
    "looked for": """
        import importlib.util
        width = 8 if importlib.util.find_spec("gone") else 4
        """,
    "imported by name": """
        import importlib
        try:
            importlib.import_module("gone")
            width = 8
        except Exception:
            width = 4
        """,
    "suppressed": """
        width = 4
        import contextlib
        with contextlib.suppress(ImportError):
            import gone
            width = 8
        """,
}


@pytest.mark.parametrize("top", OPTIONAL.values(), ids=OPTIONAL)
def test_whether_a_module_is_there_can_be_asked_as_always(tmp_path: Path, top: str) -> None:
    text = source(top).replace("nn.Conv2d(3, 4, 3)", "nn.Conv2d(3, width, 3)")
    found = load(tmp_path, text)
    assert sum(p.numel() for p in found.model.parameters()) == 112
    assert found.notes == []


def test_libraries_are_not_served(tmp_path: Path) -> None:
    package = tmp_path / "site-packages" / "library"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("import gone\nSIZE = 3\n")
    top = f"import sys\nsys.path.append({str(package.parent)!r})\nfrom library import SIZE\n"
    with pytest.raises(NetworkError) as caught:
        load(tmp_path, source(top, "self.fc = nn.Linear(SIZE, 1)"))
    assert caught.value.missing == ("gone",)


def test_nothing_is_left_of_the_stand_ins(tmp_path: Path) -> None:
    before = builtins.__import__
    load(tmp_path, source("import gone"))
    assert builtins.__import__ is before
    with pytest.raises(ModuleNotFoundError):
        __import__("gone")


@pytest.mark.parametrize("top", ["import gone", "from gone.parts import a"])
def test_plainly_nothing_stands_in(tmp_path: Path, top: str) -> None:
    with pytest.raises(ImportFailure) as caught:
        load(tmp_path, source(top), "plain")
    assert caught.value.missing == ("gone",)


SIBLINGS = ["from utils import a", "import models.resnet", "from helpers import *"]


@pytest.mark.parametrize("top", SIBLINGS)
def test_a_file_of_the_authors_that_is_missing_is_no_package(tmp_path: Path, top: str) -> None:
    used = "self.fc = a" if "import a" in top else "self.fc = models.resnet.A()"
    with pytest.raises(NetworkError) as caught:
        load(tmp_path, source(top, used))
    assert caught.value.missing == ()
    assert ".py is not there" in caught.value.message


LIGHTNING = """
import {package} as pl

class Net(pl.LightningModule):
    def __init__(self, width=4, lr=1e-3):
        super().__init__()
        self.save_hyperparameters({saved})
        self.conv = nn.Conv2d(3, self.hparams.width, 3)
        self.loss = nn.CrossEntropyLoss()

    def training_step(self, batch, index):
        self.log("loss", 3)

    def forward(self, x):
        return self.conv(x.to(self.device))
"""


@pytest.mark.parametrize("package", ["pytorch_lightning", "lightning", "lightning.pytorch"])
@pytest.mark.parametrize("saved", ["", "'width'", "ignore=['lr']"])
def test_lightnings_module_is_an_nn_module(tmp_path: Path, package: str, saved: str) -> None:
    text = f"import torch\nfrom torch import nn\n{LIGHTNING.format(package=package, saved=saved)}"
    found = load(tmp_path, text)
    assert sum(p.numel() for p in found.model.parameters()) == 112
    hparams: Any = found.model.hparams
    assert ("lr" in hparams) == (saved == "")
