"""A store in InfluxDB."""

import asyncio
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from metering.event import Event
from metering.instant import DAY, Window
from metering.reading import Reading, Series
from metering.samples import Floats, Samples
from storage.condensed import Level, Rows
from storage.influxdb.condensing import CondensedMeasurements, encode
from storage.influxdb.connection import Connection
from storage.influxdb.events import EventLog
from storage.influxdb.kept_format import settle
from storage.influxdb.line_protocol import encode_readings
from storage.influxdb.provision import ensure_database
from storage.influxdb.reader import Reader
from storage.influxdb.writer import V1Writer, Writer
from storage.protocol import Aggregate
from storage.settings import InfluxSettings

_LINES_AT_ONCE = 5000  # what InfluxData recommends for a request


class InfluxStore:
    """A `storage.protocol.Store` on a server.

    `write` returns when the server has the readings in its log. Two things InfluxDB does differently from the embedded
    store: a reading rewritten as measured without a reason leaves an earlier status standing (give it a reason, such as
    ``confirmed``), and 3.x cannot reopen an event that has ended.
    """

    def __init__(self, settings: InfluxSettings) -> None:
        self._settings = settings
        self._connection = Connection(settings)
        self._reader = Reader(self._connection)
        self._condensed = CondensedMeasurements(self._connection)
        self._writer: Writer = V1Writer(self._connection)

    async def start(self) -> None:
        await ensure_database(self._connection)
        if self._settings.version != 1:
            from storage.influxdb.v2_writer import V2Writer

            self._writer = V2Writer(self._settings)
        await settle(self._connection, self._writer)

    async def close(self) -> None:
        await self._writer.close()
        await self._connection.close()

    async def write(self, readings: Sequence[Reading]) -> None:
        for lines in await asyncio.to_thread(lambda: _batches(encode_readings(readings))):
            await self._writer.write(lines)

    async def series(self) -> list[Series]:
        return [reading.series for reading in await self.latest()]

    async def latest(self, devices: Collection[str] | None = None) -> list[Reading]:
        return sorted(await self._reader.latest(devices), key=lambda reading: reading.series)

    async def samples(self, series: Collection[Series], window: Window) -> dict[Series, Samples]:
        return await self._reader.samples(series, window)

    async def aggregate(
        self, series: Collection[Series], window: Window, step_us: int, how: Aggregate
    ) -> dict[Series, Samples]:
        if step_us <= 0:
            raise ValueError(f"the step of an aggregate must be over 0 µs, not {step_us}")
        return await self._reader.aggregate(series, window, step_us, how)

    async def totals(self, groups: Mapping[str, Collection[Series]], periods: Sequence[Window]) -> dict[str, Floats]:
        found = {name: np.zeros(len(periods)) for name in groups}
        wanted = {key for group in groups.values() for key in group}
        for at, period in enumerate(periods):
            sums = await self._reader.aggregate(wanted, period, DAY, Aggregate.SUM)
            for name, group in groups.items():
                found[name][at] = sum(float(sums[key].values.sum()) for key in set(group))
        return found

    async def readings(self, series: Collection[Series], window: Window) -> list[Reading]:
        found = await self._reader.readings(series, window)
        return sorted(found, key=lambda reading: (reading.series, reading.time_us))

    async def condensed(self, level: Level, series: Collection[Series], window: Window) -> dict[Series, Rows]:
        return {**dict.fromkeys(series, Rows.none()), **await self._condensed.rows(level, series, window)}

    async def write_condensed(self, level: Level, rows: Mapping[Series, Rows]) -> None:
        for lines in await asyncio.to_thread(lambda: _batches(list(encode(level, rows)))):
            await self._writer.write(lines)

    async def condensed_until(self, level: Level) -> int | None:
        return await self._condensed.until(level)

    async def oldest(self, series: Collection[Series], level: Level | None, window: Window) -> int | None:
        return await self._condensed.oldest(series, level, window) if series else None

    async def forget(self, series: Collection[Series], level: Level | None, window: Window) -> None:
        newest = await self._reader.latest({key.device for key in series}) if level is None else []
        await self._condensed.forget(series, level, window, newest)

    async def flagged(self, window: Window) -> list[Reading]:
        return sorted(await self._reader.flagged(window), key=lambda reading: (reading.time_us, reading.series))

    async def count(self, window: Window) -> int:
        return await self._reader.count(window)

    async def write_events(self, events: Sequence[Event]) -> None:
        await EventLog(self._connection, self._writer).write(events)

    async def events(self, window: Window) -> list[Event]:
        found = await EventLog(self._connection, self._writer).read(window)
        return sorted(found, key=lambda event: (event.time_us, event.id))


def _batches(lines: Sequence[str]) -> list[bytes]:
    return ["\n".join(lines[at : at + _LINES_AT_ONCE]).encode() for at in range(0, len(lines), _LINES_AT_ONCE)]
