"""Condenses what is older than the settings keep: readings into quarter-hours, those and interval results into days.

Each bucket is computed from all that is there, written, read back and compared; only then is what it was made from
forgotten. Whatever moment this is killed at, the next run goes on, and no query sees a difference.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain

import numpy as np

from metering.instant import QUARTER_HOUR, Window, from_datetime
from metering.localtime import LocalCalendar
from metering.quantities import QUANTITIES, Kind
from metering.reading import Series
from metering.samples import Int64s
from storage.condensed import Level, Rows, same
from storage.protocol import StoreRefused, TimeSeries
from storage.settings import RetentionSettings

_DEVICES_AT_ONCE = 100
_BEFORE_ALL_TIME = -(2**61)

Progress = Callable[[str, float], None]
"""Called with what is being condensed and the share of the days that is done, 0..1."""


def unseen(_what: str, _share: float) -> None:
    """The progress nobody looks at."""


@dataclass(frozen=True, slots=True)
class Condensed:
    """How many rows one run wrote."""

    quarter_hours: int = 0
    days: int = 0


def quarter_hours(times_us: Int64s) -> Int64s:
    """The start of each time's quarter-hour."""
    return times_us // QUARTER_HOUR * QUARTER_HOUR


class LocalDays:
    """From times to noons of their local days."""

    def __init__(self, calendar: LocalCalendar) -> None:
        self._calendar = calendar

    def __call__(self, times_us: Int64s) -> Int64s:
        if not len(times_us):
            return times_us
        days = self._calendar.days(Window(int(times_us.min()), int(times_us.max()) + 1))
        starts = np.array([self._calendar.midnight(day) for day in days], np.int64)
        zone = self._calendar.zone
        noons = np.array([from_datetime(datetime(d.year, d.month, d.day, 12, tzinfo=zone)) for d in days], np.int64)
        return noons[np.searchsorted(starts, times_us, side="right") - 1]


class Retention:
    """Condenses one store; ``moved`` is called whenever rows are written, before what they are made of is forgotten."""

    def __init__(
        self, store: TimeSeries, settings: RetentionSettings, calendar: LocalCalendar, moved: Callable[[], None]
    ) -> None:
        self._store = store
        self._settings = settings
        self._calendar = calendar
        self._moved = moved

    def due_us(self, now_us: int) -> int | None:
        """What lies before this is condensed, or may be at any moment; None if nothing ever is."""
        shortest = self._settings.raw_days or self._settings.quarter_hour_days
        return self._midnight_before(now_us, shortest)

    async def run(self, now_us: int, progress: Progress = unseen) -> Condensed:
        """Condense all that is due. Raises what stores raise; nothing is lost then, and the next run goes on."""
        series = await self._store.series()
        intervals = [key for key in series if _is_interval(key)]
        readings = [key for key in series if not _is_interval(key)]
        quarters = days = 0
        raw_us = self._midnight_before(now_us, self._settings.raw_days)
        if raw_us is not None:
            quarters = await self._condense(readings, None, Level.QUARTER_HOUR, raw_us, progress)
        day_us = self._midnight_before(now_us, self._settings.quarter_hour_days)
        if day_us is not None:
            for group, fine in ((readings, Level.QUARTER_HOUR), (intervals, None)):
                days += await self._condense(group, fine, Level.DAY, day_us, progress)
        return Condensed(quarters, days)

    def _midnight_before(self, now_us: int, days: int | None) -> int | None:
        if days is None:
            return None
        return self._calendar.midnight(self._calendar.date_of(now_us) - timedelta(days=days))

    async def _condense(
        self, series: Collection[Series], fine: Level | None, coarse: Level, until_us: int, progress: Progress
    ) -> int:
        made = 0
        at_us = await self._store.oldest(series, fine, Window(_BEFORE_ALL_TIME, until_us))
        begin_us = at_us
        while at_us is not None and begin_us is not None:
            day = self._calendar.day(self._calendar.date_of(at_us))
            progress(f"to {coarse}", (day.start_us - begin_us) / max(until_us - begin_us, 1))
            for some in _by_devices(series):
                made += await self._day(some, fine, coarse, day)
            at_us = await self._store.oldest(series, fine, Window(day.end_us, max(until_us, day.end_us)))
        return made

    async def _day(self, series: Collection[Series], fine: Level | None, coarse: Level, day: Window) -> int:
        """Condense one local day of some devices; how many rows were written."""
        found = await rows_of(self._store, fine, series, day)
        keys = quarter_hours if coarse is Level.QUARTER_HOUR else LocalDays(self._calendar)
        fresh = {key: rows.condensed(keys(rows.times_us)) for key, rows in found.items() if len(rows)}
        before = await self._store.condensed(coarse, fresh, day)
        chosen = {key: _fuller(rows, before[key]) for key, rows in fresh.items()}
        await self._store.write_condensed(coarse, chosen)
        after = await self._store.condensed(coarse, fresh, day)
        for key, rows in chosen.items():
            if not same(rows, after[key].where(np.isin(after[key].times_us, rows.times_us))):
                raise StoreRefused(f"condensed rows of {key} do not read back as written; nothing was forgotten")
        self._moved()
        again = await rows_of(self._store, fine, series, day)
        spoken_for = {key.device for key in fresh} - {
            key.device
            for key, rows in fresh.items()
            if len(chosen[key]) < len(rows) or not same(found[key], again[key])
        }
        if spoken_for:
            await self._store.forget([key for key in series if key.device in spoken_for], fine, day)
        return sum(map(len, chosen.values()))


async def rows_of(
    store: TimeSeries, level: Level | None, series: Collection[Series], window: Window
) -> Mapping[Series, Rows]:
    """The rows of a level, or for None the raw readings as rows."""
    if level is not None:
        return await store.condensed(level, series, window)
    return {key: Rows.of(samples) for key, samples in (await store.samples(series, window)).items()}


def _fuller(new: Rows, old: Rows) -> Rows:
    """The new rows that are made of at least as many readings as the old row of their bucket."""
    known = dict(zip(old.times_us.tolist(), old.count.tolist(), strict=True))
    counts = zip(new.times_us.tolist(), new.count.tolist(), strict=True)
    return new.where(np.array([count >= known.get(time_us, 0) for time_us, count in counts], bool))


def _is_interval(series: Series) -> bool:
    quantity = QUANTITIES.get(series.quantity)
    return quantity is not None and quantity.kind is Kind.INTERVAL


def _by_devices(series: Collection[Series]) -> list[list[Series]]:
    """The series in parts; all of one device are in the same part."""
    by_device: dict[str, list[Series]] = {}
    for key in series:
        by_device.setdefault(key.device, []).append(key)
    groups = list(by_device.values())
    parts = (groups[at : at + _DEVICES_AT_ONCE] for at in range(0, len(groups), _DEVICES_AT_ONCE))
    return [list(chain.from_iterable(part)) for part in parts]
