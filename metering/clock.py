"""The passing of time, as a thing that can be handed in: real, or a time lapse for replays."""

import asyncio
import time

from metering.instant import SECOND


class Clock:
    """Real time; or a time lapse: ``start_us`` at the wall time ``since_us``, and ``speed`` times as fast from there.

    start_us, since_us   instants (µs since the Unix epoch, UTC)
    speed                simulated seconds per real second, > 0

    Two processes given the same three numbers agree on what time it is. Raises ValueError for a speed of 0 or less.
    """

    def __init__(self, *, speed: float = 1.0, start_us: int | None = None, since_us: int | None = None) -> None:
        if not speed > 0:
            raise ValueError(f"clock speed must be over 0, not {speed}")
        self.speed = speed
        self._since_us = since_us if since_us is not None else _wall_us()
        self._start_us = start_us if start_us is not None else self._since_us

    def now_us(self) -> int:
        """The present instant."""
        elapsed = _wall_us() - self._since_us
        return self._start_us + (elapsed if self.speed == 1.0 else round(elapsed * self.speed))

    def steady_us(self) -> int:
        """Microseconds of this clock that no setting of the wall clock disturbs: for waits, never for readings."""
        elapsed = time.monotonic_ns() // 1000
        return elapsed if self.speed == 1.0 else round(elapsed * self.speed)

    async def sleep(self, seconds: float) -> None:
        """Wait for ``seconds`` of this clock's time; returns at once for 0 or less."""
        await asyncio.sleep(max(0.0, seconds / self.speed))

    async def sleep_until(self, instant_us: int) -> None:
        await self.sleep((instant_us - self.now_us()) / SECOND)

    async def wait_until(self, steady_us: int) -> None:
        """Wait for what `steady_us` will show."""
        await self.sleep((steady_us - self.steady_us()) / SECOND)


def _wall_us() -> int:
    return time.time_ns() // 1000
