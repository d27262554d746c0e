"""Supervision: a collector that ends is started again, and none can stop another."""

import asyncio

import structlog

from collectors.protocol import Collector, Sink
from gateway.failure import Backoff, describe
from gateway.status import CollectorState, CollectorStatus
from metering.cancellation import cancel_wanted
from metering.clock import Clock

_log = structlog.get_logger(__name__)


class Supervisor:
    """Runs one collector.

    The pauses between its starts grow from ``retry_s`` to ``retry_max_s`` (real seconds); they are short again once
    it has run for longer than the longest of them.
    """

    def __init__(self, collector: Collector, retry_s: float, retry_max_s: float, clock: Clock) -> None:
        self._collector = collector
        self._backoff = Backoff(retry_s, retry_max_s)
        self._steady_s = retry_max_s
        self._clock = clock
        self._restarts = 0
        self._error = ""
        self._enter(CollectorState.STOPPED)

    def status(self) -> CollectorStatus:
        return CollectorStatus(self._collector.name, self._state, self._since_us, self._restarts, self._error)

    async def run(self, sink: Sink) -> None:
        """Run the collector until cancelled."""
        try:
            while True:
                await self._run_once(sink)
                self._enter(CollectorState.WAITING)
                _log.error("collector_ended", collector=self._collector.name, error=self._error)
                await self._backoff.pause()
                self._restarts += 1
        finally:
            self._enter(CollectorState.STOPPED)

    async def _run_once(self, sink: Sink) -> None:
        self._enter(CollectorState.RUNNING)
        loop = asyncio.get_running_loop()
        start_s = loop.time()
        try:
            await self._collector.run(sink)
            self._error = "it ended by itself"
        except asyncio.CancelledError as error:
            if cancel_wanted():
                raise
            self._error = describe(error)  # a task inside the collector was cancelled, not this one
        except Exception as error:  # noqa: BLE001 - whatever ends one collector must not end the others
            self._error = describe(error)
        if loop.time() - start_s > self._steady_s:
            self._backoff.reset()

    def _enter(self, state: CollectorState) -> None:
        self._state = state
        self._since_us = self._clock.now_us()
