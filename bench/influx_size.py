"""How much disk InfluxDB 1.x takes for quarter-hours written day by day through the store, once it has compressed them.

    python -m bench.influx_size [METERS] [DAYS]        30 meters, 90 days

Asked of a real influxd whose shards are told to be compacted at once instead of after hours without writes. Bytes are
those the file system has set aside for `data` without the series file, of which InfluxDB sets 32 MiB aside once, and
for its log.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path

import numpy as np

from metering.instant import DAY, MINUTE, QUARTER_HOUR, parse
from metering.quality import Quality
from metering.reading import Reading, Series
from metering.samples import Samples
from storage.condensed import Level, Rows
from storage.factory import open_store
from storage.influxdb.store import InfluxStore
from storage.settings import InfluxSettings, RetentionSettings
from tests.servers import influxd

START = parse("2026-01-01T00:00:00Z")
TWO = ("consumption", "completeness")
SEVEN = (*TWO, "expected", "expected_lower", "expected_upper", "anomaly_score", "emissions")
_AT_ONCE = """
  cache-snapshot-write-cold-duration = "5s"
  compact-full-write-cold-duration = "10s"
"""
_QUIET_S = 30.0  # nothing has changed on the disk for so long


def day_of(day: int, meters: int, quantities: tuple[str, ...]) -> Iterator[Reading]:
    """Consumption in whole Wh at random, always complete; everything else random to the last bit."""
    random = np.random.default_rng(day)
    for meter in range(meters):
        for name in quantities:
            values = {
                "consumption": random.integers(0, 100_000, 96) / 1000,
                "completeness": np.ones(96),
            }.get(name, random.random(96))
            for slot, value in enumerate(values.tolist()):
                time_us = START + day * DAY + slot * QUARTER_HOUR
                yield Reading(f"meter-{meter}", name, value, time_us, Quality.MEASURED)


def _settings(url: str) -> InfluxSettings:
    keep = RetentionSettings(raw_days=None, quarter_hour_days=None)
    return InfluxSettings(kind="influxdb", url=url, version=1, retention=keep)


async def fill(url: str, meters: int, days: int, quantities: tuple[str, ...]) -> None:
    store = open_store(_settings(url))
    await store.start()
    for day in range(days):
        await store.write(list(day_of(day, meters, quantities)))
    await store.close()


async def fill_condensed(url: str, meters: int, days: int) -> None:
    """Quarter-hours made of a gauge's values each minute, random to the last bit."""
    store = InfluxStore(_settings(url))
    await store.start()
    for day in range(days):
        times_us = START + day * DAY + np.arange(1440, dtype=np.int64) * MINUTE
        random = np.random.default_rng(day)
        rows = {}
        for meter in range(meters):
            samples = Samples(times_us, random.random(1440), np.zeros(1440, np.int8))
            rows[Series(f"meter-{meter}", "active_power")] = Rows.of(samples).condensed(
                times_us - times_us % QUARTER_HOUR
            )
        await store.write_condensed(Level.QUARTER_HOUR, rows)
    await store.close()


def settled(folder: Path) -> tuple[int, int]:
    """Bytes of data and of the log, once both have stood still."""
    seen, since = (-1, -1), time.monotonic()
    while time.monotonic() - since < _QUIET_S:
        data = sum(_allocated(file) for file in (folder / "data").rglob("*.tsm"))
        now = data, sum(_allocated(file) for file in (folder / "wal").rglob("*.wal"))
        if now != seen:
            seen, since = now, time.monotonic()
        time.sleep(1)
    return seen


def _allocated(file: Path) -> int:
    try:
        return file.stat().st_blocks * 512
    except FileNotFoundError:
        return 0


def main(meters: int, days: int) -> None:
    slots = meters * days * 96
    for quantities in (TWO, SEVEN):
        data, log = _sizes(lambda url, names=quantities: fill(url, meters, days, names))
        _tell(f"{len(quantities)} values a quarter-hour", slots, data, log)
    _tell("a condensed row of a quantity", slots, *_sizes(lambda url: fill_condensed(url, meters, days)))


def _sizes(fill_it: Callable[[str], Coroutine[None, None, None]]) -> tuple[int, int]:
    with tempfile.TemporaryDirectory() as name, influxd(Path(name), data=_AT_ONCE) as server:
        asyncio.run(fill_it(server.url))
        return settled(Path(name))


def _tell(what: str, slots: int, data: int, log: int) -> None:
    print(f"{what}, {slots:,} quarter-hours: {data:,} bytes, log {log:,}; {data / slots:.1f} bytes a quarter-hour")


if __name__ == "__main__":
    main(*(int(text) for text in [*sys.argv[1:], "30", "90"][:2]))
