"""The recipe: one YAML file a network, validated."""

from __future__ import annotations

from itertools import accumulate
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from training.errors import Problem

REFERENCE = r"^[^:]+\.py:[A-Za-z_]\w*$"
RECIPE = r"^[^:]+\.ya?ml$"

Batch = Annotated[int, Field(ge=1, le=5)]
Positive = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Data(Strict):
    """Which images are trained on and which are held out of them for every choice."""

    batches: list[Batch] = Field([1, 2, 3, 4, 5], min_length=1)
    holdout: int = Field(5000, ge=0, description="Images held out; 0 trains on all.")
    split_seed: int = Field(0, ge=0, description="Draws the held-out images, the same every run.")

    @model_validator(mode="after")
    def _leaves_some(self) -> Data:
        if len(set(self.batches)) != len(self.batches):
            raise ValueError(f"a batch is named twice: {self.batches}")
        if self.holdout >= 10_000 * len(self.batches):
            raise ValueError(f"holdout of {self.holdout:,} leaves no image to train on")
        return self


class Optimizer(Strict):
    """Steps and their size: linear warm-up, then a cosine to zero."""

    name: Literal["sgd", "adamw"]
    learning_rate: float = Field(gt=0, description="The peak.")
    momentum: Share = Field(0.9, description="For sgd, with Nesterov's correction.")
    weight_decay: float = Field(0.0, ge=0, description="Not on biases and normalisation.")
    warmup_epochs: float = Field(0.0, ge=0)
    gradient_clip: float | None = Field(None, gt=0, description="The gradient's largest norm.")


class Cycle(Strict):
    """Another cosine to zero, behind the last one (I. Loshchilov and F. Hutter, "SGDR", 2017)."""

    epochs: Positive
    learning_rate: float = Field(gt=0, description="Its peak, which it begins with.")


class MustReach(Strict):
    """Early proof that it learns: training stops with an error where it does not."""

    epoch: Positive
    accuracy: Share = Field(description="On the held-out images, or on the training images.")


class Finish(Strict):
    """The last epochs of the first cycle, on another pipeline: nearly the images that the network
    will be shown."""

    epochs: Positive
    augmentation: str = Field(pattern=REFERENCE, description="FILE:function that gives a Compose.")


class Teaching(Strict):
    """A larger network, trained before, whose scores are learned beside the labels.

    G. Hinton, O. Vinyals and J. Dean, "Distilling the Knowledge in a Neural Network", 2015.
    """

    recipe: str = Field(pattern=RECIPE, description="Its recipe, from the config's folder.")
    temperature: float = Field(4.0, gt=0, description="What both networks' scores are divided by.")
    share: Share = Field(0.9, description="Of the loss. The labels have the rest.")


class Config(Strict):
    """Everything that decides the weights, but for the seed and the device."""

    network: str = Field(pattern=REFERENCE, description="FILE:Class, from the config's folder.")
    augmentation: str = Field(pattern=REFERENCE, description="FILE:function that gives a Compose.")
    together: Positive = Field(
        1, description="Neighbours in the data set that share a draw of the augmentation."
    )
    finish: Finish | None = None
    data: Data = Data()
    epochs: Positive
    batch_size: Positive
    optimizer: Optimizer
    cycles: list[Cycle] = Field([], description="Behind the first one, which `epochs` belongs to.")
    average: Positive = Field(
        1,
        description="The mean of the weights that so many cycles end with, the last ones, is kept.",
    )
    teacher: Teaching | None = None
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    mean: tuple[float, float, float] = Field(description="Of each channel, on a scale of 0 to 1.")
    deviation: tuple[float, float, float]
    precision: Literal["bf16", "fp32"] = Field("bf16", description="bf16 is mixed precision.")
    channels_last: bool = True
    execution: Literal["eager", "graph", "compile"] = Field(
        "eager", description="graph records CUDA graphs; a CPU, which has none, is eager then."
    )
    deterministic: bool = Field(True, description="Only deterministic algorithms.")
    must_reach: MustReach | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Config:
        if self.batch_size > self.training_images:
            raise ValueError(
                f"batch_size {self.batch_size:,} is more than the {self.training_images:,} "
                "images trained on"
            )
        if self.optimizer.warmup_epochs >= self.epochs:
            raise ValueError(
                f"optimizer.warmup_epochs {self.optimizer.warmup_epochs:g} leaves nothing of "
                f"{self.epochs} epochs"
            )
        if self.finish is not None and self.finish.epochs > self.epochs:
            raise ValueError(f"finish.epochs {self.finish.epochs} is more than all there are")
        if self.average > 1 + len(self.cycles):
            raise ValueError(f"average {self.average} is more cycles than there are")
        if self.must_reach is not None and self.must_reach.epoch > self.epochs:
            raise ValueError(f"must_reach.epoch {self.must_reach.epoch} is never reached")
        return self

    @property
    def training_images(self) -> int:
        return 10_000 * len(self.data.batches) - self.data.holdout

    @property
    def pipelines(self) -> dict[int, str]:
        """The augmentations, each under the epoch that it begins with, counted from 0."""
        found = {0: self.augmentation}
        if self.finish is not None:
            found[self.epochs - self.finish.epochs] = self.finish.augmentation
        if self.cycles:
            found[self.epochs] = self.augmentation
        return found

    @property
    def ends(self) -> list[int]:
        """The number of epochs after which each cycle ends."""
        return list(accumulate((cycle.epochs for cycle in self.cycles), initial=self.epochs))

    @property
    def all_epochs(self) -> int:
        """The epochs of all cycles."""
        return self.ends[-1]

    @property
    def steps_per_epoch(self) -> int:
        """Whole batches; what is left over is drawn anew in the next epoch."""
        return self.training_images // self.batch_size


def load_config(path: str | Path) -> Config:
    """The config of a file, its references made absolute.

    Raises:
        Problem: if the file cannot be read or is wrong.
    """
    path = Path(path)
    try:
        content: Any = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise Problem(f"{path}: cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise Problem(f"{path}: no YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise Problem(f"{path}: a mapping of settings is wanted")
    try:
        config = Config.model_validate(content)
    except ValidationError as error:
        said = [
            ": ".join(
                (
                    str(path),
                    *([".".join(map(str, found["loc"]))] if found["loc"] else []),
                    found["msg"].removeprefix("Value error, "),
                )
            )
            for found in error.errors()
        ]
        raise Problem("\n".join(said)) from None
    folder = path.parent.resolve()

    def found(key: str, reference: str) -> str:
        file, _, name = reference.rpartition(":")
        if not (folder / file).is_file():
            raise Problem(f"{path}: {key}: there is no file {folder / file}")
        return f"{folder / file}:{name}"

    finish = config.finish
    if finish is not None:
        last = found("finish.augmentation", finish.augmentation)
        finish = finish.model_copy(update={"augmentation": last})
    teacher = config.teacher
    if teacher is not None:
        recipe = folder / teacher.recipe
        if not recipe.is_file():
            raise Problem(f"{path}: teacher.recipe: there is no file {recipe}")
        teacher = teacher.model_copy(update={"recipe": str(recipe)})
    return config.model_copy(
        update={
            "network": found("network", config.network),
            "augmentation": found("augmentation", config.augmentation),
            "finish": finish,
            "teacher": teacher,
        }
    )
