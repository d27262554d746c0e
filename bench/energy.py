"""How long registers take to become consumption: meters with a year of readings each, on one core.

Run: ``python bench/energy.py [meters] [seconds between readings]``. Every meter has an exchange, a rollover, a dip to
zero each night and an outage of a week, so that nothing takes a short cut.
"""

import sys
import time

import numpy as np

from analytics.energy.consumption import consumption
from analytics.energy.periods import monthly
from metering.estate import Counter, Exchange
from metering.instant import DAY, QUARTER_HOUR, SECOND, parse
from metering.localtime import LocalCalendar
from metering.samples import Samples

CALENDAR = LocalCalendar()
YEAR = CALENDAR.year(2026)


def readings(seed: int, every_us: int) -> tuple[Samples, Counter]:
    """A year of readings of one meter (kWh), and how it counts."""
    rng = np.random.default_rng(seed)
    times = np.arange(YEAR.start_us, YEAR.end_us, every_us, dtype=np.int64)
    kwh = np.cumsum(rng.integers(0, 4_000, len(times)) * every_us / QUARTER_HOUR) / 1000
    exchanged = parse("2026-06-08T09:00:00Z")
    at = int(np.searchsorted(times, exchanged))
    shown = np.where(times < exchanged, 830.0 + kwh, kwh - kwh[at] + 137.4) % 16777.216
    shown[times // (30 * SECOND) % 2880 == 360] = 0.0
    keep = (times < YEAR.start_us + 200 * DAY) | (times > YEAR.start_us + 207 * DAY)
    exchange = Exchange(exchanged, float(830.0 + kwh[at]) % 16777.216, 137.4, "new")
    return Samples.of(times[keep], shown[keep]), Counter(16777.216, exchanges=(exchange,))


def main() -> None:
    meters = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    every_us = int(float(sys.argv[2]) * SECOND) if len(sys.argv) > 2 else QUARTER_HOUR
    spent, rows = 0.0, 0
    for seed in range(meters):
        samples, counter = readings(seed, every_us)
        begun = time.perf_counter()
        intervals = consumption(samples, YEAR, QUARTER_HOUR, counter=counter, substitute=True)
        monthly(intervals, [(2026, month) for month in range(1, 13)], CALENDAR)
        spent += time.perf_counter() - begun
        rows += len(samples)
    print(f"{meters} meters, {rows:,} readings: {spent:.2f} s, {rows / spent:,.0f} readings/s")


if __name__ == "__main__":
    main()
