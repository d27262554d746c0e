"""Registers → consumption: exactness, gaps, resets, daylight saving."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.energy.consumption import consumption
from analytics.energy.intervals import MICRO, exact_sum
from analytics.energy.periods import daily, monthly
from metering.estate import Counter
from metering.instant import DAY, HOUR, MINUTE, QUARTER_HOUR, SECOND, Window, parse
from metering.localtime import LocalCalendar
from metering.quality import Quality
from metering.samples import Samples

START = parse("2026-03-01T00:00:00Z")


def register(*points: tuple[float, float]) -> Samples:
    """Readings at minutes after START."""
    times, values = zip(*points, strict=True)
    return Samples.of(START + np.array(times) * MINUTE, np.array(values))


def first(minutes: float) -> Window:
    return Window(START, START + int(minutes * MINUTE))


@st.composite
def meters(draw: st.DrawFn) -> Samples:
    gaps = draw(st.lists(st.integers(1, 4000), min_size=1, max_size=60))
    used = draw(st.lists(st.integers(0, 5_000_000), min_size=len(gaps), max_size=len(gaps)))
    begin = draw(st.integers(0, 10**15))
    times = START + np.cumsum([draw(st.integers(-3600, 3600)), *gaps]) * SECOND
    return Samples.of(times, (begin + np.cumsum([0, *used])) / MICRO)


@settings(deadline=None)
@given(meters(), st.integers(1, 95), st.sampled_from([15, 5, 60]))
def test_the_parts_of_any_split_add_up_to_the_whole(samples: Samples, cut: int, minutes: int) -> None:
    step = minutes * MINUTE
    window = Window(START, START + 96 * step)
    middle = START + cut * step
    whole = consumption(samples, window, step, substitute=True)
    parts = [
        consumption(samples, part, step, substitute=True)
        for part in (Window(START, middle), Window(middle, window.end_us))
    ]
    np.testing.assert_array_equal(np.concatenate([part.consumption for part in parts]), whole.consumption)
    coarse = consumption(samples, window, 4 * step, near_us=2 * step, substitute=True)
    assert exact_sum(whole.consumption) == coarse.total
    assert np.all(whole.consumption[np.isfinite(whole.consumption)] >= 0)
    assert np.all((whole.completeness >= 0) & (whole.completeness <= 1))


@settings(deadline=None)
@given(meters())
def test_everything_between_first_and_last_reading_is_counted_to_the_last_digit(samples: Samples) -> None:
    low = samples.times_us[0] // QUARTER_HOUR * QUARTER_HOUR
    high = (samples.times_us[-1] // QUARTER_HOUR + 1) * QUARTER_HOUR
    result = consumption(samples, Window(int(low), int(high)), QUARTER_HOUR, substitute=True)
    assert round(result.total * MICRO) == round(samples.values[-1] * MICRO) - round(samples.values[0] * MICRO)


def test_bounds_are_interpolated_between_near_readings() -> None:
    result = consumption(register((-5, 100.0), (5, 101.0), (20, 104.0), (35, 104.0)), first(30), QUARTER_HOUR)
    assert result.consumption.tolist() == [2.5, 1.0]
    assert result.completeness.tolist() == [1.0, 1.0]


def test_zero_consumption_is_not_missing_and_missing_is_not_zero() -> None:
    idle = consumption(register((0, 5.0), (15, 5.0)), first(30), QUARTER_HOUR)
    assert idle.consumption[0] == 0.0
    assert idle.completeness[0] == 1.0
    assert np.isnan(idle.consumption[1])
    assert idle.completeness[1] == 0.0
    assert idle.qualities.tolist() == [Quality.MEASURED, Quality.SUSPECT]


def test_a_gap_is_bridged_only_if_asked_and_loses_no_energy_then_but_is_no_measurement() -> None:
    outage = register((0, 0.0), (15, 1.0), (135, 9.0), (150, 10.0))
    silent = consumption(outage, first(150), QUARTER_HOUR)
    assert np.isnan(silent.consumption[1:9]).all()
    assert set(silent.qualities[1:9].tolist()) == {Quality.SUSPECT}
    assert silent.total == 2.0
    np.testing.assert_array_equal(silent.bridged, [np.nan, *[1.0] * 8, np.nan], "known as a sum, and kept apart")
    result = consumption(outage, first(150), QUARTER_HOUR, substitute=True)
    assert result.consumption.tolist() == [1.0] * 10
    assert result.completeness.tolist() == [1.0] + [0.0] * 8 + [1.0]
    assert set(result.qualities[1:9].tolist()) == {Quality.SUBSTITUTED}
    assert np.isnan(result.bridged).all()
    assert silent.filled().consumption.tolist() == result.consumption.tolist()


def test_a_fall_is_not_counted_and_completeness_says_so() -> None:
    exchanged = register((0, 900.0), (10, 901.0), (20, 137.4), (30, 138.4))
    result = consumption(exchanged, first(30), QUARTER_HOUR)
    assert result.consumption.tolist() == [1.0, 1.0]
    assert result.completeness.tolist() == pytest.approx([10 / 15, 10 / 15])


@pytest.mark.parametrize("wild", [0.0, 500.0, 100_000.0])
def test_an_excursion_that_returns_makes_no_spike(wild: float) -> None:
    result = consumption(
        register((0, 900.0), (10, 901.0), (12, wild), (15, 901.5), (30, 902.0)), first(30), QUARTER_HOUR
    )
    assert result.consumption.tolist() == [1.5, 0.5]
    assert result.completeness.tolist() == [1.0, 1.0]


def test_suspect_readings_do_not_count() -> None:
    samples = register((0, 900.0), (5, 850.0), (15, 901.0))
    samples.qualities[1] = Quality.SUSPECT
    assert consumption(samples, first(15), QUARTER_HOUR).consumption.tolist() == [1.0]


def test_a_known_rollover_counts_and_a_reset_of_the_same_register_does_not() -> None:
    wraps = register((0, 838860.0), (15, 0.3))
    assert consumption(wraps, first(15), QUARTER_HOUR, counter=Counter(rollover=838860.7)).consumption.tolist() == [1.0]
    resets = register((0, 400000.0), (15, 0.3))
    assert np.isnan(consumption(resets, first(15), QUARTER_HOUR, counter=Counter(rollover=838860.7)).consumption[0])


def test_a_window_of_broken_steps_is_refused() -> None:
    with pytest.raises(ValueError, match="whole number of steps"):
        consumption(register((0, 0.0), (15, 1.0)), first(20), QUARTER_HOUR)


@pytest.mark.parametrize(("day", "slots"), [("2026-03-29", 92), ("2026-03-30", 96), ("2026-10-25", 100)])
def test_days_have_their_own_number_of_quarter_hours(day: str, slots: int) -> None:
    calendar = LocalCalendar()
    local = date.fromisoformat(day)
    window = calendar.day(local)
    times = np.arange(window.start_us - HOUR, window.end_us + HOUR, QUARTER_HOUR)
    hourly = Samples.of(times, np.arange(len(times), dtype=np.float64) * 0.25)
    intervals = consumption(hourly, Window(window.start_us - HOUR, window.end_us), QUARTER_HOUR)
    (result,) = daily(intervals, [local], calendar)
    assert (result.steps, result.consumption, result.completeness) == (slots, slots * 0.25, 1.0)


def test_a_month_half_measured_says_so() -> None:
    calendar = LocalCalendar()
    march = calendar.month(2026, 3)
    times = np.arange(march.start_us, march.start_us + 10 * DAY + 1, QUARTER_HOUR)
    intervals = consumption(
        Samples.of(times, np.arange(len(times), dtype=np.float64) * 0.1),
        Window(march.start_us, march.end_us),
        QUARTER_HOUR,
    )
    (result,) = monthly(intervals, [(2026, 3)], calendar)
    assert result.consumption == pytest.approx(96.0, abs=1e-9)
    assert result.completeness == pytest.approx(960 / 2972)
