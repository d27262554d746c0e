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
MEASURED = ("", "confirmed", "gap", "skew")


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
    assert all((item.quality is Quality.SUSPECT) == (item.reason not in MEASURED) for item in final.values())
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
    assert reasons(before + after) == [""] * 20 + ["gap", ""]


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
    assert reasons(before + after) == [""] * 20 + ["gap", ""]


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
    assert set(reasons(shuffled)) == {"", "gap"}  # when they were late they were missing
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


def voltages(*phases: list[float], step_us: int = STEP_US) -> list[Reading]:
    """Readings of all phases of a meter, poll by poll; a phase that is not given has no reading."""
    by_phase = [series(f"voltage_l{n}", values, step_us) for n, values in enumerate(phases, 1)]
    return [item for poll in zip(*by_phase, strict=True) for item in poll]


@pytest.mark.parametrize("step_us", [SECOND, STEP_US, 15 * MINUTE])
@pytest.mark.parametrize("left", [0.0, 120.0, 200.0])
def test_a_phase_that_fails_is_doubted_alone_and_until_it_is_back(left: float, step_us: int) -> None:
    good = noisy(230)[:30]
    failing = [*good[:15], *[left + value - 230 if left else 0.0 for value in good[15:25]], *good[25:]]
    verdict = judged(voltages(good, failing, [value + 1 for value in good], step_us=step_us))
    final = {(item.quantity, item.time_us): item for item in verdict.accepted}
    doubted = [item for item in final.values() if item.quality is Quality.SUSPECT]
    assert {item.quantity for item in doubted} == {"voltage_l2"}
    assert len(doubted) in (10, 11)  # with a fall of over 100 V the way back is a leap, too
    assert {item.reason for item in doubted} <= {"imbalance", "spike"}
    assert sum(item.reason == "imbalance" for item in doubted) >= 9


def test_phases_that_are_not_connected_are_not_doubted() -> None:
    nothing = [0.0] * 100
    assert not any(reasons(voltages(noisy(230)[:100], nothing, nothing)))


@given(st.lists(st.tuples(*[st.floats(0.92, 1.0)] * 3), min_size=15, max_size=40), st.floats(1.0, 20_000.0))
def test_phases_within_what_is_usual_are_never_doubted(shares: list[tuple[float, ...]], nominal: float) -> None:
    phases = [[nominal * share for share in phase] for phase in zip(*shares, strict=True)]
    assert "imbalance" not in reasons(voltages(*phases))


@pytest.mark.parametrize("quantity", ["temperature", "active_energy_import", "state"])
def test_a_gap_is_noted_at_the_reading_after_it(quantity: str) -> None:
    before = series(quantity, [float(n) for n in range(20)])
    after = series(quantity, [20.0, 21.0], start_us=before[-1].time_us + 5 * MINUTE)
    assert reasons(before + after) == [""] * 20 + ["gap", ""]


def test_a_new_interval_is_a_gap_for_a_few_readings_only() -> None:
    before = series("temperature", [20.0 + n % 2 for n in range(50)])
    after = series("temperature", [20.0] * 50, step_us=15 * MINUTE, start_us=before[-1].time_us + 15 * MINUTE)
    found = reasons(before + after)
    assert found[50] == "gap"
    assert found.count("gap") < 10
    assert not any(found[65:])


@given(st.lists(st.integers(1, 25), min_size=30, max_size=60))
def test_an_irregular_series_has_no_gaps_while_its_distances_are_usual(distances: list[int]) -> None:
    times = [START_US]
    for seconds in [25, *distances]:
        times.append(times[-1] + seconds * SECOND)
    assert not any(reasons([Reading("meter", "temperature", 20.0, time_us) for time_us in times]))


def heard(times_us: Iterable[int], lags_us: Iterable[int]) -> list[str]:
    """The last word on readings that bear the device's time and come so long after it."""
    by, found = plausibility(), []
    for time_us, lag_us in zip(times_us, lags_us, strict=True):
        item = Reading("meter", "temperature", 20.0 + time_us % 7, time_us, device_time=True)
        found += [one.reason for one in by.judge([item], time_us + lag_us).accepted if one.reason != "confirmed"]
    return found


@pytest.mark.parametrize(
    ("lag_us", "is_wrong"), [(-2 * MINUTE, True), (0, False), (15 * MINUTE, False), (HOUR, True), (2 * HOUR, True)]
)
def test_a_device_clock_that_is_wrong_is_noted(lag_us: int, is_wrong: bool) -> None:  # noqa: FBT001
    times = [START_US + n * STEP_US for n in range(40)]
    found = heard(times, [lag_us] * 40)
    assert set(found[20:]) == ({"skew"} if is_wrong else {""})
    verdict = plausibility().judge(
        [Reading("meter", "temperature", 1.0, START_US, device_time=True)], START_US - MINUTE
    )
    assert all(item.quality is Quality.MEASURED for item in verdict.accepted)


@given(st.integers(1, 600), st.integers(20, 200))
def test_a_device_that_catches_up_has_no_wrong_clock(interval_s: int, number: int) -> None:
    """After an outage all comes at once, the oldest first; then live again."""
    live = [START_US + n * interval_s * SECOND for n in range(20)]
    kept = [live[-1] + n * interval_s * SECOND for n in range(1, number)]
    lags = [0] * 20 + [kept[-1] - time_us for time_us in kept]
    assert "skew" not in heard(live + kept, lags)


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
