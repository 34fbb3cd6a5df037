"""What ``rf`` is asked about: points and units by their names, or a message what there is."""

from __future__ import annotations

from difflib import get_close_matches

from archcheck.cli.errors import UsageError
from archcheck.fields import UnknownField, receptive_field
from archcheck.fields.summary import Summary, first_known, summary
from archcheck.network import Network


def field_at(network: Network, at: str, unit: tuple[int, ...] | None) -> Summary | UnknownField:
    """The field at a point of a network, or why it is not known.

    Raises:
        UsageError: if there is no such point or no such unit, or no space to have a field in.
    """
    views = [receptive_field(network, input_index=i) for i in range(len(network.inputs))]
    if not any(rf.sides for rf in views):
        raise UsageError("the input has no axes of space, so there is no receptive field")
    try:
        rf, point = first_known([rf for rf in views if rf.sides], at)
    except KeyError:
        raise UsageError(_no_such_point(network, at)) from None
    except UnknownField as error:
        return error
    try:
        return summary(rf, point, unit)
    except UnknownField as error:
        return error
    except IndexError:
        shape = rf.at(point).shape
        text = ",".join(map(str, unit or ()))
        if not shape:
            there = f"what is left at {point.name} is one unit, without axes: leave --unit out"
        else:
            last = ",".join(str(side - 1) for side in shape)
            first = ",".join("0" for _ in shape)
            sides = "×".join(map(str, shape))
            there = f"the map at {point.name} is {sides}: its units are {first} to {last}"
        raise UsageError(f"--unit {text}: {there}") from None


def _no_such_point(network: Network, at: str) -> str:
    called = list(dict.fromkeys(call.module for call in network.calls if call.module))
    names = ["features", "output", *called]
    if at in {module.path for module in network.modules}:
        return f"--at {at}: that module was never called"
    close = get_close_matches(at, names, 3)
    if close:
        return f"--at {at}: there is no such module; did you mean {' or '.join(close)}?"
    there = ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
    return f"--at {at}: there is no such module; there are {there}"
