"""The fields of whole networks in both readings, against the gradient oracle: the exact sets of
positions of border and centre units, and what any unit sees on an endless image."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import archcheck
from archcheck.fields import Field, ReceptiveField
from archcheck.network import Network
from tests.support import oracle
from tests.support.zoo import siamese
from tests.support.zoo.catalogue import ZOO


def points(*, repeating: bool = False) -> list[Any]:
    """Every point of every network, or those alone whose fields repeat."""
    found = []
    for name, fixture in ZOO.items():
        for point, period in fixture.points.items():
            if period or not repeating:
                found.append(pytest.param(name, point, id=f"{name}-{point}"))
    return found


@lru_cache(maxsize=1)
def network(name: str) -> Network:
    return archcheck.trace(ZOO[name].build().eval(), ZOO[name].shape)


@lru_cache(maxsize=2)
def fields(name: str, reading: str) -> ReceptiveField:
    return archcheck.receptive_field(network(name), normalization=reading)


def positions(field: Field, unit: tuple[int, ...]) -> list[list[int]]:
    """The exact set that a unit depends on, axis by axis."""
    return [list(field.actual_positions(axis, unit).members()) for axis in range(len(field.axes))]


def first(field: ReceptiveField, point: str) -> Field:
    return field.at(field.locations(point)[0])


def units(sides: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Corners, edges, the centre, and neighbours of these."""
    near = [{0, 1, n // 2, n - 2, n - 1} if len(sides) < 3 else {0, n // 2, n - 1} for n in sides]
    return product(
        *(sorted({p for p in ps if 0 <= p < n}) for ps, n in zip(near, sides, strict=True))
    )


def compare(field: Field, run: oracle.Fields) -> None:
    assert field.shape == run.map
    for unit in units(field.shape):
        mask = run.mask(unit)
        expected = [oracle.project(mask, axis).tolist() for axis in range(mask.ndim)]
        assert positions(field, unit) == expected, unit
        hulls = [(axis[0], axis[-1]) if axis else None for axis in expected]
        assert list(field.actual(unit)) == hulls, unit


@pytest.mark.parametrize(("name", "point"), points())
def test_units_depend_on_what_has_a_gradient(name: str, point: str) -> None:
    fixture, at = ZOO[name], None if point == "output" else point
    rf = fields(name, "ignored")
    assert not rf.not_modelled
    compare(first(rf, point), oracle.Fields(fixture.build(), fixture.shape, at))


@pytest.mark.parametrize(("name", "point"), points(repeating=True))
def test_endless_images_show_the_theoretical_field(name: str, point: str) -> None:
    field = first(fields(name, "ignored"), point)
    assert field.joined_by is None
    settled(field, name, point)


def settled(field: Field, name: str, point: str, **options: Any) -> None:
    fixture, at = ZOO[name], None if point == "output" else point
    shape, period = fixture.shape, fixture.points[point]
    expected = oracle.theoretical_field(fixture.build(), shape, at, phases=period, **options)
    for axis, phases in enumerate(expected):
        sizes = [oracle.hull_size(found) for found in phases]
        assert (field.size[axis], field.smallest[axis]) == (max(sizes), min(sizes))
        reads = min(found.size for found in phases if oracle.hull_size(found) == max(sizes))
        assert field.coverage[axis] == pytest.approx(reads / max(sizes))


@pytest.mark.parametrize(("name", "point"), points())
def test_the_strict_reading(name: str, point: str) -> None:
    fixture, at = ZOO[name], None if point == "output" else point
    strict, plain = (first(fields(name, reading), point) for reading in ("joins", "ignored"))
    assert not fields(name, "joins").not_modelled
    if not fields(name, "joins").joining_norms(strict.location):
        # No norm joins anything: there is one reading.
        assert strict.axes == plain.axes
        for unit in units(plain.shape):
            assert positions(strict, unit) == positions(plain, unit)
        return
    run = oracle.Fields(fixture.build(), fixture.shape, at, normalization="joins")
    compare(strict, run)
    if fixture.points[point] and strict.joined_by is None:
        settled(strict, name, point, normalization="joins")


# -- what a global gate, or a pool, brings in ---------------------------------------------------

GATED = {"se": "block3", "se_resnet": "features", "efficientnet": "features"} | {
    "regnet": "features",
    "ghostnet": "features",
}


@pytest.mark.parametrize("name", GATED)
def test_without_its_gates_a_network_sees_what_papers_print(name: str) -> None:
    fixture, point = ZOO[name], GATED[name]
    field = fields(name, "ignored").at(point)
    assert field.is_global
    expected = oracle.theoretical_field(fixture.build(), fixture.shape, point, gates="ignored")
    assert field.local == tuple(oracle.hull_size(axis[0]) for axis in expected)


POOLED = ["convnext", "shufflenet_v1", "densenet, bottlenecks", "googlenet", "resnext", "repvgg"]


@pytest.mark.parametrize("name", POOLED)
def test_behind_a_global_pool_the_field_is_the_hull_over_the_real_map(name: str) -> None:
    fixture = ZOO[name]
    rf = fields(name, "ignored")
    sides = rf.at("features").shape
    hulls = oracle.theoretical_field(fixture.build(), fixture.shape, "features", phases=sides)
    assert rf.at("output").size == tuple(
        int(max(p[-1] for p in axis) - min(p[0] for p in axis)) + 1 for axis in hulls
    )


# -- two inputs --------------------------------------------------------------------------------


class Held(nn.Module):
    """A network of two inputs, one of which stands still."""

    def __init__(self, net: nn.Module, shape: tuple[int, ...], free: int) -> None:
        super().__init__()
        self.net, self.free = net, free
        self.register_buffer("still", torch.ones(1, *shape))

    still: Tensor

    def forward(self, x: Tensor) -> Tensor:
        inputs = [x, self.still] if self.free == 0 else [self.still, x]
        y: Tensor = self.net(*inputs)
        return y


@pytest.mark.parametrize("free", [0, 1])
def test_either_input_of_two(free: int) -> None:
    shape = (3, 12, 17)
    traced = archcheck.trace(siamese.siamese().eval(), [shape, shape])
    field = archcheck.receptive_field(traced, input_index=free).at("output")
    compare(field, oracle.Fields(Held(siamese.siamese(), shape, free), shape))
    # 3 strided, 3, and the context's 3 dilated by 2 on the second input alone.
    assert field.size == ((7, 7), (15, 15))[free]
