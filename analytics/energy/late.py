"""Readings that come late, or are put right, long after their time: which intervals they make wrong."""

import math
from collections.abc import Collection, Iterable, Mapping
from itertools import islice

import numpy as np

from metering.instant import DAY, Window
from metering.reading import Series
from metering.samples import Samples
from storage.protocol import Aggregate, Store

_AT_ONCE = 100  # series asked for together

Print = tuple[float, float]
"""How many readings a day holds, and the sum of those that are trusted: if both stay, so do the readings."""

_NONE: Print = (0.0, 0.0)


class Arrivals:
    """Remembers what the store held of each day (UTC), and tells what has changed since it was last asked."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen: dict[Series, dict[int, Print]] = {}
        self._until_us: dict[Series, int] = {}

    async def changed(self, wanted: Collection[Series], window: Window) -> dict[Series, list[Window]]:
        """For each series the stretches of the window whose readings changed; those asked for first only later.

        A stretch reaches to the nearest days before and after that have readings: a new reading changes the intervals
        between its neighbours.
        """
        days = Window(window.start_us // DAY * DAY, window.end_us)
        found: dict[Series, list[Window]] = {}
        remaining = iter(wanted)
        while some := list(islice(remaining, _AT_ONCE)):
            counts = await self._store.aggregate(some, days, DAY, Aggregate.COUNT)
            sums = await self._store.aggregate(some, days, DAY, Aggregate.SUM)
            for series in some:
                stretches = self._noticed(series, _prints(counts[series], sums[series]), days)
                if stretches:
                    found[series] = stretches
        return found

    async def around(self, series: Series, instant_us: int, reach_us: int) -> Window:
        """From the last day with readings before the instant to the first one after it, ``reach_us`` away at most."""
        window = Window((instant_us - reach_us) // DAY * DAY, instant_us + reach_us)
        counts = (await self._store.aggregate([series], window, DAY, Aggregate.COUNT))[series]
        held = dict.fromkeys(counts.times_us.tolist(), _NONE)
        return _between_neighbours(instant_us // DAY * DAY, held, window)

    def _noticed(self, series: Series, prints: dict[int, Print], window: Window) -> list[Window]:
        before, until_us = self._seen.get(series), self._until_us.get(series, window.start_us)
        self._seen[series], self._until_us[series] = prints, window.end_us
        if before is None:
            return []
        known = range(window.start_us, until_us // DAY * DAY + 1, DAY)
        days = [day for day in known if not _same(prints.get(day, _NONE), before.get(day, _NONE))]
        return list(_merged(_between_neighbours(day, prints, window) for day in days))


def _same(one: Print, other: Print) -> bool:
    """Condensed readings keep their number, and their sum but for its last digits."""
    return one[0] == other[0] and math.isclose(one[1], other[1], rel_tol=1e-12)


def _prints(counts: Samples, sums: Samples) -> dict[int, Print]:
    trusted: Mapping[int, float] = dict(zip(sums.times_us.tolist(), sums.values.tolist(), strict=True))
    held = zip(counts.times_us.tolist(), counts.values.tolist(), strict=True)
    return {day: (count, trusted.get(day, 0.0)) for day, count in held}


def _between_neighbours(day: int, prints: Mapping[int, Print], window: Window) -> Window:
    held = np.array(sorted(prints), np.int64)
    earlier, later = held[held < day], held[held > day]
    begin = int(earlier[-1]) if len(earlier) else day
    end = int(later[0]) + DAY if len(later) else day + DAY
    return Window(begin, max(begin, min(end, window.end_us)))


def _merged(stretches: Iterable[Window]) -> Iterable[Window]:
    """Stretches in ascending order, those that touch made one."""
    last: Window | None = None
    for stretch in stretches:
        if last is not None and stretch.start_us <= last.end_us:
            last = Window(last.start_us, max(last.end_us, stretch.end_us))
        else:
            if last is not None:
                yield last
            last = stretch
    if last is not None:
        yield last
