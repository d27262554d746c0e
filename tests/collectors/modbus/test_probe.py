"""Words in every type and order: what is marked, and what is not."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.modbus.codec import DataType, Layout, encode
from collectors.modbus.probe import ORDERS, Sighting, sightings, texts

_WORDS = st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=12)


def marked(start: int, words: list[int], later: list[int] | None = None) -> list[Sighting]:
    return [sighting for sighting in sightings(start, words, later) if sighting.looks_like]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("numbers", "unit"), [((231.4, 229.9, 230.6), "V"), ((49.98, 50.01), "Hz")])
def test_floats_in_a_row_are_found_in_every_order(order: str, numbers: tuple[float, ...], unit: str) -> None:
    words = [word for number in numbers for word in encode(number, Layout(DataType.F32, *ORDERS[order]))]
    found = marked(100, words)
    assert [(one.address, one.type, one.order) for one in found] == [
        (100 + 2 * number, DataType.F32, order) for number in range(len(numbers))
    ]
    assert [one.looks_like for one in found] == [f"{number} {unit}" for number in numbers]


def test_a_float_alone_is_taken_for_one_in_the_customary_order() -> None:
    (found,) = marked(0, [0, 0x4366, 0x3333, 0])
    assert (found.address, found.order, found.looks_like) == (1, "ABCD", "230.2 V")


@pytest.mark.parametrize(
    ("words", "kind", "looks_like"),
    [
        ([2301], DataType.U16, "230.1 V x 0.1"),
        ([5001], DataType.U16, "50.01 Hz x 0.01"),
        ([0, 23010], DataType.U32, "230.1 V x 0.01"),
        ([985], DataType.U16, "0.985 power factor x 0.001"),
        ([0xFC2F], DataType.I16, "-0.977 power factor x 0.001"),
    ],
)
def test_integers_are_tried_with_decimals(words: list[int], kind: DataType, looks_like: str) -> None:
    (found,) = marked(0, words)
    assert (found.type, found.looks_like) == (kind, looks_like)


def test_a_counter_is_what_rises_a_little() -> None:
    first, later = [0x0012, 0xD687], [0x0012, 0xD689]
    (found,) = marked(0, first, later)
    assert found.looks_like == "1234567, a counter: rose by 2"
    assert not marked(0, first, first)
    assert not marked(0, first, [0x0112, 0x0689])


def test_nothing_is_seen_in_zeros_and_missing_values() -> None:
    assert not marked(0, [0] * 8)
    assert not marked(0, [0xFFFF] * 8)
    assert not marked(0, [0x7FC0, 0, 0x7FC0, 0])


def test_texts_are_found_with_their_address() -> None:
    words = [0, *(int.from_bytes(b"SDM630-M"[i : i + 2]) for i in range(0, 8, 2)), 0, 5]
    assert list(texts(40, words)) == [(41, "SDM630-M")]
    assert not marked(40, words)


@settings(max_examples=30)
@given(words=_WORDS, later=_WORDS)
def test_marks_share_no_word_and_stand_in_what_was_read(words: list[int], later: list[int]) -> None:
    later = (later * 12)[: len(words)]
    claimed = [address for sighting in marked(7, words, later) for address in sighting.addresses]
    assert len(claimed) == len(set(claimed))
    assert set(claimed) <= set(range(7, 7 + len(words)))


@settings(max_examples=30)
@given(words=_WORDS)
def test_every_type_that_fits_is_decoded_in_every_order(words: list[int]) -> None:
    seen = {(sighting.address, sighting.type, sighting.order) for sighting in sightings(0, words)}
    expected = {
        (at, kind, order)
        for kind in DataType
        for order in (ORDERS if kind.words > 1 else ("ABCD", "BADC"))
        for at in range(len(words) - kind.words + 1)
    }
    assert seen == expected
