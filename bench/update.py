"""One quarter-hour of many meters: `python -m bench.update [METERS]`. CPU and wall seconds, by what they are spent on.

Each meter has two days of quarter-hour readings in an embedded store, and seven weeks of results in memory, as after
some hours of work; then a quarter-hour comes in. Not in the figure: the first look after a start, which reads those
seven weeks, and learning, which is once a day.
"""

import asyncio
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import numpy as np

from analytics.anomaly.curve import LoadCurve
from analytics.anomaly.history import learn
from analytics.carbon.factors import FactorSet
from analytics.energy.intervals import Intervals
from analytics.evaluation import Due, Evaluation
from analytics.reports.rules import Rules
from analytics.settings import AnalyticsSettings
from analytics.workers import workers
from metering.estate import Building, Carrier, Device, Estate, Meter, Role, Site
from metering.instant import DAY, QUARTER_HOUR, parse
from metering.localtime import LocalCalendar
from metering.reading import Reading
from storage.embedded.store import EmbeddedStore
from storage.settings import EmbeddedSettings

_NOW = parse("2026-11-02T12:00:00Z")
_DAYS = 60
_TOGETHER = 500
_SORTS = 20  # courses of load; every meter has one of them


async def main(number: int) -> None:
    """Print the figures."""
    devices = [Device(f"d{n}", f"d{n}", 900.0) for n in range(number)]
    meters = [Meter(f"m{n}", f"m{n}", "b", Carrier.WATER, Role.SUPPLY, f"d{n}", "water_volume") for n in range(number)]
    estate = Estate.of([Site("s", "s")], [Building("b", "b", "s", "office")], devices, meters)
    starts = _NOW - _DAYS * DAY + np.arange(_DAYS * 96, dtype=np.int64) * QUARTER_HOUR
    noise = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as folder:
        store = EmbeddedStore(EmbeddedSettings(path=Path(folder) / "store.duckdb"))
        await store.start()
        rules = Rules(FactorSet.load(), LocalCalendar())
        evaluation = Evaluation(store, estate, AnalyticsSettings(memory_mb=1024), rules)
        slots = evaluation.week.slots(starts, QUARTER_HOUR)
        loads = [np.where(slots.off, 1, 4) + noise.gamma(2, 0.2, len(starts)).round(3) for _ in range(_SORTS)]
        detectors = [
            learn(LoadCurve(starts, QUARTER_HOUR, load), slots, np.zeros(len(load)), Carrier.WATER) for load in loads
        ]
        recent = slice(-50 * 96, -1)
        for n, meter in enumerate(meters):
            kept = Intervals.of(starts[recent], QUARTER_HOUR, loads[n % _SORTS][recent])
            evaluation.remember(meter.id, kept)
        for first in range(0, number, _TOGETHER):
            await store.write(
                [
                    Reading(f"d{n}", "water_volume", value, time_us)
                    for n in range(first, min(first + _TOGETHER, number))
                    for time_us, value in zip(
                        (starts[-300:] + QUARTER_HOUR).tolist(), loads[n % _SORTS][-300:].cumsum().tolist(), strict=True
                    )
                ]
            )
        wall, cpu = time.perf_counter(), _cpu()
        written = 0
        with workers() as processes:
            executor = _Timed(processes)
            for first in range(0, number, _TOGETHER):
                some = range(first, min(first + _TOGETHER, number))
                window = evaluation.recent(_NOW - QUARTER_HOUR, _NOW)
                due = [Due(meters[n], detectors[n % _SORTS], window, _NOW - 7 * DAY) for n in some]
                found = await evaluation.update(due, executor)
                await evaluation.write(found)
                written += len(found)
        wall = time.perf_counter() - wall
        cpu = _cpu() - cpu + executor.cpu
        await store.close()
    assert written == number
    memory_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(
        f"{number} meters, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}: {wall:.1f} s, {cpu:.1f} CPU s", end=""
    )
    print(f", {1000 * cpu / number:.1f} ms of CPU per meter, {memory_gb:.1f} GB at most")


class _Timed(Executor):
    """Has work done elsewhere, and adds up the CPU seconds that took there."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self.cpu = 0.0

    def submit(self, work: Callable[..., Any], /, *arguments: Any) -> Future[Any]:  # type: ignore[override]  # noqa: ANN401
        found: Future[Any] = Future()

        def done(timed: Future[tuple[Any, float]]) -> None:
            result, cpu = timed.result()
            self.cpu += cpu
            found.set_result(result)

        self._executor.submit(_timed, work, arguments).add_done_callback(done)
        return found


def _timed(work: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[Any, float]:
    begin = time.process_time()
    return work(*arguments), time.process_time() - begin


def _cpu() -> float:
    return sum(os.times()[:2])


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
