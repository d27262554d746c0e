"""A store in one DuckDB file.

The table of readings has no unique index, which would double the time of writing and grow the file sevenfold. Each
identity is there once all the same: one thread writes, and it deletes, in the transaction that inserts, the rows that
may be there already, which are those no newer than the newest of their series.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from metering.event import Event, Severity
from metering.instant import Window
from metering.quality import Quality
from metering.reading import Reading, Series
from metering.samples import Floats, Samples
from storage.condensed import Level, Rows
from storage.embedded.batch import Batch
from storage.embedded.condensing import CondensedTable
from storage.embedded.database import Database
from storage.embedded.statements import (
    AGGREGATE,
    COUNT,
    DELETE,
    EVENTS,
    FLAGGED,
    INSERT,
    INSERT_EVENTS,
    INSERT_SERIES,
    NEWEST,
    READINGS,
    SAMPLES,
    VALUE,
    totals,
)
from storage.protocol import Aggregate
from storage.settings import EmbeddedSettings

_T = TypeVar("_T")
_BEFORE_ALL_TIME = -(2**63)
_EARLIEST = -(2**61)  # of aggregates; the year -71 000, so that differences of times fit into 64 bits


class EmbeddedStore:
    """A `storage.protocol.Store` in a file that this process alone has open.

    A write is in the file's log and flushed to the disk when it returns. Reads run beside it, in threads of their own.
    """

    def __init__(self, settings: EmbeddedSettings) -> None:
        self._database = Database(settings.path, settings.memory_mb)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="store-writer")
        self._readers = ThreadPoolExecutor(4, thread_name_prefix="store-reader")
        self._ids: dict[tuple[str, str], int] = {}
        self._newest: dict[int, Reading] = {}
        self._condensed = CondensedTable(self._database)

    async def start(self) -> None:
        await self._in_writer(lambda: None)

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._writer, self._database.close)
        self._writer.shutdown()
        self._readers.shutdown()

    async def write(self, readings: Sequence[Reading]) -> None:
        if readings:
            await self._in_writer(lambda: self._write(readings))

    async def copy(self, target: Path) -> None:
        """Write all that is kept at this moment into a new file; reading and writing go on beside it."""
        await self._in_reader(lambda: self._database.copy(target))

    async def series(self) -> list[Series]:
        return sorted(Series(*key) for key in self._ids.copy())

    async def latest(self, devices: Collection[str] | None = None) -> list[Reading]:
        wanted = None if devices is None else frozenset(devices)
        newest = self._newest.copy().values()
        return sorted((r for r in newest if wanted is None or r.device in wanted), key=lambda reading: reading.series)

    async def samples(self, series: Collection[Series], window: Window) -> dict[Series, Samples]:
        return await self._in_reader(lambda: self._samples(SAMPLES, series, window))

    async def aggregate(
        self, series: Collection[Series], window: Window, step_us: int, how: Aggregate
    ) -> dict[Series, Samples]:
        if step_us <= 0:
            raise ValueError(f"the step of an aggregate must be over 0 µs, not {step_us}")
        tellable = Window(max(window.start_us, _EARLIEST), max(window.end_us, _EARLIEST))
        origin = tellable.start_us // step_us * step_us  # from here on, truncating division is floor division
        statement = AGGREGATE.format(value=VALUE[how])
        return await self._in_reader(lambda: self._samples(statement, series, tellable, step=step_us, origin=origin))

    async def totals(self, groups: Mapping[str, Collection[Series]], periods: Sequence[Window]) -> dict[str, Floats]:
        found = {name: np.zeros(len(periods)) for name in groups}
        pairs = [(self._ids[key], name) for name, group in groups.items() for key in set(group) if key in self._ids]
        if not pairs or not periods:
            return found
        ids, names = map(list, zip(*pairs, strict=True))
        rows = await self._in_reader(lambda: self._database.rows(totals(periods), series=ids, names=names))
        for name, period, total in rows:
            found[name][period] = total
        return found

    async def readings(self, series: Collection[Series], window: Window) -> list[Reading]:
        ids = self._known(series)
        return [_reading(row) for row in await self._rows(READINGS, window, series=list(ids))] if ids else []

    async def condensed(self, level: Level, series: Collection[Series], window: Window) -> dict[Series, Rows]:
        ids = self._known(series)
        found = await self._in_reader(lambda: self._condensed.rows(level, list(ids), window)) if ids else {}
        return {**dict.fromkeys(series, Rows.none()), **{ids[id_]: rows for id_, rows in found.items()}}

    async def write_condensed(self, level: Level, rows: Mapping[Series, Rows]) -> None:
        def write() -> None:
            unknown = sorted((device, name) for device, name in rows if (device, name) not in self._ids)
            new = {key: id_ for id_, key in enumerate(unknown, len(self._ids))}
            if new:
                with self._database.transaction() as transaction:
                    transaction.execute(INSERT_SERIES, _series_table(new))
                self._ids.update(new)
            self._condensed.write(level, {self._ids[key]: part for key, part in rows.items()})

        await self._in_writer(write)

    async def condensed_until(self, level: Level) -> int | None:
        return await self._in_reader(lambda: self._condensed.until(level))

    async def oldest(self, series: Collection[Series], level: Level | None, window: Window) -> int | None:
        ids = list(self._known(series))
        return await self._in_reader(lambda: self._condensed.oldest(level, ids, window)) if ids else None

    async def forget(self, series: Collection[Series], level: Level | None, window: Window) -> None:
        def forget() -> None:
            newest = {id_: self._newest[id_].time_us for id_ in self._known(series) if id_ in self._newest}
            self._condensed.forget(level, newest, window)

        await self._in_writer(forget)

    def _known(self, series: Collection[Series]) -> dict[int, Series]:
        return {self._ids[key]: key for key in series if key in self._ids}

    async def flagged(self, window: Window) -> list[Reading]:
        return [_reading(row) for row in await self._rows(FLAGGED, window)]

    async def count(self, window: Window) -> int:
        rows = await self._rows(COUNT, window)
        return int(rows[0][0])

    async def write_events(self, events: Sequence[Event]) -> None:
        if events:
            await self._in_writer(lambda: self._write_events(events))

    async def events(self, window: Window) -> list[Event]:
        rows = await self._rows(EVENTS, window)
        return [
            Event(id_, time_us, end_us, kind, Severity(severity), subject, building, title)
            for id_, time_us, end_us, kind, severity, subject, building, title in rows
        ]

    async def _rows(self, statement: str, window: Window, **parameters: object) -> list[tuple[Any, ...]]:
        bounds = {"start": window.start_us, "end": window.end_us}
        return await self._in_reader(lambda: self._database.rows(statement, **bounds, **parameters))

    async def _in_reader(self, job: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._readers, job)

    async def _in_writer(self, job: Callable[[], _T]) -> _T:
        def run() -> _T:
            if not self._database.is_open:
                self._open()
            return job()

        return await asyncio.get_running_loop().run_in_executor(self._writer, run)

    def _open(self) -> None:
        self._database.open()
        by_id = {id_: (device, name) for id_, device, name in self._database.rows("SELECT * FROM series")}
        self._ids = {key: id_ for id_, key in by_id.items()}
        self._newest = {
            id_: Reading(*by_id[id_], value, time_us, Quality(quality), reason)
            for id_, value, time_us, quality, reason in self._database.rows(NEWEST)
        }

    def _write(self, readings: Sequence[Reading]) -> None:
        batch = Batch.of(readings, self._ids)
        known = [self._newest.get(id_) for id_ in batch.newest]
        newest_us = [_BEFORE_ALL_TIME if reading is None else reading.time_us for reading in known]
        rewritten = batch.not_newer_than(newest_us)
        with self._database.transaction() as transaction:
            if batch.new:
                transaction.execute(INSERT_SERIES, _series_table(batch.new))
            if len(rewritten):
                span = pc.min_max(rewritten["time_us"]).as_py()
                transaction.execute(DELETE, rewritten, first=span["min"], last=span["max"])
            transaction.execute(INSERT, batch.rows)
        self._ids.update(batch.new)
        for (id_, reading), was_us in zip(batch.newest.items(), newest_us, strict=True):
            if reading.time_us >= was_us:
                self._newest[id_] = msgspec.structs.replace(reading, value=float(reading.value), device_time=False)

    def _write_events(self, events: Sequence[Event]) -> None:
        rows = {event.id: msgspec.structs.asdict(event) for event in events}.values()
        table = pa.Table.from_pylist([{**row, "severity": int(row["severity"])} for row in rows], _EVENT)
        with self._database.transaction() as transaction:
            transaction.execute(INSERT_EVENTS, table)

    def _samples(
        self, statement: str, series: Collection[Series], window: Window, **parameters: int
    ) -> dict[Series, Samples]:
        ids = self._known(series)
        found = dict.fromkeys(series, Samples.empty())
        if ids:
            columns = self._database.columns(
                statement, series=list(ids), start=window.start_us, end=window.end_us, **parameters
            )
            which, times_us, values, qualities = columns.values()
            present, starts = np.unique(which, return_index=True)
            for id_, rows in zip(present.tolist(), map(slice, starts, np.append(starts[1:], len(which))), strict=True):
                found[ids[id_]] = Samples.of(times_us[rows], values[rows], qualities[rows])
        return found


def _reading(row: tuple[Any, ...]) -> Reading:
    device, name, value, time_us, quality, reason = row
    return Reading(device, name, value, time_us, Quality(quality), reason)


_EVENT = pa.schema(
    {
        "id": pa.string(),
        "time_us": pa.int64(),
        "end_us": pa.int64(),
        "kind": pa.string(),
        "severity": pa.int8(),
        "subject": pa.string(),
        "building": pa.string(),
        "title": pa.string(),
    }
)


def _series_table(ids: dict[tuple[str, str], int]) -> pa.Table:
    devices, quantities = zip(*ids, strict=True)
    return pa.table({"id": pa.array(ids.values(), pa.int32()), "device": devices, "quantity": quantities})
