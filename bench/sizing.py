"""How much of what an installation needs: arithmetic from measured costs, written into docs/scale.md.

python -m bench.sizing
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bench.result import replace_between, table

DOCS = Path(__file__).parent.parent / "docs" / "scale.md"

# Measured, in µs of one core (2-core machine, Python 3.11; python -m bench.costs, docs/performance.md)
GATEWAY_US = 19.0  # a message with one reading, from broker to acknowledged store: 15.5 on 1,000 topics, 18.8 on 10,000
READING_US = 11.0  # each further reading in it
BROKER_US = 23.0  # mosquitto 2.0.11, a message in and out
INFLUX_US = 10.0  # InfluxDB 1.6.7, a reading by itself in a line; little over half with six others
ANALYTICS_US = 75_000.0  # a meter and quarter-hour (docs/anomaly.md, from 300 meters)
# Measured, in bytes
PROCESS_MB = 106.0  # a gateway with few devices under load: 82, and 24 for the official client of InfluxDB 2.x and 3.x
DEVICE_KB = 4.5  # a device in it with READINGS series: 2.4 with one, 6.3 with seven, from 1,000 to 10,000 devices
METER_KB = 40.0  # a meter's quarter-hours kept by analytics (docs/anomaly.md)
VALUE_B = 7.4  # a value random to the last bit on InfluxDB's disk (docs/storage.md)
RESULTS_B = 45.5  # the results of a meter and quarter-hour there
CONDENSED_B = 37.3  # a row condensed from fifteen such values of a quantity there
OUTBOX_B = 40.0  # a reading in the outbox
# Chosen
READINGS = 4  # of a message: register, power, two more
RAW_DAYS = 90  # store.retention.raw_days
BUSY = 0.5  # of a core at most, so that there is room to catch up
OUTAGE_H = 10.0  # of the store, to be bridged by the outbox
METERS_A_CELL = 100_000  # in one settings file: each replica knows all of its devices
SPARE = 1  # replicas more than the load needs, where it must not stop


class Case(NamedTuple):
    name: str
    meters: int
    interval_s: int


CASES = (
    Case("one school", 10, 60),
    Case("a town's buildings", 500, 60),
    Case("small utility", 10_000, 900),
    Case("small utility, live", 10_000, 60),
    Case("city", 100_000, 900),
    Case("city, live", 100_000, 10),
    Case("region", 1_000_000, 900),
    Case("region, live", 1_000_000, 60),
    Case("country", 10_000_000, 900),
)


class Need(NamedTuple):
    """Cores are busy ones (not those to buy); memory and disk in GB."""

    messages_s: float
    gateway_cores: float
    broker_cores: float
    influx_cores: float
    analytics_cores: float
    gateways: int
    gateway_gb: float
    analytics_gb: float
    raw_gb: float
    year_gb: float
    outbox_gb: float
    cells: int


def need(case: Case) -> Need:
    """What a case needs at the least."""
    messages_s = case.meters / case.interval_s
    readings_s = messages_s * READINGS
    gateway_cores = messages_s * (GATEWAY_US + (READINGS - 1) * READING_US) / 1e6
    cells = math.ceil(case.meters / METERS_A_CELL)
    quarters_a_year = 365 * 96 * case.meters
    condensed_gb = quarters_a_year * READINGS * CONDENSED_B / 1e9
    replicas = max(1, math.ceil(gateway_cores / cells / BUSY)) + (SPARE if case.meters >= METERS_A_CELL else 0)
    return Need(
        messages_s=messages_s,
        gateway_cores=gateway_cores,
        broker_cores=messages_s * BROKER_US / 1e6,
        influx_cores=readings_s * INFLUX_US / 1e6,
        analytics_cores=case.meters * ANALYTICS_US / 1e6 / 900,
        gateways=replicas * cells,
        gateway_gb=(PROCESS_MB + case.meters / cells * DEVICE_KB / 1e3) / 1e3,
        analytics_gb=case.meters * METER_KB / 1e6,
        raw_gb=readings_s * 86_400 * RAW_DAYS * VALUE_B / 1e9,
        year_gb=quarters_a_year * RESULTS_B / 1e9 + condensed_gb,
        outbox_gb=readings_s * 3600 * OUTAGE_H * OUTBOX_B / 1e9,
        cells=cells,
    )


def influxdb(case: Case) -> str:
    """Which InfluxDB, by its makers' bounds for one node (docs.influxdata.com/influxdb/v1/guides/hardware_sizing).

    Up to a million series it is likely to do, from ten million on it may not. A meter has two: device and results.
    """
    series = 2 * case.meters
    if case.meters <= 500:
        return "none: embedded"
    if series < 1_000_000:
        return "2.x, one node"
    return "2.x for each cell, or 3.x" if series < 10_000_000 else "3.x clustered, or Cloud"


def broker(wants: Need) -> str:
    """Mosquitto works on one core."""
    if wants.cells > 1:
        return "EMQX, HiveMQ or VerneMQ cluster"
    return "mosquitto" if wants.gateways == 1 else "mosquitto, or a cluster of three to survive its loss"


def shape(case: Case, wants: Need) -> str:
    if case.meters <= 500:
        return "`leitwarte run`, one process"
    if wants.gateways == 1:
        return "`docker-compose.yml` as it is"
    if wants.cells == 1:
        return f"Compose or Kubernetes, {wants.gateways} gateways"
    return f"Kubernetes, {wants.cells} cells of {wants.gateways // wants.cells} gateways"


def tables() -> str:
    """Markdown."""
    loads, places = [], []
    for case in CASES:
        wants = need(case)
        figures = (
            wants.messages_s, wants.gateway_cores, wants.broker_cores, wants.influx_cores, wants.analytics_cores,
            wants.gateway_gb, wants.analytics_gb, wants.outbox_gb, wants.raw_gb, wants.year_gb,
        )  # fmt: skip
        loads.append([_name(case), *map(_rounded, figures)])
        places.append([_name(case), influxdb(case), broker(wants), shape(case, wants)])
    heads = [
        "installation", "messages/s", "gateway cores", "broker cores", "InfluxDB cores", "analytics cores",
        "memory of a gateway, GB", "of analytics, GB", f"outbox for {OUTAGE_H:g} h, GB", f"{RAW_DAYS} days raw, GB",
        "each year more, GB",
    ]  # fmt: skip
    shapes = table(["installation", "InfluxDB", "broker", "shape"], places, words=4)
    return "\n\n".join(["\n".join(f"- {line}" for line in _arithmetic()), table(heads, loads), shapes])


def _arithmetic() -> Iterator[str]:
    yield f"messages/s: meters / interval; a message has {READINGS} readings"
    yield f"gateway: {GATEWAY_US:g} µs a message and {READING_US:g} µs for each reading beyond the first"
    yield f"gateway: {PROCESS_MB:g} MB and {DEVICE_KB:g} kB a device; a replica keeps {BUSY:.0%} of a core busy at most"
    yield f"broker (mosquitto): {BROKER_US:g} µs a message; InfluxDB: {INFLUX_US:g} µs a reading"
    yield f"analytics: {ANALYTICS_US / 1e3:g} ms of CPU each quarter-hour, and {METER_KB:g} kB, a meter"
    yield f"outbox: {OUTBOX_B:g} bytes a reading, for {OUTAGE_H:g} h without store"
    yield f"disk (InfluxDB): {VALUE_B:g} bytes a reading, kept for {RAW_DAYS} days"
    yield f"disk, each year more: {RESULTS_B:g} bytes of results for each meter and quarter-hour"
    yield f"disk, each year more: {CONDENSED_B:g} bytes condensed from the readings of a quantity and quarter-hour"
    yield f"a cell: {METERS_A_CELL:,} meters at most, since every replica knows all devices of its settings file"


def _name(case: Case) -> str:
    interval = f"{case.interval_s // 60} min" if case.interval_s >= 60 else f"{case.interval_s} s"
    return f"{case.name}: {case.meters:,} × {interval}"


def _rounded(value: float) -> float | str:
    return value if value >= 0.01 else "< 0.01"


if __name__ == "__main__":
    replace_between(DOCS, "sizing", tables())
