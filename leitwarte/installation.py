"""The rooms put together as the settings say, and run together in one event loop."""

import asyncio
from collections.abc import Collection
from enum import StrEnum

from analytics.alerts.book import AlertBook
from analytics.service import Analytics
from collectors.modbus.collector import ModbusCollector
from collectors.mqtt.collector import MqttCollector
from dashboards.web.app import WebApp
from gateway.gateway import Gateway
from leitwarte.settings import Settings
from metering.clock import Clock
from storage.factory import open_store


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
            factors=settings.rules().factors,
        )

    async def run(self, parts: Collection[Part] = tuple(Part)) -> None:
        """Run the parts until cancelled. The store must have been started, and is closed by whoever started it."""
        running = {Part.GATEWAY: self.gateway.run, Part.ANALYTICS: self.analytics.run, Part.WEB: self.web.run}
        async with asyncio.TaskGroup() as group:
            for part in parts:
                group.create_task(running[part](), name=part)
