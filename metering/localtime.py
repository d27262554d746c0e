"""Calendar periods in local time. A day in Europe/Berlin has 92, 96 or 100 quarter-hours."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from metering.instant import QUARTER_HOUR, Window, from_datetime, to_datetime
from metering.samples import Int64s


class LocalCalendar:
    """Days, months and years of one time zone as half-open UTC windows.

    Raises ValueError for an unknown time zone.
    """

    def __init__(self, timezone: str = "Europe/Berlin") -> None:
        try:
            self.zone = ZoneInfo(timezone)
        except (ZoneInfoNotFoundError, ValueError):
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

    def day(self, day: date) -> Window:
        return Window(self.midnight(day), self.midnight(day + timedelta(days=1)))

    def month(self, year: int, month: int) -> Window:
        following = date(year + month // 12, month % 12 + 1, 1)
        return Window(self.midnight(date(year, month, 1)), self.midnight(following))

    def year(self, year: int) -> Window:
        return Window(self.midnight(date(year, 1, 1)), self.midnight(date(year + 1, 1, 1)))

    def days(self, window: Window) -> list[date]:
        """The local days that overlap the window, in order."""
        if window.duration_us == 0:
            return []
        first, last = self.date_of(window.start_us), self.date_of(window.end_us - 1)
        return [first + timedelta(days=n) for n in range((last - first).days + 1)]

    def utc_offsets_us(self, instants_us: Int64s) -> Int64s:
        """UTC offset (µs, east positive) at each instant, in any order; one zone look-up per quarter-hour present."""
        slots, where = np.unique(instants_us // QUARTER_HOUR, return_inverse=True)
        offsets = np.array([self._offset_us(int(slot) * QUARTER_HOUR) for slot in slots], np.int64)
        return offsets[where] if len(slots) else np.empty(0, np.int64)

    def _offset_us(self, instant_us: int) -> int:
        offset = self.local(instant_us).utcoffset() or timedelta()
        return offset // timedelta(microseconds=1)


def quarter_hours(window: Window) -> Int64s:
    """Starts of the quarter-hours wholly in the window; zone offsets are multiples of 15 min, so UTC slots serve."""
    first = -(-window.start_us // QUARTER_HOUR) * QUARTER_HOUR
    last = window.end_us // QUARTER_HOUR * QUARTER_HOUR
    return np.arange(first, last, QUARTER_HOUR, dtype=np.int64)
