"""Local time: offsets of any zone, ISO weeks, leap years, and periods that leave no gap."""

from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metering.instant import DAY, HOUR, MINUTE, QUARTER_HOUR, parse, to_datetime
from metering.localtime import LocalCalendar

BERLIN = LocalCalendar()
DAYS = st.dates(date(1990, 1, 1), date(2060, 1, 1))


@settings(deadline=None)
@given(
    zone=st.sampled_from(["Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns", "Asia/Kathmandu", "UTC"]),
    instants=st.lists(st.integers(parse("1985-01-01T00:00:00Z"), parse("2050-01-01T00:00:00Z")), max_size=20),
)
def test_utc_offsets_are_those_of_the_zone(zone: str, instants: list[int]) -> None:
    calendar = LocalCalendar(zone)
    expected = [to_datetime(instant).astimezone(calendar.zone).utcoffset() for instant in instants]
    found = calendar.utc_offsets_us(np.array(instants, np.int64))
    assert [timedelta(microseconds=int(offset)) for offset in found] == expected


@pytest.mark.parametrize("change", ["2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z"])
def test_the_offset_changes_in_the_very_microsecond(change: str) -> None:
    instant = parse(change)
    offsets = BERLIN.utc_offsets_us(np.array([instant - 1, instant], np.int64))
    assert sorted(offsets.tolist()) == [HOUR, 2 * HOUR]
    assert offsets[0] != offsets[1]


@settings(deadline=None)
@given(DAYS)
def test_days_weeks_months_and_years_follow_each_other_without_gap(day: date) -> None:
    windows = [BERLIN.day(day), BERLIN.day(day + timedelta(days=1))]
    assert windows[0].end_us == windows[1].start_us
    assert windows[0].duration_us // QUARTER_HOUR in (92, 96, 100)
    year, week, _ = day.isocalendar()
    whole = BERLIN.week(year, week)
    assert whole.start_us <= windows[0].start_us < whole.end_us
    days = BERLIN.days(whole)
    assert [one.isoweekday() for one in days] == [1, 2, 3, 4, 5, 6, 7]
    months = [BERLIN.month(day.year, month) for month in range(1, 13)]
    assert all(before.end_us == after.start_us for before, after in pairwise(months))
    assert (months[0].start_us, months[-1].end_us) == (BERLIN.year(day.year).start_us, BERLIN.year(day.year).end_us)


@pytest.mark.parametrize(("year", "slots"), [(2026, 35_040), (2024, 35_136), (2100, 35_040), (2000, 35_136)])
def test_a_year_has_its_number_of_quarter_hours(year: int, slots: int) -> None:
    assert BERLIN.year(year).duration_us // QUARTER_HOUR == slots


def test_iso_weeks_belong_to_the_year_of_their_thursday() -> None:
    assert BERLIN.days(BERLIN.week(2026, 1))[0] == date(2025, 12, 29)
    assert BERLIN.week(2026, 53).duration_us == 7 * DAY
    assert BERLIN.week(2026, 13).duration_us == 7 * DAY - HOUR, "the clocks go forward"
    with pytest.raises(ValueError, match="week"):
        BERLIN.week(2025, 53)
    assert BERLIN.week(2026, 43).duration_us == 7 * DAY + 60 * MINUTE


@pytest.mark.parametrize("name", ["Berlin", "Europe", "", "/etc/passwd", "Europe/Berlin\0"])
def test_what_is_no_time_zone_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="use a name such as Europe/Berlin"):
        LocalCalendar(name)
