"""Networks that are given more than one tensor of real numbers."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import pytest
import torch
from rich.console import Console
from torch import Tensor, nn

import archcheck
from archcheck import trace
from archcheck.fields.explain.summary import summarize
from archcheck.network.input_language import read_inputs
from archcheck.reporters.field_text import print_field
from archcheck.tracing.examples import described
from archcheck.tracing.other_batch import trace_for_batches


class Seen(nn.Module):
    """Keeps what its forward was given the last time."""

    kept: ClassVar[list[Any]] = []

    def keep(self, *values: Any) -> Tensor:
        Seen.kept = list(values)
        return torch.zeros(2, 3)


def seen(forward: str, inputs: Any, **options: Any) -> list[Any]:
    """What a forward of some parameters was given, all of which it keeps in order."""
    names = [name.split("=")[0].strip() for name in forward.split(",")]
    given = ", ".join(name for name in names if name not in ("*", "/"))
    scope: dict[str, Any] = {}
    exec(f"def run(self, {forward}):\n    return self.keep({given})\n", scope)
    net = type("Net", (Seen,), {"forward": scope["run"]})()
    Seen.kept = []
    trace(net, inputs=inputs, **options)
    return Seen.kept


def test_integers_are_drawn_from_their_range() -> None:
    (ids,) = seen("ids", {"ids": {"shape": [500], "from": 3, "below": 7}})
    assert ids.dtype is torch.int64
    assert ids.shape == (1, 500)
    assert set(ids.unique().tolist()) == {3, 4, 5, 6}


@pytest.mark.parametrize("dtype", ["float64", "float16", "complex64", "int32", "uint8", "bool"])
def test_a_tensor_is_of_its_type(dtype: str) -> None:
    (x,) = seen("x", {"x": {"shape": [4], "dtype": dtype}})
    assert x.dtype is getattr(torch, dtype)


def test_a_constant_fills_its_tensor() -> None:
    (mask,) = seen("mask", {"mask": {"shape": [4], "value": 1}})
    assert (mask.dtype, mask.tolist()) == (torch.int64, [[1, 1, 1, 1]])


def test_parameters_are_matched_by_name_whatever_their_kind() -> None:
    inputs = {"c": 3, "b": [2], "a": [1], "e": "five"}
    a, b, c, d, e = seen("a, /, b, *, c, d=4, e", inputs)
    assert (a.shape, b.shape, c, d, e) == ((1, 1), (1, 2), 3, 4, "five")


def test_lists_and_dictionaries_are_one_argument() -> None:
    maps, batch = seen("maps, batch", {"maps": [[3, 4], [5]], "batch": {"x": [6], "n": 2}})
    assert [tuple(each.shape) for each in maps] == [(1, 3, 4), (1, 5)]
    assert (tuple(batch["x"].shape), batch["n"]) == ((1, 6), 2)


@pytest.mark.parametrize(
    ("said", "shape"),
    [
        ({"shape": [7, 5], "batch": 1}, (7, 2, 5)),
        ({"shape": [7, 5], "batch": "none"}, (7, 5)),
        ({"shape": [], "batch": "none"}, ()),
        ({"shape": []}, (2,)),
    ],
)
def test_the_batch_has_its_axis(said: dict[str, Any], shape: tuple[int, ...]) -> None:
    first, x = seen("first, x", {"first": [3], "x": said}, training=True)
    assert (tuple(first.shape), tuple(x.shape)) == ((2, 3), shape)


class Named(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed, self.head = nn.Embedding(10, 4), nn.Linear(4, 3)

    def forward(self, input_ids: Tensor, *, mask: Tensor | None = None) -> dict[str, Tensor]:
        x = self.embed(input_ids)
        if mask is not None:
            x = x * mask[..., None]
        return {"logits": self.head(x.mean(1)), "states": x}


IDS = {"shape": [6], "below": 10}


def test_a_network_knows_what_it_was_given() -> None:
    network = trace(Named(), inputs={"input_ids": IDS, "mask": {"shape": [6], "value": 1.0}})
    assert [str(each) for each in network.given_tensors] == ["input_ids 6 int64", "mask 6"]
    assert [network.tensors[each].name for each in network.inputs] == ["input_ids", "mask"]
    assert [label for label, _ in network.outputs] == ["logits", "states"]


def test_a_name_that_forward_does_not_have_is_told_with_the_closest() -> None:
    with pytest.raises(archcheck.NetworkError) as caught:
        trace(Named(), inputs={"input_id": IDS})
    assert caught.value.message == 'forward has no parameter "input_id"; did you mean "input_ids"?'
    assert caught.value.place is not None


def test_what_is_given_by_place_is_not_given_by_name_as_well() -> None:
    with pytest.raises(archcheck.NetworkError, match="given twice"):
        trace(Named(), inputs={0: IDS, "input_ids": IDS})  # type: ignore[dict-item]


class Recurrent(nn.Module):
    """Its sequence is in front of the batch, whose size it reads."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.head = nn.GRU(5, 4), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        assert x.shape[2] == 5
        start = torch.zeros(1, x.shape[1], 4)
        y: Tensor = self.head(self.rnn(x, start)[0])
        return y


def test_another_batch_is_drawn_on_the_axis_of_the_batch() -> None:
    given = read_inputs({"x": {"shape": [7, 5], "axes": ["length", "batch", "channels"]}})
    network = trace_for_batches(Recurrent(), given)
    assert network.reads_batch is not None
    ((_, output),) = network.outputs
    assert (network.shape(output), network.sample_shape(output)) == ((7, 1, 3), (7, 3))


class Graph(nn.Module):
    """A layer over nodes whose neighbours are listed as edges."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 3)

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        source, target = edge_index
        messages = self.linear(x)[source]
        return torch.zeros(x.shape[0], 3).index_add(0, target, messages)


def test_a_network_without_a_batch_is_not_run_on_another() -> None:
    inputs = {
        "x": {"shape": [10, 4], "batch": "none"},
        "edge_index": {"shape": [2, 40], "below": 10, "batch": "none"},
    }
    network = trace_for_batches(Graph(), read_inputs(inputs))
    ((_, output),) = network.outputs
    assert (network.batch, network.sample_shape(output)) == (1, (10, 3))
    assert network.macs == 10 * 4 * 3
    report = archcheck.verify(
        Graph(), {"inputs": inputs, "rules": {"output-shape": {"shape": [10, 3]}}}
    )
    assert report.passed


class Both(nn.Module):
    """Work on what has a batch, and work on what has none."""

    def __init__(self) -> None:
        super().__init__()
        self.of_samples, self.of_table = nn.Linear(4, 3), nn.Linear(4, 3)

    def forward(self, x: Tensor, table: Tensor) -> Tensor:
        y: Tensor = self.of_samples(x) + self.of_table(table).sum(0)
        return y


def test_work_on_what_has_no_batch_is_not_shared_among_samples() -> None:
    inputs = {"x": [4], "table": {"shape": [5, 4], "batch": "none"}}
    for training in (False, True):
        network = trace(Both(), inputs=inputs, training=training)
        assert network.macs == 4 * 3 + 5 * 4 * 3


def test_positions_are_counted_along_the_axes_that_are_said() -> None:
    class Transposed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv1d(8, 4, 5)

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.conv(x.transpose(1, 2))
            return y

    said = {"shape": [50, 8], "axes": ["length", "channels"]}
    field = archcheck.receptive_field(trace(Transposed(), inputs={"x": said})).at("output")
    assert (field.size, field.sides, field.unit((0,)).theoretical.count) == ((5,), (50,), 5)


def test_examples_say_shape_type_and_range() -> None:
    ids = torch.tensor([[3, 9, 4], [5, 5, 5]])
    examples = {"ids": ids, "x": torch.randn(2, 8), "mask": torch.ones(2, 3).long(), "n": 4}
    assert described(examples) == {
        "ids": {"shape": [3], "dtype": "torch.int64", "from": 3, "below": 10},
        "x": {"shape": [8]},
        "mask": {"shape": [3], "dtype": "torch.int64", "value": 1},
        "n": 4,
    }


def test_examples_of_unequal_lengths_have_no_batch() -> None:
    examples = [torch.randn(10, 4), torch.tensor([[0, 9], [9, 0]])]
    assert [each["batch"] for each in described(examples)] == ["none", "none"]
    network = trace(Graph(), inputs=examples)
    assert [each.batch for each in network.given_tensors] == [None, None]


class Lengths(nn.Module):
    """Averages over the part of a sequence that is as long as is said."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(8, 4), nn.Linear(4, 3)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        longest = int(lengths.max().item())
        mask = torch.arange(longest) < lengths[:, None]
        x = self.first(x[:, :longest]).masked_fill(~mask[..., None], 0)
        y: Tensor = self.last(x.sum(1) / lengths[:, None])
        return y


def test_lengths_that_are_constants_are_known_in_python() -> None:
    inputs = {"x": [20, 8], "lengths": {"shape": [], "value": 12}}
    network = trace_for_batches(Lengths(), read_inputs(inputs))
    assert network.macs == 12 * 8 * 4 + 4 * 3
    assert network.notes == ()


def test_lengths_that_are_drawn_are_not_known() -> None:
    inputs = {"x": [20, 8], "lengths": {"shape": [], "from": 12, "below": 13}}
    assert trace(Lengths(), inputs=inputs).macs is None


def test_a_constant_mask_decides_nothing_and_is_not_held_by_the_network() -> None:
    class Masked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)

        def forward(self, x: Tensor, mask: Tensor) -> Tensor:
            if not mask.all():
                x = x * mask[..., None]
            scores = (1 - mask[:, None].float()) * -1e9
            y: Tensor = self.layer(x + scores.mean(1)[..., None])
            return y

    inputs = {"x": [5, 8], "mask": {"shape": [5], "value": 1}}
    report = archcheck.verify(
        Masked(), {"inputs": inputs, "rules": {"parameters": {"at_most": 1000}}}
    )
    assert (report.passed, report.remarks) == (True, ())


def test_a_network_of_constants_alone_is_given_inputs_nevertheless() -> None:
    network = trace(nn.Linear(4, 3), inputs=[{"shape": [4], "value": 1.0}])
    assert (network.constant_macs, network.macs) == (0, 12)


class Looked(nn.Module):
    """Looks its input up in tables, one of them smaller."""

    def __init__(self, small: int = 50) -> None:
        super().__init__()
        self.large, self.small = nn.Embedding(100, 4), nn.Embedding(small, 4)

    def forward(self, ids: Tensor) -> Tensor:
        y: Tensor = self.large(ids) + self.small(ids.view(-1, 2, 3).flatten(1))
        return y


class LooksAtValues(Looked):
    """Does so with whole numbers of its own making, and decides by what it finds."""

    def forward(self, ids: Tensor) -> Tensor:
        y = super().forward(ids.long())
        return y + 1 if y.sum() > 0 else y


class Picks(nn.Module):
    """Takes classes, places and truth values."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = nn.Parameter(torch.randn(9, 7))

    def forward(self, classes: Tensor, places: Tensor, mask: Tensor) -> Tensor:
        x = nn.functional.one_hot(classes, 7) + self.rows[places]
        return x.masked_fill(mask[..., None], 0.0)


def test_what_is_looked_up_is_integers_below_the_size_of_the_table() -> None:
    network = trace_for_batches(Looked(), (6,))
    assert [(each.dtype, each.below) for each in network.given_tensors] == [("int64", 100)]
    ((note,), line) = network.notes, Looked.forward.__code__.co_firstlineno + 1
    assert note.text == (
        "nothing is said of the input: integers below 100 are tried, for embedding takes no others"
    )
    assert note.place is not None
    assert note.place.line == line


def test_the_smallest_table_sets_the_bound_where_values_are_computed() -> None:
    network = trace(LooksAtValues(2), (6,))
    assert [(each.dtype, each.below) for each in network.given_tensors] == [("int64", 2)]


def test_classes_places_and_truth_values_are_tried() -> None:
    network = trace(Picks(), [(4,), (4,), (4,)])
    said = [(each.dtype, each.below) for each in network.given_tensors]
    assert said == [("int64", 7), ("int64", 9), ("bool", None)]
    assert len(network.notes) == 3


def test_integers_are_not_tried_where_more_is_said() -> None:
    for said in ({"dtype": "float32"}, {"below": 1000, "from": 999}):
        with pytest.raises(archcheck.NetworkError):
            trace(LooksAtValues(), inputs=[{"shape": [6], **said}])


class Pair(NamedTuple):
    scores: Tensor
    states: tuple[Tensor, Tensor]


@dataclass
class Packed:
    pair: Pair
    length: int
    last: Tensor


class Returns(nn.Module):
    """A dataclass with a named tuple in it."""

    def forward(self, x: Tensor) -> Packed:
        return Packed(Pair(x[:, :3], (x, x + 1)), 4, x.sum(1))


def test_outputs_keep_the_names_that_they_are_packed_under() -> None:
    network = trace(Returns(), (5,))
    labels = [label for label, _ in network.outputs]
    assert labels == ["pair.scores", "pair.states.0", "pair.states.1", "last"]
    report = archcheck.verify(network, {"rules": {"output-shape": {"shape": [5]}}})
    (finding,) = report.findings
    assert "returns pair.scores 3, pair.states.0 5, pair.states.1 5, last one number" in (
        finding.message
    )


class Spectrum(nn.Module):
    """Sees three steps in time and five frequencies."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, (3, 5))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x.movedim(-1, 1))
        return y


@pytest.mark.parametrize(
    ("axis", "size"), [("time", 3), ("frequency", 5), (0, 3), (1, 5), ("height", None)]
)
def test_an_axis_is_asked_for_by_its_name(axis: str | int, size: int | None) -> None:
    said = {"shape": [20, 30, 1], "axes": ["time", "frequency", "channels"]}
    asked = {"axis": axis, "at": "output", "exactly": size or 1}
    spec = {"inputs": {"x": said}, "rules": {"receptive-field": asked}}
    verdict = archcheck.verify(Spectrum(), spec).findings[0].verdict
    assert verdict.status == ("passed" if size else "not-verified")


def test_what_rf_shows_has_the_names_of_the_axes() -> None:
    said = {"shape": [20, 30, 1], "axes": ["time", "frequency", "channels"]}
    rf = archcheck.receptive_field(trace(Spectrum(), inputs={"x": said}))
    written = io.StringIO()
    print_field(summarize(rf, rf.output_locations[0]), Console(file=written, width=120))
    text = written.getvalue()
    assert "x 20×30×1" in text
    assert "the path that sets it: time, both ends" in text
    assert "the path that sets it: frequency, both ends" in text
    assert "height" not in text


def test_python_says_where_inputs_are_wrong() -> None:
    wrong = {"x": {"shape": [3], "dtype": "flaot32"}, "y": [0]}
    with pytest.raises(ValueError, match="there is no dtype") as caught:
        trace(nn.ReLU(), inputs=wrong)
    assert str(caught.value) == (
        "inputs['x']['dtype']: there is no dtype \"flaot32\"; did you mean \"float32\"?; "
        "inputs['y'][0]: a shape is whole numbers above 0, like [3, 32, 32], not 0"
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [({}, "say what the network is given"), ({"inputs": [[3]]}, "say the same")],
)
def test_inputs_are_said_once(options: dict[str, Any], said: str) -> None:
    shape = (3,) if options else None
    with pytest.raises(TypeError, match=said):
        trace(nn.ReLU(), shape, **options)


def test_a_keyword_that_is_missing_is_named_with_what_to_do() -> None:
    class Keywords(nn.Module):
        def forward(self, x: Tensor, *, mask: Tensor, other: Tensor) -> Tensor:
            return x * mask + other

    with pytest.raises(archcheck.NetworkError) as caught:
        trace(Keywords(), inputs={"x": [3], "mask": [3]})
    assert caught.value.missing == ("other",)
