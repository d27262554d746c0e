"""The stores: writes in batches and queries over them; beside the same lines sent ready-made, in a loop."""

import asyncio
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from bench.mqtt import setting
from bench.result import Row
from metering.instant import HOUR, MINUTE, Window
from metering.reading import Reading, Series
from storage.factory import open_store
from storage.influxdb.line_protocol import encode_readings
from storage.protocol import Aggregate, Store
from storage.settings import EmbeddedSettings, InfluxSettings

_DEVICES, _BATCH, _START_US = 1000, 5000, 1_767_225_600_000_000 // MINUTE * MINUTE
_QUANTITIES = ("active_power", "voltage", "active_energy_import")


def measure(readings: int) -> list[Row]:
    batches = _batches(readings)
    with setting() as place:
        influx = InfluxSettings(kind="influxdb", url=place.store.url, version=1, database="bench")
        rows = asyncio.run(_of(open_store(influx), "InfluxDB", batches))
        rows.insert(1, asyncio.run(_ready_made(place.store.url, batches)))
    with TemporaryDirectory() as folder:
        embedded = EmbeddedSettings(path=Path(folder) / "store.duckdb")
        return rows + asyncio.run(_of(open_store(embedded), "DuckDB", batches))


def _batches(readings: int) -> list[list[Reading]]:
    """Every device says three things at once, each minute."""
    some = [
        Reading(f"device{n % _DEVICES}", quantity, n / 7, _START_US + n // _DEVICES * MINUTE)
        for n in range(readings // len(_QUANTITIES))
        for quantity in _QUANTITIES
    ]
    return [some[at : at + _BATCH] for at in range(0, len(some), _BATCH)]


async def _of(store: Store, name: str, batches: list[list[Reading]]) -> list[Row]:
    total = sum(map(len, batches))
    await store.start()
    begun, cpu = time.monotonic(), time.process_time()
    for batch in batches:
        await store.write(batch)
    rows = [_row(f"{total:,} readings", f"{name}: write", total, begun, cpu)]
    everything = Window(_START_US, _START_US + 1000 * HOUR)
    series = [Series(f"device{n}", "active_power") for n in range(_DEVICES)]
    begun, cpu = time.monotonic(), time.process_time()
    found = await store.samples(series, everything)
    got = sum(map(len, found.values()))
    rows.append(_row(f"{got:,} readings", f"{name}: samples of {_DEVICES} series", got, begun, cpu))
    begun, cpu = time.monotonic(), time.process_time()
    await store.aggregate(series, everything, HOUR, Aggregate.MEAN)
    rows.append(_row(f"{got:,} readings", f"{name}: hourly means of {_DEVICES} series", got, begun, cpu))
    await store.close()
    return rows


async def _ready_made(url: str, batches: list[list[Reading]]) -> Row:
    bodies = ["\n".join(encode_readings(batch)).encode() for batch in batches]
    total = sum(map(len, batches))
    async with httpx.AsyncClient() as client:
        await client.post(f"{url}/query", params={"q": "CREATE DATABASE ready"})
        begun, cpu = time.monotonic(), time.process_time()
        for body in bodies:
            await client.post(f"{url}/write", params={"db": "ready", "precision": "u"}, content=body)
        return _row(f"{total:,} readings", "InfluxDB: limit: ready-made batches", total, begun, cpu)


def _row(load: str, who: str, readings: int, begun: float, cpu: float) -> Row:
    took, spent = time.monotonic() - begun, time.process_time() - cpu
    return Row("store", load, who, {"readings/s": readings / took, "CPU µs/reading": spent / readings * 1e6})
