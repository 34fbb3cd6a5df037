"""``accuracy``: how many test images the network classifies right."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from archcheck.evidence import Evidence, Needs
from archcheck.evidence.accuracy import Accuracy as Found
from archcheck.evidence.accuracy import Measured, NotMeasured, Task, Unfit
from archcheck.evidence.datasets import DATASETS
from archcheck.rules.base import (
    Aside,
    Example,
    Location,
    Rule,
    Subject,
    Verdict,
    not_verified,
    register,
)
from archcheck.rules.options import CommonOptions, PercentBounds, Strict


class Normalization(Strict):
    """What pixels between 0 and 1 are normalised with: ``(pixel - mean) / std``."""

    mean: list[float] = Field(description="The mean of each channel, pixels between 0 and 1.")
    std: list[float] = Field(description="The standard deviation of each channel.")

    @field_validator("mean", "std")
    @classmethod
    def _between_0_and_1(cls, values: list[float]) -> list[float]:
        if any(not math.isfinite(value) or value < 0 for value in values):
            raise ValueError("every number lies between 0 and 1")
        if any(value > 1 for value in values):
            raise ValueError("pixels lie between 0 and 1 here: divide by 255")
        return values

    @field_validator("std")
    @classmethod
    def _above_0(cls, values: list[float]) -> list[float]:
        if 0 in values:
            raise ValueError("a standard deviation is above 0")
        return values


Normalizing = Annotated[
    Annotated[Literal["none"], Tag("word")] | Annotated[Normalization, Tag("numbers")],
    # What is a mapping is judged as one: else a wrong number would be "not one of 'none'".
    Discriminator(lambda value: "word" if isinstance(value, str) else "numbers"),
]


class AccuracyOptions(PercentBounds, CommonOptions):
    """Of which images, how many in percent, and how their pixels are normalised."""

    dataset: Literal["cifar10"] = Field(description="The data set whose test images are shown.")
    normalization: Normalizing | None = Field(
        None,
        description="What pixels between 0 and 1 are normalised with, as in training: the mean "
        "and std of each channel, or none; by default those of the data set's training images.",
    )

    @model_validator(mode="after")
    def _one_number_a_channel(self) -> AccuracyOptions:
        channels = DATASETS[self.dataset].shape[0]
        if isinstance(self.normalization, Normalization):
            for name in ("mean", "std"):
                if len(getattr(self.normalization, name)) != channels:
                    raise ValueError(
                        f"normalization: {name} has to have a number for each of the "
                        f"{channels} channels"
                    )
        return self

    @property
    def task(self) -> Task:
        """What has to be measured."""
        dataset = DATASETS[self.dataset]
        if self.normalization is None:
            return Task(self.dataset, dataset.mean, dataset.std)
        if self.normalization == "none":
            channels = dataset.shape[0]
            return Task(self.dataset, (0.0,) * channels, (1.0,) * channels)
        return Task(self.dataset, tuple(self.normalization.mean), tuple(self.normalization.std))


def _example(correct: int) -> Evidence:
    dataset = DATASETS["cifar10"]
    task = Task("cifar10", dataset.mean, dataset.std)
    return Evidence(accuracy=(Found(task, Measured(correct, dataset.images, 0, "cpu", 1.0)),))


_NETWORK = "nn.Sequential(nn.Conv2d(3, 10, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())"


@register
class Accuracy(Rule):
    """
    ## What it does
    Loads the weights that `--weights` names into the network and shows it the real test images
    of a data set: for `cifar10` the 10,000 images of `test_batch` (the Python version) or
    `test_batch.bin` (the binary one) in the folder that `--data` names (`ARCHCHECK_DATA`). The
    file's size and checksum have to be those of the official one; nothing is downloaded. A
    network handed over from Python as a live module is taken with its own weights, unless a
    file is named.

    Comparisons are in percent, `85` for 85 %, and exact: 8,499 of 10,000 are less than 85 %. The
    report gives the 95 % confidence interval (Wilson's score interval) and says when the bound
    lies inside it: then other images of the same kind might have told otherwise.

    Pixels are scaled to 0 to 1 and normalised by the mean and the standard deviation of each
    channel. They have to be those of the training: by default the data set's own
    (0.4914, 0.4822, 0.4465 and 0.2470, 0.2435, 0.2616 for `cifar10`), else those that
    `normalization: {mean: [...], std: [...]}` gives; `normalization: none` leaves the pixels as
    they are. The network runs in eval mode, in float32, 100 images at once, on CUDA where there
    is one, and has to return a score for each class; the highest one is its answer.

    The images come in a random order and without their labels, which do not enter the network's
    process; nor does the folder. A tenth of them is shown twice, among other images: an answer
    that is another one then depends on more than the image, and more than 1 % of those are a
    warning.

    Without weights or images the rule is *not verified*, as it is where the time limit passes
    before a batch is done. Weights that do not fit the network (missing or unexpected names, other
    shapes) and a network that does not run on the images fail.

    Weights are a safetensors file or a checkpoint of torch, of which nothing but tensors is
    unpickled. The state dict may stand under `state_dict`, `model_state_dict`, `model`, `network`
    or `net`, and its names behind `module.` or `_orig_mod.`: the report says so.

    ## Why it matters
    Limits on an architecture only mean something beside the accuracy that it reaches within
    them. Figures that people report were measured on other images, on augmented ones or in
    training mode more often than they know.

    ## Example
    ```yaml
    rules:
      accuracy: {dataset: cifar10, at_least: 85, when_unverified: warn}
    ```

    ```yaml
    rules:
      accuracy:
        dataset: cifar10
        at_least: 85
        normalization: {mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5]}
    ```

    ## References
    - A. Krizhevsky, [Learning Multiple Layers of Features from Tiny
      Images](https://www.cs.toronto.edu/~kriz/learning-features-2009-TR.pdf), 2009, and
      [the data set](https://www.cs.toronto.edu/~kriz/cifar.html)
    - E. B. Wilson, Probable Inference, the Law of Succession, and Statistical Inference, Journal
      of the American Statistical Association 22, 1927
    """

    name = "accuracy"
    summary = "How many test images the network classifies right, with given weights."
    Options = AccuracyOptions
    passes = (
        Example(_NETWORK, {"dataset": "cifar10", "at_least": 85}, evidence=_example(8500)),
        Example(_NETWORK, {"dataset": "cifar10", "more_than": 85.4}, evidence=_example(8541)),
    )
    fails = (
        Example(_NETWORK, {"dataset": "cifar10", "at_least": 85}, evidence=_example(8499)),
        Example(_NETWORK, {"dataset": "cifar10", "more_than": 85.4}, evidence=_example(8540)),
    )

    def check(self, subject: Subject, options: AccuracyOptions) -> Verdict:
        measured = next((f for f in subject.evidence.accuracy if f.task == options.task), None)
        required = options.describe()
        if measured is None:
            return not_verified(required, "the network was not run on the images")
        result = measured.result
        if isinstance(result, NotMeasured):
            return replace(not_verified(required, result.reason), hint=result.hint)
        if isinstance(result, Unfit):
            where = (Location(result.place, ""),) if result.place is not None else ()
            return Verdict("failed", None, "–", required, result.reason, where, note=result.note)
        return _judged(result, options)

    def needs(self, options: AccuracyOptions) -> Needs:
        return Needs(accuracy=(options.task,))


MOST_CHANGED = 0.01
"""The share of images that may be answered in another way the second time: rounding decides where
two scores are all but equal, and which images share a batch decides how it rounds."""


def _judged(result: Measured, options: AccuracyOptions) -> Verdict:
    low, high = result.interval
    around = any(low < bound < high for bound in options.given.values())
    return Verdict(
        status="passed" if options.holds(result.percent) else "failed",
        found=_data(result, options),
        found_text=f"{_rounded(result.percent)} %",
        required=options.describe(),
        message=_sentence(result, options, around),
        note=f"95 % interval {low:.1f}–{high:.1f} %" + (", around the bound" if around else ""),
        hint=(
            f"other images of the kind of {DATASETS[options.dataset].title}'s might have told "
            "otherwise"
            if around
            else ""
        ),
        asides=_changing(result),
    )


def _changing(result: Measured) -> tuple[Aside, ...]:
    """The remark on answers that depend on more than the image."""
    if result.changed <= MOST_CHANGED * result.repeated:
        return ()
    text = (
        f"{result.changed:,} of {result.repeated:,} images that were shown twice are classified in "
        "another way among other images: the answers depend on the order of the images, or on "
        "those beside them"
    )
    return (Aside(Verdict("failed", result.changed, f"{result.changed:,}", "none", text)),)


def _sentence(result: Measured, options: AccuracyOptions, around: bool) -> str:
    low, high = result.interval
    title = DATASETS[options.dataset].title
    text = (
        f"{result.correct:,} of {title}'s {result.total:,} test images are classified right, "
        f"{_rounded(result.percent)} % (95 % interval {low:.2f} to {high:.2f} %"
        f"{', around the bound' if around else ''}), on {result.device}; "
        f"{options.demand('')}"
    )
    if result.undefined:
        text += f"; {result.undefined:,} images have NaN among their scores"
    if result.remark:
        text += f"; weights read {result.remark}"
    return text


def _data(result: Measured, options: AccuracyOptions) -> dict[str, Any]:
    low, high = result.interval
    weights = {"file": result.weights, "sha256": result.sha256} if result.weights else None
    return {
        "dataset": options.dataset,
        "correct": result.correct,
        "total": result.total,
        "accuracy": float(result.percent),
        "interval": [low, high],
        "device": result.device,
        "seconds": round(result.seconds, 3),
        "weights": weights,
    }


def _rounded(percent: Fraction) -> str:
    """Two decimals, which 10,000 images need; cut, so that 84.999 is never shown as 85."""
    return f"{int(percent * 100) / 100:.2f}"
