"""Everything that is known about the field at one location of a network."""

from __future__ import annotations

from dataclasses import dataclass

from archcheck.fields.explain.effective import Effective
from archcheck.fields.explain.path import HIGH, LOW, FieldPath, field_path, joining_ops
from archcheck.fields.field import Field, UnitField
from archcheck.fields.locations import MapLocation
from archcheck.fields.receptive_field import ReceptiveField, receptive_field
from archcheck.fields.walks import UnknownField
from archcheck.network import Network, Op


@dataclass(frozen=True)
class Summary:
    """The field at a location, and that of one of its units.

    ``actual`` holds the smallest and the largest side of the units' fields inside the image, for
    each axis; ``padding`` how far the first unit's field begins in front of the image and the
    last one's ends behind it (negative where they stay inside). ``without_gates`` is the unit's
    field without the paths through operations that join all positions: None if there are no such
    operations, or no other paths. ``strict`` is the field with normalisation joined, None if no
    norm in front of the location joins positions; ``joined_by`` and ``norms`` are those operations.
    ``paths`` has the lower and the higher end for every axis, where it is known.
    ``effective`` is the effective field by gradients, if it was measured.
    """

    rf: ReceptiveField
    location: MapLocation
    field: Field
    unit: UnitField
    actual: tuple[tuple[int, int], ...]
    padding: tuple[tuple[int, int], ...]
    without_gates: UnitField | None
    strict: Field | None
    joined_by: tuple[Op, ...]
    norms: tuple[Op, ...]
    paths: tuple[FieldPath, ...]
    effective: Effective | None = None


def summarize(
    rf: ReceptiveField, location: MapLocation, unit: tuple[int, ...] | None = None
) -> Summary:
    """Everything about the field at a location; ``unit`` is the one in the middle by default.

    Raises:
        IndexError: if there is no such unit.
        UnknownField: if an operation in front of the location is not modelled.
    """
    field = rf.at(location)
    chosen = field.unit(unit)
    index = chosen.unit
    joined = joining_ops(rf, location) or ((field.joined_by,) if field.joined_by else ())
    norms = rf.joining_norms(location)
    paths = [
        field_path(rf, location, axis, end, index) for axis in _axes(field) for end in (LOW, HIGH)
    ]
    return Summary(
        rf,
        location,
        field,
        chosen,
        tuple((axis.smallest, axis.size) for axis in field.actual_axes),
        tuple(_padding(field, axis) for axis in _axes(field)),
        _without_gates(field, index) if field.local != field.size else None,
        _strict(rf, location) if norms else None,
        joined,
        norms,
        tuple(path for path in paths if path is not None),
    )


def first_known(
    network_fields: list[ReceptiveField], name: str
) -> tuple[ReceptiveField, MapLocation]:
    """The first input whose positions reach the location of a name.

    Raises:
        KeyError: if no module of that path was called.
        UnknownField: if the field is not known from any input; the first one's reason.
    """
    reason: UnknownField | None = None
    for rf in network_fields:
        location = rf.locations(name)[0]
        try:
            rf.at(location)
        except UnknownField as error:
            reason = reason or error
        else:
            return rf, location
    assert reason is not None
    raise reason


@dataclass(frozen=True)
class Answer:
    """The field at a location in the positions of one input, or why it is not known."""

    rf: ReceptiveField
    location: MapLocation
    field: Field | UnknownField


def from_every_input(network: Network) -> list[ReceptiveField]:
    """The receptive fields with respect to each of a network's inputs."""
    return [receptive_field(network, input_index=index) for index in range(len(network.inputs))]


def answers(views: list[ReceptiveField], name: str) -> list[Answer]:
    """An answer for every location of a name and every input that leads there.

    ``views`` are the fields from every input; inputs without spatial axes are asked where no other
    leads. A location to which no input leads has one answer, which says so.
    """
    found: list[Answer] = []
    for number in range(len(views[0].locations(name))):
        found += (
            _leading([rf for rf in views if rf.sides], name, number)
            or _leading([rf for rf in views if not rf.sides], name, number)
            or [_answer(views[0], views[0].locations(name)[number])]
        )
    return found


def _leading(views: list[ReceptiveField], name: str, number: int) -> list[Answer]:
    """The answers of the inputs that lead to a location."""
    tried = [_answer(rf, rf.locations(name)[number]) for rf in views]
    return [answer for answer in tried if _leads_there(answer)]


def elsewhere(summary: Summary) -> list[Answer]:
    """The other answers to the same question, where there are several outputs or inputs."""
    name = summary.location.name
    if name.startswith(("features[", "output[")):
        name = name.partition("[")[0]
    shown = (summary.rf.input_index, summary.location.name)
    found = answers(from_every_input(summary.rf.network), name)
    return [answer for answer in found if (answer.rf.input_index, answer.location.name) != shown]


def _answer(rf: ReceptiveField, location: MapLocation) -> Answer:
    try:
        return Answer(rf, location, rf.at(location))
    except UnknownField as error:
        return Answer(rf, location, error)


def _leads_there(answer: Answer) -> bool:
    return isinstance(answer.field, Field) or bool(answer.field.causes)


def _axes(field: Field) -> range:
    return range(len(field.axes))


def _padding(field: Field, axis: int) -> tuple[int, int]:
    first = field.positions(axis, (0,) * len(field.shape))
    last = field.positions(axis, tuple(length - 1 for length in field.shape))
    side = field.sides[axis]
    return (-first.low if first else 0), (last.high - (side - 1) if last else 0)


def _without_gates(field: Field, unit: tuple[int, ...]) -> UnitField | None:
    gateless = field.unit(unit, gates=False)
    return gateless if gateless.theoretical.boxes else None


def _strict(rf: ReceptiveField, location: MapLocation) -> Field | None:
    try:
        return receptive_field(rf.network, input_index=rf.input_index, normalization="joins").at(
            location
        )
    except UnknownField:
        return None
