"""The rooms put together as the settings say, and run together in one event loop."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

import structlog

from collectors.protocol import Collector
from leitwarte.settings import Settings
from metering.clock import Clock
from storage.factory import open_store
from storage.protocol import StoreError, StoreUnavailable

if TYPE_CHECKING:
    from analytics.alerts.book import AlertBook
    from analytics.service import Analytics
    from dashboards.web.app import WebApp
    from gateway.gateway import Gateway

_RETRY_S = 5.0

_log = structlog.get_logger()


class Part(StrEnum):
    """What may run in a process of its own; all parts meet in the store and in the alert book."""

    GATEWAY = "gateway"
    ANALYTICS = "analytics"
    WEB = "web"


class Installation:
    """One Leitwarte. ``clock`` is what all parts go by.

    A part is made, and its room imported, when it is first asked for: a process that runs one carries only that one.
    """

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.settings = settings
        self.clock = clock or settings.clock.clock()
        self.estate = settings.estate()
        self.store = open_store(settings.store_in_data_dir)
        settings.data_dir.mkdir(parents=True, exist_ok=True)

    @cached_property
    def alerts(self) -> "AlertBook":
        from analytics.alerts.book import AlertBook

        return AlertBook(self.settings.alerts_database)

    @cached_property
    def gateway(self) -> "Gateway":
        from collectors.modbus.collector import ModbusCollector
        from collectors.mqtt.collector import MqttCollector
        from gateway.gateway import Gateway

        collectors: list[Collector] = [
            *(ModbusCollector(connection, self.clock) for connection in self.settings.modbus),
            *(MqttCollector(broker, self.clock) for broker in self.settings.mqtt),
        ]
        return Gateway(self.store, collectors, self.estate.devices, self.settings.gateway_in_data_dir, self.clock)

    @cached_property
    def analytics(self) -> "Analytics":
        from analytics.service import Analytics

        settings = self.settings
        return Analytics(
            self.store, self.estate, settings.analytics, self.clock, self.alerts, settings.rules(), settings.language
        )

    @cached_property
    def web(self) -> "WebApp":
        from dashboards.web.app import WebApp

        settings = self.settings
        return WebApp(
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

    async def run(self, parts: Collection[Part] = tuple(Part)) -> None:
        """Run the parts until cancelled, while the installation is `opened`."""
        async with asyncio.TaskGroup() as group:
            if Part.GATEWAY in parts:
                group.create_task(self.gateway.run(), name="gateway")
            if Part.ANALYTICS in parts:
                group.create_task(self.analytics.run(), name="analytics")
                group.create_task(self._beat(), name="heartbeat of analytics")
            if Part.WEB in parts:
                group.create_task(self.web.run(), name="web app")

    async def _start_store(self) -> None:
        while True:
            await asyncio.sleep(_RETRY_S)
            try:
                await self.store.start()
            except StoreError as error:
                _log.warning("the store cannot be started yet", error=str(error))
            else:
                return

    async def _beat(self) -> None:
        """Touch the heartbeat file as often as analytics has been round, for `leitwarte health`."""
        seen = 0
        while True:
            await asyncio.sleep(self.settings.analytics.interval_s)
            if self.analytics.cycles > seen:
                seen = self.analytics.cycles
                await asyncio.to_thread(self.settings.heartbeat.touch)
