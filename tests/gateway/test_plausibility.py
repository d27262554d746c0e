"""Plausibility checks: what they catch, and, as important, what they leave alone."""

import math
import random
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.plausibility import Plausibility, Verdict
from metering.instant import DAY, HOUR, MINUTE, SECOND, parse
from metering.quality import Quality
from metering.quantities import QUANTITIES
from metering.reading import Reading

START_US = parse("2026-01-10T00:00:00Z")
STEP_US = 10 * SECOND


def plausibility() -> Plausibility:
    return Plausibility({"meter", "sensor"}, stuck_after_s=3600, future_tolerance_s=300)


def series(quantity: str, values: Iterable[float], step_us: int = STEP_US, start_us: int = START_US) -> list[Reading]:
    return [Reading("meter", quantity, value, start_us + n * step_us) for n, value in enumerate(values)]


def judged(readings: list[Reading], by: Plausibility | None = None) -> Verdict:
    return (by or plausibility()).judge(readings, START_US + 365 * DAY)


def reasons(readings: list[Reading]) -> list[str]:
    """The last word on each reading, in the order of their times."""
    verdict = judged(readings)
    assert not verdict.rejected
    final = {(reading.quantity, reading.time_us): reading for reading in verdict.accepted}
    assert {(item.value, item.time_us) for item in final.values()} == {(item.value, item.time_us) for item in readings}
    assert all((item.quality is Quality.SUSPECT) == (item.reason not in ("", "confirmed")) for item in final.values())
    return [item.reason for item in sorted(final.values(), key=lambda item: item.time_us)]


@pytest.mark.parametrize(
    ("reading", "reason"),
    [
        (Reading("stranger", "voltage", 230.0, START_US), "unknown_device"),
        (Reading("meter", "warp_speed", 9.0, START_US), "unknown_quantity"),
        (Reading("meter", "consumption", 9.0, START_US), "unknown_quantity"),
        (Reading("meter", "voltage", math.nan, START_US), "not_finite"),
        (Reading("meter", "voltage", -math.inf, START_US), "not_finite"),
        (Reading("meter", "voltage", 230.0, START_US + 301 * SECOND), "future"),
        (Reading("meter", "voltage", 230.0, parse("1999-12-31T23:59:59Z")), "too_old"),
    ],
)
def test_what_cannot_be_kept_is_rejected_and_the_rest_taken(reading: Reading, reason: str) -> None:
    good = Reading("meter", "voltage", 230.0, START_US + 299 * SECOND)
    verdict = plausibility().judge([reading, good], START_US)
    assert verdict.accepted == [good]
    assert [(item.reading is reading, item.reason) for item in verdict.rejected] == [(True, reason)]


@pytest.mark.parametrize("name", [name for name, quantity in QUANTITIES.items() if quantity.kind != "interval"])
def test_the_range_of_every_quantity_is_checked(name: str) -> None:
    low, high = QUANTITIES[name].low, QUANTITIES[name].high
    beyond = [math.nextafter(low, -math.inf), math.nextafter(high, math.inf)]
    assert reasons(series(name, [low, high])) == ["", ""]
    assert reasons(series(name, beyond)) == ["range", "range"]


def test_a_spike_is_marked_alone() -> None:
    values = [20.0 + 0.1 * (n % 5) for n in range(30)]
    values[20] = 85.0  # what a DS18B20 says after a power cut
    assert reasons(series("temperature", values)) == [""] * 20 + ["spike"] + [""] * 9


def test_a_spike_of_word_order_is_marked_in_a_bursty_load() -> None:
    load = random.Random(1)
    values = [load.choice([80.0, 2000.0, 2200.0]) * load.uniform(0.9, 1.1) for _ in range(300)]
    values[200] = 7.2e6
    assert [n for n, reason in enumerate(reasons(series("active_power", values))) if reason] == [200]


def test_a_new_level_is_confirmed() -> None:
    values = [1000.0 + n for n in range(20)] + [200e3 + n for n in range(20)] + [900.0 + n for n in range(20)]
    verdict = judged(series("active_power", values))
    at = START_US + 20 * STEP_US
    told = [(item.quality, item.reason) for item in verdict.accepted if item.time_us == at]
    assert told == [(Quality.SUSPECT, "spike"), (Quality.MEASURED, "confirmed")]
    assert sum(item.quality is Quality.SUSPECT for item in verdict.accepted) == 1  # the way back is known by then


def test_a_gap_explains_a_change() -> None:
    before = series("outdoor_temperature", [20.0 + n % 2 for n in range(20)])
    after = series("outdoor_temperature", [-5.0, -5.1], start_us=before[-1].time_us + 6 * HOUR)
    assert not any(reasons(before + after))


def test_a_reset_register_is_marked_once() -> None:
    values = [1000 + 0.01 * n for n in range(20)] + [0.01 * n for n in range(20)]
    assert reasons(series("active_energy_import", values)) == [""] * 20 + ["backwards"] + [""] * 19


def test_a_register_that_shows_zero_for_a_while_is_not_reset() -> None:
    values = [1000 + 0.01 * n for n in range(20)] + [0.0] * 5 + [1000.3 + 0.01 * n for n in range(5)]
    assert reasons(series("active_energy_generation", values)) == [""] * 20 + ["backwards"] * 5 + [""] * 5


@pytest.mark.parametrize(("wrong", "reason"), [(990.0, "backwards"), (9113.0, "jump")])
def test_a_single_wrong_register_value_is_marked_alone(wrong: float, reason: str) -> None:
    values = [1000 + 0.01 * n for n in range(40)]
    values[20] = wrong
    assert reasons(series("active_energy_import", values)) == [""] * 20 + [reason] + [""] * 19


@pytest.mark.parametrize(("start", "reason"), [(137.4, "backwards"), (54_000.0, "jump")])
def test_an_exchanged_meter_is_marked_once(start: float, reason: str) -> None:
    values = [1000 + 0.01 * n for n in range(20)] + [start, start] + [start + 0.01 * n for n in range(20)]
    assert reasons(series("active_energy_import", values)) == [""] * 20 + [reason] + [""] * 21


def test_a_month_offline_is_no_jump() -> None:
    before = series("active_energy_import", [1000 + 0.01 * n for n in range(20)])
    after = series("active_energy_import", [2400.0, 2400.01], start_us=before[-1].time_us + 30 * DAY)
    assert not any(reasons(before + after))


def test_coarse_registers_and_busy_mornings_are_no_jumps() -> None:
    heat = [float(1000 * (n // 12)) for n in range(200)]  # counts in MWh, read every 10 s, in a heating plant
    school = [1000 + 0.002 * n for n in range(100)] + [1000.2 + 0.5 * n for n in range(1, 50)]
    assert not any(reasons(series("heat_energy", heat)))
    assert not any(reasons(series("active_energy_import", school)))


def test_rounding_of_short_floats_is_not_backwards() -> None:
    assert not any(reasons(series("active_energy_import", [123456.79, 123456.78, 123456.8, 123456.79])))


def test_late_readings_are_not_backwards() -> None:
    readings = series("active_energy_import", [1000 + 0.01 * n for n in range(40)])
    shuffled = readings[:20] + readings[30:] + readings[20:30]
    assert not any(reasons(shuffled))
    assert not any(reasons(readings[20:] + readings[:20]))


def test_a_repeated_reading_gets_the_same_verdict() -> None:
    readings = series("active_energy_import", [1000.0, 1001.0, 5.0])
    by = plausibility()
    judged(readings, by)
    assert [item.reason for item in judged(readings[-1:], by).accepted] == ["backwards"]


def test_after_a_restart_nothing_is_judged_by_the_past() -> None:
    readings = series("active_energy_import", [1000.0, 1001.0, 5.0, 5.1])
    judged(readings[:2])
    assert reasons(readings[2:]) == ["", ""]


def test_readings_judged_elsewhere_pass_unjudged() -> None:
    substitute = Reading("meter", "active_energy_import", 5.0, START_US + HOUR, Quality.SUBSTITUTED, "outage")
    readings = [*series("active_energy_import", [1000.0, 1001.0]), substitute]
    assert judged(readings).accepted == readings


def device(hours: float, frozen_after_h: float, **quantities: Iterable[float]) -> list[Reading]:
    """A device that says the same from ``frozen_after_h`` on."""
    columns = {name: list(values) for name, values in quantities.items()}
    readings = []
    for n in range(int(hours * HOUR / STEP_US)):
        moving = min(n, int(frozen_after_h * HOUR / STEP_US))
        readings += [Reading("meter", name, c[moving % len(c)], START_US + n * STEP_US) for name, c in columns.items()]
    return readings


def noisy(mean: float, seed: int = 0) -> list[float]:
    draw = random.Random(seed)
    return [round(draw.gauss(mean, 0.01 * mean), 2) for _ in range(1000)]


def test_a_frozen_device_is_stuck_after_its_time() -> None:
    readings = device(3, 1, active_power=noisy(5000), voltage=noisy(230, 1), flow_temperature=[55.0])
    stuck = [item for item in judged(readings).accepted if item.reason == "stuck"]
    assert {item.quantity for item in stuck} == {"active_power", "voltage"}
    assert min(item.time_us for item in stuck) == START_US + 2 * HOUR
    assert len(stuck) == 2 * HOUR // STEP_US


def test_a_frozen_device_that_moves_again_is_believed_at_once() -> None:
    readings = device(3, 1, voltage=noisy(230))
    awake = series("voltage", [231.0, 230.5], start_us=readings[-1].time_us + STEP_US)
    assert reasons(readings + awake)[-2:] == ["", ""]


@pytest.mark.parametrize(
    "quantities",
    [
        {"voltage": [230.0]},
        {"temperature": [20.0, 20.5, 21.0]},  # a warm room that cools so slowly that nothing changes
        {"state": [1.0, 2.0]},
        {"active_power": [3500.0, *noisy(3)]},  # standby
        {"battery": [90.0, 89.0], "humidity": noisy(50), "temperature": noisy(20)},
    ],
    ids=["never moved", "slow", "state", "standby", "slow and slow"],
)
def test_what_may_stand_still_is_not_stuck(quantities: dict[str, list[float]]) -> None:
    readings = device(4, 1, **quantities)
    assert not any(reasons(readings))


def test_zero_power_at_night_is_not_stuck() -> None:
    day = series("active_power_generation", noisy(5000))
    night = series("active_power_generation", [0.0] * 4000, start_us=day[-1].time_us + STEP_US)
    assert not any(reasons(day + night))


def test_one_moving_gauge_speaks_for_the_device() -> None:
    still = device(4, 1, active_power=noisy(5000))
    moving = series("voltage", noisy(230) * 2)[: len(still)]
    both = [item for pair in zip(still, moving, strict=False) for item in pair]
    assert not any(item.reason for item in judged(both).accepted)


@given(
    st.lists(
        st.builds(
            Reading,
            st.sampled_from(["meter", "sensor", "stranger"]),
            st.sampled_from(["active_power", "active_energy_import", "state", "nonsense"]),
            st.floats(),
            st.integers(START_US - 40 * MINUTE, START_US + 40 * MINUTE),
        )
    )
)
def test_every_reading_gets_one_place(readings: list[Reading]) -> None:
    verdict = plausibility().judge(readings, START_US)
    fresh = [item for item in verdict.accepted if item.reason != "confirmed"]
    assert len(fresh) + len(verdict.rejected) == len(readings)
    kept = [(item.series, item.time_us, item.value) for item in fresh]
    told = [(item.series, item.time_us, item.value) for item in readings]
    assert [item for item in told if item in kept] == kept
    for item in verdict.accepted:
        if item.reason == "confirmed":
            assert (item.series, item.time_us, item.value) in kept
