"""Local time, weekends, holidays and school breaks."""

from datetime import date

import numpy as np
import pytest

from device_sim.moments import Days, Moments
from device_sim.weather import Weather
from metering.instant import MINUTE
from metering.localtime import LocalCalendar

CALENDAR = LocalCalendar()


def of(day: date) -> Moments:
    window = CALENDAR.day(day)
    return Moments.of(np.arange(window.start_us // MINUTE, window.end_us // MINUTE), Weather(1))


@pytest.mark.parametrize(
    ("day", "school", "work", "weekend"),
    [
        (date(2026, 11, 18), True, True, False),
        (date(2026, 11, 21), False, False, True),
        (date(2026, 6, 4), False, False, False),  # Corpus Christi, a holiday in Hesse
        (date(2026, 10, 12), False, True, False),  # autumn break
        (date(2026, 12, 22), True, True, False),
        (date(2026, 12, 23), False, True, False),
        (date(2027, 1, 12), False, True, False),
        (date(2027, 1, 13), True, True, False),
    ],
)
def test_kinds_of_days(day: date, school: bool, work: bool, weekend: bool) -> None:  # noqa: FBT001
    when = of(day)
    assert (when.on(Days.SCHOOL) == school).all()
    assert (when.on(Days.WORK) == work).all()
    assert (when.on(Days.WEEKEND) == weekend).all()
    assert when.on(Days.DAILY).all()
    assert when.as_workdays().on(Days.SCHOOL).all()


@pytest.mark.parametrize(
    ("day", "minutes", "between_two_and_three"),
    [(date(2026, 3, 29), 1380, 0), (date(2026, 10, 25), 1500, 120), (date(2026, 6, 1), 1440, 60)],
)
def test_days_of_23_and_25_hours(day: date, minutes: int, between_two_and_three: int) -> None:
    when = of(day)
    assert len(when.minutes) == minutes
    assert when.minute_of_day[0] == 0
    assert when.minute_of_day[-1] == 1439
    assert ((when.minute_of_day >= 120) & (when.minute_of_day < 180)).sum() == between_two_and_three
    assert when.between(8 * 60, 9 * 60).sum() == 60


def test_hours_run_past_midnight() -> None:
    when = of(date(2026, 6, 1))
    assert when.between(22 * 60, 29 * 60).sum() == 7 * 60
    assert when.between(22 * 60, 29 * 60)[[0, 299, 300, 1319, 1320]].tolist() == [1, 1, 0, 0, 1]
    ramp = when.between(8 * 60, 9 * 60, ramp=30)
    assert np.abs(np.diff(ramp)).max() == pytest.approx(1 / 30)
