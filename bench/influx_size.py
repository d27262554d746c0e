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
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from metering.instant import DAY, QUARTER_HOUR, parse
from metering.quality import Quality
from metering.reading import Reading
from storage.factory import open_store
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


async def fill(url: str, meters: int, days: int, quantities: tuple[str, ...]) -> None:
    keep = RetentionSettings(raw_days=None, quarter_hour_days=None)
    store = open_store(InfluxSettings(kind="influxdb", url=url, version=1, retention=keep))
    await store.start()
    for day in range(days):
        await store.write(list(day_of(day, meters, quantities)))
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
    for quantities in (TWO, SEVEN):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            with influxd(folder, data=_AT_ONCE) as server:
                asyncio.run(fill(server.url, meters, days, quantities))
                data, log = settled(folder)
        slots = meters * days * 96
        print(
            f"{len(quantities)} values a quarter-hour, {slots:,} quarter-hours: {data:,} bytes, log {log:,}; "
            f"{data / slots:.1f} bytes a quarter-hour, {data / slots / len(quantities):.2f} a value"
        )


if __name__ == "__main__":
    main(*(int(text) for text in [*sys.argv[1:], "30", "90"][:2]))
