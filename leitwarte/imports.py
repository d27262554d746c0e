"""Readings from files on their way into the store: written in parts, and read back."""

from collections.abc import Callable, Sequence
from decimal import Decimal

from metering.instant import Window
from metering.reading import Reading, Series
from storage.protocol import Store

_BATCH = 10_000

Progress = Callable[[float], None]
"""Called with the share that is written, 0..1."""


async def write(store: Store, readings: Sequence[Reading], progress: Progress | None = None) -> Decimal:
    """Write, and read back: the sum of what the store holds for the times written, but for shares.

    Raises what stores raise; what was written until then stays, and writing all again is safe.
    """
    for first in range(0, len(readings), _BATCH):
        await store.write(readings[first : first + _BATCH])
        if progress:
            progress(min(first + _BATCH, len(readings)) / len(readings))
    return await _read_back(store, readings)


async def _read_back(store: Store, readings: Sequence[Reading]) -> Decimal:
    written: dict[Series, set[int]] = {}
    for reading in readings:
        if reading.quantity != "completeness":
            written.setdefault(reading.series, set()).add(reading.time_us)
    total = Decimal(0)
    for key, times in written.items():
        samples = (await store.samples([key], Window(min(times), max(times) + 1)))[key]
        pairs = zip(samples.times_us.tolist(), samples.values.tolist(), strict=True)
        total += sum((Decimal(repr(value)) for time_us, value in pairs if time_us in times), Decimal(0))
    return total
