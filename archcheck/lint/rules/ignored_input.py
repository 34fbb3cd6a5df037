"""``ignored-input``: an input that no output depends on."""

from __future__ import annotations

from archcheck.lint.base import Fault, Findings, LintRule, Sample, Unknown, register
from archcheck.lint.linted import Linted
from archcheck.network import Network
from archcheck.network.inputs import constants_of
from archcheck.rules.base import Location, call_location


@register
class IgnoredInput(LintRule):
    """
    ## What it finds
    An input tensor whose values no output depends on: forward never reads it, takes only its shape,
    multiplies it by zero, or computes with it for nothing. Constant inputs, a mask of ones say, may
    have decided what runs: they are left out.

    ## Why it matters
    The network cannot learn from what it does not read. Most often another variable was meant: a
    conditional generator that never reads its labels draws samples all the same, of no class.

    ## Example
    ```python
    def forward(self, image, mask):
        return self.net(image)
    ```

    ## When to ignore it
    Where a framework gives all networks the same inputs.
    """

    name = "ignored-input"
    severity = "warning"
    summary = "No output depends on an input."
    faulty = (
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.image, self.depth = nn.Conv2d(3, 8, 3), nn.Conv2d(1, 8, 3)

    def forward(self, image, depth):
        features = self.image(image)
        other = self.depth(depth)  # <-
        return torch.cat([features, features], 1)
""",
            input=((3, 32, 32), (1, 32, 32)),
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x, y):  # <-
        return self.conv(x)
""",
            input=((3, 32, 32), (3, 32, 32)),
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.start = nn.Parameter(torch.randn(3, 4, 4))
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        blank = torch.zeros_like(x)  # <-
        return self.conv(self.start[None]) + blank.mean()
"""
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x, y):
        return self.conv(x + 0 * y)  # <-
""",
            input=((3, 32, 32), (3, 32, 32)),
        ),
    )
    sound = (
        Sample("nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())"),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.left, self.right = nn.Conv2d(3, 8, 3), nn.Conv2d(3, 8, 3)

    def forward(self, x, y):
        return self.left(x), self.right(y).sigmoid() * self.left(x)
""",
            input=((3, 32, 32), (3, 32, 32)),
        ),
        Sample(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x, scale):
        return self.conv(x) * (2.0 if scale.mean().item() > 0 else 1.0)
""",
            input=((3, 32, 32), (1, 4)),
        ),
    )

    def find(self, linted: Linted) -> Findings:
        network, reach = linted.network, linted.subject.reach
        constants = constants_of(network.given_tensors)
        for index, tensor in enumerate(network.inputs):
            if constants[index] or tensor in reach.tensors or _is_read(linted, index):
                continue
            name = network.input_name(index)
            if tensor in reach.perhaps:
                place = linted.subject.opaque
                yield Unknown(f"whether an output depends on {name} is not known", place)
            else:
                yield _fault(network, tensor, name)


def _is_read(linted: Linted, index: int) -> bool:
    """Whether an output depends on an input in training."""
    training = linted.training
    if training is None or index >= len(training.inputs):
        return False
    reach = linted.subject_of(training).reach
    return training.inputs[index] in reach.tensors | reach.perhaps


def _fault(network: Network, tensor: int, name: str) -> Fault:
    readers = network.consumers.get(tensor, ())
    where = call_location(readers[0]) if readers else Location(network.forward, "", name)
    how = "what is made of it reaches none" if readers else "no operation reads it"
    return Fault(
        f"no output depends on {name}: {how}",
        (where,),
        "read it, or leave it out",
        None,
        tuple(each for each in (where.place, network.forward) if each is not None),
    )
