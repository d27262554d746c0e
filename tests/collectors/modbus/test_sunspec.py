"""The chain of models: found at any base, followed to its end, and never followed into nonsense."""

from collections.abc import Sequence

import pytest

from collectors.modbus.decoding import decode_words
from collectors.modbus.point import encode_points
from collectors.modbus.shelf import load_template
from collectors.modbus.sunspec import BASES, COMMON, COMMON_LENGTH, ChainError, Model, Walk, chain, walk

INVERTER = "sunspec/inverter"


def drive(walking: Walk, image: dict[int, int]) -> Sequence[Model]:
    try:
        address, count = next(walking)
        while True:
            words = [image.get(at) for at in range(address, address + count)]
            address, count = walking.send(None if None in words else [word for word in words if word is not None])
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]


def float_inverter(base: int) -> dict[int, int]:
    template = load_template(INVERTER)
    body = encode_points(
        template.points_in([Model(113, 0, 60)]), {"active_power_generation": 5432.1, "frequency": 50.01}
    )
    return chain({COMMON: {}, 113: body}, {COMMON: COMMON_LENGTH, 113: 60}, base)


@pytest.mark.parametrize("base", BASES)
def test_the_chain_is_found_at_every_base(base: int) -> None:
    assert drive(walk(), float_inverter(base)) == (Model(1, base + 2, 66), Model(113, base + 70, 60))


def test_without_end_mark_the_chain_ends_where_the_device_refuses() -> None:
    image = float_inverter(40000)
    del image[40000 + 70 + 62]
    assert [model.id for model in drive(walk(), image)] == [1, 113]


def test_no_chain() -> None:
    with pytest.raises(ChainError, match="'SunS' is at none of 40000, 0, 50000"):
        drive(walk(), dict.fromkeys(range(40000, 40100), 0))


def test_a_chain_that_leads_nowhere() -> None:
    with pytest.raises(ChainError, match="breaks at register 40002"):
        drive(walk(), {40000: 0x5375, 40001: 0x6E53})


def test_an_endless_chain() -> None:
    image = {40000: 0x5375, 40001: 0x6E53} | dict.fromkeys(range(40002, 41000), 0)
    with pytest.raises(ChainError, match="breaks"):
        drive(walk(), image)


def test_float_models_mean_the_same() -> None:
    image = float_inverter(0)
    words = {0: [image[address] for address in sorted(image)]}
    decoded = {entry.quantity: entry.value for entry in decode_words(INVERTER, words)}
    assert decoded == {"active_power_generation": 5432.1, "frequency": 50.01}


def test_the_first_model_that_has_a_quantity_gives_it() -> None:
    points = load_template(INVERTER).points_in([Model(113, 40070, 60), Model(103, 40132, 50)])
    power = [point for point in points if point.quantity == "active_power_generation"]
    assert [point.start for point in power] == [40132 + 14]


def test_points_beyond_a_short_model_are_left_out() -> None:
    points = load_template(INVERTER).points_in([Model(103, 0, 24)])
    assert max(point.stop for point in points) <= 26
    assert {"active_power_generation", "reactive_power"} <= {point.quantity for point in points}
    assert "dc_power" not in {point.quantity for point in points}


def test_words_without_a_known_model() -> None:
    with pytest.raises(ChainError):
        decode_words(INVERTER, {})
    assert decode_words(INVERTER, {40000: [0x5375, 0x6E53, 0xFFFF, 0]}) == []
