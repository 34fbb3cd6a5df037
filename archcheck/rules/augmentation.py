"""``augmentation``: which albumentations transforms the training images go through."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    PlainSerializer,
    PlainValidator,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from archcheck.evidence import Needs
from archcheck.evidence.augmentation import Augmentation as Script
from archcheck.evidence.augmentation import Pipeline, Transform
from archcheck.evidence.datasets import MEANS
from archcheck.rules.base import (
    Example,
    Location,
    Rule,
    Subject,
    Verdict,
    not_verified,
    register,
)
from archcheck.rules.numbers import Share
from archcheck.rules.options import CommonOptions
from archcheck.rules.transforms.arguments import Unclear
from archcheck.rules.transforms.choosing import Choice, choose
from archcheck.rules.transforms.dropping import dropped
from archcheck.rules.transforms.fill import UINT8, highest
from archcheck.rules.transforms.matching import Context, Match, Remark, match
from archcheck.rules.transforms.symbols import settled
from archcheck.rules.transforms.wanted import SCHEMA, Wanted, read_wanted
from archcheck.shell_words import worded

Wish = Annotated[
    Wanted, PlainValidator(read_wanted), PlainSerializer(Wanted.as_data), WithJsonSchema(SCHEMA)
]


class AugmentationOptions(CommonOptions):
    """The transforms that a pipeline has to hold."""

    transforms: list[Wish] = Field(
        min_length=1,
        description="What has to be there: a name, a name with arguments "
        "({CoarseDropout: {max_holes: 1}}), or a list of which one has to be there. The names "
        "of arguments may be albumentations 1's or 2's. A value is compared as it is, "
        "{at_least: 0.3} and the like as a bound; `fill: mean` is the data's mean.",
    )
    pipeline: str | None = Field(
        None,
        min_length=1,
        description="The name of the pipeline, of its function or class; --augmentation FILE:NAME "
        "goes before it.",
    )
    dataset: Literal["cifar10", "cifar100", "svhn", "imagenet", "mnist", "fashion-mnist"] | None = (
        Field(None, description="The data set, whose mean is known.")
    )
    mean: list[float] | None = Field(
        None,
        min_length=1,
        max_length=16,
        description="The data's mean, one number a channel, of pixels between 0 and 1; if one is "
        "above 1, of pixels between 0 and 255.",
    )
    tolerance: Share = Field(
        0.03,
        description="How far a fill may be from the data's mean, as a share of the distance from "
        "black to white.",
    )
    images: Literal["uint8", "float"] | None = Field(
        None,
        description="What the pipeline is given: pixels from 0 to 255, or from 0 to 1. By default "
        "what Normalize or ToFloat in it says, else 0 to 255.",
    )

    @field_validator("mean")
    @classmethod
    def _is_a_mean(cls, mean: list[float] | None) -> list[float] | None:
        if mean is not None and not all(0 <= part <= 255 for part in mean):
            raise ValueError("a mean lies between 0 and 1, or between 0 and 255")
        return mean

    @model_validator(mode="after")
    def _knows_the_mean(self) -> "AugmentationOptions":
        if any(wanted.needs_mean for wanted in self.transforms) and self.data_mean is None:
            raise ValueError(
                "`fill: mean` needs the data's mean: add `dataset: cifar10` or "
                "`mean: [0.4914, 0.4822, 0.4465]`"
            )
        return self

    @property
    def data_mean(self) -> tuple[float, ...] | None:
        """The data's mean, of pixels between 0 and 1."""
        if self.mean is not None:
            most = 255 if max(self.mean) > 1 else 1
            return tuple(part / most for part in self.mean)
        return MEANS[self.dataset] if self.dataset is not None else None

    @property
    def required(self) -> str:
        """What is asked for, in words."""
        return ", ".join(map(str, self.transforms))


_NET = "nn.Conv2d(3, 8, 3)"
_SCRIPT = """
import albumentations as A

MEAN = (0.4914, 0.4822, 0.4465)

train_transforms = A.Compose([
    A.HorizontalFlip(p=0.5),
    A.CoarseDropout(
        max_holes=1, max_height=16, max_width=16, fill_value=[255 * x for x in MEAN]
    ),
    A.Normalize(MEAN, (0.2470, 0.2435, 0.2616)),
])
test_transforms = A.Compose([A.Normalize(MEAN, (0.2470, 0.2435, 0.2616))])
"""
_HOLE = {"max_holes": 1, "max_height": 16, "max_width": 16, "fill_value": "mean"}


@register
class Augmentation(Rule):
    """
    ## What it does
    Finds the albumentations pipelines of a training script (`--augmentation FILE`, or
    `FILE:NAME`; by itself the network's own file) and looks for the transforms that are asked
    for, with their arguments. The source is judged. It is followed through functions, classes,
    lists and the other files of its project; where a condition or a default decides that only a
    run can tell, every way is. What it leaves open is looked up in what the script constructs, in
    a process of its own with a time limit and no way out to the network. Of a script no more is
    run than up to the last line at its top that builds a pipeline, and one whose source says all
    is not run. Names of version 1
    (`max_holes`, `fill_value`) and 2 (`num_holes_range`, `fill`) mean the same, here and in the
    script; in version 1 a minimum that is not given is the maximum. Sizes below 1 are a share of
    the image. A transform inside `OneOf` is there, and said to be one of several; one with `p=0`
    is not.

    `fill: mean` is the data's mean on the scale that the place in the pipeline means: 0 to 255,
    0 to 1 behind `ToFloat`, 0 behind a `Normalize` that takes the data's mean. Where nothing but
    a call from elsewhere tells the mean that `Normalize` takes (a parameter, a statistic of the
    data), it is taken for the data's: `[m * 255 for m in mean]` before `Normalize(mean, std)` is
    the mean, and `mean` itself is not. An argument that
    the installed version of albumentations does not take, and drops, is a warning.

    A pipeline that only resizes and normalises, as for test images, is left aside where there
    are others. If several remain and no name is given, the rule holds if all of them hold it,
    and fails if none does; else it is not verified.

    ## Why it matters
    Assignments ask for augmentations by name and argument. albumentations 2 drops the arguments
    of version 1 with a mere warning and runs its defaults: a script that says one hole of 16x16
    filled with the mean cuts one or two black ones of 3 to 6 pixels. A fill on the wrong scale
    is black too.

    ## Example
    ```yaml
    rules:
      augmentation:
        dataset: cifar10
        transforms:
          - HorizontalFlip
          - [ShiftScaleRotate, Affine]        # one of them
          - CoarseDropout: {max_holes: 1, max_height: 16, max_width: 16, fill_value: mean}
          - ToGray: {p: {at_least: 0.05}}
    ```

    ## References
    - T. DeVries and G. Taylor, [Improved Regularization of Convolutional Neural Networks with
      Cutout](https://arxiv.org/abs/1708.04552), 2017
    - A. Buslaev et al., [Albumentations: Fast and Flexible Image
      Augmentations](https://arxiv.org/abs/1809.06839), 2018
    """

    name = "augmentation"
    summary = "The albumentations transforms that training images go through."
    Options = AugmentationOptions
    passes = (
        Example(
            _NET,
            {"dataset": "cifar10", "transforms": ["HorizontalFlip", {"CoarseDropout": _HOLE}]},
            script=_SCRIPT,
        ),
        Example(
            _NET,
            {"transforms": [["ShiftScaleRotate", {"HorizontalFlip": {"p": {"at_least": 0.5}}}]]},
            script=_SCRIPT,
        ),
    )
    fails = (
        Example(_NET, {"transforms": ["HorizontalFlip", "ToGray"]}, script=_SCRIPT),
        Example(
            _NET,
            {"dataset": "mnist", "transforms": [{"CoarseDropout": {**_HOLE, "min_holes": 1}}]},
            script=_SCRIPT,
        ),
    )

    def check(self, subject: Subject, options: AugmentationOptions) -> Verdict:
        script = subject.evidence.augmentation
        if script is None:
            given = worded("--augmentation", "augmentation=")
            return not_verified(options.required, f"no training script given ({given})")
        context = _context(subject, options, script)
        choice = choose(script, options.pipeline)
        if choice.reason:
            status: Any = "failed" if script.absent else "not-verified"
            where = (Location(script.place, "", "no albumentations"),) if script.place else ()
            return Verdict(
                status, None, "–", options.required, choice.reason, where, note=choice.reason
            )
        judged = [
            _judged(pipeline, script, options, context, choice) for pipeline in choice.pipelines
        ]
        statuses = {verdict.status for verdict in judged}
        if len(statuses) == 1:
            return min(judged, key=lambda verdict: len(verdict.locations))
        return _undecided(choice.pipelines, judged, options)

    def needs(self, options: AugmentationOptions) -> Needs:
        del options
        return Needs(augmentation=True)


def _context(subject: Subject, options: AugmentationOptions, script: Script) -> Context:
    network = subject.network
    shape = network.given_tensors[0].shape if network.inputs else ()
    most = {"uint8": 255.0, "float": 1.0, None: None}[options.images]
    sides = (shape[-2], shape[-1]) if len(shape) >= 2 else None
    return Context(sides, options.data_mean, options.tolerance, most, script.loose)


def _judged(
    pipeline: Pipeline,
    script: Script,
    options: AugmentationOptions,
    context: Context,
    choice: Choice,
) -> Verdict:
    """The verdict on one pipeline."""
    written = pipeline
    pipeline = _settled(pipeline, context)
    matches = [match(wanted, pipeline, context) for wanted in options.transforms]
    faults = [remark for a in matches for remark in a.faults]
    unclear = [remark for a in matches if not a.faults for remark in a.unclear]
    held = [a.held_by for a in matches if a.held_by is not None]
    remarks = faults or unclear
    notes = [choice.name(pipeline), *(a.note for a in matches if a.note)]
    if pipeline != written:
        notes.append("what Normalize takes for the mean is taken for the data's")
    place = pipeline.root.place
    return Verdict(
        status="failed" if faults else "not-verified" if unclear else "passed",
        found={
            "pipeline": pipeline.name,
            "file": place.file if place else script.file,
            "line": place.file_lines[0] if place else None,
            "transforms": [t.name or None for t in pipeline.root.walk() if not t.children],
        },
        found_text=f"{len(held)} of {len(matches)}",
        required=options.required,
        message=_message(choice.name(pipeline), remarks, matches),
        locations=_locations(remarks, held),
        note="; ".join(notes),
        hint="; ".join(dict.fromkeys(remark.hint for remark in remarks if remark.hint)),
        asides=dropped(pipeline, script.library, faults),
    )


def _settled(pipeline: Pipeline, context: Context) -> Pipeline:
    """A pipeline with what follows from the mean that its Normalize takes."""
    if context.mean is None:
        return pipeline
    try:
        most = context.highest or highest(pipeline.root) or UINT8
    except Unclear:
        return pipeline
    return replace(pipeline, root=settled(pipeline.root, context.mean, most))


def _message(name: str, remarks: Sequence[Remark], matches: Sequence[Match]) -> str:
    if remarks:
        return f"{name}: " + "; ".join(dict.fromkeys(remark.text for remark in remarks))
    names = [a.held_by.name for a in matches if a.held_by is not None]
    return f"{name} has {', '.join(names)} as required"


def _locations(remarks: Sequence[Remark], held: Sequence[Transform]) -> tuple[Location, ...]:
    if remarks:
        return tuple(Location(remark.place, "", remark.label) for remark in remarks)
    return tuple(Location(transform.place, "", transform.name) for transform in held)


def _undecided(
    pipelines: Sequence[Pipeline], judged: Sequence[Verdict], options: AugmentationOptions
) -> Verdict:
    """Several pipelines, of which some hold what is asked and some do not."""
    words = {"passed": "holds it", "failed": "does not", "not-verified": "may hold it"}
    said = [f"{Choice.name(p)} {words[v.status]}" for p, v in zip(pipelines, judged, strict=True)]
    given = worded("--augmentation FILE:NAME", 'augmentation="FILE:NAME"')
    reason = (
        f"it is not known which pipeline trains the network: {', '.join(said)}; name it: {given}"
    )
    where = [Location(p.root.place, "", p.name) for p in pipelines]
    return not_verified(options.required, reason, where, "several pipelines")
