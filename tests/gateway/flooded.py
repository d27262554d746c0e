"""A child process: a gateway whose store is down, flooded through its intake; prints how its memory grew, in MB."""

import asyncio
import itertools
import sys
from collections.abc import Sequence
from pathlib import Path

import structlog

from collectors.protocol import Receipts, Sink
from gateway.gateway import Gateway
from metering.clock import Clock
from metering.reading import Reading
from storage.protocol import StoreUnavailable
from tests.gateway.parts import DEVICES, ScriptedStore, reading, settings_in

_PAGE_MB = 4096 / 1e6


class Flood:
    """Hands over as much as is taken, from ``tasks`` sides at once; half of them cannot wait."""

    name = "flood"

    def __init__(self, tasks: int) -> None:
        self._tasks = tasks
        self.offered = 0

    async def run(self, sink: Sink) -> None:
        async with asyncio.TaskGroup() as group:
            for task in range(self._tasks):
                group.create_task(self._pour(sink, task))

    async def _pour(self, sink: Sink, task: int) -> None:
        for n in itertools.count(task * 10_000_000, 500):
            batch = [reading(n + i) for i in range(500)]
            self.offered += len(batch)
            await sink.accept(
                batch, Receipts(str(task), {n // 500 % 65_535 + 1: 1}) if task % 2 else None, can_wait=bool(task % 2)
            )
            await asyncio.sleep(0)


def down(_: Sequence[Reading]) -> None:
    raise StoreUnavailable("down")


def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_MB


async def main(folder: Path) -> None:
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    flood = Flood(20)
    gateway = Gateway(ScriptedStore(down), [flood], DEVICES, settings_in(folder, outbox_max_mb=8, drain_s=0), Clock())
    before_mb = resident_mb()
    running = asyncio.create_task(gateway.run())
    grown: dict[str, float] = {}
    while flood.offered < 600_000:
        await asyncio.sleep(0.05)
        key = "full" if gateway.status().outbox_full else "filling"
        grown[key] = max(grown.get(key, 0.0), resident_mb() - before_mb)
    status = gateway.status()
    kept = status.stored + sum(status.rejected.values()) + sum(status.thinned.values()) + status.queued
    sys.stdout.write(f"{grown['full']:.0f} {flood.offered} {status.received == kept} {status.outbox_bytes}\n")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
