"""The outbox: durable appends, and how fast a backlog is drained; beside plain writes of as many bytes, each synced."""

import asyncio
import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.result import Row
from collectors.protocol import Receipts
from gateway.outbox import Outbox
from metering.clock import Clock
from metering.reading import Reading

_DRAINED = 5000


def measure(readings: int) -> list[Row]:
    return [row for size in (1, 50, 500) for row in asyncio.run(_with(size, min(readings, 2000 * size)))]


def growth(readings: int) -> list[Row]:
    """A backlog as it grows."""
    return [
        row._replace(part="growth", load=f"{times}×: {row.load}")
        for times in (1, 4, 16)
        for row in asyncio.run(_with(500, times * readings))
        if row.who.startswith("leitwarte")
    ]


async def _with(size: int, readings: int) -> list[Row]:
    batches = [
        [Reading(f"device{n % 1000}", "active_power", n / 7, 1_767_225_600_000_000 + n) for n in range(at, at + size)]
        for at in range(0, readings, size)
    ]
    load = f"{readings:,} readings, {size} an append"
    with TemporaryDirectory() as folder:
        outbox = Outbox(Path(folder) / "outbox", 1_000_000_000, Clock())
        await outbox.open()
        begun, cpu = time.monotonic(), time.process_time()
        for n, batch in enumerate(batches):
            await outbox.append(batch, Receipts("bench", {n % 60_000: n}))
        appended = _row(load, "leitwarte: append", readings, begun, cpu)
        written = outbox.size
        begun, cpu = time.monotonic(), time.process_time()
        while outbox.queued:
            await outbox.commit(await outbox.take(_DRAINED))
        drained = _row(load, "leitwarte: drain", readings, begun, cpu)
        await outbox.close()
        return [appended, _bare(Path(folder) / "bare", load, readings, len(batches), written), drained]


def _bare(path: Path, load: str, readings: int, appends: int, written: int) -> Row:
    piece = b"x" * (written // appends)
    file = os.open(path, os.O_WRONLY | os.O_CREAT)
    begun, cpu = time.monotonic(), time.process_time()
    for _ in range(appends):
        os.write(file, piece)
        os.fdatasync(file)
    os.close(file)
    return _row(load, "limit: write and sync", readings, begun, cpu)


def _row(load: str, who: str, readings: int, begun: float, cpu: float) -> Row:
    took, spent = time.monotonic() - begun, time.process_time() - cpu
    return Row("outbox", load, who, {"readings/s": readings / took, "CPU µs/reading": spent / readings * 1e6})
