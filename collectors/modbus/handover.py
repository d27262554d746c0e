"""The hand-over: gives the sink what polls bring, while the next poll is under way."""

import asyncio

from collectors.protocol import Sink
from metering.reading import Reading

_MOST = 5_000  # readings that may wait to become durable; then polls wait, too
_PATIENCE_S = 5.0


class Handover:
    """What comes while the disk is busy with what came before goes to it in one piece."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._waiting: list[Reading] = []
        self._task: asyncio.Task[None] | None = None

    async def give(self, readings: list[Reading]) -> None:
        """Return at once, unless too much waits already. Raises what the sink raised."""
        self._waiting += readings
        if self._task is None:
            self._task = asyncio.create_task(self._deliver(), name="hand-over")
        elif self._task.done():
            self._task.result()
        if len(self._waiting) > _MOST:
            await asyncio.shield(self._task)  # who is cancelled while waiting must not take along what is on its way

    async def close(self) -> None:
        """Wait a while for what is on its way."""
        task = self._task
        if task is not None:
            await asyncio.wait([task], timeout=_PATIENCE_S)
            task.cancel()

    async def _deliver(self) -> None:
        while self._waiting:
            readings, self._waiting = self._waiting, []
            await self._sink.accept(readings, can_wait=False)
        self._task = None
