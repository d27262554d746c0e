"""Every number comes back as it went in, and each order of bytes is its own."""

import math
import struct
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.modbus.codec import ByteOrder, DataType, Layout, WordOrder, decode, decode_text, encode, encode_text

layouts = st.builds(Layout, st.sampled_from(DataType), st.sampled_from(WordOrder), st.sampled_from(ByteOrder))
integer_layouts = layouts.filter(lambda layout: not layout.type.is_float)


@given(integer_layouts, st.data())
def test_integers_come_back_exactly(layout: Layout, data: st.DataObject) -> None:
    low, high = layout.type.limits
    number = data.draw(st.integers(low, high))
    assert decode(encode(number, layout), layout) == number


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(WordOrder), st.sampled_from(ByteOrder))
def test_float64_comes_back_exactly(number: float, words: WordOrder, order: ByteOrder) -> None:
    layout = Layout(DataType.F64, words, order)
    assert decode(encode(number, layout), layout) == number


def digits_of(number: float) -> int:
    """Those that count: 1 for 1000.0."""
    return len(Decimal(repr(number)).normalize().as_tuple().digits)


@given(
    st.floats(allow_nan=False, allow_infinity=False, width=32), st.sampled_from(WordOrder), st.sampled_from(ByteOrder)
)
def test_float32_becomes_a_short_decimal_that_stands_for_the_same_float32(
    number: float, word_order: WordOrder, byte_order: ByteOrder
) -> None:
    layout = Layout(DataType.F32, word_order, byte_order)
    words = encode(number, layout)
    short = decode(words, layout)
    assert isinstance(short, float)
    assert encode(short, layout) == words
    assert digits_of(short) <= digits_of(number)


@given(st.integers(-999_999, 999_999), st.integers(0, 4))
def test_float32_keeps_six_digits(digits: int, places: int) -> None:
    number = digits / 10**places
    assert decode(encode(number, Layout(DataType.F32)), Layout(DataType.F32)) == number


@given(layouts)
def test_no_value_comes_back_as_none(layout: Layout) -> None:
    assert decode(encode(None, layout), layout, layout.type.usual_sentinels) is None


@pytest.mark.parametrize(
    ("word_order", "byte_order", "expected"),
    [
        (WordOrder.MSW_FIRST, ByteOrder.BIG, 0xAABBCCDD),
        (WordOrder.LSW_FIRST, ByteOrder.BIG, 0xCCDDAABB),
        (WordOrder.MSW_FIRST, ByteOrder.LITTLE, 0xBBAADDCC),
        (WordOrder.LSW_FIRST, ByteOrder.LITTLE, 0xDDCCBBAA),
    ],
)
def test_orders(word_order: WordOrder, byte_order: ByteOrder, expected: int) -> None:
    assert decode([0xAABB, 0xCCDD], Layout(DataType.U32, word_order, byte_order)) == expected


def test_a_sentinel_is_found_after_reordering() -> None:
    layout = Layout(DataType.I32, WordOrder.LSW_FIRST)
    assert decode([0x0000, 0x8000], layout, (0x80000000,)) is None
    assert decode([0x8000, 0x0000], layout, (0x80000000,)) == 0x8000


@pytest.mark.parametrize("words", [[0x7FC0, 0], [0xFFFF, 0xFFFF], [0x7F80, 0], [0xFF80, 0]])
def test_nan_and_infinity_are_no_values(words: list[int]) -> None:
    assert decode(words, Layout(DataType.F32)) is None


def test_bcd_with_a_letter_is_no_value() -> None:
    assert decode([0x1234, 0x5678], Layout(DataType.BCD32)) == 12345678
    assert decode([0x1234, 0x56A8], Layout(DataType.BCD32)) is None


@pytest.mark.parametrize(("number", "expected"), [(70000, 65535), (-3, 0), (1.5, 2), (2.4, 2)])
def test_an_integer_register_rounds_and_keeps_to_its_limits(number: float, expected: int) -> None:
    assert encode(number, Layout(DataType.U16)) == (expected,)


def test_a_float_too_large_for_its_register_is_no_value() -> None:
    assert decode(encode(1e300, Layout(DataType.F32)), Layout(DataType.F32)) is None


def test_wrong_number_of_words() -> None:
    with pytest.raises(ValueError, match="f32 takes 2 words, not 1"):
        decode([1], Layout(DataType.F32))


@pytest.mark.parametrize(
    ("words", "text"), [([0x4B4F, 0x5354, 0x414C, 0], "KOSTAL"), ([0x41, 0x42, 0], "AB"), ([0x2020, 0x2020], None)]
)
def test_texts(words: list[int], text: str | None) -> None:
    assert decode_text(words) == text


@given(
    st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1),
    st.integers(1, 4),
    st.sampled_from(WordOrder),
    st.sampled_from(ByteOrder),
)
def test_texts_come_back_as_far_as_they_have_room(text: str, size: int, words: WordOrder, order: ByteOrder) -> None:
    encoded = encode_text(text, size, words, order)
    assert len(encoded) == size
    room = text.encode()[: 2 * size].decode(errors="ignore")
    assert (decode_text(encoded, words, order) or "") == room


@pytest.mark.parametrize(
    ("word_order", "byte_order", "words"),
    [
        (WordOrder.MSW_FIRST, ByteOrder.BIG, (0x4142, 0x4344)),
        (WordOrder.LSW_FIRST, ByteOrder.BIG, (0x4344, 0x4142)),
        (WordOrder.MSW_FIRST, ByteOrder.LITTLE, (0x4241, 0x4443)),
        (WordOrder.LSW_FIRST, ByteOrder.LITTLE, (0x4443, 0x4241)),
    ],
)
def test_orders_of_texts(word_order: WordOrder, byte_order: ByteOrder, words: tuple[int, ...]) -> None:
    assert encode_text("ABCD", 2, word_order, byte_order) == words


@given(st.floats(allow_nan=False, width=32))
def test_float32_words_are_ieee_754(number: float) -> None:
    assert b"".join(word.to_bytes(2, "big") for word in encode(number, Layout(DataType.F32))) == struct.pack(
        ">f", np.float32(number)
    )


def test_nan_is_encoded_as_nan() -> None:
    words = encode(None, Layout(DataType.F32))
    (number,) = struct.unpack(">f", b"".join(word.to_bytes(2, "big") for word in words))
    assert math.isnan(number)
