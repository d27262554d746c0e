"""Calendar periods in local time. A day in Europe/Berlin has 92, 96 or 100 quarter-hours."""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from metering.instant import DAY, QUARTER_HOUR, SECOND, Window, from_datetime, to_datetime
from metering.samples import Int64s


class LocalCalendar:
    """Days, ISO weeks, months and years of one time zone as half-open UTC windows.

    Raises ValueError for an unknown time zone.
    """

    def __init__(self, timezone: str = "Europe/Berlin") -> None:
        try:
            self.zone = ZoneInfo(timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError for a folder of zones, such as Europe
            raise ValueError(f"unknown time zone {timezone!r}; use a name such as Europe/Berlin") from None

    def midnight(self, day: date) -> int:
        """The instant at which the local day begins."""
        return from_datetime(datetime(day.year, day.month, day.day, tzinfo=self.zone))

    def local(self, instant_us: int) -> datetime:
        """The instant as an aware datetime in this time zone."""
        return to_datetime(instant_us).astimezone(self.zone)

    def date_of(self, instant_us: int) -> date:
        """The local day that contains the instant."""
        return self.local(instant_us).date()

    def tomorrow(self, instant_us: int) -> date:
        """The local day after the one that contains the instant."""
        return self.date_of(instant_us) + timedelta(days=1)

    def day(self, day: date) -> Window:
        return Window(self.midnight(day), self.midnight(day + timedelta(days=1)))

    def month(self, year: int, month: int) -> Window:
        following = date(year + month // 12, month % 12 + 1, 1)
        return Window(self.midnight(date(year, month, 1)), self.midnight(following))

    def week(self, year: int, week: int) -> Window:
        """The ISO 8601 week, Monday to Sunday. Raises ValueError for a week that the year does not have."""
        monday = date.fromisocalendar(year, week, 1)
        return Window(self.midnight(monday), self.midnight(monday + timedelta(days=7)))

    def year(self, year: int) -> Window:
        return Window(self.midnight(date(year, 1, 1)), self.midnight(date(year + 1, 1, 1)))

    def days(self, window: Window) -> list[date]:
        """The local days that overlap the window, in order."""
        if window.duration_us == 0:
            return []
        first, last = self.date_of(window.start_us), self.date_of(window.end_us - 1)
        return [first + timedelta(days=n) for n in range((last - first).days + 1)]

    def utc_offsets_us(self, instants_us: Int64s) -> Int64s:
        """UTC offset (µs, east positive) at each instant, in any order, shape as given."""
        if not len(instants_us):
            return np.empty(0, np.int64)
        years = np.unique(instants_us.astype("datetime64[us]").astype("datetime64[Y]")).astype(np.int64) + 1970
        tables = [_offsets_of(self.zone, year) for year in years.tolist()]
        begins, offsets = (np.concatenate(columns) for columns in zip(*tables, strict=True))
        return offsets[np.searchsorted(begins, instants_us, side="right") - 1]


@lru_cache(maxsize=1024)
def _offsets_of(zone: ZoneInfo, year: int) -> tuple[Int64s, Int64s]:
    """The instants of a year (UTC) from which on a UTC offset holds, its first instant before all, and those offsets.

    No zone changes its offset twice within a day.
    """

    def offset(instant_us: int) -> int:
        return (to_datetime(instant_us).astimezone(zone).utcoffset() or timedelta()) // timedelta(microseconds=1)

    begin, end = (from_datetime(datetime(edge, 1, 1, tzinfo=UTC)) for edge in (year, year + 1))
    begins, offsets = [begin], [offset(begin)]
    for day in range(begin, end, DAY):
        following = min(day + DAY, end - SECOND)
        if offset(following) != offsets[-1]:
            before, after = day, following
            while after - before > SECOND:
                middle = (before + after) // (2 * SECOND) * SECOND
                before, after = (middle, after) if offset(middle) == offsets[-1] else (before, middle)
            begins.append(after)
            offsets.append(offset(after))
    return np.array(begins, np.int64), np.array(offsets, np.int64)


def quarter_hours(window: Window) -> Int64s:
    """Starts of the quarter-hours wholly in the window; zone offsets are multiples of 15 min, so UTC slots serve."""
    first = -(-window.start_us // QUARTER_HOUR) * QUARTER_HOUR
    last = window.end_us // QUARTER_HOUR * QUARTER_HOUR
    return np.arange(first, last, QUARTER_HOUR, dtype=np.int64)
