"""The kinds of operation: one short name for functions and methods of the same meaning.

The sets below follow from the table of operations (:mod:`archcheck.network.ops`).
"""

from __future__ import annotations

from archcheck.network import ops
from archcheck.network.ops import Family, Row

ESCAPE = "escape"
"""The kind that stands for a value taken out of the graph into Python."""
SCRIPT = "script"
"""The kind of what torch's own interpreter runs, which is not seen."""
FROZEN = "frozen"
"""The argument of scripted code that says whether its weights are constants of the code."""
IN_PLACE_WRITE = "in_place"
"""The argument that marks an operation as having written into its first operand."""

ROWS: dict[str, Row] = {}
"""The row of the table that describes each kind."""
ALIASES: dict[str, str] = {}
"""The kind that each other name stands for."""
for _row in ops.TABLE:
    for _names in _row.kinds.split():
        _kind, *_others = _names.split("|")
        ROWS[_kind] = _row
        ALIASES.update(dict.fromkeys(_others, _kind))

_FAMILIES: dict[str, set[str]] = {}
for _kind, _row in ROWS.items():
    _FAMILIES.setdefault(_row.family.name, set()).add(_kind)


def _of(*families: Family) -> frozenset[str]:
    return frozenset[str]().union(*[_FAMILIES[family.name] for family in families])


CONVOLUTIONS = _of(ops.CONVOLUTION)
TRANSPOSED_CONVOLUTIONS = _of(ops.TRANSPOSED_CONVOLUTION)
LINEAR = _of(ops.LINEAR)
MATRIX_PRODUCTS = _of(ops.MATRIX_PRODUCT)
ADDING_PRODUCTS = frozenset({"addmm", "baddbmm", "addbmm", "addmv"})
"""The products whose first operand is only added to them."""
ATTENTION = _of(ops.ATTENTION)
RECURRENT = _of(ops.RECURRENT)
CELLS = _of(ops.CELL)
FIXED_MAX_POOLS = _of(ops.MAX_POOL)
MAX_POOLS = _of(ops.MAX_POOL, ops.ADAPTIVE_MAX_POOL, ops.FRACTIONAL_POOL)
LP_POOLS = _of(ops.LP_POOL)
FIXED_AVERAGE_POOLS = _of(ops.AVERAGE_POOL)
FIXED_POOLS = _of(ops.MAX_POOL, ops.AVERAGE_POOL, ops.LP_POOL)
ADAPTIVE_AVERAGE_POOLS = _of(ops.ADAPTIVE_AVERAGE_POOL)
ADAPTIVE_POOLS = _of(ops.ADAPTIVE_AVERAGE_POOL, ops.ADAPTIVE_MAX_POOL)
FRACTIONAL_POOLS = _of(ops.FRACTIONAL_POOL)
POOLS = FIXED_POOLS | ADAPTIVE_POOLS | FRACTIONAL_POOLS
UNPOOLS = _of(ops.UNPOOL)
NORMALIZATIONS = _of(ops.NORMALIZATION)
ACTIVATIONS = _of(ops.ACTIVATION)
DROPOUTS = _of(ops.DROPOUT)
ARITHMETIC = _of(ops.ARITHMETIC)
COPIES = _of(ops.COPY)
VIEWS = _of(ops.VIEW)
EMBEDDINGS = _of(ops.EMBEDDING)
WINDOW_VIEWS = _of(ops.WINDOW_VIEW)
WRITES = _of(ops.WRITE)
JOINS = _of(ops.JOIN)
PADDING = _of(ops.PADDING)
RESAMPLING = _of(ops.RESAMPLING)
REDUCTIONS = _of(ops.REDUCTION)
RUNNING = _of(ops.RUNNING_SCAN)
SCANS = _of(ops.RUNNING_SCAN, ops.SORT)
SPECTRA = _of(ops.SPECTRUM)
FACTORIES = _of(ops.FACTORY)
PACKING = _of(ops.PACKING)
UNFOLLOWED_LAYERS = _of(ops.UNFOLLOWED_LAYER)
UNFOLLOWED = UNFOLLOWED_LAYERS | _of(ops.SEARCH, ops.REARRANGEMENT)
"""The kinds of known cost whose fields are not modelled."""
STRUCTURE = _of(ops.STRUCTURE)

SIZED_BY_VALUES = {
    **dict.fromkeys(("nonzero", "unique", "bincount", "nms", "where"), 0),
    **dict.fromkeys(("masked_select", "getitem"), 1),
    **dict.fromkeys(("repeat_interleave", "_pack_padded_sequence"), 1),
}
"""The kinds whose result may be as large as values say, and the first operand that says so."""

KNOWN = frozenset(ROWS)
"""All kinds whose meaning is known."""
COUNTED = frozenset([kind for kind, row in ROWS.items() if row.family.cost == ops.COUNTED])
"""The kinds whose multiply-accumulates are counted."""
FREE = frozenset([kind for kind, row in ROWS.items() if row.family.cost == ops.FREE])
"""The kinds that, by convention, cost no multiply-accumulates."""
LAYER_KINDS = frozenset(
    [kind for kind, row in ROWS.items() if (row.family.layer if row.layer is None else row.layer)]
)
"""The functions that get a row of their own in a layer table when called outside of a layer."""
ELEMENTWISE = frozenset([kind for kind, row in ROWS.items() if row.elementwise])
"""The kinds that combine each element with those at the same place."""
BROADCASTING = frozenset([kind for kind, row in ROWS.items() if row.elementwise == ops.SEVERAL])
"""The elementwise kinds that read several tensors, of shapes that broadcast."""
TEMPLATES = frozenset([kind for kind, row in ROWS.items() if row.template])
"""The kinds whose second tensor provides only its shape or type, not its values."""
MASKING = frozenset([kind for kind, row in ROWS.items() if row.masks])
"""The kinds by which a constant mask closes paths."""
INDEXING = frozenset([kind for kind, row in ROWS.items() if row.indexes])
"""The kinds whose constant indices say where values go."""

SHAPE_IS_ENOUGH = FACTORIES | TEMPLATES
"""The kinds that do not read the values of all their inputs."""
_REFLECTED = frozenset("add sub mul div truediv matmul pow floordiv mod and or xor".split())


def values_read(kind: str, inputs: tuple[int, ...]) -> tuple[int, ...]:
    """Those of an operation's inputs whose values it reads, not only their shape or type."""
    if kind not in SHAPE_IS_ENOUGH:
        return inputs
    return () if kind in FACTORIES else inputs[:1]


def kind_of(function: str) -> tuple[str, bool]:
    """The kind of a function by its public name, and whether the name marks it as in place.

    >>> kind_of("torch.Tensor.__radd__")
    ('add', False)
    >>> kind_of("torch.nn.functional.relu_")
    ('relu', True)
    """
    name, in_place = short_name(function)
    return ALIASES.get(name, name), in_place


def short_name(function: str) -> tuple[str, bool]:
    """A function's name without its owner and the mark of writing in place, and whether it had one.

    >>> short_name("torch.Tensor.__isub__")
    ('sub', True)
    """
    owner, _, name = function.rpartition(".")
    in_place = False
    if name == "__get__":  # a property, such as Tensor.T
        name = owner.rpartition(".")[2]
    elif name.startswith("__") and name.endswith("__"):
        name = name[2:-2]
        if name == "setitem":
            in_place = True
        elif name[0] == "i" and name[1:] in _REFLECTED:
            name, in_place = name[1:], True
        elif name[0] == "r" and name[1:] in _REFLECTED:
            name = name[1:]
    elif name.endswith("_") and not name.endswith("__") and name != "requires_grad_":
        name, in_place = name[:-1], True
    if name == "unfold" and owner.endswith("Tensor"):
        name = "tensor_unfold"
    return name, in_place
