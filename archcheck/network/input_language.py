"""The language in which specs, settings, the command line and Python describe inputs.

An input is its shape without the batch, ``[3, 32, 32]``; or a table with more, ``{shape: [128],
dtype: int64, below: 30522}``; a value of Python, ``false`` or ``{python: [1, 2]}``; or a list or a
table of inputs, which forward is given as one argument.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from archcheck.errors import closest
from archcheck.network.inputs import AXES, BATCH, DTYPES, INTEGERS, Input, Inputs, Path, PlainValue
from archcheck.phrases import how_many

KEYS = ("shape", "dtype", "from", "below", "value", "batch", "axes", "python")
"""What a table says of an input."""
DTYPE_WORDS = {
    "float": "float32",
    "double": "float64",
    "half": "float16",
    "long": "int64",
    "int": "int32",
}
"""Other names that torch has for types."""
_SCALARS = (bool, int, float, str, type(None))
_MOST = {"int64": 63, "int32": 31, "int16": 15, "int8": 7, "uint8": 8}
"""The bits of the largest number of each type of integers."""

WANTED = "a shape without the batch, like [3, 32, 32], or {shape: [128], dtype: int64, below: 1000}"


class Fault(NamedTuple):
    """What is wrong, and the keys that lead there; ``key`` is whether the last of them is wrong
    itself."""

    path: Path
    message: str
    key: bool = False


class InputsError(ValueError):
    """Inputs are described wrongly, in one or several ways."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(faults[0].message)
        self.faults = tuple(faults)


def read_input(data: Any) -> Inputs:
    """What stands under ``input``: one input, or a list of them, in the order of forward.

    Raises:
        InputsError: with all that is wrong.
    """
    if isinstance(data, Mapping) or _is_shape(data):
        return _read({0: data}, {0: ()})
    if not isinstance(data, (list, tuple)):
        raise InputsError([Fault((), f"input is {WANTED}")])
    values = [
        Fault((n,), f"input is {WANTED}") for n, e in enumerate(data) if isinstance(e, _SCALARS)
    ]
    if values:
        raise InputsError(values)
    return _read(data, {})


def read_inputs(data: Any) -> Inputs:
    """What stands under ``inputs``: a table of names and inputs, or a list of inputs.

    A number in place of a name is the place of an argument without one.

    Raises:
        InputsError: with all that is wrong.
    """
    return _read(data, {})


def read_variant(data: Any, base: Inputs) -> Inputs:
    """Inputs in place of others: what stands under ``input``, or a table of names and inputs, which
    take the place of those of the same names.

    Raises:
        InputsError: with all that is wrong.
    """
    if not isinstance(data, Mapping) or _describes(data):
        return read_input(data)
    own = read_inputs(data)
    replaced = {each.path[0] for each in own}
    return (*(each for each in base if each.path[0] not in replaced), *own)


def tensor(table: Mapping[str, Any], path: Path) -> Input | PlainValue:
    """One input from what a table says of it.

    Raises:
        InputsError: with all that is wrong.
    """
    reader = _Reader()
    reader.table(table, path, ())
    return reader.result()[0]


def _read(data: Any, at: Mapping[int, Path]) -> Inputs:
    """Inputs from a table or a list; ``at`` are the keys to entries that stand elsewhere."""
    reader = _Reader()
    if isinstance(data, Mapping):
        entries = list(data.items())
    elif isinstance(data, (list, tuple)):
        entries = list(enumerate(data))
    else:
        raise InputsError([Fault((), "inputs is a table of names and inputs, or a list of inputs")])
    if not entries:
        raise InputsError([Fault((), "there is no input: say at least one")])
    for name, entry in entries:
        reader.argument(name, entry, at.get(name, (name,)))
    return reader.result()


def _is_shape(value: Any) -> bool:
    """Whether a value is a list of numbers, right or wrong ones."""
    return (
        isinstance(value, (list, tuple))
        and bool(value)
        and all(isinstance(side, (int, float)) and not isinstance(side, bool) for side in value)
    )


class _Reader:
    """Reads descriptions one after the other and keeps what is wrong with them."""

    def __init__(self) -> None:
        self._inputs: list[Input | PlainValue] = []
        self._faults: list[Fault] = []

    def result(self) -> Inputs:
        """What was read.

        Raises:
            InputsError: if anything was wrong.
        """
        if self._faults:
            raise InputsError(self._faults)
        return tuple(self._inputs)

    def _fault(self, at: Path, message: str, *, key: bool = False) -> None:
        self._faults.append(Fault(at, message, key))

    def argument(self, name: Any, entry: Any, at: Path) -> None:
        """An argument of forward; ``at`` are the keys to its description."""
        if isinstance(name, str) and name.isdecimal():
            name = int(name)
        named = isinstance(name, str) and name.isidentifier()
        if not named and (isinstance(name, bool) or not isinstance(name, int) or name < 0):
            self._fault(at, f"{name!r} is no name that a parameter of forward can have", key=True)
            return
        self.entry(entry, (name,), at)

    def entry(self, entry: Any, path: Path, at: Path) -> None:
        """One input, or a list or a table of them."""
        if isinstance(entry, _SCALARS):
            self._inputs.append(PlainValue(path, entry))
        elif _is_shape(entry):
            self._add(path, shape=self._shape(entry, at))
        elif isinstance(entry, Mapping):
            if _describes(entry):
                self.table(entry, path, at)
            else:
                self._nested(entry.items(), entry, path, at)
        elif isinstance(entry, (list, tuple)):
            self._nested(enumerate(entry), entry, path, at)
        else:
            self._fault(at, f"an input is {WANTED}, not {type(entry).__name__}")

    def _nested(self, items: Any, whole: Any, path: Path, at: Path) -> None:
        if not whole:
            kind = "{python: {}}" if isinstance(whole, Mapping) else "{python: []}"
            self._fault(at, f"this is empty: write {{shape: []}} for one number, or {kind}")
        for key, entry in items:
            if isinstance(whole, Mapping) and not isinstance(key, str):
                self._fault((*at, key), f"the keys of a table of inputs are names, not {key!r}")
            else:
                self.entry(entry, (*path, key), (*at, key))

    def table(self, table: Mapping[str, Any], path: Path, at: Path) -> None:
        """One input from a table of what is said of it."""
        for key in table:
            if key not in KEYS:
                message = f'unknown key "{key}"{closest(str(key), KEYS)}'
                self._fault((*at, key), message, key=True)
        if "python" in table:
            for key in table:
                if key != "python" and key in KEYS:
                    self._fault((*at, key), f"python is a value as it is: leave out {key}")
            if not _is_plain(table["python"]):
                self._fault((*at, "python"), "python is a number, a text, or a list or table")
            self._inputs.append(PlainValue(path, table["python"]))
            return
        if "shape" not in table:
            self._fault(at, "the shape is missing: its sides without the batch, like [3, 32, 32]")
            return
        before = len(self._faults)
        said = self._said(table, at)
        if len(self._faults) == before:
            self._add(path, **said)

    def _said(self, table: Mapping[str, Any], at: Path) -> dict[str, Any]:
        shape = self._shape(table["shape"], (*at, "shape"))
        dtype = self._dtype(table, at)
        start, below = self._range(table, dtype, at)
        axes, batch = self._axes(table, len(shape), at)
        return {
            "shape": shape,
            "dtype": dtype,
            "start": start,
            "below": below,
            "value": self._value(table, dtype, at),
            "batch": batch,
            "axes": axes,
        }

    def _add(self, path: Path, **said: Any) -> None:
        self._inputs.append(Input(path=path, **said))

    def _shape(self, sides: Any, at: Path) -> tuple[int, ...]:
        if not isinstance(sides, (list, tuple)):
            self._fault(at, f"shape is a list of sides without the batch, not {sides!r}")
            return ()
        for place, side in enumerate(sides):
            if not _is_whole(side) or side < 1:
                self._fault(
                    (*at, place),
                    f"a shape is whole numbers above 0, like [3, 32, 32], not {side!r}",
                )
        return tuple(sides)

    def _dtype(self, table: Mapping[str, Any], at: Path) -> str:
        word = table.get("dtype")
        if word is None:
            return _implied(table)
        name = str(word).removeprefix("torch.")
        name = DTYPE_WORDS.get(name, name)
        if name not in DTYPES:
            message = f'there is no dtype "{word}"{closest(str(word), DTYPES)}'
            self._fault((*at, "dtype"), message)
            return _implied(table)
        return name

    def _range(self, table: Mapping[str, Any], dtype: str, at: Path) -> tuple[int, int | None]:
        start, below = table.get("from", 0), table.get("below")
        for key in ("from", "below"):
            if table.get(key) is None:
                continue
            if not _is_whole(table[key]):
                self._fault((*at, key), f"{key} is a whole number, not {table[key]!r}")
                return 0, None
            if dtype not in INTEGERS:
                self._fault((*at, key), f"{key} is for integers: dtype is {dtype or 'float32'}")
                return 0, None
            if table.get("value") is not None:
                self._fault((*at, key), f"with value nothing is drawn: leave out {key}")
        if below is not None and below <= start:
            self._fault((*at, "below"), f"no integer from {start} on is below {below}")
        most = 1 << _MOST.get(dtype, 64)
        least = 0 if dtype == "uint8" else -most
        if start < least or (below or start + 2) > most:
            at_fault = "from" if start < least or below is None else "below"
            self._fault((*at, at_fault), f"{table.get(at_fault)} is out of the range of {dtype}")
        return start, below

    def _value(self, table: Mapping[str, Any], dtype: str, at: Path) -> Any:
        value = table.get("value")
        if value is None:
            return None
        if isinstance(value, str) or not isinstance(value, (bool, int, float)):
            self._fault((*at, "value"), f"value is a number, true or false, not {value!r}")
        elif dtype in INTEGERS and (isinstance(value, float) or abs(value) >= 1 << _MOST[dtype]):
            self._fault((*at, "value"), f"{value!r} is no number that {dtype} holds")
        elif dtype == "bool" and value not in (0, 1):
            self._fault((*at, "value"), f"{value!r} is no value that bool has")
        return value

    def _axes(
        self, table: Mapping[str, Any], sides: int, at: Path
    ) -> tuple[tuple[str, ...], int | None]:
        """The names of the sides, and the place of the batch's axis."""
        batch = self._batch(table, sides, at)
        names = table.get("axes")
        if names is None:
            return (), batch
        if not isinstance(names, (list, tuple)) or not all(isinstance(n, str) for n in names):
            self._fault((*at, "axes"), "axes is a list of names, like [length, channels]")
            return (), batch
        for place, name in enumerate(names):
            if name not in (*AXES, BATCH):
                hint = closest(name, AXES) or f"; there are {', '.join(AXES)}"
                self._fault((*at, "axes", place), f'there is no axis "{name}"{hint}')
        if BATCH in names:
            place = list(names).index(BATCH)
            if "batch" in table and batch != place:
                self._fault((*at, "batch"), "axes names another place for the batch")
            batch = place
        names = tuple(name for name in names if name != BATCH)
        if len(names) != sides:
            self._fault(
                (*at, "axes"), f"axes names {how_many(len(names), 'side')}, the shape has {sides}"
            )
        return names, batch

    def _batch(self, table: Mapping[str, Any], sides: int, at: Path) -> int | None:
        place = table.get("batch", 0)
        if place is None or place == "none":
            return None
        if not _is_whole(place) or not 0 <= place <= sides:
            wanted = f"0 to {sides}, or none" if sides else "0 or none"
            self._fault((*at, "batch"), f"batch is the place of its axis, {wanted}, not {place!r}")
            return 0
        return int(place)


def _describes(table: Mapping[Any, Any]) -> bool:
    """Whether a table says what one input is, rather than naming several."""
    if "shape" in table or "python" in table:
        return True
    return any(key in KEYS for key in table) and all(
        isinstance(value, _SCALARS) for value in table.values()
    )


def _implied(table: Mapping[str, Any]) -> str:
    """The type of what is drawn or filled where none is said."""
    value = table.get("value")
    if isinstance(value, bool):
        return "bool"
    integers = isinstance(value, int) or _is_whole(table.get("below", table.get("from")))
    return "int64" if integers else ""


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_plain(value: Any) -> bool:
    """Whether a value is a number, a text, None, or lists and tables of these."""
    if isinstance(value, (list, tuple)):
        return all(map(_is_plain, value))
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and _is_plain(item) for key, item in value.items())
    return isinstance(value, _SCALARS)


def written(inputs: Inputs) -> tuple[str, Any]:
    """Inputs in this language: the key that they stand under, and what stands there."""
    if all(isinstance(each, Input) and not each.described for each in inputs) and [
        each.path for each in inputs
    ] == [(place,) for place in range(len(inputs))]:
        shapes = [list(each.shape) for each in inputs if isinstance(each, Input)]
        if all(shapes):
            return "input", shapes[0] if len(shapes) == 1 else shapes
    whole: dict[str | int, Any] = {}
    for each in inputs:
        place = whole
        for key in each.path[:-1]:
            place = place.setdefault(key, {})
        place[each.path[-1]] = _described(each)
    if list(whole) == list(range(len(whole))):
        return "inputs", [_with_lists(entry) for entry in whole.values()]
    return "inputs", {key: _with_lists(entry) for key, entry in whole.items()}


def input_data(inputs: Inputs) -> list[dict[str, Any]]:
    """What is said of each input as data, with its name: empty for an argument without one."""
    found = []
    for each in inputs:
        name = "" if isinstance(each.path[0], int) else ".".join(map(str, each.path))
        said = _described(each)
        if isinstance(each, PlainValue):
            said = {"python": each.value}
        elif isinstance(said, list):
            said = {"shape": said}
        found.append({"name": name, **said})
    return found


def _with_lists(entry: Any) -> Any:
    """An entry with lists where its keys are places."""
    if not isinstance(entry, dict) or "shape" in entry or "python" in entry:
        return entry
    inner = {key: _with_lists(value) for key, value in entry.items()}
    return list(inner.values()) if all(isinstance(key, int) for key in inner) else inner


def _described(each: Input | PlainValue) -> Any:
    if isinstance(each, PlainValue):
        plain = isinstance(each.value, _SCALARS)
        return each.value if plain else {"python": each.value}
    said: dict[str, Any] = {"shape": list(each.shape)}
    if each.dtype:
        said["dtype"] = each.dtype
    if each.start:
        said["from"] = each.start
    if each.below is not None:
        said["below"] = each.below
    if each.value is not None:
        said["value"] = each.value
    if each.batch != 0:
        said["batch"] = "none" if each.batch is None else each.batch
    if each.axes:
        said["axes"] = list(each.axes)
    return said["shape"] if list(said) == ["shape"] and each.shape else said
