"""The poll plan: golden cases, and what must hold for any set of points."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.modbus.codec import DataType, Layout
from collectors.modbus.plan import Block, plan
from collectors.modbus.point import Part, Point

_TYPES = {1: DataType.U16, 2: DataType.U32, 4: DataType.U64}


def point(address: int, words: int = 1, *, function: int = 3, exponent: int | None = None) -> Point:
    part = Part(address, Layout(_TYPES[words]), Fraction(1), ())
    return Point("pulse_count", "1", function, (part,), exponent=exponent)


def ranges(blocks: tuple[Block, ...]) -> list[tuple[int, int, int]]:
    return [(block.function, block.start, block.stop) for block in blocks]


@pytest.mark.parametrize(
    ("points", "max_registers", "max_hole", "expected"),
    [
        ([], 125, 0, []),
        ([point(10), point(11)], 125, 0, [(3, 10, 12)]),
        ([point(10), point(12)], 125, 0, [(3, 10, 11), (3, 12, 13)]),
        ([point(10), point(12)], 125, 1, [(3, 10, 13)]),
        ([point(10, 2), point(12, 2), point(14, 2)], 4, 0, [(3, 10, 14), (3, 14, 16)]),
        ([point(10, 2), point(12, 2), point(14, 2)], 5, 0, [(3, 10, 14), (3, 14, 16)]),
        ([point(10), point(11, function=4)], 125, 9, [(3, 10, 11), (4, 11, 12)]),
        ([point(12), point(10), point(11)], 125, 0, [(3, 10, 13)]),
        ([point(2, exponent=6), point(3, exponent=6), point(14, exponent=15)], 125, 0, [(3, 2, 7), (3, 14, 16)]),
        ([point(65534, 2)], 2, 0, [(3, 65534, 65536)]),
    ],
    ids=[
        "nothing",
        "neighbours",
        "hole not allowed",
        "hole allowed",
        "split at the limit",
        "never inside a value",
        "function codes apart",
        "sorted",
        "scale factor in the same request",
        "last register",
    ],
)
def test_golden(points: list[Point], max_registers: int, max_hole: int, expected: list[tuple[int, int, int]]) -> None:
    assert ranges(plan(points, max_registers=max_registers, max_hole=max_hole)) == expected


points = st.lists(
    st.builds(
        point,
        st.integers(0, 300),
        st.sampled_from([1, 2, 4]),
        function=st.sampled_from([3, 4]),
    ),
    max_size=40,
)


@given(points, st.integers(4, 125), st.integers(0, 60))
def test_each_point_lies_whole_in_one_block_and_no_block_is_too_long(
    points: list[Point], max_registers: int, max_hole: int
) -> None:
    blocks = plan(points, max_registers=max_registers, max_hole=max_hole)
    planned = [point for block in blocks for point in block.points]
    assert sorted(map(id, planned)) == sorted(map(id, points))
    for block in blocks:
        assert block.count <= max_registers
        for inside in block.points:
            assert inside.function == block.function
            assert block.start <= inside.start < inside.stop <= block.stop
        stops = [block.start]
        for inside in block.points:
            assert inside.start - max(stops) <= max_hole
            stops.append(inside.stop)


@given(points, st.integers(4, 125), st.integers(0, 60))
def test_what_is_refused_ends_point_by_point(points: list[Point], max_registers: int, max_hole: int) -> None:
    blocks = list(plan(points, max_registers=max_registers, max_hole=max_hole))
    singles = []
    while blocks:
        block = blocks.pop()
        pieces = block.refused()
        assert all(piece.count <= block.count for piece in pieces)
        if pieces:
            assert sum(len(piece.points) for piece in pieces) == len(block.points)
        else:
            singles.append(block.points[0])
        blocks.extend(pieces)
    assert sorted(map(id, singles)) == sorted(map(id, points))


def test_refused_with_a_hole_is_first_read_without_it() -> None:
    (block,) = plan([point(0), point(1), point(5)], max_registers=125, max_hole=10)
    assert block.has_holes
    first, second = block.refused()
    assert ranges((first, second)) == [(3, 0, 2), (3, 5, 6)]
    assert not first.has_holes
    assert ranges(first.refused()) == [(3, 0, 1), (3, 1, 2)]
    assert second.refused() == ()


def test_a_point_that_no_answer_can_hold() -> None:
    with pytest.raises(ValueError, match="pulse_count spans 4 registers, but the device gives 2 at most"):
        plan([point(0, 4)], max_registers=2, max_hole=0)
