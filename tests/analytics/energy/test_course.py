"""Registers that do not simply rise, each as somebody met it in the field."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.energy.consumption import consumption
from analytics.energy.exchange_events import exchange_event
from analytics.energy.intervals import MICRO, Intervals
from metering.estate import Carrier, Counter, Exchange, Meter, Role
from metering.instant import DAY, HOUR, MINUTE, QUARTER_HOUR, Window, parse
from metering.quality import Quality
from metering.samples import Samples

START = parse("2026-03-01T00:00:00Z")


def counted(*points: tuple[float, float], counter: Counter | None = None, substitute: bool = False) -> Intervals:
    """Quarter-hours from readings at minutes after START, over the whole ones they span."""
    times, values = zip(*points, strict=True)
    samples = Samples.of(START + (np.array(times) * MINUTE).astype(np.int64), np.array(values))
    window = Window(START, START + int(times[-1] // 15 * QUARTER_HOUR))
    return consumption(samples, window, QUARTER_HOUR, counter=counter or Counter(), substitute=substitute)


def steps(*values: float) -> list[tuple[float, float]]:
    """Readings a quarter-hour apart."""
    return [(15.0 * n, value) for n, value in enumerate(values)]


def test_a_drop_of_11_percent_is_no_reset_whose_whole_value_was_consumed() -> None:
    result = counted(*steps(1000.0, 1001.0, 890.89, 891.89, 892.89))
    assert result.consumption[[0, 2, 3]].tolist() == [1.0, 1.0, 1.0]
    assert np.isnan(result.consumption[1])
    assert result.total == 3.0


def test_a_drop_to_0_at_night_recovers_without_energy() -> None:
    night = [0.0] * 40
    result = counted(*steps(5000.0, 5001.0, *night, 5001.5, 5002.5), substitute=True)
    assert result.total == 2.5
    assert np.nanmax(result.consumption) == 1.0
    assert set(result.qualities[1:41].tolist()) == {Quality.SUBSTITUTED}


def test_a_23_bit_register_wraps_at_838860_7_wh() -> None:
    counter = Counter(rollover=838.8608)  # kWh: 2^23 × 0.1 Wh
    result = counted(*steps(838.80, 838.8607, 0.06, 0.12), counter=counter)
    assert result.consumption.tolist() == pytest.approx([0.0607, 0.0601, 0.06], abs=1e-9)
    assert result.completeness.tolist() == [1.0, 1.0, 1.0]
    assert round(result.total * MICRO) == 180_800


@pytest.mark.parametrize("before", [400.0, 700.0, 830.0])
def test_a_chip_reset_is_no_overflow(before: float) -> None:
    counter = Counter(rollover=838.8608)
    result = counted(*steps(before, before + 0.05, 0.0, 0.05), counter=counter)
    assert np.isnan(result.consumption[1])
    assert result.total == pytest.approx(0.1)


def test_a_small_pulse_counter_goes_round_every_few_hours() -> None:
    rollover = 65536 * 0.0005  # kWh: 16 bit, 2000 pulses per kWh
    course = (np.arange(400) * 2.5) % rollover
    result = counted(*steps(*course.tolist()), counter=Counter(rollover))
    assert result.total == 399 * 2.5
    assert result.completeness.min() == 1.0


def test_the_connection_s_size_tells_a_rollover_from_a_reset() -> None:
    readings = steps(900.0, 901.0, 1.0, 2.0)
    assert counted(*readings, counter=Counter(rollover=1000.0, max_rate=200.0)).total == 102.0
    assert counted(*readings, counter=Counter(rollover=1000.0, max_rate=20.0)).total == 2.0


def test_a_leap_no_connection_could_carry_is_not_counted() -> None:
    stays = steps(10.0, 11.0, 411.0, 412.0)
    result = counted(*stays, counter=Counter(max_rate=100.0))
    assert result.total == 2.0
    assert result.completeness.tolist() == [1.0, 0.0, 1.0]
    assert counted(*steps(10.0, 11.0, 1e8, 1e8 + 1)).total == 2.0, "without a known size, what no network carries"


def test_an_unrecorded_exchange_to_a_meter_that_starts_at_137_4_counts_nothing_across() -> None:
    result = counted(*steps(901.0, 902.0, 137.4, 138.4))
    assert result.total == 2.0
    assert result.completeness.tolist() == [1.0, 0.0, 1.0]


def test_a_recorded_exchange_to_a_meter_that_starts_at_137_4_keeps_the_sum_right() -> None:
    at = START + 20 * MINUTE
    counter = Counter(exchanges=(Exchange(at, end=902.25, start=137.4, serial="1EMH0012345678"),))
    result = counted(*steps(901.0, 902.0, 137.9, 138.9), counter=counter)
    assert result.total == (902.25 - 901.0) + (138.9 - 137.4)
    assert result.consumption.tolist() == [1.0, 0.75, 1.0]
    assert result.completeness.tolist() == pytest.approx([1.0, 1.0, 1.0], abs=1e-8)


def test_an_exchange_noted_a_few_minutes_off_makes_no_spike() -> None:
    exchange = Exchange(START + 30 * MINUTE, end=903.0, start=137.4, serial="new")
    for late in ([(31, 903.0)], [(28, 137.5)]):  # the old one's reading after it, the new one's before
        points = sorted([*steps(901.0, 902.0), *late, (45, 138.4), (60, 139.4)])
        result = counted(*points, counter=Counter(exchanges=(exchange,)))
        assert result.total == pytest.approx(2.0 + 2.0)
        assert np.nanmax(result.consumption) <= 1.0


def test_an_exchange_amid_an_outage_makes_nothing_known_of_it() -> None:
    counter = Counter(exchanges=(Exchange(START + 100 * MINUTE, end=904.0, start=5.0, serial="new"),))
    readings = [(0, 901.0), (15, 902.0), (195, 9.0), (210, 10.0)]
    unknown = counted(*readings, counter=counter)
    assert unknown.total == 2.0
    assert np.isnan(unknown.consumption[1:13]).all()
    assert unknown.completeness[1:13].max() == 0.0
    assert counted(*readings, counter=counter, substitute=True).total == (904.0 - 901.0) + (10.0 - 5.0)


def test_two_exchanges_and_a_rollover_add_up() -> None:
    exchanges = tuple(
        Exchange(START + minutes * MINUTE, end=end, start=start, serial=str(minutes))
        for minutes, end, start in ((20, 12.0, 990.0), (80, 3.5, 0.0))
    )
    readings = steps(10.0, 11.0, 995.0, 998.0, 1.0, 3.0, 1.0)
    result = counted(*readings, counter=Counter(rollover=1000.0, max_rate=100.0, exchanges=exchanges))
    assert result.total == 2.0 + (1003.5 - 990.0) + 1.0


def test_a_month_off_line_then_the_register_catches_up() -> None:
    month = 31 * 24 * 60
    points = [(0, 100.0), (15, 101.0), (15 + month, 101.0 + 744.0), (30 + month, 846.0)]
    unknown = counted(*points)
    assert unknown.total == 2.0
    bridged = counted(*points, substitute=True)
    assert bridged.total == 746.0
    assert np.nanmax(bridged.consumption) == 1.0, "not the whole month in the hour it came back"
    assert bridged.completeness[1:-1].max() == 0.0


def test_a_register_sent_as_a_32_bit_float_jitters_without_counting() -> None:
    shown = [50_000.0, 50_000.004, 50_000.0, 50_000.004, 50_000.0, 50_000.008]
    result = counted(*steps(*shown))
    assert result.total == pytest.approx(0.008, abs=1e-9)
    assert result.completeness.min() == 1.0


def test_a_counter_that_begins_anew_each_day_counts_within_the_days() -> None:
    day = np.minimum(np.arange(96) * 0.25, 20.0)
    result = counted(*steps(*np.tile(day, 3).tolist(), 0.0))
    assert result.total == 3 * 20.0
    assert np.isnan(result.consumption[95])


@pytest.mark.parametrize("wild", [0.0, 512.0, 2.0**32 / 1000])
def test_a_bad_read_does_not_become_energy(wild: float) -> None:
    result = counted((0, 900.0), (10, 901.0), (12, wild), (15, 901.5), (30, 902.0))
    assert result.total == 2.0
    assert result.completeness.tolist() == [1.0, 1.0]


def test_a_dip_near_the_top_of_the_register_is_no_rollover() -> None:
    result = counted(*steps(999.0, 999.5, 0.0, 999.9, 0.4), counter=Counter(rollover=1000.0))
    assert result.total == pytest.approx(1.4)


@settings(deadline=None)
@given(
    used=st.lists(st.integers(0, 9_000), min_size=20, max_size=120),
    bits=st.integers(23, 32),
    start=st.integers(0, 2**32),
    exchanged=st.integers(5, 15),
    first=st.integers(0, 10**6),
)
def test_the_sum_survives_rollovers_and_a_recorded_exchange(
    used: list[int], bits: int, start: int, exchanged: int, first: int
) -> None:
    """Wh registers of any width; what the meters counted is what comes out, to the last Wh."""
    modulus = 2**bits
    old = (start + np.cumsum([0, *used[:exchanged]])) % modulus
    new = (first + np.cumsum(used[exchanged:])) % modulus
    points = steps(*(np.concatenate((old, new)) / 1000).tolist())
    at = START + exchanged * QUARTER_HOUR + 1
    counter = Counter(modulus / 1000, 200.0, (Exchange(at, float(old[-1]) / 1000, first / 1000, "new"),))
    result = counted(*points, counter=counter)
    assert round(result.total * MICRO) == sum(used) * 1000


@settings(deadline=None)
@given(st.integers(0, 7 * 96), st.integers(1, 96))
def test_a_later_look_at_part_of_the_history_says_the_same(begin: int, length: int) -> None:
    """Given readings from a day around, any window has the values that the whole history has there."""
    rng = np.random.default_rng(5)
    times = START + np.arange(9 * 96) * QUARTER_HOUR
    values = np.cumsum(rng.integers(0, 2_000, len(times))) / 1000 + 500
    values[200:230] = 0.0
    values[400] = 1e6
    values[500:] -= 480.0
    samples = Samples.of(times, values)
    whole = consumption(samples, Window(START, int(times[-1])), QUARTER_HOUR, substitute=True)
    window = Window(START + (begin + 48) * QUARTER_HOUR, START + (begin + 48 + length) * QUARTER_HOUR)
    near = (times >= window.start_us - DAY - HOUR) & (times < window.end_us + DAY + HOUR)
    part = consumption(Samples.of(times[near], values[near]), window, QUARTER_HOUR, substitute=True)
    kept = whole.within(window)
    np.testing.assert_array_equal(part.consumption[: len(kept)], kept.consumption)
    np.testing.assert_array_equal(part.completeness[: len(kept)], kept.completeness)


def test_a_recorded_exchange_is_an_event_that_says_both_indices() -> None:
    exchange = Exchange(START, end=48_211.3, start=137.4, serial="1EMH0012345678")
    counter = Counter(exchanges=(exchange,))
    meter = Meter(
        "main", "Schule", "school", Carrier.ELECTRICITY, Role.SUPPLY, "d", "active_energy_import", counter=counter
    )
    event = exchange_event(meter, exchange, "de")
    assert event == exchange_event(meter, exchange, "de"), "writing it again changes nothing"
    assert (event.time_us, event.end_us, event.subject, event.building) == (START, START, "main", "school")
    expected = "alter Zähler bei 48.211,300 kWh, neuer (1EMH0012345678) ab 137,400 kWh"
    assert event.title == f"Zählerwechsel an „Schule“: {expected}"
    gone = exchange_event(meter, exchange, "de", withdrawn=True)
    assert (gone.id, gone.title) == (
        event.id,
        "Zurückgenommen: kein Zählerwechsel an „Schule“ (1EMH0012345678)",
    )
