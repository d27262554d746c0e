"""Moves everything from one store to another: readings with their reasons, condensed rows, events.

In steps of some devices and a month, each of which may be done twice. After each step its number is kept in a file, so
that a run that was killed goes on where it stood.
"""

import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from math import fsum
from pathlib import Path

import numpy as np

from metering.instant import DAY, Window
from metering.reading import Series
from storage.condensed import Level
from storage.protocol import TimeSeries

_STEP_US = 30 * DAY
_DEVICES_AT_ONCE = 50
_BATCH = 20_000
_ALWAYS = Window(-(2**61), 2**61)

Progress = Callable[[str, float], None]
"""Called with what is being done and the share that is done, 0..1."""


@dataclass(slots=True)
class Tally:
    """How much of something there is, and what its values add up to."""

    count: int = 0
    total: float = 0.0

    def add(self, count: int, total: float) -> None:
        self.count += count
        self.total = fsum((self.total, total))


@dataclass(frozen=True, slots=True)
class Comparison:
    """One line of the proof: a quantity, or condensed rows, or events, on both sides."""

    what: str
    source: Tally
    target: Tally

    @property
    def equal(self) -> bool:
        close = abs(self.source.total - self.target.total) <= 1e-9 * max(abs(self.source.total), 1.0)
        return self.source.count == self.target.count and close


@dataclass(frozen=True, slots=True)
class _Step:
    series: list[Series]
    window: Window


class Bookmark:
    """How far a migration is, in a file that is gone after its end; nowhere if there is no path."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path

    def done(self, steps: int) -> int:
        """How many of the steps are done; 0 if it was another number of steps that was begun."""
        if self._path is None or not self._path.exists():
            return 0
        remembered = json.loads(self._path.read_text())
        return int(remembered["done"]) if remembered["steps"] == steps else 0

    def put(self, steps: int, done: int) -> None:
        """At once, since a kill may come at any moment."""
        if self._path is not None:
            fresh = self._path.with_suffix(".new")
            fresh.write_text(json.dumps({"steps": steps, "done": done}))
            fresh.replace(self._path)

    def remove(self) -> None:
        if self._path is not None:
            self._path.unlink(missing_ok=True)


async def migrate(source: TimeSeries, target: TimeSeries, bookmark: Bookmark, progress: Progress) -> list[Comparison]:
    """Copy, then compare step by step what was copied; the target may hold more than that.

    Raises what the stores raise; the next call goes on then.
    """
    steps = await _steps(source)
    done = bookmark.done(len(steps))
    for number, step in enumerate(steps):
        if number >= done:
            await _copy(source, target, step)
            bookmark.put(len(steps), number + 1)
        progress("copy", (number + 1) / len(steps))
    events = await source.events(_ALWAYS)
    await target.write_events(events)
    tallies: dict[str, tuple[Tally, Tally]] = {}
    for number, step in enumerate(steps):
        for side, store in enumerate((source, target)):
            await _tally(store, step, tallies, side)
        progress("compare", (number + 1) / len(steps))
    there = {event.id: event for event in await target.events(_ALWAYS)}
    arrived = sum(there.get(event.id) == event for event in events)
    compared = [Comparison(what, *both) for what, both in sorted(tallies.items())]
    bookmark.remove()
    return [*compared, Comparison("events", Tally(len(events)), Tally(arrived))]


async def _steps(source: TimeSeries) -> list[_Step]:
    """All there is to do, the same for every run over a source that stands still."""
    found = []
    series = await source.series()
    newest = max((reading.time_us for reading in await source.latest()), default=0)
    oldest = [await source.oldest(series, level, _ALWAYS) for level in (None, *Level)]
    begun = min((time_us for time_us in oldest if time_us is not None), default=newest)
    ends = [newest, *[until for level in Level if (until := await source.condensed_until(level)) is not None]]
    for some in _groups(series):
        starts = range(begun, max(ends) + 1, _STEP_US)
        found += [_Step(some, Window(start, start + _STEP_US)) for start in starts]
    return found


def _groups(series: Collection[Series]) -> Iterator[list[Series]]:
    devices = sorted({key.device for key in series})
    for first in range(0, len(devices), _DEVICES_AT_ONCE):
        some = set(devices[first : first + _DEVICES_AT_ONCE])
        yield [key for key in series if key.device in some]


async def _copy(source: TimeSeries, target: TimeSeries, step: _Step) -> None:
    readings = await source.readings(step.series, step.window)
    for first in range(0, len(readings), _BATCH):
        await target.write(readings[first : first + _BATCH])
    for level in Level:
        rows = await source.condensed(level, step.series, step.window)
        await target.write_condensed(level, {key: part for key, part in rows.items() if len(part)})


async def _tally(store: TimeSeries, step: _Step, tallies: dict[str, tuple[Tally, Tally]], side: int) -> None:
    flagged = 0
    for reading in await store.readings(step.series, step.window):
        both = tallies.setdefault(reading.quantity, (Tally(), Tally()))
        both[side].add(1, reading.value)
        flagged += reading.quality != 0 or reading.reason != ""
    tallies.setdefault("flags", (Tally(), Tally()))[side].add(flagged, 0.0)
    for level in Level:
        for rows in (await store.condensed(level, step.series, step.window)).values():
            both = tallies.setdefault(f"condensed {level}", (Tally(), Tally()))
            both[side].add(len(rows), float(np.nansum(rows.total)))
