"""The way from the outbox to the store."""

from collections.abc import Sequence

import structlog

from gateway.failure import Backoff, describe
from gateway.outbox import Outbox
from gateway.plausibility.reasons import REFUSED
from gateway.quarantine import Case, Quarantine
from gateway.settings import GatewaySettings
from gateway.status import StoreStatus
from metering.clock import Clock
from metering.instant import SECOND
from metering.reading import Reading, Series
from storage.protocol import Store, StoreError, StoreRefused, StoreUnavailable

_REFUSED_SERIES = 1000  # remembered at most

_log = structlog.get_logger(__name__)


class Writer:
    """Stores what the outbox gives, in that order; commits what is stored.

    While the store cannot answer it waits. What the store refuses is narrowed down to single readings, which are set
    aside with what the store said; the rest goes on. Series of which it refused the last reading are written apart,
    one by one, so that a device whose every value is refused does not slow down the others.
    """

    def __init__(
        self, store: Store, outbox: Outbox, quarantine: Quarantine, settings: GatewaySettings, clock: Clock
    ) -> None:
        self.stored = 0  # readings
        self.refused = 0
        self.lost = 0
        self._store = store
        self._outbox = outbox
        self._quarantine = quarantine
        self._settings = settings
        self._clock = clock
        self._backoff = Backoff(settings.retry_s, settings.retry_max_s)
        self._failing_since_us: int | None = None
        self._error = ""
        self._waiting_since_us: int | None = None
        self._refused_series: dict[Series, None] = {}  # the newest last

    def status(self) -> StoreStatus:
        waiting_us = 0 if self._waiting_since_us is None else self._clock.now_us() - self._waiting_since_us
        return StoreStatus(self._failing_since_us, self._error, max(0, waiting_us) / SECOND)

    async def run(self) -> None:
        """Write until cancelled. At any moment it may be: what is not committed is written again."""
        while True:
            try:
                await self._write_next()
            except Exception as error:  # noqa: BLE001 - all is still in the outbox; giving up would help nobody
                self._outbox.rewind()
                await self._wait_out(error)

    async def _write_next(self) -> None:
        batch = await self._outbox.take(self._settings.batch_readings, self._settings.batch_wait_s)
        self._waiting_since_us = batch.appended_us or None
        refused = await self._deliver_all(batch.readings)
        if refused:
            await self._quarantine.keep(refused)
        await self._outbox.commit(batch)
        self.stored += len(batch.readings) - len(refused)
        self.refused += len(refused)
        self.lost += batch.lost
        self._waiting_since_us = None

    async def _deliver_all(self, readings: Sequence[Reading]) -> list[Case]:
        """Store the readings; returns those that the store refuses."""
        known = self._refused_series
        apart = [reading for reading in readings if reading.series in known] if known else []
        sound = [reading for reading in readings if reading.series not in known] if apart else readings
        refused = await self._deliver(sound)
        for reading in apart:
            case = await self._deliver([reading])
            refused += case
            if not case:
                known.pop(reading.series, None)
        return refused

    async def _deliver(self, readings: Sequence[Reading]) -> list[Case]:
        """The same, for readings that are taken to be sound."""
        if not readings:
            return []
        try:
            await self._write(readings)
        except StoreRefused as refusal:
            self._answered()
            if len(readings) == 1:
                self._remember(readings[0].series)
                _log.warning("reading_refused", series=readings[0].series, error=describe(refusal))
                return [Case(self._clock.now_us(), REFUSED, describe(refusal), readings[0])]
            middle = len(readings) // 2
            return await self._deliver(readings[:middle]) + await self._deliver(readings[middle:])
        self._answered()
        return []

    def _remember(self, series: Series) -> None:
        self._refused_series.pop(series, None)
        self._refused_series[series] = None
        if len(self._refused_series) > _REFUSED_SERIES:
            del self._refused_series[next(iter(self._refused_series))]

    async def _write(self, readings: Sequence[Reading]) -> None:
        while True:
            try:
                return await self._store.write(readings)
            except StoreRefused:
                raise
            except StoreError as error:
                await self._wait_out(error)

    async def _wait_out(self, error: Exception) -> None:
        if self._failing_since_us is None:
            self._failing_since_us = self._clock.now_us()
            _log.error("store_fails", error=describe(error), exc_info=not isinstance(error, StoreError))
        self._error = describe(error)
        wish_s = error.retry_after_s if isinstance(error, StoreUnavailable) else None
        await self._backoff.pause(wish_s or 0.0)

    def _answered(self) -> None:
        if self._failing_since_us is not None:
            _log.info("store_answers", after_s=(self._clock.now_us() - self._failing_since_us) / SECOND)
        self._failing_since_us = None
        self._error = ""
        self._backoff.reset()
