"""What a training script's albumentations pipelines are, as plain data.

The source says what is asked of the library, the live objects what the installed version makes of
it. Sequences are tuples here; what could not be read is :class:`Unknown`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from archcheck.network import Place


@dataclass(frozen=True)
class Unknown:
    """A value that is not known, and why.

    What it has in common with others is known all the same: it is ``scale * symbol + offset``, up
    to ``slack``. A symbol stands for the same number, or sequence of numbers, wherever it is met
    in a pipeline; the symbol ``s[0]`` is the first number of ``s``. Empty, it stands for nothing.
    """

    reason: str
    symbol: str = ""
    scale: float = 1.0
    offset: float = 0.0
    slack: float = 0.0
    is_open: bool = True
    """Whether a run of the script would tell more; not of another library's constant."""


@dataclass(frozen=True)
class Argument:
    """An argument as it was written; a positional one whose name is not known has none."""

    name: str
    value: Any
    place: Place | None = None


@dataclass(frozen=True)
class Transform:
    """A transform, or a composition of ``children``.

    Attributes:
        name: the class, without its module; empty where that is not known.
        arguments: those that were written, in order; without a composition's list.
        incomplete: why there may be more arguments; empty if all are here.
        unknown: why nothing is known; only of a transform without a name.
        own: whether the submission defines the class, not albumentations.
        altered: why it may do something else than albumentations' class; empty if it does not.
        unordered: whether the order of the children is not known, as they came in a set.
        effective: what the installed version was constructed with, its defaults included; None
            where no live object was seen.
        dropped: the names of arguments that the installed version does not take and ignores.
    """

    name: str
    place: Place | None = None
    arguments: tuple[Argument, ...] = ()
    children: tuple[Transform, ...] = ()
    incomplete: str = ""
    unknown: str = ""
    own: bool = False
    altered: str = ""
    unordered: bool = False
    effective: Mapping[str, Any] | None = None
    dropped: tuple[str, ...] = ()

    def walk(self) -> Iterator[Transform]:
        """This transform and all under it, in the order of the source."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True)
class Pipeline:
    """An outermost composition. ``name`` is that of its variable, attribute or function, with the
    class or function that it stands in before it (``Data.train``); empty where it has none.
    ``also`` are further names of it."""

    name: str
    root: Transform
    also: tuple[str, ...] = ()

    def answers_to(self, name: str) -> bool:
        """Whether a name means this pipeline: all of its own, or the beginning or end of it."""
        return any(f".{name}." in f".{own}." for own in (self.name, *self.also))


@dataclass(frozen=True)
class Augmentation:
    """The pipelines of one script.

    Attributes:
        file: the script.
        pipelines: in the order of the source; parts of others are left out.
        loose: transforms that are in no pipeline, though the script makes them.
        chosen: the name that was given of the one to judge; empty if none was.
        library: the version of albumentations that is installed; empty if none is.
        notes: what a reader has to know, such as why there are no live objects.
        reason: why there are no pipelines.
        place: the line that the reason is about.
        absent: there is none for sure, not even in what the script imports.
    """

    file: str
    pipelines: tuple[Pipeline, ...] = ()
    loose: tuple[Transform, ...] = ()
    chosen: str = ""
    library: str = ""
    notes: tuple[str, ...] = field(default=())
    reason: str = ""
    place: Place | None = None
    absent: bool = False
