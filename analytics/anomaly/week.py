"""Where an interval lies in the local week. Public holidays count as Sundays."""

from dataclasses import dataclass
from functools import cache
from typing import Self

import holidays
import numpy as np
from numpy.typing import NDArray

from metering.instant import DAY, HOUR
from metering.localtime import LocalCalendar
from metering.samples import Int64s

_MONDAY = 4 * DAY  # 1970-01-05; the epoch was a Thursday
_SUNDAY = 6

Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class WeekSlots:
    """Positions of intervals in the local week.

    slot   shape (n,), int64: 0 is the first interval of Monday; holidays have the slots of Sunday
    count  how many slots a week has
    off    shape (n,), bool: 20:00 to 06:00, weekends and holidays, when public buildings are idle
    """

    slot: Int64s
    count: int
    off: Bools

    def part(self, begin: int, end: int) -> Self:
        """The intervals with positions ``begin`` to before ``end``."""
        cut = slice(max(begin, 0), end)
        return type(self)(self.slot[cut], self.count, self.off[cut])


class Week:
    """The week of a time zone and a region's public holidays (ISO 3166-2 subdivision of Germany such as HE).

    Raises ValueError for an unknown time zone or region.
    """

    def __init__(self, timezone: str = "Europe/Berlin", region: str | None = "HE") -> None:
        self.calendar = LocalCalendar(timezone)
        self.region = region
        if region is not None:
            _holidays(region, 2026)

    def slots(self, start_us: Int64s, step_us: int) -> WeekSlots:
        local = start_us + self._offsets(start_us)
        day = local // DAY
        weekday = (local - _MONDAY) // DAY % 7
        weekday = np.where(self._is_holiday(day), _SUNDAY, weekday)
        clock = local % DAY
        off = (clock >= 20 * HOUR) | (clock < 6 * HOUR) | (weekday >= 5)
        step = min(step_us, DAY)
        return WeekSlots((weekday * DAY + clock) // step, 7 * DAY // step, off)

    def local_days(self, times_us: Int64s) -> Int64s:
        """The local day of each time, as days since 1970-01-01."""
        days: Int64s = (times_us + self._offsets(times_us)) // DAY
        return days

    def _offsets(self, times_us: Int64s) -> Int64s:
        """UTC offsets. Clocks change on the hour, on few days: other days need one look-up."""
        days, day_of = np.unique(times_us // DAY, return_inverse=True)
        offsets = self.calendar.utc_offsets_us(np.concatenate((days, days + 1)) * DAY).reshape(2, -1)
        found: Int64s = offsets[0][day_of]
        changing = (offsets[0] != offsets[1])[day_of]
        found[changing] = self.calendar.utc_offsets_us(times_us[changing] // HOUR * HOUR)
        return found

    def _is_holiday(self, days: Int64s) -> Bools:
        if self.region is None or not len(days):
            return np.zeros(len(days), bool)
        years = np.unique(days.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970)
        free = np.concatenate([_holidays(self.region, int(year)) for year in years])
        return np.isin(days, free)


@cache
def _holidays(region: str, year: int) -> Int64s:
    """Public holidays as days since 1970-01-01."""
    try:
        found = holidays.country_holidays("DE", subdiv=region, years=year)
    except NotImplementedError:
        raise ValueError(f"unknown holiday region {region!r}; use a German state such as HE") from None
    return np.array(sorted(found), "datetime64[D]").astype(np.int64)
