"""The compiled way from registers to values, held against the plain one and against arithmetic by hand."""

import struct
from fractions import Fraction

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from collectors.modbus.codec import ByteOrder, DataType, Layout, WordOrder
from collectors.modbus.plan import Block, plan
from collectors.modbus.point import Part, Point
from collectors.modbus.reader import Reader
from collectors.modbus.shelf import load_template, template_ids
from collectors.modbus.sunspec import Model
from metering.units import to_canonical

LAYOUTS = st.builds(Layout, st.sampled_from(DataType), st.sampled_from(WordOrder), st.sampled_from(ByteOrder))
TELLING = st.sampled_from([0, 1, 0x7FFF, 0x8000, 0xFFFF, 0x7FC0, 0x7F80, 0x0A0A, 0xFFF6, 2, 10])
DOUBLE = Layout(DataType.F64)
WORD = TELLING | st.integers(0, 0xFFFF)


def blocks(template_id: str) -> tuple[Block, ...]:
    template = load_template(template_id)
    models = [Model(id_, 0, 0xFFFF) for id_ in (template.sunspec[0].models[:1] if template.is_sunspec else ())]
    limits = template.limits
    points = template.points_in(models) if models else template.points
    return plan(points, max_registers=limits.max_registers, max_hole=limits.max_hole)


@pytest.mark.parametrize("template_id", template_ids())
@settings(max_examples=10)
@given(words=st.lists(WORD, min_size=125, max_size=125))
def test_a_block_means_what_its_points_mean(template_id: str, words: list[int]) -> None:
    for block in blocks(template_id):
        image = dict(zip(range(block.start, block.stop), words, strict=False))
        values = {point.quantity: point.value(image) for point in block.points}
        registers = struct.pack(f">{block.count}H", *words[: block.count])
        expected = {name: value for name, value in values.items() if value is not None}
        assert Reader(block).values(registers) == expected


DECIMALS = st.decimals(-1000, 1000, places=4).map(Fraction)


@settings(max_examples=100)
@given(
    st.tuples(LAYOUTS, LAYOUTS),
    st.tuples(DECIMALS.filter(bool), DECIMALS.filter(bool), DECIMALS),
    st.integers(-10, 10),
    st.lists(WORD, min_size=8, max_size=8),
    st.sampled_from([("kWh", 0), ("Wh", -3), ("GWh", 6)]),
)
@example((DOUBLE, DOUBLE), (Fraction(1), Fraction(1), Fraction(0)), 0, [0x4191, 0x71D8, 0x2C1F, 0x9ADD] * 2, ("Wh", -3))
def test_the_arithmetic_is_exact_and_rounds_once(
    layouts: tuple[Layout, Layout],
    numbers: tuple[Fraction, Fraction, Fraction],
    exponent: int,
    words: list[int],
    unit: tuple[str, int],
) -> None:
    (first, second), (scale, other, offset) = layouts, numbers
    parts = (Part(1, first, scale, ()), Part(1 + first.words, second, other, ()))
    point = Point("active_energy_import", unit[0], 3, parts, offset, exponent=0)
    image = dict(enumerate([exponent & 0xFFFF, *words]))
    raws = [part.raw(image) for part in parts]
    value = point.value(image)
    if None in raws:
        assert value is None
        return
    exact = [Fraction(raw) if isinstance(raw, int) else Fraction(repr(raw)) for raw in raws if raw is not None]
    total = (exact[0] * scale + exact[1] * other + offset) * Fraction(10) ** (exponent + unit[1])
    try:
        assert value == float(total)
    except OverflowError:
        assert value is None


def test_a_value_is_converted_after_it_was_scaled() -> None:
    point = Point("active_energy_import", "Wh", 3, (Part(0, Layout(DataType.U16), Fraction(1, 10), ()),))
    assert point.value({0: 12345}) == to_canonical(1234.5, "Wh") == 1.2345


@pytest.mark.parametrize("exponent", [11, -11, -0x8000])
def test_a_scale_factor_that_cannot_be_gives_no_value(exponent: int) -> None:
    point = Point("current", "A", 3, (Part(0, Layout(DataType.U16), Fraction(1), ()),), exponent=1)
    assert point.value({0: 5, 1: exponent & 0xFFFF}) is None
