"""Readings read back by InfluxQL."""

import asyncio
from collections.abc import Callable, Collection, Iterator
from itertools import chain
from typing import TypeVar

import numpy as np

from metering.instant import Window
from metering.quality import Quality
from metering.reading import Reading, Series
from metering.samples import Samples
from storage.influxdb import buckets
from storage.influxdb.answers import Cell, decode
from storage.influxdb.buckets import Flags
from storage.influxdb.connection import Connection
from storage.influxdb.influxql import call, every, identifier, is_one_of, matches, select, within
from storage.influxdb.line_protocol import can_carry
from storage.influxdb.schema import MEASUREMENTS, STATUS, Measurement, measurement_of, parse_status
from storage.protocol import Aggregate

_DEVICES_AT_ONCE = 50  # keeps a statement short enough for a URL
_DOUBTED = "^(" + "|".join(quality.name.lower() for quality in Quality if quality is not Quality.MEASURED) + "):"

_T = TypeVar("_T")


class Reader:
    """The reading half of `storage.influxdb.store`; windows and errors are those of `storage.protocol.Store`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def samples(self, series: Collection[Series], window: Window) -> dict[Series, Samples]:
        """All values. Flags are read after them, so that no value is taken for better than it is."""
        values = await self._each(series, window, identifier, _samples)
        flags = await self._flags(series, window)
        return {key: buckets.flagged(values.get(key, Samples.empty()), flags.get(key)) for key in series}

    async def aggregate(
        self, series: Collection[Series], window: Window, step_us: int, how: Aggregate
    ) -> dict[Series, Samples]:
        """Aggregated by the server, except for the buckets with a suspect value, which are read whole."""
        pushed = await self._each(series, window, lambda field: call(how.value, field), _samples, step_us)
        flags = await self._flags(series, window)
        found = {key: pushed.get(key, Samples.empty()) for key in series}
        if how is Aggregate.COUNT:  # InfluxDB 3 may count 0 where another field of the device has values
            found = {key: buckets.only(counted, counted.values > 0) for key, counted in found.items()}
        for key, flag in flags.items():
            if how is not Aggregate.COUNT:
                doubtful = buckets.with_suspects(flag, step_us)
                stretches = buckets.stretches(doubtful, window, step_us)
                read = await asyncio.gather(*(self.samples([key], stretch) for stretch in stretches))
                instead = [buckets.aggregate(some[key], step_us, how) for some in read]
                found[key] = buckets.replaced(found[key], doubtful, instead)
            found[key] = buckets.marked(found[key], flag, step_us)
        return found

    async def latest(self, devices: Collection[str] | None = None) -> list[Reading]:
        """The newest reading of each series, unsorted."""
        wanted = [None] if devices is None else _chunks(set(devices))
        return await self._readings(
            (measurement, field, call("last", field), [is_one_of(measurement.tag, some)] if some else [])
            for measurement, field in await self._fields()
            for some in wanted
        )

    async def readings(self, series: Collection[Series], window: Window) -> list[Reading]:
        """The readings with their reasons, unsorted."""
        return await self._readings(
            (measurement, field, identifier(field), [within(window), is_one_of(measurement.tag, devices)])
            for (measurement, fields, devices) in _queries(series)
            for field in fields
        )

    async def flagged(self, window: Window) -> list[Reading]:
        """The readings whose quality is not MEASURED, unsorted."""
        return await self._readings(
            (measurement, field, identifier(field), [within(window), matches(field + STATUS, _DOUBTED)])
            for measurement, field in await self._fields()
        )

    async def count(self, window: Window) -> int:
        async def of(measurement: Measurement, field: str) -> int:
            statement = select({"count": call("count", field)}, measurement.name, [within(window)])
            counts = (rows.columns["count"] for rows in decode(await self._connection.query(statement)))
            return sum(int(count or 0) for count in chain.from_iterable(counts))

        return sum(await asyncio.gather(*(of(*field) for field in await self._fields())))

    async def _fields(self) -> list[tuple[Measurement, str]]:
        """Every quantity that was ever written, with its measurement."""
        groups = decode(await self._connection.query("SHOW FIELD KEYS"))
        return [
            (MEASUREMENTS[rows.measurement], str(name))
            for rows in groups
            if rows.measurement in MEASUREMENTS
            for name in rows.columns["fieldKey"]
            if not str(name).endswith(STATUS)
        ]

    async def _readings(self, wanted: Iterator[tuple[Measurement, str, str, list[str]]]) -> list[Reading]:
        """Readings of one field each, by the expression for its value and the conditions."""

        async def of(measurement: Measurement, field: str, value: str, where: list[str]) -> list[Reading]:
            columns = {"value": value, "status": identifier(field + STATUS)}
            statement = select(columns, measurement.name, where, [identifier(measurement.tag)])
            return await asyncio.to_thread(_parse_readings, await self._connection.query(statement), measurement, field)

        found = await asyncio.gather(*(of(*query) for query in wanted))
        return list(chain.from_iterable(found))

    async def _flags(self, series: Collection[Series], window: Window) -> dict[Series, Flags]:
        return await self._each(series, window, lambda field: identifier(field + STATUS), _flags)

    async def _each(
        self,
        series: Collection[Series],
        window: Window,
        expression: Callable[[str], str],
        take: Callable[[list[Cell], list[Cell]], _T],
        step_us: int | None = None,
    ) -> dict[Series, _T]:
        """What ``take`` makes of times and values of the expression on each series' field; only those with any."""

        async def of(measurement: Measurement, fields: list[str], devices: list[str]) -> dict[Series, _T]:
            columns = {f"v{n}": expression(field) for n, field in enumerate(fields)}
            where = [within(window), is_one_of(measurement.tag, devices)]
            groups = [identifier(measurement.tag), *([every(step_us)] if step_us else [])]
            body = await self._connection.query(select(columns, measurement.name, where, groups))
            return await asyncio.to_thread(parse, body, measurement, fields)

        def parse(body: bytes, measurement: Measurement, fields: list[str]) -> dict[Series, _T]:
            return {
                Series(rows.tags[0], field): take(rows.columns["time"], rows.columns[f"v{n}"])
                for rows in decode(body, [measurement.tag])
                for n, field in enumerate(fields)
                if any(value is not None for value in rows.columns[f"v{n}"])
            }

        found = await asyncio.gather(*(of(*query) for query in _queries(series)))
        wanted = frozenset(series)
        return {key: value for some in found for key, value in some.items() if key in wanted}


def _queries(series: Collection[Series]) -> Iterator[tuple[Measurement, list[str], list[str]]]:
    """Fields and devices that one statement can ask for; devices with the same fields go together."""
    fields: dict[tuple[Measurement, str], list[str]] = {}
    for device, quantity in sorted(set(series)):
        fields.setdefault((measurement_of(quantity), device), []).append(quantity)
    devices: dict[tuple[Measurement, tuple[str, ...]], list[str]] = {}
    for (measurement, device), quantities in fields.items():
        devices.setdefault((measurement, tuple(quantities)), []).append(device)
    for (measurement, together), all_ in devices.items():
        for some in _chunks(all_):
            yield measurement, list(together), some


def _chunks(devices: Collection[str]) -> list[list[str]]:
    """The devices in groups for one statement each, without those that cannot be stored."""
    storable = sorted(filter(can_carry, devices))
    return [storable[at : at + _DEVICES_AT_ONCE] for at in range(0, len(storable), _DEVICES_AT_ONCE)]


def _samples(times_us: list[Cell], values: list[Cell]) -> Samples:
    found = np.array(values, np.float64)  # None becomes NaN, which is never stored
    return buckets.only(Samples.of(np.array(times_us, np.int64), found), ~np.isnan(found))


def _flags(times_us: list[Cell], statuses: list[Cell]) -> Flags:
    stated = [(time_us, parse_status(str(text))[0]) for time_us, text in zip(times_us, statuses, strict=True) if text]
    times, qualities = zip(*stated, strict=True)
    return Flags(np.array(times, np.int64), np.array(qualities, np.int8))


def _parse_readings(body: bytes, measurement: Measurement, field: str) -> list[Reading]:
    return [
        Reading(rows.tags[0], field, float(value), int(time_us), *(parse_status(str(status)) if status else ()))
        for rows in decode(body, [measurement.tag])
        for time_us, value, status in zip(*(rows.columns[name] for name in ("time", "value", "status")), strict=True)
        if value is not None and time_us is not None
    ]
