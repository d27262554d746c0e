"""Condensed rows in InfluxDB, beside what they are made of; and forgetting.

Measurement ``reading_15m``, ``reading_1d`` (tag ``device``) and ``interval_1d`` (tag ``meter``) have a field
``<quantity>_<column>`` for each column of `storage.condensed.Rows`: ``voltage_total``, ``voltage_count`` …
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from math import isnan

import numpy as np

from metering.instant import Window
from metering.reading import Reading, Series
from storage.condensed import Level, Rows
from storage.influxdb.answers import Cell, decode
from storage.influxdb.connection import Connection
from storage.influxdb.influxql import delete, identifier, is_one_of, select, select_all, within
from storage.influxdb.line_protocol import can_carry, escaped
from storage.influxdb.schema import INTERVAL, READING, Measurement, measurement_of
from storage.protocol import StoreRefused

_DEVICES_AT_ONCE = 50
_WHOLE = ("count", "trusted", "qualities", "first_us", "last_us")
_FLOAT = ("total", "low", "high", "first", "last")


class CondensedMeasurements:
    """The condensing half of `storage.influxdb.store`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def rows(self, level: Level, series: Collection[Series], window: Window) -> dict[Series, Rows]:
        """Only of series that have rows."""
        found: dict[Series, Rows] = {}
        for (measurement, quantity), devices in _by_quantity(series).items():
            columns = {name: identifier(f"{quantity}_{name}") for name in (*_WHOLE, *_FLOAT)}
            for some in _parts(devices):
                where = [within(window), is_one_of(measurement.tag, some)]
                statement = select(columns, f"{measurement.name}_{level}", where, [identifier(measurement.tag)])
                for rows in decode(await self._connection.query(statement), [measurement.tag]):
                    found[Series(rows.tags[0], quantity)] = _rows(rows.columns)
        return found

    async def until(self, level: Level) -> int | None:
        newest = [await self._first(f"{measurement.name}_{level}", [], "DESC") for measurement in (READING, INTERVAL)]
        return max((time_us for time_us in newest if time_us is not None), default=None)

    async def oldest(self, series: Collection[Series], level: Level | None, window: Window) -> int | None:
        measurements = {measurement_of(key.quantity) for key in series}
        found = [
            await self._first(m.name if level is None else f"{m.name}_{level}", [within(window)], "ASC")
            for m in measurements
        ]
        return min((time_us for time_us in found if time_us is not None), default=None)

    async def forget(
        self, series: Collection[Series], level: Level | None, window: Window, newest: Iterable[Reading]
    ) -> None:
        """``newest`` are the newest readings of the series: the points that hold them stay."""
        if self._connection.settings.version == 3:
            return  # it deletes nothing, so both versions stay, and count once all the same
        stay: dict[str, set[int]] = {}
        for reading in newest if level is None else ():
            if reading.time_us in window:
                stay.setdefault(reading.device, set()).add(reading.time_us)
        measurements = {measurement_of(key.quantity) for key in series}
        devices = {key.device for key in series}
        for measurement in measurements:
            name = measurement.name if level is None else f"{measurement.name}_{level}"
            for some in _parts(devices - stay.keys()):
                await self._delete(name, measurement.tag, some, window)
            for device in sorted(devices & stay.keys()):
                for part in _between(window, sorted(stay[device])):
                    await self._delete(name, measurement.tag, [device], part)

    async def _delete(self, name: str, tag: str, devices: Sequence[str], window: Window) -> None:
        decode(await self._connection.execute(delete(name, f"{within(window)} AND {is_one_of(tag, devices)}")))

    async def _first(self, name: str, where: Sequence[str], order: str) -> int | None:
        statement = " ".join((select_all(name, where), "ORDER BY time", order, "LIMIT 1"))
        for rows in decode(await self._connection.query(statement)):
            return int(rows.columns["time"][0] or 0)
        return None


def encode(level: Level, rows: Mapping[Series, Rows]) -> Iterator[str]:
    """One line for each row. Raises StoreRefused for names that line protocol cannot carry."""
    for key, part in rows.items():
        if not can_carry(key.device):
            raise StoreRefused(f"InfluxDB cannot keep the name {key.device!r}")
        measurement = measurement_of(key.quantity)
        head = f"{measurement.name}_{level},{measurement.tag}={escaped(key.device)}"
        for at, time_us in enumerate(part.times_us.tolist()):
            whole = [f"{key.quantity}_{name}={getattr(part, name)[at]}i" for name in _WHOLE]
            values = [(name, float(getattr(part, name)[at])) for name in _FLOAT]
            known = [f"{key.quantity}_{name}={value!r}" for name, value in values if not isnan(value)]
            yield f"{head} {','.join(whole + known)} {time_us}"


def _rows(columns: Mapping[str, list[Cell]]) -> Rows:
    there = [at for at, count in enumerate(columns["count"]) if count is not None]

    def whole(name: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return np.array([columns[name][at] for at in there], np.int64)

    def real(name: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return np.array([columns[name][at] for at in there], np.float64)  # None becomes NaN

    return Rows(
        whole("time"),
        whole("count"),
        whole("trusted"),
        real("total"),
        real("low"),
        real("high"),
        real("first"),
        whole("first_us"),
        real("last"),
        whole("last_us"),
        whole("qualities").astype(np.int8),
    )


def _between(window: Window, stay: Sequence[int]) -> list[Window]:
    """The window without the ascending times that stay."""
    starts = [window.start_us, *(time_us + 1 for time_us in stay)]
    return [Window(a, b) for a, b in zip(starts, [*stay, window.end_us], strict=True) if b > a]


def _by_quantity(series: Collection[Series]) -> dict[tuple[Measurement, str], list[str]]:
    found: dict[tuple[Measurement, str], list[str]] = {}
    for key in series:
        found.setdefault((measurement_of(key.quantity), key.quantity), []).append(key.device)
    return found


def _parts(devices: Collection[str]) -> list[list[str]]:
    storable = sorted(filter(can_carry, devices))
    return [storable[at : at + _DEVICES_AT_ONCE] for at in range(0, len(storable), _DEVICES_AT_ONCE)]
