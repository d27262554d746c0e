"""The rooms put together as the settings say, and run together in one event loop."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from enum import StrEnum

import structlog

from analytics.alerts.book import AlertBook
from analytics.service import Analytics
from collectors.modbus.collector import ModbusCollector
from collectors.mqtt.collector import MqttCollector
from dashboards.web.app import WebApp
from gateway.gateway import Gateway
from leitwarte.settings import Settings
from metering.clock import Clock
from storage.factory import open_store
from storage.protocol import StoreError, StoreUnavailable

_RETRY_S = 5.0

_log = structlog.get_logger()


class Part(StrEnum):
    """What may run in a process of its own; all parts meet in the store and in the alert book."""

    GATEWAY = "gateway"
    ANALYTICS = "analytics"
    WEB = "web"


class Installation:
    """One Leitwarte. ``clock`` is what all parts go by."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.settings = settings
        self.clock = clock or settings.clock.clock()
        self.estate = settings.estate()
        self.store = open_store(settings.store_in_data_dir)
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        self.alerts = AlertBook(settings.alerts_database)
        self.gateway = Gateway(
            self.store,
            [
                *(ModbusCollector(connection, self.clock) for connection in settings.modbus),
                *(MqttCollector(broker, self.clock) for broker in settings.mqtt),
            ],
            self.estate.devices,
            settings.gateway_in_data_dir,
            self.clock,
        )
        self.analytics = Analytics(
            self.store,
            self.estate,
            settings.analytics,
            self.clock,
            self.alerts,
            settings.rules(),
            settings.language,
        )
        self.web = WebApp(
            self.store,
            self.estate,
            self.alerts,
            settings.web,
            settings.language,
            self.clock,
            settings.calendar,
            factors=settings.rules().factors,
        )

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Start the store, and close it in the end.

        A server that cannot be reached yet is tried again until it can: the gateway collects all the same, and keeps
        what it hears in its outbox. Raises StoreRefused, and StoreUnavailable for an embedded store that is in use.
        """
        waiting: asyncio.Task[None] | None = None
        try:
            try:
                await self.store.start()
            except StoreUnavailable as error:
                if self.settings.store.kind == "embedded":
                    raise
                _log.warning("the store cannot be reached yet", error=str(error))
                waiting = asyncio.create_task(self._start_store(), name="start of the store")
            yield
        finally:
            if waiting is not None:
                waiting.cancel()
            await self.store.close()

    async def _start_store(self) -> None:
        while True:
            await asyncio.sleep(_RETRY_S)
            try:
                await self.store.start()
            except StoreError as error:
                _log.warning("the store cannot be started yet", error=str(error))
            else:
                return

    async def run(self, parts: Collection[Part] = tuple(Part)) -> None:
        """Run the parts until cancelled, while the installation is `opened`."""
        running = {Part.GATEWAY: self.gateway.run, Part.ANALYTICS: self.analytics.run, Part.WEB: self.web.run}
        async with asyncio.TaskGroup() as group:
            if Part.ANALYTICS in parts:
                group.create_task(self._beat(), name="heartbeat of analytics")
            for part in parts:
                group.create_task(running[part](), name=part)

    async def _beat(self) -> None:
        """Touch the heartbeat file as often as analytics has been round, for `leitwarte health`."""
        seen = 0
        while True:
            await asyncio.sleep(self.settings.analytics.interval_s)
            if self.analytics.cycles > seen:
                seen = self.analytics.cycles
                await asyncio.to_thread(self.settings.heartbeat.touch)
