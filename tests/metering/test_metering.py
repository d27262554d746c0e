"""The words: exact units, unambiguous OBIS codes, and calendars that know summer time."""

import itertools
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metering import instant
from metering.clock import Clock
from metering.estate import Building, Carrier, Device, Estate, Meter, Role, Site
from metering.instant import DAY, QUARTER_HOUR, Window
from metering.localtime import LocalCalendar, quarter_hours
from metering.obis import Obis
from metering.quantities import QUANTITIES, Kind, quantity
from metering.texts import number
from metering.units import canonical_unit, conversion, to_canonical

BERLIN = LocalCalendar("Europe/Berlin")


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (0.1, "Wh", 0.0001),
        (94736, "Wmin", 94736 / 60000),
        (227.445, "GJ", 63179.166666666664),
        (212, "°F", 100.0),
        (0, "K", -273.15),
        (9284, "l", 9.284),
        (3.6, "MJ", 1.0),
        (-36, "W", -36.0),
        (1.5, "l/s", 5.4),
    ],
)
def test_units_convert_exactly(value: float, unit: str, expected: float) -> None:
    assert to_canonical(value, unit) == expected


@settings(deadline=None)
@given(st.decimals(-(10**9), 10**9, places=3), st.sampled_from(["Wh", "kWh", "MWh", "GJ", "l", "mA", "kvar", "°F"]))
def test_conversion_rounds_once(value: object, unit: str) -> None:
    number_ = float(str(value))
    factor, offset = conversion(unit, canonical_unit(unit))
    assert to_canonical(number_, unit) == pytest.approx(number_ * factor + offset, rel=1e-12, abs=1e-9)
    if unit == "Wh":
        assert to_canonical(number_, unit) == float(Fraction(repr(number_)) / 1000)


def test_unknown_and_wrong_units_are_refused() -> None:
    with pytest.raises(LookupError, match="'furlong'"):
        to_canonical(1, "furlong")
    with pytest.raises(ValueError, match="cannot become 'V'"):
        conversion("kWh", "V")
    with pytest.raises(ValueError, match=r"(?i)nan"):
        to_canonical(float("nan"), "W")


def test_every_quantity_is_in_a_canonical_unit_with_a_valid_obis_code() -> None:
    seen: set[str] = set()
    for entry in QUANTITIES.values():
        assert entry.low < entry.high
        if entry.kind is not Kind.INTERVAL and entry.unit not in ("1", "kvarh"):
            assert canonical_unit(entry.unit) == entry.unit
        if entry.obis is not None:
            assert str(Obis.parse(entry.obis)) == entry.obis
            assert entry.obis not in seen, f"{entry.obis} names two quantities"
            seen.add(entry.obis)
    with pytest.raises(LookupError, match="active_power"):
        quantity("active_powr")


@settings(deadline=None)
@given(st.tuples(*[st.integers(0, 255)] * 6))
def test_obis_codes_round_trip(groups: tuple[int, int, int, int, int, int]) -> None:
    code = Obis(*groups)
    assert Obis.parse(str(code)) == code


@pytest.mark.parametrize("text", ["", "1.8", "1-0:1.8.0*", "1-0:1.8.256", "a-b:1.8.0", "1-0:1.8.0.0"])
def test_what_is_no_obis_code_is_refused(text: str) -> None:
    if text == "1.8":
        assert str(Obis.parse(text)) == "1-0:1.8.0"
    else:
        with pytest.raises(ValueError, match="OBIS"):
            Obis.parse(text)


@settings(deadline=None)
@given(st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_instants_round_trip(moment: datetime) -> None:
    there = instant.from_datetime(moment)
    assert instant.to_datetime(there) == moment
    assert instant.parse(instant.isoformat(there)) == there


def test_naive_times_are_refused() -> None:
    with pytest.raises(ValueError, match="no UTC offset"):
        instant.parse("2026-01-01T00:00:00")


@pytest.mark.parametrize(
    ("day", "count"),
    [(date(2026, 3, 29), 92), (date(2026, 10, 25), 100), (date(2026, 6, 1), 96), (date(2024, 2, 29), 96)],
)
def test_a_local_day_has_92_96_or_100_quarter_hours(day: date, count: int) -> None:
    assert len(quarter_hours(BERLIN.day(day))) == count


@settings(deadline=None)
@given(st.dates(date(1996, 1, 1), date(2090, 1, 1)), st.integers(1, 400))
def test_days_and_months_tile_time(first: date, length: int) -> None:
    days = [first + timedelta(days=n) for n in range(length)]
    windows = [BERLIN.day(day) for day in days]
    assert all(a.end_us == b.start_us for a, b in itertools.pairwise(windows))
    whole = Window(windows[0].start_us, windows[-1].end_us)
    assert BERLIN.days(whole) == days
    assert sum(len(quarter_hours(window)) for window in windows) * QUARTER_HOUR == whole.duration_us
    month = BERLIN.month(first.year, first.month)
    assert first in BERLIN.days(month)
    year = BERLIN.year(first.year)
    assert sum(BERLIN.month(first.year, m).duration_us for m in range(1, 13)) == year.duration_us


@settings(deadline=None)
@given(st.lists(st.integers(0, 3 * 10**15), max_size=20))
def test_offsets_agree_with_the_zone(instants: list[int]) -> None:
    offsets = BERLIN.utc_offsets_us(np.array(instants, np.int64))
    expected = [BERLIN.local(t).utcoffset() or timedelta() for t in instants]
    assert offsets.tolist() == [e // timedelta(microseconds=1) for e in expected]


def test_windows_are_half_open_and_forward() -> None:
    window = Window(0, DAY)
    assert 0 in window
    assert DAY not in window
    with pytest.raises(ValueError, match="before it starts"):
        Window(1, 0)


def test_two_clocks_of_one_time_lapse_agree() -> None:
    since = Clock().now_us()
    first, second = (Clock(speed=3600, start_us=DAY, since_us=since) for _ in range(2))
    earlier = first.now_us()
    assert 0 <= second.now_us() - earlier < 3600 * instant.SECOND
    assert first.now_us() >= DAY
    with pytest.raises(ValueError, match="over 0"):
        Clock(speed=0)


def test_an_estate_refuses_loose_ends() -> None:
    site, building, device = Site("s", "S"), Building("b", "B", "s", "school"), Device("d", "D", 10)
    meter = Meter("m", "M", "b", Carrier.ELECTRICITY, Role.SUPPLY, "d", "active_energy_import")
    estate = Estate.of([site], [building], [device], [meter])
    assert list(estate.meters_in("b")) == [meter]
    with pytest.raises(ValueError, match="used twice"):
        Estate.of([site, site])
    with pytest.raises(ValueError, match="device 'd', which is not defined"):
        Estate.of([site], [building], [], [meter])


def test_numbers_are_written_the_language_s_way() -> None:
    assert number(1234567.891, 2, "de") == "1.234.567,89"
    assert number(1234567.891, 2, "en") == "1,234,567.89"
