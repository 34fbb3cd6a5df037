"""Sets of positions, compared with plain Python sets."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from archcheck.fields.algebra.positions import EMPTY, Positions

members = st.frozensets(st.integers(-300, 300), max_size=12)


@given(members)
def test_positions_are_the_set_they_were_made_of(a: frozenset[int]) -> None:
    p = Positions.of(a)
    assert p.members() == tuple(sorted(a))
    assert p.count == len(a)
    assert bool(p) == bool(a)
    assert p.hull == ((min(a), max(a)) if a else None)
    assert p.size == (max(a) - min(a) + 1 if a else 0)
    assert not a or (p.low, p.high) == p.hull


@given(members, members)
def test_union_is_that_of_sets(a: frozenset[int], b: frozenset[int]) -> None:
    p, q = Positions.of(a), Positions.of(b)
    assert p | q == q | p == Positions.of(a | b)
    assert hash(p | q) == hash(Positions.of(a | b))
    assert (p == q) == (a == b)
    assert (p.members(), q.members()) == (tuple(sorted(a)), tuple(sorted(b)))  # unchanged


@given(members, st.integers(-500, 500), st.integers(-500, 500))
def test_a_shift_moves_every_member(a: frozenset[int], by: int, more: int) -> None:
    p = Positions.of(a) + by
    assert p == Positions.of(member + by for member in a)
    assert p + more == Positions.of(a) + (by + more)


@given(st.integers(-50, 50), st.integers(0, 1 << 40))
def test_bits_are_normalised(low: int, bits: int) -> None:
    p = Positions.of_bits(low, bits)
    assert p.members() == tuple(low + i for i in range(41) if bits >> i & 1)
    assert p == Positions.of(p.members())
    assert (p == EMPTY) == (bits == 0)
