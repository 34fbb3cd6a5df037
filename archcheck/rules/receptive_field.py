"""``receptive-field``: how much of the input one unit sees."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field as Option
from pydantic import model_validator

from archcheck.errors import closest
from archcheck.fields import Field, MapLocation, ReceptiveField, UnknownField, UnknownLocation
from archcheck.fields.explain.growth import by_block
from archcheck.fields.explain.path import widest_path
from archcheck.phrases import size_text
from archcheck.rules.base import (
    Baseline,
    Example,
    Rule,
    Subject,
    Verdict,
    call_location,
    location,
    not_verified,
    register,
)
from archcheck.rules.baseline import judged, proposed
from archcheck.rules.options import Amount, CommonOptions, ShareBounds

AXIS_NUMBERS = {"depth": -3, "height": -2, "width": -1}
"""The axes of an input whose axes have no names; others have to be named."""
Position = Literal["depth", "frames", "frequency", "height", "length", "time", "width"]


class ReceptiveFieldOptions(Amount, CommonOptions):
    """How large, where, on which axis, with how many holes."""

    optional: ClassVar[bool] = True

    at: str = Option(
        "features",
        description="features (the last map before the head), output, or a module's path.",
    )
    axis: Position | int | None = Option(
        None, description="One axis (by name or number); by default every axis has to comply."
    )
    coverage: ShareBounds | None = Option(
        None, description="The share of positions inside the field that are really read."
    )
    normalization: Literal["ignored", "joins"] = Option(
        "ignored",
        description="joins: layer, group and instance norms over space join all positions.",
    )
    gates: Literal["counted", "ignored"] = Option(
        "counted",
        description="ignored: the field without what squeeze-and-excite and other gates bring in.",
    )

    @model_validator(mode="after")
    def _asks_something(self) -> ReceptiveFieldOptions:
        if not self.given and self.coverage is None:
            raise ValueError("say how large (more_than, at_least, ...) or how much coverage")
        return self


@register
class ReceptiveFieldRule(Rule):
    """
    ## What it does
    Computes the theoretical receptive field: the side of the square of input positions that one
    unit depends on, as on an image without borders. It is exact for whole graphs: strides,
    dilation, residual paths, branches, transposed convolutions and upsampling. By default the
    last map before the head is asked (`at: features`), because through a global pool every
    network sees whatever its last map sees. `at: output` or a module's path asks elsewhere.

    An operation that is not modelled makes the answer *not verified*, with its line.

    ## Why it matters
    A unit cannot recognise what it cannot see. Strides and pools widen the field of every later
    layer; a spreadsheet gets them wrong as soon as a branch or a dilation is involved.

    ## Example
    ```yaml
    rules:
      receptive-field:
        - {more_than: 44}
        - {at_least: 16, at: block2, coverage: {at_least: 90%}}
    ```

    ## References
    - A. Araujo, W. Norris and J. Sim, "Computing Receptive Fields of Convolutional Neural
      Networks", Distill 2019.
    """

    name = "receptive-field"
    summary = "The theoretical receptive field of a unit."
    Options = ReceptiveFieldOptions
    passes = (
        Example(
            "nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3, dilation=2))", {"exactly": 7}
        ),
        Example("nn.Sequential(nn.Conv2d(3, 8, 5), nn.AdaptiveAvgPool2d(1))", {"exactly": 5}),
    )
    fails = (
        Example("nn.Sequential(nn.Conv2d(3, 8, 3), nn.AdaptiveAvgPool2d(1))", {"more_than": 3}),
        Example(
            "nn.Sequential(nn.Conv2d(3, 8, 1, stride=2), nn.Conv2d(8, 8, 3))",
            {"coverage": {"at_least": 1}},
        ),
        Example("nn.Conv2d(3, 8, (3, 5))", {"at_least": 5}),
    )

    def check(self, subject: Subject, options: ReceptiveFieldOptions) -> Verdict:
        required = _required(options)
        judged: list[tuple[ReceptiveField, Field]] = []
        # Every input with space in it has to be seen widely enough.
        for number in range(len(subject.network.inputs)):
            rf = subject.fields(options.normalization, number)
            try:
                locations = rf.locations(options.at)
            except UnknownLocation:
                return _no_such_location(subject, options.at, required)
            for place in locations:
                try:
                    field = rf.at(place)
                except UnknownField as error:
                    if error.causes or len(subject.network.inputs) == 1:
                        return _unknown(subject, error, required)
                    continue  # this input does not lead there
                if _axes(field, options.axis):
                    judged.append((rf, field))
                elif rf.sides or len(subject.network.inputs) == 1:
                    reason = f"the map at {place.name} has no such axis"
                    return not_verified(required, reason if field.axes else _NO_SPACE)
        if not judged:
            return not_verified(required, _NO_SPACE)
        broken = [(rf, field) for rf, field in judged if _broken_axes(field, options)]
        rf, field = (broken or judged)[0]
        return _verdict(rf, field, options, required)

    def baseline(self, subject: Subject) -> Baseline:
        verdict = judged(self, subject, {"at_least": 1})
        if verdict.status != "passed":
            return verdict.message
        least = min(verdict.found)
        # Of several inputs and outputs the first one answers; another may be seen less widely.
        while (verdict := judged(self, subject, {"at_least": least})).status == "failed":
            least = min(verdict.found)
        comment = f"{verdict.found_text} {verdict.note}"
        return proposed(self, subject, {"at_least": least}, comment)


_NO_SPACE = "the input has no spatial axes"


def _required(options: ReceptiveFieldOptions) -> str:
    parts = [options.describe()] if options.given else []
    if options.coverage is not None:
        parts.append(f"coverage {options.coverage.describe()}")
    return ", ".join(parts)


def _demand(options: ReceptiveFieldOptions) -> str:
    """What is required, as a clause."""
    parts = [options.demand("fields")] if options.given else []
    if options.coverage is not None:
        parts.append(f"a coverage of {options.coverage.demand('')}")
    return " and ".join(parts)


def _axes(field: Field, axis: str | int | None) -> list[int]:
    count = len(field.axes)
    if axis is None:
        return list(range(count))
    names = field.input.position_names
    if axis in names:
        return [names.index(axis)]
    if isinstance(axis, str) and (field.input.axes or axis not in AXIS_NUMBERS):
        return []
    index = AXIS_NUMBERS[axis] if isinstance(axis, str) else axis
    index += count if index < 0 else 0
    return [index] if 0 <= index < count else []


def _sizes(field: Field, options: ReceptiveFieldOptions) -> list[int]:
    sizes = field.size
    if options.gates == "ignored":
        local = field.local
        sizes = tuple(local[a] or size for a, size in enumerate(sizes))
    return [sizes[axis] for axis in _axes(field, options.axis)]


def _broken_axes(field: Field, options: ReceptiveFieldOptions) -> list[int]:
    """The axes on which the size or the coverage is not as required."""
    coverage = options.coverage
    return [
        axis
        for axis, size in zip(_axes(field, options.axis), _sizes(field, options), strict=True)
        if (options.given and not options.holds(size))
        or (coverage is not None and not coverage.holds(field.coverage[axis]))
    ]


def _verdict(
    rf: ReceptiveField, field: Field, options: ReceptiveFieldOptions, required: str
) -> Verdict:
    broken = _broken_axes(field, options)
    sizes = _sizes(field, options)
    text = size_text(sizes)
    short = bool(options.given) and not all(options.holds(size) for size in sizes)
    coverage = [field.coverage[axis] for axis in _axes(field, options.axis)]
    note = f"at {field.location.name}"
    if len(rf.network.inputs) > 1:
        note += f", in {rf.network.input_name(rf.input_index)}"
    if field.varies:
        note += f", {size_text(field.smallest)} at the smallest"
    if field.is_global and field.joined_by is not None and field.location.name != "output":
        where = field.joined_by.module or field.joined_by.kind
        note += f", global from {where} on"
        if options.gates == "counted" and field.without_joins is not None:
            note += f" ({size_text(field.without_joins)} without)"
    if options.coverage is not None:
        note += f", {min(coverage):.0%} of it read"
    pool = field.before_pool
    if pool is not None:
        note += f"; {size_text(pool.size)} {pool.location.name}"
    norms = rf.joining_norms(field.location)
    if norms:
        word = "counted" if options.normalization == "joins" else "left out"
        note += f"; {norms[0].module or norms[0].kind} would join all positions: {word}"
    least = options.least()
    path = widest_path(rf, field.location, broken[0]) if broken else None
    return Verdict(
        status="failed" if broken else "passed",
        found=_found(field, options),
        found_text=text,
        required=required,
        message=_message(
            field.location.name, text, sizes, options, least, min(coverage, default=1.0), short
        ),
        locations=(location(path.last),) if path and path.last else (),
        note=note,
        growth=by_block(rf.network, path.links) if path else (),
        needed=least if short else None,
        hint=_hint(rf, field.location) if broken else "",
    )


def _found(field: Field, options: ReceptiveFieldOptions) -> Any:
    sizes = _sizes(field, options)
    return sizes if options.axis is None else sizes[0]


def _message(
    at: str,
    text: str,
    sizes: list[int],
    options: ReceptiveFieldOptions,
    least: int | None,
    coverage: float,
    short: bool,
) -> str:
    what = (
        "the last map before the head"
        if at == "features"
        else ("the output" if at == "output" else at)
    )
    if not short and options.coverage is not None:
        return f"{what} reads {coverage:.1%} of the {text} it spans; {_demand(options)}"
    if short and least is not None and min(sizes) < least:
        return f"{what} sees {text} of the input, {least:,} {'is' if least == 1 else 'are'} needed"
    return f"{what} sees {text} of the input; {_demand(options)}"


def _hint(rf: ReceptiveField, features: MapLocation) -> str:
    """What the field would be behind the head's first operation."""
    if features.name != "features" or features.head is None:
        return ""
    op = rf.network.ops[features.head]
    try:
        size = size_text(rf.tensor(op.outputs[0]).size)
    except UnknownField:
        return ""
    place = op.built or op.called
    where = f" ({place})" if place is not None else ""
    return f"through {op.module or op.kind}{where} it is {size}"


def _no_such_location(subject: Subject, at: str, required: str) -> Verdict:
    paths = [module.path for module in subject.network.modules if module.path]
    if at in paths:
        reason = f"{at} is never called"
    else:
        reason = f"there is no module {at!r}{closest(at, paths, quoted=False)}"
    return not_verified(required, reason)


def _unknown(subject: Subject, error: UnknownField, required: str) -> Verdict:
    ops = [subject.network.ops[cause.op] for cause in error.causes if cause.op is not None]
    reason = str(error)
    return not_verified(
        required,
        f"the field is not known: {reason}",
        [call_location(op) for op in ops],
        f"{ops[0].kind} is not modelled" if ops else reason,
    )
