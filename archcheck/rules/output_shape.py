"""``output-shape``: what the network returns."""

from typing import Annotated

from pydantic import Field

from archcheck.phrases import shape_text
from archcheck.rules.base import Baseline, Example, Rule, Subject, Verdict, call_location, register
from archcheck.rules.baseline import proposed
from archcheck.rules.options import CommonOptions


class OutputShapeOptions(CommonOptions):
    """The shape of one sample's output."""

    shape: list[Annotated[int, Field(ge=1)] | None] = Field(
        description="The shape without the batch; null stands for any length."
    )


@register
class OutputShape(Rule):
    """
    ## What it does
    Compares the shape of what the network returns for one sample, without the batch, to the one
    asked for. `null` stands for any length. Of several outputs every one has to fit. An output
    whose first axis is not the batch fits no shape: a `view` with a wrong number of features makes
    several rows of one sample, a `squeeze` without a dimension takes the axis of a batch of one
    away.

    ## Why it matters
    A classifier of ten classes returns ten numbers; one that returns 10x1x1 fails in the loss.

    ## Example
    ```yaml
    rules:
      output-shape: {shape: [10]}
    ```

    ## References
    - [torch.nn.CrossEntropyLoss](https://pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html)
    """

    name = "output-shape"
    summary = "The shape of the output."
    Options = OutputShapeOptions
    passes = (
        Example("nn.Conv2d(3, 8, 3)", {"shape": [8, 30, 30]}),
        Example("nn.Conv2d(3, 8, 3)", {"shape": [8, None, None]}),
    )
    fails = (Example("nn.AdaptiveAvgPool2d(1)", {"shape": [3]}),)

    def check(self, subject: Subject, options: OutputShapeOptions) -> Verdict:
        network = subject.network
        wanted = tuple(options.shape)
        outputs = [tensor for _, tensor in network.outputs]
        shapes = [network.sample_shape(tensor) for tensor in outputs]
        strange = [tensor for tensor in outputs if not network.batched(tensor)]
        wrong = [
            tensor
            for tensor, shape in zip(outputs, shapes, strict=True)
            if tensor in strange or not _fits(shape, wanted)
        ]
        text = ", ".join(
            " ".join(part for part in (label if named(label) else "", shape_text(shape)) if part)
            for (label, _), shape in zip(network.outputs, shapes, strict=True)
        )
        required = shape_text("any" if w is None else w for w in wanted)
        producers = [network.producer(tensor) for tensor in wrong]
        message = f"the network returns {text} for a sample; {required} is required"
        if strange:
            returned = shape_text(network.shape(strange[0]))
            message = (
                f"the network returns {returned} for a batch of {network.batch}: the first axis is "
                f"not the batch; {required} for a sample is required"
            )
        return Verdict(
            status="failed" if wrong else "passed",
            found=[list(shape) for shape in shapes] if len(shapes) > 1 else list(shapes[0]),
            found_text=text,
            required=required,
            message=message,
            locations=tuple(call_location(op) for op in producers if op is not None),
        )

    def baseline(self, subject: Subject) -> Baseline:
        network = subject.network
        if not all(network.batched(tensor) for _, tensor in network.outputs):
            return "the first axis of an output is not the batch"
        shapes = {network.sample_shape(tensor) for _, tensor in network.outputs}
        if len(shapes) > 1:
            return "the outputs differ in shape"
        (shape,) = shapes
        return proposed(self, subject, {"shape": list(shape)})


def named(label: str) -> bool:
    """Whether an output's label is a name, not only its place."""
    return not label.replace(".", "").isdigit()


def _fits(shape: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    return len(shape) == len(wanted) and all(
        w is None or w == s for w, s in zip(wanted, shape, strict=True)
    )
