"""``fully-connected``: linear layers, as module, function or product with a parameter."""

from collections.abc import Iterable
from math import prod

from archcheck.network import Network, Op, kinds
from archcheck.network.graph import data_inputs
from archcheck.rules.base import Baseline, Example, Subject, Verdict, register
from archcheck.rules.baseline import forbidden
from archcheck.rules.counting import CountingRule, NearMiss, counted
from archcheck.rules.options import CountOptions


@register
class FullyConnected(CountingRule):
    """
    ## What it does
    Counts the calls of linear layers: `nn.Linear`, `F.linear`, and products of the data with a
    parameter (`x @ self.weight`), also with one that no module registers (in a list, a global
    variable). A 1x1 convolution is none.

    ## Why it matters
    A fully connected layer behind a flattened map holds most of a small network's parameters and
    ties it to one input size; assignments ask for global average pooling instead.

    ## Example
    ```yaml
    rules:
      fully-connected: forbidden
    ```

    ## References
    - M. Lin, Q. Chen and S. Yan, "Network In Network", ICLR 2014, section 3.2.
    """

    name = "fully-connected"
    summary = "The number of fully connected layers."
    passes = (
        Example("nn.Sequential(nn.Flatten(), nn.Linear(3072, 10))", {"exactly": 1}),
        Example("nn.Conv2d(3, 10, 1)", "forbidden"),
    )
    fails = (
        Example("nn.Sequential(nn.Flatten(), nn.Linear(3072, 10))", "forbidden"),
        Example(
            """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3072, 10))

    def forward(self, x):
        return x.flatten(1) @ self.weight
""",
            "forbidden",
        ),
    )

    def check(self, subject: Subject, options: CountOptions) -> Verdict:
        network = subject.network
        ops = [op for op in network.ops if op.kind == "linear" or _weighs(network, op)]
        near = _near_misses(network, subject.reaching(network.ops))
        return counted(subject, ops, options, noun="fully connected layer", near=near)

    def baseline(self, subject: Subject) -> Baseline:
        return forbidden(self, subject)


def _near_misses(network: Network, ops: Iterable[Op]) -> list[NearMiss]:
    """Convolutions that join a whole map, and products with a constant."""
    near = []
    for op in ops:
        if op.kind in kinds.CONVOLUTIONS and prod(network.shape(op.outputs[0])[2:]) == 1:
            near.append(NearMiss(op, "joins a whole map, but is a convolution"))
        elif (
            op.kind in kinds.MATRIX_PRODUCTS
            and not _weighs(network, op)
            and not network.driven.issuperset(op.inputs)
        ):
            near.append(NearMiss(op, "multiplies by a constant, not by a parameter"))
    return near


def _weighs(network: Network, op: Op) -> bool:
    """Whether a matrix product multiplies by a parameter."""
    if op.kind not in kinds.MATRIX_PRODUCTS:
        return False
    operands = data_inputs(op)
    if op.kind in kinds.ADDING_PRODUCTS:
        operands = operands[1:]
    weights = [tensor for tensor in operands if tensor not in network.driven]
    return len(weights) < len(operands) and any(_from_parameters(network, t) for t in weights)


def _from_parameters(network: Network, tensor: int) -> bool:
    """Whether a parameter, registered or not, is in a tensor, however it was reshaped, scaled or
    normalised."""
    waiting = [tensor]
    while waiting:
        tensor = waiting.pop()
        if network.tensors[tensor].is_weight:
            return True
        producer = network.producer(tensor)
        waiting += producer.inputs if producer is not None else ()
    return False
