"""What the arguments of a constructor mean, which are given as plain data."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from archcheck.worker.failures import BuildError, InputError
from archcheck.worker.given_arguments import GivenArguments
from archcheck.worker.loading import loaded
from archcheck.worker.reference import parse_reference

SOURCE = """
from __future__ import annotations
from argparse import Namespace
from dataclasses import dataclass
from typing import Callable, Literal, Optional, Type, Union
import torch.nn.functional as F
from torch import nn

@dataclass
class Config:
    width: int = 8
    act: Type[nn.Module] = nn.ReLU
    sizes: tuple[int, ...] = (3,)

class Plain:
    def __init__(self, width=8):
        self.width = width

class Block(nn.Conv2d):
    def __init__(self, width=4):
        super().__init__(3, width, 3)

def make():
    return Block()

WIDTHS = [1, 2]

def net({parameter}):
    pass
"""


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    module = types.ModuleType("net")
    monkeypatch.setitem(sys.modules, "net", module)
    return module


def given(module: types.ModuleType, parameter: str, value: Any) -> GivenArguments:
    exec(SOURCE.format(parameter=parameter), vars(module))
    name = parameter.partition(":")[0].partition("=")[0].strip()
    return GivenArguments(module.net, module, {name: value})


def meant(module: types.ModuleType, parameter: str, value: Any) -> Any:
    (found,) = given(module, parameter, value).values.values()
    return found


@pytest.mark.parametrize(
    ("parameter", "text", "is_it"),
    [
        ("act", "nn.ReLU", nn.ReLU),
        ("act", "torch.nn.GELU", nn.GELU),
        ("act", "F.relu", F.relu),
        ("act", "torch.tanh", torch.tanh),
        ("act", "name:ReLU", nn.ReLU),
        ("act=nn.ReLU", "GELU", nn.GELU),
        ("act=F.relu", "gelu", F.gelu),
        ("act: Callable", "gelu", F.gelu),
        ("act: Callable[..., nn.Module] | None = None", "GELU", nn.GELU),
        ("norm: Type[nn.Module]", "BatchNorm2d", nn.BatchNorm2d),
        ("norm: Optional[type[nn.Module]] = None", "BatchNorm2d", nn.BatchNorm2d),
        ("act: Union[str, Callable] = F.relu", "F.gelu", F.gelu),
    ],
)
def test_a_name_is_looked_up_where_the_parameter_takes_one(
    module: types.ModuleType, parameter: str, text: str, is_it: Any
) -> None:
    assert meant(module, parameter, text) is is_it


@pytest.mark.parametrize(
    ("parameter", "text"),
    [
        ("mode='linear'", "relu"),
        ("mode='linear'", "nn.ReLU"),
        ("mode: str", "ReLU"),
        ("mode: Optional[str] = None", "Block"),
        ("mode: Literal['a', 'Block']", "Block"),
        ("mode", "bilinear"),
        ("mode", "weights.pt"),
        ("mode=None", "same"),
        ("act: Union[str, Callable] = F.relu", "gelu"),
    ],
)
def test_a_text_is_one_where_the_parameter_takes_one(
    module: types.ModuleType, parameter: str, text: str
) -> None:
    assert meant(module, parameter, text) == text


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("widths: tuple[int, ...]", (4, 8)),
        ("widths=(1,)", (4, 8)),
        ("widths=[1]", [4, 8]),
        ("widths: Optional[list[int]] = None", [4, 8]),
        ("kernel: Union[int, tuple[int, int]] = 3", (4, 8)),
        ("widths", "4,8"),
    ],
)
def test_numbers_with_commas_are_several_where_the_parameter_takes_them(
    module: types.ModuleType, parameter: str, value: Any
) -> None:
    assert meant(module, parameter, "4,8") == value


def test_text_can_be_said(module: types.ModuleType) -> None:
    assert meant(module, "act", "text:ReLU") == "ReLU"
    assert meant(module, "act=nn.ReLU", "text:nn.ReLU") == "nn.ReLU"


@pytest.mark.parametrize("name", ["Block", "make"])
def test_what_the_file_defines_is_looked_up(module: types.ModuleType, name: str) -> None:
    assert meant(module, "block", name) is vars(module)[name]


def test_other_values_of_the_file_have_to_be_said(module: types.ModuleType) -> None:
    assert meant(module, "widths", "WIDTHS") == "WIDTHS"
    assert meant(module, "widths", "name:WIDTHS") == [1, 2]


def test_a_name_that_may_be_a_text_is_refused_with_what_to_write(
    module: types.ModuleType,
) -> None:
    with pytest.raises(InputError, match=r"act: ReLU may be .* write nn\.ReLU or text:ReLU"):
        given(module, "act", "ReLU")


@pytest.mark.parametrize("text", ["Blok", "name:Blok", "nn.Relu"])
def test_a_name_that_is_not_there_is_refused(module: types.ModuleType, text: str) -> None:
    with pytest.raises(InputError, match=r"there is no .* did you mean"):
        given(module, "act=nn.ReLU", text)


@pytest.mark.parametrize(
    ("parameter", "value", "wanted"),
    [
        ("sizes=(1, 2)", [3, 4], (3, 4)),
        ("sizes: tuple[int, ...]", [3, 4], (3, 4)),
        ("sizes: Optional[tuple] = None", [3, 4], (3, 4)),
        ("sizes=((1, 2), (3, 4))", [[5, 6]], ((5, 6),)),
        ("sizes=[1, 2]", [3, 4], [3, 4]),
        ("sizes", [3, 4], [3, 4]),
        ("sizes", "(3, 4)", (3, 4)),
        ("rate=0.1", "1e-3", 0.001),
        ("rate: float", "1e-3", 0.001),
        ("rate=0.1", 1, 1),
        ("bias=True", False, False),
        ("width", 64, 64),
        ("act=None", "None", None),
        ("act=None", None, None),
        ("blocks", ["nn.ReLU", 2], [nn.ReLU, 2]),
        ("cfg: dict", {"a": 1}, {"a": 1}),
        ("cfg={}", {"act": "nn.ReLU"}, {"act": nn.ReLU}),
    ],
)
def test_values_are_of_the_parameters_kind(
    module: types.ModuleType, parameter: str, value: Any, wanted: Any
) -> None:
    found = meant(module, parameter, value)
    assert found == wanted
    assert type(found) is type(wanted)


def test_a_dictionary_has_attributes_where_nothing_else_is_said(module: types.ModuleType) -> None:
    args = meant(module, "args", {"width": 5, "head": {"act": "nn.ReLU"}})
    assert args.width == args["width"] == vars(args)["width"] == 5
    assert args.head.act is nn.ReLU


@pytest.mark.parametrize("kind", ["Config", "Plain", "Namespace", "Config | None"])
def test_a_dictionary_becomes_what_the_annotation_says(module: types.ModuleType, kind: str) -> None:
    found = meant(module, f"cfg: {kind}", {"width": 5})
    assert type(found).__name__ == kind.partition(" ")[0]
    assert found.width == 5


def test_a_dataclass_takes_names_and_tuples_too(module: types.ModuleType) -> None:
    found = meant(module, "cfg: Config", {"act": "GELU", "sizes": [1, 2]})
    assert (found.act, found.sizes) == (nn.GELU, (1, 2))


@pytest.mark.parametrize("parameter", ["cfg", "cfg: Config", "cfg: Config | None = None"])
def test_the_name_of_a_dataclass_builds_it(module: types.ModuleType, parameter: str) -> None:
    assert meant(module, parameter, "Config") == module.Config()


@pytest.mark.parametrize("parameter", ["act: nn.Module", "act=nn.ReLU()"])
def test_a_module_is_built_where_an_instance_is_taken(
    module: types.ModuleType, parameter: str
) -> None:
    assert type(meant(module, parameter, "GELU")) is nn.GELU


def test_a_dataclass_that_cannot_be_made_is_refused(module: types.ModuleType) -> None:
    with pytest.raises(InputError, match=r"cfg: Config cannot be made of it: .*'widht'"):
        given(module, "cfg: Config", {"widht": 5})


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("Block", "the argument act is the class Block"),
        ("name:ReLU", "the argument act is the class torch.nn.ReLU"),
        ("F.relu", "the argument act is the function F.relu"),
        ("Config", "the argument act is Config()"),
    ],
)
def test_what_was_looked_up_is_told(module: types.ModuleType, text: str, note: str) -> None:
    assert [each.text for each in given(module, "act", text).notes] == [note]


def test_a_network_is_built_of_classes_by_name(tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_text(
        "from torch import nn\n"
        "class Block(nn.Conv2d):\n"
        "    def __init__(self, width):\n"
        "        super().__init__(3, width, 3)\n"
        "class Net(nn.Module):\n"
        "    def __init__(self, block, act=nn.ReLU, widths=(4,)):\n"
        "        super().__init__()\n"
        "        self.layers = nn.Sequential(*[block(width) for width in widths], act())\n",
        "utf-8",
    )
    arguments = {"block": "Block", "act": "Tanh", "widths": [5]}
    with loaded(parse_reference(f"{file}:Net"), arguments) as found:
        assert [note.text for note in found.notes] == [
            "the argument block is the class Block",
            "the argument act is the class torch.nn.Tanh",
        ]
        assert [type(each).__name__ for each in found.model.modules()][2:] == ["Block", "Tanh"]


def test_a_misspelled_name_that_is_called_gets_advice(tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_text(
        "from torch import nn\n"
        "class Block(nn.ReLU):\n    pass\n"
        "class Net(nn.Module):\n"
        "    def __init__(self, block):\n"
        "        super().__init__()\n"
        "        self.block = block()\n",
        "utf-8",
    )
    with (
        pytest.raises(BuildError) as caught,
        loaded(parse_reference(f"{file}:Net"), {"block": "Blok"}),
    ):
        pass
    assert caught.value.hint == (
        'block is given as a text, which is no name of the file; did you mean "Block"?'
    )
