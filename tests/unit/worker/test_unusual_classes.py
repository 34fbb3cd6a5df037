"""Networks whose classes say themselves what they are equal to, hold or give."""

from __future__ import annotations

from pathlib import Path

import pytest

from archcheck.tracing.shape_rules.lazy_init import LazyInit
from archcheck.tracing.trace import trace
from archcheck.worker.loading import loaded
from archcheck.worker.reference import parse_reference

NET = """
import abc, dataclasses, typing
import torch
from torch import nn
from torch.nn.utils import parametrizations

T = typing.TypeVar("T")

{part}

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3)
        self.part = {build}
        self.last = nn.Conv2d(4, 5, 3)

    def forward(self, x):
        return self.last(self.part(self.first(x)))
"""
METHOD = """
class Part(nn.Module):
    {method}

    def forward(self, x):
        return 2 * x
"""
METHODS = {
    "a hash of its attributes": "def __hash__(self): return hash(self.names)",
    "no hash": "__hash__ = None",
    "a hash that raises": "def __hash__(self): raise RuntimeError",
    "an equality alone": "def __eq__(self, other): return self is other",
    "equal to all": "def __eq__(self, other): return True\n    __hash__ = lambda self: 1",
    "an equality that raises": "def __eq__(self, other): raise RuntimeError",
    "attributes of something else": (
        "def __getattr__(self, name):\n"
        "        try:\n            return super().__getattr__(name)\n"
        "        except AttributeError:\n            return lambda *args: None"
    ),
    "attributes that are kept elsewhere": (
        "def __setattr__(self, name, value): object.__setattr__(self, name, value)"
    ),
    "no length": "def __len__(self): raise RuntimeError",
    "empty": "def __len__(self): return 0",
    "neither true nor false": "def __bool__(self): raise RuntimeError",
    "not to be iterated": "def __iter__(self): raise RuntimeError",
    "called by itself": "def __call__(self, x): return self.forward(x)",
    "slots": "__slots__ = ('size',)",
    "a property that raises": "@property\n    def size(self): raise RuntimeError",
    "no representation": "def __repr__(self): raise RuntimeError",
    "not to be copied": "def __deepcopy__(self, memo): raise RuntimeError",
    "another class": "@property\n    def __class__(self): return nn.ReLU",
    "modes of its own": "def train(self, mode=True): raise RuntimeError",
    "parameters of its own": (
        "def parameters(self, *args): raise RuntimeError\n"
        "    named_parameters = named_modules = modules = children = buffers = parameters"
    ),
    "attributes before the constructor": (
        "def __init__(self):\n        self.__dict__['size'] = 3\n        super().__init__()"
    ),
}
PARTS = {
    "an abstract class": (
        "class Base(nn.Module, abc.ABC):\n    @abc.abstractmethod\n    def forward(self, x): ...\n"
        "class Part(Base):\n    def forward(self, x): return 2 * x",
        "Part()",
        0,
    ),
    "a metaclass that calls": (
        "class Meta(type):\n    def __call__(cls, *args):\n"
        "        made = super().__call__(*args)\n        made.ready = True\n        return made\n"
        "class Part(nn.Module, metaclass=Meta):\n    def forward(self, x): return 2 * x",
        "Part()",
        0,
    ),
    "one instance for all": (
        "class Meta(type):\n    made = None\n    def __call__(cls):\n"
        "        cls.made = cls.made or super().__call__()\n        return cls.made\n"
        "class Part(nn.Conv2d, metaclass=Meta):\n"
        "    def __init__(self): super().__init__(4, 4, 1)",
        "nn.Sequential(Part(), Part())",
        20,
    ),
    "a dataclass": (
        "@dataclasses.dataclass\nclass Part(nn.Module):\n    width: int = 4\n"
        "    def __post_init__(self):\n        nn.Module.__init__(self)\n"
        "        self.conv = nn.Conv2d(self.width, self.width, 1)\n"
        "    def forward(self, x): return self.conv(x)",
        "Part()",
        20,
    ),
    "a dataclass that is constructed first": (
        "@dataclasses.dataclass(eq=False)\nclass Part(nn.Module):\n    width: int = 4\n"
        "    def __new__(cls, *args):\n        made = super().__new__(cls)\n"
        "        nn.Module.__init__(made)\n        return made\n"
        "    def __post_init__(self): self.conv = nn.Conv2d(self.width, self.width, 1)\n"
        "    def forward(self, x): return self.conv(x)",
        "Part()",
        20,
    ),
    "a generic class": (
        "class Part(nn.Module, typing.Generic[T]):\n    def forward(self, x: T) -> T: return x",
        "Part[torch.Tensor]()",
        0,
    ),
    "parametrizations": (
        "Part = nn.Conv2d",
        "nn.Sequential(parametrizations.weight_norm(Part(4, 4, 1)), "
        "parametrizations.spectral_norm(Part(4, 4, 1)))",
        44,
    ),
    "a layer": (
        "class Part(nn.Conv2d):\n    def __init__(self): super().__init__(4, 4, 1)",
        "Part()",
        20,
    ),
    "a sequence": (
        "class Part(nn.Sequential):\n    def __init__(self): super().__init__(nn.Conv2d(4, 4, 1))\n"
        "    def forward(self, x): return super().forward(x) + x",
        "Part()",
        20,
    ),
    "a list": (
        "class Part(nn.ModuleList):\n"
        "    def __init__(self): super().__init__([nn.Conv2d(4, 4, 1)])\n"
        "    def forward(self, x): return self[0](x)",
        "Part()",
        20,
    ),
}


def count(folder: Path, part: str, build: str) -> int:
    """The parameters of the network with a part, which is traced from shapes alone."""
    file = folder / "net.py"
    file.write_text(NET.format(part=part, build=build), "utf-8")
    lazy = LazyInit()
    with loaded(parse_reference(f"{file}:Net"), {}, construct=lazy.construct) as found:
        network = trace(found.model, (3, 8, 8), lazy_init=lazy)
    return network.num_parameters


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_what_a_class_says_of_itself_changes_nothing(tmp_path: Path, method: str) -> None:
    assert count(tmp_path, METHOD.format(method=method), "Part()") == 112 + 185


@pytest.mark.parametrize(("part", "build", "own"), PARTS.values(), ids=PARTS)
def test_unusual_classes_are_counted(tmp_path: Path, part: str, build: str, own: int) -> None:
    assert count(tmp_path, part, build) == 112 + 185 + own
