"""``blocks``: the blocks of convolutions, as in C1C2C3C4O."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Literal

from pydantic import Field, model_validator

from archcheck.network import Network, Op, kinds
from archcheck.network.attributes import attributes
from archcheck.rules.base import (
    Example,
    Location,
    Rule,
    Subject,
    Verdict,
    location,
    not_verified,
    register,
)
from archcheck.rules.convolutions import CONVOLUTIONS, is_dilated, is_strided
from archcheck.rules.options import Amount, CommonOptions

Reduction = Literal["strided", "dilated", "pooled", "none"]


class BlocksOptions(CommonOptions):
    """How many blocks, what is in each, how each ends."""

    count: Amount | None = Field(None, description="The number of blocks.")
    convolutions: Amount | None = Field(
        None, description="The number of convolutions in every block."
    )
    reduction: list[Reduction] | Reduction | None = Field(
        None,
        description="How blocks reduce the resolution: one way, or several that are allowed. "
        "Asked of every block but the last.",
    )
    names: list[str] | None = Field(
        None,
        description="The modules that are the blocks, by path. Without them a block ends where "
        "the resolution is reduced.",
    )

    @model_validator(mode="after")
    def _asks_something(self) -> BlocksOptions:
        if self.count is None and self.convolutions is None and self.reduction is None:
            raise ValueError("say what blocks have to be: count, convolutions or reduction")
        if self.names is not None and not self.names:
            raise ValueError("names lists no module")
        return self


@dataclass
class Block:
    """A stretch of convolutions and how it ends."""

    name: str
    convolutions: list[Op]
    reduction: Reduction
    end: Op | None


@register
class Blocks(Rule):
    """
    ## What it does
    Divides the network in front of its head into blocks of convolutions and compares their
    number, the convolutions in each and the way each reduces the resolution: `strided`,
    `dilated` or `pooled`. The blocks are the modules that `names` lists; without it a block ends
    with a strided convolution, a dilated one, or a pool.

    Convolutions behind the head (a classifier on a 1x1 map) belong to no block.

    ## Why it matters
    Assignments prescribe an architecture such as C1C2C3C4O: four blocks, each with three
    convolutions the last of which is strided, and an output.

    ## Example
    ```yaml
    rules:
      blocks: {count: {exactly: 4}, convolutions: {at_least: 3}, reduction: [strided, dilated]}
    ```

    ## References
    - J. Springenberg et al., "Striving for Simplicity: The All Convolutional Net", 2015.
    """

    name = "blocks"
    summary = "The blocks of convolutions and how each reduces the resolution."
    Options = BlocksOptions
    passes = (
        Example(
            "nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3, stride=2), nn.Conv2d(8, 8, 3))",
            {"count": {"exactly": 2}, "reduction": "strided"},
        ),
        Example(
            "nn.Sequential(nn.Sequential(nn.Conv2d(3, 8, 3), nn.MaxPool2d(2)), "
            "nn.Sequential(nn.Conv2d(8, 8, 3)))",
            {"names": ["0", "1"], "convolutions": {"exactly": 1}, "reduction": ["pooled"]},
        ),
    )
    fails = (
        Example("nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3))", {"count": {"exactly": 2}}),
        Example(
            "nn.Sequential(nn.Conv2d(3, 8, 3), nn.MaxPool2d(2), nn.Conv2d(8, 8, 3))",
            {"reduction": "strided"},
        ),
    )
    unverified = ({"count": {"exactly": 1}}, {"reduction": "strided"})

    def check(self, subject: Subject, options: BlocksOptions) -> Verdict:
        network = subject.network
        required = _required(options)
        if options.names:
            paths = {module.path for module in network.modules}
            missing = [name for name in options.names if name not in paths]
            if missing:
                reason = f"there is no module {missing[0]!r}"
                return not_verified(required, reason)
        if subject.opaque:
            reason = "a part of the network could not be seen"
            return not_verified(required, reason, subject.opaque, note="")
        ops = _before_head(subject)
        blocks = _named(network, ops, options.names) if options.names else _stepped(network, ops)
        wrong, locations = _problems(blocks, options)
        text = " ".join(f"C{number}" for number in range(1, len(blocks) + 1)) or "none"
        shape = ", ".join(f"{len(b.convolutions)} {b.reduction}" for b in blocks)
        return Verdict(
            status="failed" if wrong else "passed",
            found=[
                {"name": b.name, "convolutions": len(b.convolutions), "reduction": b.reduction}
                for b in blocks
            ],
            found_text=text.replace(" ", ""),
            required=required,
            message=wrong[0] if wrong else f"{_some(len(blocks), 'block')}: {shape}",
            locations=tuple(locations),
            note=wrong[0] if wrong else shape,
        )


def _required(options: BlocksOptions) -> str:
    parts = []
    if options.count is not None:
        parts.append(f"{options.count.describe()} blocks")
    if options.convolutions is not None:
        parts.append(f"{options.convolutions.describe()} convolutions each")
    if options.reduction is not None:
        parts.append(" or ".join(_allowed(options)))
    return ", ".join(parts)


def _some(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _allowed(options: BlocksOptions) -> list[str]:
    wanted = options.reduction
    return [wanted] if isinstance(wanted, str) else list(wanted or ())


def _asked(allowed: list[str]) -> str:
    """The allowed ways to end a block, as a clause."""
    words = ["unreduced" if way == "none" else way for way in allowed]
    return f"{' or '.join(words)} blocks are required"


def _before_head(subject: Subject) -> list[Op]:
    """The convolutions and pools in front of the head."""
    heads = [head for location in subject.fields().features_locations for head in location.heads]
    wanted = CONVOLUTIONS | kinds.POOLS
    return [
        op
        for op in subject.reaching(subject.network.ops)
        if op.kind in wanted and (not heads or op.index < max(heads)) and op.index not in heads
    ]


def _reduction(network: Network, op: Op) -> Reduction:
    if op.kind in kinds.POOLS:
        before, after = network.shape(op.inputs[0]), network.shape(op.outputs[0])
        return "pooled" if after[2:] != before[2:] and _strides(network, op) else "none"
    if is_strided(network, op):
        return "strided"
    return "dilated" if is_dilated(network, op) else "none"


def _strides(network: Network, op: Op) -> bool:
    if op.kind in kinds.ADAPTIVE_POOLS:
        return True
    return bool(max(attributes(network, op)["stride"]) > 1)


def _stepped(network: Network, ops: list[Op]) -> list[Block]:
    blocks: list[Block] = []
    current: list[Op] = []
    smallest: int | None = None
    for op in ops:
        if op.kind in CONVOLUTIONS:
            current.append(op)
        how = _reduction(network, op)
        if how in ("strided", "pooled"):
            # The shortcut beside a strided convolution reduces nothing that is not reduced yet.
            positions = prod(network.shape(op.outputs[0])[2:])
            if smallest is not None and positions >= smallest:
                continue
            smallest = positions
        if how != "none" and current:
            blocks.append(Block(f"C{len(blocks) + 1}", current, how, op))
            current = []
    if current:
        blocks.append(Block(f"C{len(blocks) + 1}", current, "none", None))
    return blocks


def _named(network: Network, ops: list[Op], names: list[str]) -> list[Block]:
    blocks = []
    for name in names:
        inside = [op for op in ops if op.module == name or op.module.startswith(f"{name}.")]
        ends = [(op, how) for op in inside if (how := _reduction(network, op)) != "none"]
        convolutions = [op for op in inside if op.kind in CONVOLUTIONS]
        if ends:
            blocks.append(Block(name, convolutions, ends[-1][1], ends[-1][0]))
        else:
            blocks.append(Block(name, convolutions, "none", None))
    return blocks


def _problems(blocks: list[Block], options: BlocksOptions) -> tuple[list[str], list[Location]]:
    problems: list[str] = []
    locations: list[Location] = []
    if options.count is not None and not options.count.holds(len(blocks)):
        words = _some(len(blocks), "block")
        problems.append(f"{words}; {options.count.demand('blocks')}")
        locations += [location(b.convolutions[0], b.name) for b in blocks if b.convolutions]
    if options.convolutions is not None:
        for block in blocks:
            count = len(block.convolutions)
            if not options.convolutions.holds(count):
                wanted = options.convolutions.demand("convolutions")
                words = _some(count, "convolution")
                problems.append(f"{block.name} has {words}; {wanted}")
                locations += [location(op, block.name) for op in block.convolutions[:1]]
    if options.reduction is not None:
        allowed = _allowed(options)
        if len(blocks) < 2:
            problems.append(f"no block reduces the resolution; {_asked(allowed)}")
        for block in blocks[:-1]:
            if block.reduction not in allowed:
                how = (
                    "does not reduce the resolution"
                    if block.reduction == "none"
                    else (f"is {block.reduction}")
                )
                problems.append(f"{block.name} {how}; {_asked(allowed)}")
                end = block.end or (block.convolutions[-1] if block.convolutions else None)
                locations += [location(end, block.name)] if end is not None else []
    return problems, locations
