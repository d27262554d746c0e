"""Time of a year's CO2 report of many meters from the embedded store, beside a bare DuckDB join as the limit.

``python -m bench.carbon [METERS] [FOLDER]``: 1000 meters make 35 million quarter-hours (1 GB in FOLDER, made once).
"""

import asyncio
import resource
import sys
import tempfile
from datetime import date
from decimal import Decimal
from pathlib import Path
from time import perf_counter, process_time

import duckdb

from analytics.carbon.energy import GasPeriod, GasQuality
from analytics.carbon.factors import FactorSet
from analytics.reports.collect import collect
from analytics.reports.figure import Measure
from analytics.reports.period import Period
from analytics.reports.rules import Rules
from bench.result import Row, markdown
from metering.estate import Building, Carrier, Device, Estate, Meter, Role, Site
from metering.localtime import LocalCalendar
from storage.embedded.store import EmbeddedStore
from storage.settings import EmbeddedSettings

PERIOD = Period.parse("2025")
CARRIERS = (Carrier.ELECTRICITY, Carrier.ELECTRICITY, Carrier.HEAT, Carrier.GAS)


def estate(meters: int) -> Estate:
    return Estate.of(
        [Site("site", "Site")],
        [Building(f"b{n}", f"Building {n}", "site", "school", 1000.0) for n in range(-(-meters // 4))],
        [Device("device", "Device", 60.0)],
        [
            Meter(f"m{n}", f"m{n}", f"b{n // 4}", CARRIERS[n % 4], Role.SUPPLY, "device", "active_energy_import")
            for n in range(meters)
        ],
    )


FILL = """
INSERT INTO reading
SELECT 2 * meter + completeness, time_us,
    CASE WHEN completeness = 1 THEN CASE WHEN outage THEN 0 ELSE 1 END ELSE (hash(time_us + meter) % 4000000) / 1e6 END,
    CASE WHEN completeness = 0 AND outage THEN 2 ELSE 0 END, ''
FROM (
    SELECT *, hash(meter * 1000 + day) % 200 = 0 AND time_us % 86400000000 < 21600000000 AS outage
    FROM (
        SELECT *, time_us // 86400000000 AS day
        FROM range($start, $end, 900000000) t(time_us), range($meters) m(meter)
    )
), range(2) c(completeness)
WHERE hash(meter * 1000 + day) % 2000 <> 7
"""


def fill(path: Path, meters: int, start_us: int, end_us: int) -> None:
    """As analytics writes it, by time; one meter-day in 200 has an outage of 6 h, one in 2000 is missing."""
    with duckdb.connect(str(path)) as file:
        file.execute(
            "INSERT INTO series SELECT 2 * n, 'm' || n, 'consumption' FROM range($1) m(n)"
            " UNION ALL SELECT 2 * n + 1, 'm' || n, 'completeness' FROM range($1) m(n)",
            [meters],
        )
        week = 7 * 86_400_000_000
        for first in range(start_us, end_us, week):
            file.execute(FILL, {"start": first, "end": min(first + week, end_us), "meters": meters})
        file.execute("CHECKPOINT")


def bare_join(path: Path) -> tuple[float, float]:  # seconds by the clock, and of the processor
    """The least that a database must do: each quarter-hour joined to its month's factor, and summed."""
    with duckdb.connect(str(path), read_only=True) as file:
        file.execute("CREATE TEMP TABLE factor AS SELECT m, 414 + m AS g FROM range(13) t(m)")
        began, cpu = perf_counter(), process_time()
        file.execute(
            "SELECT series, sum(value * g) FROM reading JOIN factor ON m = month(make_timestamp(time_us)) "
            "WHERE series % 2 = 0 GROUP BY series"
        ).fetchall()
        return perf_counter() - began, process_time() - cpu


async def _reports(path: Path, meters: int) -> list[Row]:
    load = f"{meters:,} meters, {35_040 * meters / 1e6:.1f} million quarter-hours"
    gas = GasQuality((GasPeriod(date(2020, 1, 1), None, Decimal("0.965"), Decimal("11.4"), "bill"),))
    rules = Rules(FactorSet.load(), LocalCalendar(), gas)
    store = EmbeddedStore(EmbeddedSettings(path=path))
    await store.start()
    rows = []
    for name in ("UBA-16-2026", "GHGP-LB"):
        began, cpu = perf_counter(), process_time()
        report = await collect(store, estate(meters), PERIOD, rules, rules.view(name))
        took, cpu = perf_counter() - began, process_time() - cpu
        assert report.figure(Measure.EMISSIONS).value, "a report without emissions would be no measurement"
        rows.append(_row(load, f"leitwarte: report {name}", meters, took, cpu))
    await store.close()
    return [*rows, _row(load, "limit: bare DuckDB join", meters, *bare_join(path))]


def _row(load: str, who: str, meters: int, seconds: float, cpu_s: float) -> Row:
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    figures = {"ms of CPU a meter-year": cpu_s / meters * 1e3, "s in all": seconds, "peak MB of the process": peak_mb}
    return Row("carbon", load, who, dict(figures))


def measure(meters: int, folder: Path) -> list[Row]:
    """Two reports of a year, then the join. What they read is made once in the folder."""
    path = folder / f"carbon-{meters}.duckdb"
    if not path.exists():
        window = PERIOD.window(LocalCalendar())
        asyncio.run(_empty(path))
        fill(path, meters, window.start_us, window.end_us)
    return asyncio.run(_reports(path, meters))


async def _empty(path: Path) -> None:
    store = EmbeddedStore(EmbeddedSettings(path=path))
    await store.start()
    await store.close()


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    where = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(tempfile.mkdtemp())
    print(markdown(measure(count, where), {"carbon": "CO2 of a year"}))
