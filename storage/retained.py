"""A store that answers from readings where there are any, and from what was condensed of them where not."""

import asyncio
import time
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from metering.event import Event
from metering.instant import DAY, QUARTER_HOUR, Window
from metering.localtime import LocalCalendar
from metering.reading import Reading, Series
from metering.samples import Floats, Samples
from storage.condensed import Level, Rows
from storage.protocol import Aggregate, TimeSeries
from storage.retention import Condensed, LocalDays, Progress, Retention, quarter_hours, unseen
from storage.settings import RetentionSettings

_SERIES_AT_ONCE = 500
_LOOK_AGAIN_S = 600.0  # another process may have condensed
_LOOK_SOON_S = 60.0  # or have begun to, where nothing is condensed yet


class RetainedStore:
    """A `storage.protocol.Store` over a database, condensed as the settings say when `condense` is called.

    A row stands at its time (`Level`): it counts to the bucket or window in which that lies.
    """

    def __init__(self, database: TimeSeries, settings: RetentionSettings, calendar: LocalCalendar) -> None:
        self.database = database
        self._retention = Retention(database, settings, calendar, self._look_again)
        self._days = LocalDays(calendar)
        self._until_us: int | None = None
        self._look_again()

    async def condense(self, now_us: int, progress: Progress = unseen) -> Condensed:
        """Condense what has come of age; see `storage.retention`."""
        return await self._retention.run(now_us, progress)

    async def start(self) -> None:
        await self.database.start()

    async def close(self) -> None:
        await self.database.close()

    async def write(self, readings: Sequence[Reading]) -> None:
        await self.database.write(readings)

    async def series(self) -> list[Series]:
        return await self.database.series()

    async def latest(self, devices: Collection[str] | None = None) -> list[Reading]:
        return await self.database.latest(devices)

    async def samples(self, series: Collection[Series], window: Window) -> dict[Series, Samples]:
        old, new = await self._split(window, 1)
        found = await self.database.samples(series, new)
        if not old.duration_us:
            return found
        before = await self._rows(series, old)
        return {key: _joined(*before[key], found[key], key) for key in found}

    async def aggregate(
        self, series: Collection[Series], window: Window, step_us: int, how: Aggregate
    ) -> dict[Series, Samples]:
        if step_us <= 0:
            raise ValueError(f"the step of an aggregate must be over 0 µs, not {step_us}")
        old, new = await self._split(window, step_us)
        found = await self.database.aggregate(series, new, step_us, how)
        if not old.duration_us:
            return found
        before = await self._rows(series, old)
        return {
            key: Samples.joined([_aggregated(before[key][1], step_us, how), samples]) for key, samples in found.items()
        }

    async def totals(self, groups: Mapping[str, Collection[Series]], periods: Sequence[Window]) -> dict[str, Floats]:
        if not periods:
            return {name: np.empty(0) for name in groups}
        found = await self.database.totals(groups, periods)
        for at, period in enumerate(periods):
            old, _ = await self._split(period, 1)
            if old.duration_us:
                whole = await self.aggregate({key for group in groups.values() for key in group}, period, DAY, _SUM)
                for name, group in groups.items():
                    found[name][at] = sum(float(whole[key].values.sum()) for key in group)
        return found

    async def readings(self, series: Collection[Series], window: Window) -> list[Reading]:
        return await self.database.readings(series, window)

    async def flagged(self, window: Window) -> list[Reading]:
        return await self.database.flagged(window)

    async def count(self, window: Window) -> int:
        old, new = await self._split(window, 1)
        count = await self.database.count(new)
        if old.duration_us:
            series = await self.database.series()
            for at in range(0, len(series), _SERIES_AT_ONCE):
                found = await self._rows(series[at : at + _SERIES_AT_ONCE], old)
                count += sum(int(rows.count.sum()) for _, rows in found.values())
        return count

    async def write_events(self, events: Sequence[Event]) -> None:
        await self.database.write_events(events)

    async def events(self, window: Window) -> list[Event]:
        return await self.database.events(window)

    async def _split(self, window: Window, step_us: int) -> tuple[Window, Window]:
        """The part of the window in which condensed rows may lie, up to a whole step, and the rest."""
        until_us = await self._condensed_until()
        if until_us is None or until_us <= window.start_us:
            return Window(window.start_us, window.start_us), window
        cut = min(-(-until_us // step_us) * step_us, window.end_us)
        return Window(window.start_us, cut), Window(cut, window.end_us)

    def _look_again(self) -> None:
        self._looked_s = -_LOOK_AGAIN_S

    async def _condensed_until(self) -> int | None:
        """No row lies, and no reading is in the bucket of a row, at or after this.

        Once there are rows, another process may make those that are due at any moment, so these count as made.
        """
        if time.monotonic() - self._looked_s >= (_LOOK_SOON_S if self._until_us is None else _LOOK_AGAIN_S):
            ends = [
                (await self.database.condensed_until(Level.QUARTER_HOUR), QUARTER_HOUR),
                (await self.database.condensed_until(Level.DAY), DAY),
            ]
            known = [newest + length for newest, length in ends if newest is not None]
            self._until_us = max(known, default=None)
            self._looked_s = time.monotonic()
        if self._until_us is None:
            return None
        return max(self._until_us, self._retention.due_us(time.time_ns() // 1000) or self._until_us)

    async def _rows(self, series: Collection[Series], window: Window) -> dict[Series, tuple[Samples, Rows]]:
        """All readings, and the fullest version of each bucket, for which whole local days are looked at."""
        wide = Window(window.start_us - DAY, window.end_us + DAY)
        raw = await self.database.samples(series, wide)
        quarters = await self.database.condensed(Level.QUARTER_HOUR, series, wide)
        days = await self.database.condensed(Level.DAY, series, wide)

        def resolve() -> dict[Series, tuple[Samples, Rows]]:
            found = {}
            for key, samples in raw.items():
                rows = Rows.of(samples).over(quarters[key], quarter_hours).over(days[key], self._days)
                inside = (rows.times_us >= window.start_us) & (rows.times_us < window.end_us)
                found[key] = samples, rows.where(inside)
            return found

        return await asyncio.to_thread(resolve)


_SUM = Aggregate.SUM


def _aggregated(rows: Rows, step_us: int, how: Aggregate) -> Samples:
    """As `storage.protocol.Store.aggregate`; a row belongs to the bucket in which its time lies."""
    rows = rows.condensed(rows.times_us // step_us * step_us)
    columns = {
        Aggregate.MEAN: rows.total / np.maximum(rows.trusted, 1),
        Aggregate.MIN: rows.low,
        Aggregate.MAX: rows.high,
        Aggregate.SUM: rows.total,
        Aggregate.COUNT: rows.count.astype(np.float64),
        Aggregate.FIRST: rows.first,
        Aggregate.LAST: rows.last,
    }
    shown = rows.trusted > 0 if how is not Aggregate.COUNT else rows.count > 0
    return Samples.of(rows.times_us[shown], columns[how][shown], rows.qualities[shown])


def _joined(raw: Samples, rows: Rows, after: Samples, series: Series) -> Samples:
    """The readings among the rows as they are, the condensed rows as samples, then the samples after them."""
    plain = np.isin(rows.times_us, raw.times_us) & (rows.count == 1)
    kept = np.isin(raw.times_us, rows.times_us[plain])
    before = Samples.of(raw.times_us[kept], raw.values[kept], raw.qualities[kept])
    both = Samples.joined([before, rows.where(~plain).samples(series.quantity)])
    order = np.argsort(both.times_us, kind="stable")
    in_order = Samples.of(both.times_us[order], both.values[order], both.qualities[order])
    return Samples.joined([in_order, after])
