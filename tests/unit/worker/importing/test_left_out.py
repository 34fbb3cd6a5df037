"""What a statement that is left out may change of the definitions that a network is made of."""

from __future__ import annotations

import ast
from textwrap import dedent

import pytest

from archcheck.worker.importing.definitions import definitions_of
from archcheck.worker.importing.left_out import Change, LeftOut

HEAD = """\
import os, random, sys, json
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn, optim
import own, wandb
from own import helper

width = 8
plan = [8, "M", 16]
plans = {"a": [8, 16], "b": [16, 32]}
cfg = {"width": 8, "kernel": 3}
blocks = [nn.Conv2d]

class CFG:
    depth = 3

def make(plan):
    return nn.Sequential(*[nn.Conv2d(3, item, 3) for item in plan])

class Block(nn.Module):
    kernel = 3
    sizes = [1, 2]

    @classmethod
    def setup(cls, kernel):
        cls.kernel = kernel

class Net(nn.Module):
    def __init__(self, name="a"):
        super(Net, self).__init__()
        self.body = make(plans[name])
        self.first = nn.Conv2d(width, cfg["width"], CFG.depth)
        self.parts = nn.ModuleList([Block() for _ in plan])
        self.kind = blocks[0]

    def forward(self, x):
        return F.relu(self.body(x))

class Other(nn.Module):
    def __init__(self):
        self.size = unused

model = Net("b")
unused = [3]
losses = []
"""
NEXT = len(HEAD.splitlines()) + 1


def line_of(text: str) -> int:
    return HEAD[: HEAD.index(text)].count("\n") + 1


def change(rest: str, name: str = "Net", head: str = HEAD) -> Change | None:
    tree = ast.parse(head + dedent(rest))
    left_out = LeftOut(definitions_of(tree), lambda module, dots: module == "own")
    return left_out.change_of([name])


CHANGES = {
    "a number worked out anew": "width *= 2",
    "a number given anew": "width = int(input())",
    "one of several names": "height, width = ask()",
    "a name of a loop": "for width in range(3): print(width)",
    "a name of a block": "with open('f') as width: pass",
    "a name in a condition": "if ask(): width = 3",
    "a name in a walrus": "print(width := 9)",
    "an import over it": "if ask():\n    from own import width",
    "a function over it": "if ask():\n    def make(plan): return nn.Identity()",
    "a class over it": "for _ in range(1):\n    class Block(nn.Identity): pass",
    "a builtin that it uses": "super = ask()",
    "a deleted name": "del width",
    "a list that grows": "plan.append(32)",
    "a list that is changed in place": "plan += [32]",
    "an element of a list": "plan[0] = 32",
    "a slice of a list": "plan[1:] = ask()",
    "a deleted element": "del plan[0]",
    "an entry of a dictionary": "cfg['width'] = 16",
    "an entry worked out anew": "cfg['width'] *= 2",
    "an updated dictionary": "cfg.update(width=16)",
    "a nested list": "plans['a'].append(64)",
    "an element of a nested list": "plans['a'][0] = 64",
    "an attribute of a class": "CFG.depth = 5",
    "a patched method": "Net.forward = ask",
    "a patched part": "Block.kernel = 5",
    "a list of a part": "Block.sizes.append(3)",
    "setattr": "setattr(Net, 'forward', ask)",
    "setattr of a part's": "setattr(Block, 'kernel', 5)",
    "object.__setattr__": "type.__setattr__(Net, 'forward', ask)",
    "delattr": "delattr(Net, 'forward')",
    "globals": "globals()['width'] = 3",
    "vars of the module": "vars()['width'] = 3",
    "the names of a function": "make.__globals__['width'] = 3",
    "the module that is run": "import __main__\n__main__.width = 3",
    "the names of a notebook": "get_ipython().user_ns['width'] = 3",
    "globals updated": "globals().update(json.load(open('f')))",
    "exec": "exec(open('config.py').read())",
    "eval": "eval('plan.append(3)')",
    "the table of modules": "sys.modules['torch'] = ask()",
    "a patched layer": "nn.Conv2d.forward = ask",
    "a patched function": "F.relu = ask",
    "a patched function of another name": "torch.nn.functional.relu = F.gelu",
    "a default of torch": "torch.set_default_dtype(torch.float64)",
    "setattr of a layer": "setattr(nn.Conv2d, 'padding', 1)",
    "a loop over layers": "for layer in (nn.Conv2d, nn.Linear):\n    layer.reset_parameters = ask",
    "a function that patches what it is given": """
        def patch(layer):
            layer.forward = ask
        patch(nn.Conv2d)
        """,
    "a function that sets a global": """
        def setup():
            global width
            width = 3
        setup()
        """,
    "a function that changes a list": """
        def setup():
            plan.append(3)
        setup()
        """,
    "a function that changes another name of a list": """
        def setup():
            mine = plan
            mine.append(3)
        setup()
        """,
    "a function of a function": """
        def inner():
            cfg['width'] = 3
        def setup():
            inner()
        print(setup())
        """,
    "a method that changes a list": """
        class Runner:
            def __init__(self):
                self.plan = plan
            def run(self):
                self.plan.append(3)
        Runner().run()
        """,
    "what a parameter is by default": """
        def grow(values=plan):
            values.append(3)
        grow()
        """,
    "what a parameter is by default, by name": """
        def grow(*, values=cfg):
            values["width"] = 3
        grow()
        """,
    "an attribute of another class": """
        class Runner:
            plan = plan
            def run(self):
                self.plan.append(3)
        Runner().run()
        """,
    "an attribute of another class, from outside": """
        class Runner:
            plan = plan
        Runner.plan.append(3)
        """,
    "a method that is handed on": "ask(plan.append)",
    "a method that is called by another function": "x = ask() or list(map(plan.append, [1]))",
    "a function that is called by another one": "x = sorted(plan, key=lambda v: plan.append(v))",
    "an instance that changes its class": """
        def setup(net):
            type(net).forward = ask
        setup(model)
        """,
    "an instance that changes its class by name": """
        def setup(net):
            net.__class__.forward = ask
        setup(model)
        """,
    "another name in what is left out": "mine = ask() or plan\nmine.append(3)",
    "another name that is kept": "mine = plan\nmine.append(3)",
    "another name of a class": "Mine = Net\nMine.forward = ask",
    "a call that is given a list": "grow(plan)",
    "a call that is given a list by name": "grow(values=plan)",
    "a call that is given all": "grow(*plan, **cfg)",
    "a call that is given a class": "register(Net)",
    "a call that is given a part's class": "register(Block)",
    "a call that is given a list in a list": "grow([plan])",
    "a function that changes what it is given": """
        def grow(values, by=3):
            values.append(by)
        grow(plan)
        """,
    "a function that hands on what it is given": """
        def grow(values):
            keep(values)
        grow(plan)
        """,
    "a function that is given it by any name": """
        def grow(**values):
            values["plan"].append(3)
        grow(plan=plan)
        """,
    "a loop over nested lists": "for row in plans.values():\n    row.append(3)",
    "a lambda that is called": "(lambda: plan.append(3))()",
    "a comprehension": "[plan.append(i) for i in range(int(input()))]",
    "a random shuffle": "random.shuffle(plan)",
    "a star import that is left out": "if ask():\n    from own import *",
    "an own function that is called": "helper.setup()",
    "an own module that is set": "own.width = 3",
}


def test_a_class_method_that_sets_its_classs_is_a_change_where_it_is_called() -> None:
    assert change("print(Block)") is None
    assert change("Block.setup(5)") == Change("Block", line_of("cls.kernel = kernel"))


USES_OWN = HEAD.replace("return F.relu", "return helper.act")


@pytest.mark.parametrize("rest", CHANGES.values(), ids=CHANGES)
def test_what_may_change_the_network_is_found(rest: str) -> None:
    head = USES_OWN if "own" in rest or "helper" in rest else HEAD
    found = change(rest, head=head)
    assert found is not None
    assert found.line >= NEXT


HARMLESS = {
    "nothing": "",
    "seeds": "torch.manual_seed(0); np.random.seed(0); random.seed(0)",
    "settings of the machine": "torch.backends.cudnn.benchmark = True; torch.set_num_threads(2)",
    "the device that tensors are put on": "torch.set_default_device('cuda')",
    "the environment": "os.environ['CUDA_VISIBLE_DEVICES'] = '0'",
    "what is printed": "print(Net, width, plan, cfg, plans, len(plan), Block.kernel)",
    "what is printed of numbers": "print(f'{width} {cfg} {CFG.depth}', plan[0] * 2)",
    "an instance of its own": "net = Net().to(ask())\nnet.train()\nnet.body[0].weight.data.zero_()",
    "what is changed of an instance": "net = ask(Net('a'))\nnet.first = nn.Identity()\nmodel.x = 3",
    "other names": "losses.append(3)\nunused.append(4)\nunused[0] = 1\nlosses += [1]",
    "training": """
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        for epoch in range(3):
            model.train()
            for x, y in ask():
                optimizer.zero_grad()
                loss = F.cross_entropy(model(x), y)
                loss.backward()
                optimizer.step()
                losses.append(loss.item())
            torch.save(model.state_dict(), "net.pt")
        """,
    "training in a function": """
        def train(net, width, plan=None):
            width *= 2
            plan = [width]
            plan.append(3)
            for cfg in ask():
                cfg["width"] = 3
            net.train()
        train(model, width)
        train(Net(), 3)
        """,
    "locals of the same names": """
        def setup():
            width, plan, cfg = 3, [], {}
            plan.append(width)
            cfg["width"] = [plan for plan in ask()]
        setup()
        """,
    "attributes of the same names": "ask().width = 3\nask().plan.append(3)\nlosses.cfg = 3",
    "elements": "grow(plan[0], cfg['width'], plans['a'][0], CFG.depth, CFG.depth + 1)",
    "a loop over a list": "for item in plan:\n    print(item)",
    "an own function that only reads": """
        def show(values):
            for value in values:
                print(value)
            return len(values)
        print(show(plan))
        """,
    "the class in a table that is kept": "nets = {'net': Net}\nprint(3, ask())",
    "a subclass": "if ask():\n    class Sub(Net): pass",
    "an isinstance": "print(isinstance(ask(), Net), issubclass(Net, nn.Module))",
    "layers of its own": "x = ask(nn.Conv2d(3, 4, 1), torch.float32)\ny = F.relu(ask())",
    "settings that are logged": "wandb.init(config=cfg)\njson.dump(cfg, open('f', 'w'))",
}


@pytest.mark.parametrize("rest", HARMLESS.values(), ids=HARMLESS)
def test_what_does_not_touch_the_network_is_no_change(rest: str) -> None:
    assert change(rest) is None


READS = HEAD.replace("width = 8", 'width = int(os.environ.get("WIDTH", "8"))')
OF_THE_ENVIRONMENT = {
    "a variable that is set": "os.environ['WIDTH'] = '3'",
    "variables that are updated": "os.environ.update(WIDTH='3')",
    "a variable that is set where it is not": "os.environ.setdefault('WIDTH', '3')",
    "a variable that is taken away": "os.environ.pop('WIDTH', None)",
    "the working directory": "os.chdir('elsewhere')",
}


@pytest.mark.parametrize("rest", OF_THE_ENVIRONMENT.values(), ids=OF_THE_ENVIRONMENT)
def test_what_changes_the_environment_that_a_network_reads_is_found(rest: str) -> None:
    assert change(rest, head=READS) == Change("os", NEXT)
    assert change(rest) is None


IMPORTS_INSIDE = HEAD.replace("        super(Net", "        import own as mine\n        super(Net")


def test_what_changes_a_module_that_a_constructor_imports_is_found() -> None:
    assert change("own.width = 3", head=IMPORTS_INSIDE) == Change("own", NEXT + 1)


OF_AN_INSTANCE = {
    "a layer of its own": "model.first = nn.Identity()",
    "a layer in a list": "model.body[0] = nn.Identity()",
    "another network": "model = nn.DataParallel(ask(model))",
    "another type": "model.half()",
    "a method that may do anything": "model.prune(0.5)",
    "a function that changes what it is given": "def f(net):\n    net.first = None\nf(model)",
    "a function of a library": "prune(model)",
    "its layers, one by one": "for layer in model.modules():\n    layer.bias = None",
    "setattr": "setattr(model, 'first', ask())",
    "its class": "Net.forward = ask",
}


@pytest.mark.parametrize("rest", OF_AN_INSTANCE.values(), ids=OF_AN_INSTANCE)
def test_what_may_change_an_instance_is_found(rest: str) -> None:
    assert change(rest, "model") is not None


@pytest.mark.parametrize(
    "rest",
    [
        "model.train()\nmodel.eval()\nmodel.to('cpu')\nmodel.load_state_dict(ask())",
        "optimizer = optim.Adam(model.parameters(), lr=3)\nloss = model(ask())\nloss.backward()",
        "def train(net, n):\n    net.train()\n    for x in ask(): net(x)\ntrain(model, 3)",
        "print(model, sum(p.numel() for p in model.parameters()))\nsummary(model, (3, 32, 32))",
    ],
)
def test_training_does_not_change_an_instance(rest: str) -> None:
    assert change(rest, "model") is None


BESIDE = """
size = 3
class Beside(nn.Module):
    def __init__(self):
        plan.append(size)
beside = Beside()
"""


def test_what_an_instance_beside_the_network_is_made_of_counts_where_it_changes_that() -> None:
    assert change("ask()", head=HEAD + BESIDE) is None
    found = change("size = ask()", head=HEAD + BESIDE)
    assert found is not None
    assert found.name == "size"
    assert change("size = ask()", head=HEAD + BESIDE.replace("plan.append", "print")) is None


def test_the_line_that_changes_is_told() -> None:
    assert change("print(3)\nplan.append(4)\nwidth = ask()") == Change("plan", NEXT + 1)


def test_definitions_that_are_made_again_are_no_change() -> None:
    assert change("width = 16\nplan = [3]\ndef make(plan): return nn.Identity()\nask()") is None


def test_a_file_without_statements_has_nothing_left_out() -> None:
    assert definitions_of(ast.parse(HEAD)).left_out == []
