"""The rooms put together as the settings say, and run together in one event loop."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

import structlog

from collectors.modbus.settings import ModbusSettings
from collectors.mqtt.settings import MqttSettings
from collectors.protocol import Collector
from leitwarte.changes import Changes, acquisition, needing_restart, with_fixed
from leitwarte.settings import Settings
from leitwarte.slot import Slot
from metering.clock import Clock
from metering.estate import Estate
from storage.factory import open_store
from storage.protocol import StoreError, StoreUnavailable

if TYPE_CHECKING:
    from analytics.alerts.book import AlertBook
    from analytics.service import Analytics
    from dashboards.web.app import WebApp
    from gateway.gateway import Gateway
    from gateway.sharing import Portion, Sharing

_RETRY_S = 5.0
_ANSWER_S = 5.0  # a server that does not answer at the start must not keep the gateway from collecting
_CONDENSE_AFTER_S = 600.0  # when the start is over, and all parts are at work
_DAY_S = 86_400.0

_Connected = dict[str, tuple[ModbusSettings | MqttSettings, Collector]]  # with the settings that each was made of

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
        self.store = open_store(settings.store_in_data_dir, settings.calendar)
        self._parts: Collection[Part] = ()  # that run here
        self._collectors: _Connected = {}  # by name
        self._slots: dict[Part, Slot] = {}
        settings.data_dir.mkdir(parents=True, exist_ok=True)

    @cached_property
    def alerts(self) -> "AlertBook":
        from analytics.alerts.book import AlertBook

        return AlertBook(self.settings.alerts_database)

    @cached_property
    def gateway(self) -> "Gateway":
        from gateway.gateway import Gateway

        self._collectors = self._connected(self.settings)
        collectors = [collector for _, collector in self._collectors.values()]
        settings = self.settings
        return Gateway(
            self.store,
            collectors,
            self.estate.devices,
            settings.gateway_in_data_dir,
            self.clock,
            settings.language,
            self._sharing,
        )

    @cached_property
    def _sharing(self) -> "Sharing | None":
        sharing = self.settings.gateway.sharing
        if sharing is None:
            return None
        from gateway.sharing import Sharing

        broker = next(one for one in self.settings.mqtt if one.id == sharing.broker)
        return Sharing(sharing, broker, _portions(self._collectors), self.clock)

    @cached_property
    def analytics(self) -> "Analytics":
        return self._new_analytics(self.settings, self.estate)

    @cached_property
    def web(self) -> "WebApp":
        return self._new_web(self.settings, self.estate)

    async def reload(self, wanted: Settings) -> Changes:
        """Go on with other settings; what they do not touch notices nothing.

        Raises ValueError or LookupError, and leaves all as it is, if the settings can't be.
        """
        old, new = self.settings, with_fixed(self.settings, wanted)
        restart = list(needing_restart(old, wanted))
        estate, collectors = new.estate(), self._connected(new)
        common = estate != self.estate or (old.language, old.carbon) != (new.language, new.carbon)
        fresh: dict[Part, Analytics | WebApp] = {}
        if Part.ANALYTICS in self._parts and (common or old.analytics != new.analytics):
            fresh[Part.ANALYTICS] = self._new_analytics(new, estate)
        if Part.WEB in self._parts and (common or old.web != new.web):
            fresh[Part.WEB] = self._new_web(new, estate)

        applied: list[str] = []
        if Part.GATEWAY in self._parts:
            applied += acquisition(old, new)
            if self._sharing is not None:
                self._sharing.know(_portions(collectors))
            await self.gateway.exchange([collector for _, collector in collectors.values()], estate.devices)
            self._collectors = collectors
        self.settings, self.estate = new, estate
        for part, work in fresh.items():
            setattr(self, part, work)
            self._slots[part].exchange(work.run)
            applied.append(f"{part} begun anew")
        return Changes(applied, restart)

    def _connected(self, settings: Settings) -> _Connected:
        """A collector for each connection; the one that is there already, if its settings are the same."""
        from collectors.modbus.collector import ModbusCollector
        from collectors.mqtt.collector import MqttCollector

        collectors: _Connected = {}
        for kind, _, connection in settings.connections():
            key = f"{kind} {connection.id}"
            before = self._collectors.get(key)
            if before is not None and before[0] == connection:
                collectors[key] = before
            elif isinstance(connection, ModbusSettings):
                collectors[key] = connection, ModbusCollector(connection, self.clock)
            else:
                sharing = settings.gateway.sharing
                own = connection if sharing is None else connection.of_replica(sharing.replica)
                collectors[key] = connection, MqttCollector(own, self.clock)
        return collectors

    def _new_analytics(self, settings: Settings, estate: Estate) -> "Analytics":
        from analytics.service import Analytics

        return Analytics(
            self.store, estate, settings.analytics, self.clock, self.alerts, settings.rules(), settings.language
        )

    def _new_web(self, settings: Settings, estate: Estate) -> "WebApp":
        from dashboards.web.app import WebApp
        from leitwarte.operations import SettingsOperations

        return WebApp(
            self.store,
            estate,
            self.alerts,
            settings.web_in_data_dir,
            settings.language,
            self.clock,
            settings.calendar,
            rules=settings.rules(),
            operations=SettingsOperations(settings),
        )

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Start the store, and close it in the end.

        A server that cannot be reached yet is tried again until it can: the gateway collects all the same, and keeps
        what it hears in its outbox. Raises StoreRefused, and StoreUnavailable for an embedded store that is in use.
        """
        waiting: asyncio.Task[None] | None = None
        try:
            is_server = self.settings.store.kind != "embedded"
            try:
                async with asyncio.timeout(_ANSWER_S if is_server else None):
                    await self.store.start()
            except (StoreUnavailable, TimeoutError) as error:
                if not is_server:
                    raise
                reason = str(error) or f"no answer for {_ANSWER_S:g} s"
                _log.warning("the store cannot be reached yet", error=reason)
                waiting = asyncio.create_task(self._start_store(), name="start of the store")
            yield
        finally:
            if waiting is not None:
                waiting.cancel()
            await self.store.close()

    async def run(self, parts: Collection[Part] = tuple(Part)) -> None:
        """Run the parts until cancelled, while the installation is `opened`."""
        self._parts = parts
        async with asyncio.TaskGroup() as group:
            if Part.GATEWAY in parts:
                group.create_task(self.gateway.run(), name="gateway")
                group.create_task(self._condense(), name="retention")
            if Part.ANALYTICS in parts:
                slot = self._slots[Part.ANALYTICS] = Slot(self.analytics.run)
                group.create_task(slot.run(), name="analytics")
                group.create_task(self._beat(), name="heartbeat of analytics")
            if Part.WEB in parts:
                slot = self._slots[Part.WEB] = Slot(self.web.run)
                group.create_task(slot.run(), name="web app")

    async def _start_store(self) -> None:
        while True:
            await asyncio.sleep(_RETRY_S)
            try:
                await self.store.start()
            except StoreError as error:
                _log.warning("the store cannot be started yet", error=str(error))
            else:
                return

    async def _condense(self) -> None:
        """Condense what has come of age, a while after the start and then each day."""
        await asyncio.sleep(_CONDENSE_AFTER_S)
        while True:
            if not self.gateway.answers_for("retention"):
                await asyncio.sleep(_CONDENSE_AFTER_S)
                continue
            try:
                done = await self.store.condense(self.clock.now_us())
            except StoreError as error:
                _log.warning("old readings could not be condensed, and will be tried again", error=str(error))
                await asyncio.sleep(_CONDENSE_AFTER_S)
            except Exception:  # noqa: BLE001 - collecting goes on, whatever is wrong with what is old
                _log.exception("condensing failed")
                await asyncio.sleep(_CONDENSE_AFTER_S)
            else:
                _log.info("old readings condensed", quarter_hours=done.quarter_hours, days=done.days)
                await asyncio.sleep(_DAY_S)

    async def _beat(self) -> None:
        """Touch the heartbeat file as often as analytics has been round, for `leitwarte health`."""
        seen = 0
        while True:
            await asyncio.sleep(self.settings.analytics.interval_s)
            if self.analytics.cycles != seen:
                seen = self.analytics.cycles
                with contextlib.suppress(OSError):  # then it looks dead to others, but goes on
                    await asyncio.to_thread(self.settings.heartbeat.touch)


def _portions(connected: _Connected) -> "dict[str, Portion]":
    from leitwarte.sharing import portion

    return {collector.name: portion(connection) for connection, collector in connected.values()}
