"""Minutes, and what a load may know about each: local time, kind of day, weather."""

from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from functools import cache

import holidays
import numpy as np
from numpy.typing import NDArray

from device_sim.weather import Weather
from metering.instant import DAY, MINUTE
from metering.localtime import LocalCalendar
from metering.samples import Floats, Int64s
from metering.school_breaks import in_school_break

Flags = NDArray[np.bool_]

_CALENDAR = LocalCalendar("Europe/Berlin")
_EPOCH = date(1970, 1, 1)
_FIRST_WEEKDAY = _EPOCH.weekday()


class Days(StrEnum):
    """On which days something is in use."""

    SCHOOL = "school"  # Monday to Friday outside school breaks and public holidays
    WORK = "work"  # Monday to Friday outside public holidays
    WEEKEND = "weekend"
    DAILY = "daily"


@dataclass(frozen=True, eq=False)
class Moments:
    """Some minutes. All arrays have the same shape (n,).

    minutes        minutes since the Unix epoch, UTC
    minute_of_day  0..1439 by the clock on the wall in Europe/Berlin
    day            local day, counted from 1970-01-01
    weekday        0 = Monday
    holiday        public holiday in Hesse
    school_break   Hessian school holidays
    temperature    outdoors, °C
    irradiance     on the level, W/m²
    """

    weather: Weather
    minutes: Int64s
    minute_of_day: Int64s
    day: Int64s
    weekday: Int64s
    holiday: Flags
    school_break: Flags
    temperature: Floats
    irradiance: Floats

    @classmethod
    def of(cls, minutes: Int64s, weather: Weather) -> "Moments":
        times_us = minutes * MINUTE
        local_us = times_us + _CALENDAR.utc_offsets_us(times_us)
        day = local_us // DAY
        return cls(
            weather=weather,
            minutes=minutes,
            minute_of_day=local_us % DAY // MINUTE,
            day=day,
            weekday=(day + _FIRST_WEEKDAY) % 7,
            holiday=_flagged(day, _public_holidays()),
            school_break=in_school_break(day),
            temperature=weather.temperature(times_us),
            irradiance=weather.irradiance(times_us),
        )

    def as_workdays(self) -> "Moments":
        """The same minutes, were they all on ordinary Wednesdays."""
        no = np.zeros(len(self.minutes), bool)
        return replace(self, weekday=np.full(len(self.minutes), 2), holiday=no, school_break=no)

    def on(self, days: Days) -> Flags:
        if days is Days.DAILY:
            return np.ones(len(self.minutes), bool)
        if days is Days.WEEKEND:
            return self.weekday >= 5
        working = (self.weekday < 5) & ~self.holiday
        return working & ~self.school_break if days is Days.SCHOOL else working

    def between(self, opens: int, closes: int, *, ramp: int = 0) -> Floats:
        """1 from ``opens`` to ``closes`` (minutes of the local day), rising before and falling after over ``ramp``.

        ``closes`` over 1440 runs past midnight.
        """
        found = _trapezoid(self.minute_of_day, opens, closes, ramp)
        if closes + ramp > 24 * 60:
            found = np.maximum(found, _trapezoid(self.minute_of_day + 24 * 60, opens, closes, ramp))
        return found


def _trapezoid(minute: Int64s, opens: int, closes: int, ramp: int) -> Floats:
    width = max(ramp, 1)
    rising = (minute - opens + width) / width
    falling = (closes - minute - 1 + width) / width
    return np.asarray(np.clip(np.minimum(rising, falling), 0.0, 1.0))


@cache
def _public_holidays() -> holidays.HolidayBase:
    return holidays.country_holidays("DE", subdiv="HE")


def _flagged(day: Int64s, special: holidays.HolidayBase) -> Flags:
    distinct, where = np.unique(day, return_inverse=True)
    flags = np.array([date.fromordinal(_EPOCH.toordinal() + int(one)) in special for one in distinct], bool)
    return flags[where]
