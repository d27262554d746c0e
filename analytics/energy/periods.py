"""Sums over calendar periods: local days of 92, 96 or 100 quarter-hours, months, any windows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from analytics.energy.intervals import Intervals
from metering.instant import HOUR, Window
from metering.localtime import LocalCalendar


@dataclass(frozen=True, slots=True)
class PeriodSum:
    """Consumption of one period.

    consumption   sum of what is known, in the billing unit, exact to its millionth
    completeness  0..1, the share of the whole period that was measured; intervals that are absent count as 0
    steps         how many intervals the period has (a day: 92, 96 or 100 quarter-hours)
    """

    window: Window
    consumption: float
    completeness: float
    steps: int


def sums(intervals: Intervals, periods: Sequence[Window]) -> list[PeriodSum]:
    """One sum for each period. Raises ValueError for a period that is no whole number of intervals."""
    found = []
    for period in periods:
        steps, rest = divmod(period.duration_us, intervals.step_us)
        if rest:
            raise ValueError(f"a period of {period.duration_us} µs has no whole number of {intervals.step_us} µs steps")
        part = intervals.within(period)
        covered = float(part.completeness.sum()) / steps if steps else 0.0
        found.append(PeriodSum(period, part.total, covered, steps))
    return found


def hourly(intervals: Intervals, window: Window) -> list[PeriodSum]:
    """Sums of the hours of a window, from its begin on; UTC offsets are no matter, except where they end in half hours.

    Raises ValueError for a window that is no whole number of hours.
    """
    if window.duration_us % HOUR:
        raise ValueError(f"a window of {window.duration_us} µs has no whole number of hours")
    return sums(intervals, [Window(hour, hour + HOUR) for hour in range(window.start_us, window.end_us, HOUR)])


def daily(intervals: Intervals, days: Sequence[date], calendar: LocalCalendar) -> list[PeriodSum]:
    """Sums of local days."""
    return sums(intervals, [calendar.day(day) for day in days])


def weekly(intervals: Intervals, weeks: Sequence[tuple[int, int]], calendar: LocalCalendar) -> list[PeriodSum]:
    """Sums of ISO weeks, each given as (ISO year, week)."""
    return sums(intervals, [calendar.week(year, week) for year, week in weeks])


def monthly(intervals: Intervals, months: Sequence[tuple[int, int]], calendar: LocalCalendar) -> list[PeriodSum]:
    """Sums of local months, each given as (year, month)."""
    return sums(intervals, [calendar.month(year, month) for year, month in months])
