"""Months per building from a year of quarter-hours in the embedded store, beside the same sum in plain DuckDB SQL.

    python bench/storage_months.py [METERS] [FILE]        1,000 meters, a file in a temporary folder

Each question is asked in a process of its own, from a file that the operating system has in memory; the fastest of
three answers counts. The plain sum asks the same file for the same months with one filter each.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import numpy as np

from metering.localtime import LocalCalendar
from metering.reading import Series
from storage.factory import open_store
from storage.settings import EmbeddedSettings

YEAR, PER_BUILDING, TIMES = 2025, 5, 3
QUARTER_US = 900_000_000
MONTHS = [LocalCalendar().month(YEAR, month) for month in range(1, 13)]

FILL = """
INSERT INTO reading
SELECT meter, $start + slot * $step, round(hash(meter * 40000 + slot) % 100000 / 1000.0, 3),
    CASE WHEN hash(slot + meter) % 1000 = 0 THEN 2 ELSE 0 END,
    CASE WHEN hash(slot + meter) % 1000 = 0 THEN 'gap' ELSE '' END
FROM range($first, $last) days(day), range($meters) meters(meter), range(day * 96, day * 96 + 96) slots(slot)
WHERE $start + slot * $step < $end
"""
PLAIN = " UNION ALL ".join(
    f"""SELECT series // {PER_BUILDING} AS building, {n} AS month, sum(value) AS total FROM reading
    WHERE quality <> 3 AND time_us >= {month.start_us} AND time_us < {month.end_us} GROUP BY building"""
    for n, month in enumerate(MONTHS)
)


async def make(path: Path, meters: int) -> None:
    """The store makes its own tables; the rows are written by SQL, day by day, as analytics would over a year."""
    store = open_store(EmbeddedSettings(path=path))
    await store.start()
    await store.close()
    with duckdb.connect(str(path)) as file:
        file.execute("INSERT INTO series SELECT n, 'meter ' || n, 'consumption' FROM range(?) t(n)", [meters])
        for first in range(0, 366, 30):
            bounds = {"start": MONTHS[0].start_us, "end": MONTHS[-1].end_us, "step": QUARTER_US, "meters": meters}
            file.execute(FILL, {**bounds, "first": first, "last": min(first + 30, 366)})
        file.execute("CHECKPOINT")


async def ask_store(path: Path, meters: int) -> tuple[float, float]:
    store = open_store(EmbeddedSettings(path=path))
    await store.start()
    groups = {
        str(building): [
            Series(f"meter {n}", "consumption") for n in range(building, min(building + PER_BUILDING, meters))
        ]
        for building in range(0, meters, PER_BUILDING)
    }
    fastest, total = float("inf"), 0.0
    for _ in range(TIMES):
        begun = time.perf_counter()
        found = await store.totals(groups, MONTHS)
        fastest = min(fastest, time.perf_counter() - begun)
        total = float(np.sum(list(found.values())))
    await store.close()
    return fastest, total


def ask_plain(path: Path) -> tuple[float, float]:
    with duckdb.connect(str(path), config={"memory_limit": "1024MB"}) as file:
        fastest, total = float("inf"), 0.0
        for _ in range(TIMES):
            begun = time.perf_counter()
            rows = file.execute(PLAIN).fetchall()
            fastest = min(fastest, time.perf_counter() - begun)
            total = sum(row[2] for row in rows)
    return fastest, total


def main() -> None:
    if sys.argv[1:2] == ["ask"]:
        path, meters = Path(sys.argv[3]), int(sys.argv[4])
        seconds, total = ask_plain(path) if sys.argv[2] == "plain" else asyncio.run(ask_store(path, meters))
        status = Path("/proc/self/status").read_text().splitlines()
        peak = next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))
        print(json.dumps({"seconds": seconds, "total": total, "peak_mb": peak}))
        return
    meters = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(folder) / "year.duckdb"
        if not path.exists():
            asyncio.run(make(path, meters))
        rows = meters * (MONTHS[-1].end_us - MONTHS[0].start_us) // QUARTER_US
        print(f"{rows:,} quarter-hours, {path.stat().st_size / rows:.2f} bytes each in the file")
        answers = {}
        for who in ("plain", "store"):
            command = [sys.executable, __file__, "ask", who, str(path), str(meters)]
            answers[who] = told = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
            speed = rows / told["seconds"] / 1e6
            print(f"{who:6} {told['seconds']:6.2f} s  {speed:6.1f} M rows/s  {told['peak_mb']:5.0f} MB")
        print(f"store / plain: {answers['store']['seconds'] / answers['plain']['seconds']:.2f}")
        if abs(answers["store"]["total"] - answers["plain"]["total"]) > 1e-6 * answers["plain"]["total"]:
            sys.exit("the sums differ")


if __name__ == "__main__":
    main()
