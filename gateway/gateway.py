"""The gateway: what the collectors hear is judged, kept and brought to the store."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

import structlog

from collectors.protocol import Collector
from gateway.failure import describe
from gateway.http import serving
from gateway.intake import Intake
from gateway.plausibility.reasons import DAMAGED, REFUSED
from gateway.replay import Outcome, Revision, replay
from gateway.reporter import Chronicle, Reporter
from gateway.settings import GatewaySettings
from gateway.sharing import Sharing
from gateway.status import CollectorState, DeviceStatus, GatewayStatus, StoreStatus
from gateway.supervisor import Supervisor
from gateway.writer import Writer
from metering.clock import Clock
from metering.estate import Device
from metering.heartbeat import GATEWAY
from metering.instant import SECOND
from metering.texts import Language
from storage.protocol import Store

_MB = 1_000_000

_log = structlog.get_logger(__name__)


class Gateway:
    """One gateway: collectors, intake, and the writer that brings what is taken in to the store.

    Its memory is bounded whatever comes, and however long the store is away: what waits is on disk. In memory are at
    most one batch on its way to the store, what each collector hands over at once (for MQTT 1,000 messages or 16 MB),
    the receipts (65,535 a broker), a few hundred bytes a series, and while the outbox is full one reading a series.
    Flooded with the store down it grew by 5 MB.

    store       started and closed by the caller
    collectors  with unique names
    devices     by id; readings of others are rejected
    language    of the events it writes
    sharing     where other gateways have the same collectors: which of them run here

    Raises ValueError if two collectors have one name.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what the room is put together from, by name at the top floor
        self,
        store: Store,
        collectors: Sequence[Collector],
        devices: Mapping[str, Device],
        settings: GatewaySettings,
        clock: Clock,
        language: Language = "de",
        sharing: Sharing | None = None,
    ) -> None:
        _check_names(collectors)
        self.health_port: int | None = None  # once it runs
        self.intake = Intake(devices, settings, clock)
        self._settings = settings
        self._clock = clock
        self._running = False
        self._writer = Writer(store, self.intake.outbox, self.intake.quarantine, settings, clock)
        self._sharing = sharing
        self._collectors = collectors
        self._devices = devices
        self._reporter = Reporter(store, self, self._chronicle(language), clock)
        self._supervised: dict[Collector, Supervisor] = {}
        self._tasks: dict[Collector, asyncio.Task[None]] = {}
        self._exchanging = asyncio.Lock()
        self._know()

    async def run(self) -> None:
        """Collect and store until cancelled; then write for up to ``drain_s`` seconds more, and leave the rest on disk.

        Raises JournalInUse if another process has the data directory, and OSError if it, or the health address,
        cannot be used.
        """
        async with self.intake.opened(), serving(self, self._settings.health) as self.health_port:
            await self._work()

    async def exchange(self, collectors: Sequence[Collector], devices: Mapping[str, Device]) -> None:
        """Go on with these collectors and devices, while it runs.

        Collectors that are among those of before (the same objects) notice nothing. The others stop, with what they
        hold taken in or not acknowledged, before the new ones start. Raises ValueError if two have one name.
        """
        _check_names(collectors)
        self._collectors, self._devices = collectors, devices
        await self._regroup()

    def answers_for(self, job: str) -> bool:
        """Whether it is this gateway, of all that share, that does what one is to do."""
        return self._sharing is None or self._sharing.answers_for(job)

    async def replay(self, revisions: Sequence[Revision], *, force: bool = False) -> list[Outcome]:
        """See `gateway.replay`."""
        return await replay(revisions, self.intake, self._clock, force=force)

    def devices(self) -> list[DeviceStatus]:
        """Each device as it stands now."""
        return self.intake.devices.status(self._clock.now_us())

    def status(self) -> GatewayStatus:
        """How all of it stands now."""
        now_us = self._clock.now_us()
        intake, outbox, writer = self.intake, self.intake.outbox, self._writer
        later = {REFUSED: writer.refused, DAMAGED: writer.lost}
        store = writer.status()
        collectors = tuple(supervisor.status() for supervisor in self._supervised.values())
        return GatewayStatus(
            at_us=now_us,
            received=intake.received,
            stored=writer.stored,
            rejected={**intake.rejected, **{reason: number for reason, number in later.items() if number}},
            thinned=intake.thinned,
            queued=intake.queued,
            queued_at_start=outbox.queued_at_start,
            suspect=dict(intake.plausibility.doubted),
            confirmed=intake.plausibility.confirmed,
            dead_letters=intake.dead_letters,
            quarantine_dropped=intake.quarantine.dropped,
            quarantine_bytes=intake.quarantine.size,
            outbox_bytes=outbox.size,
            outbox_max_bytes=self._settings.outbox_max_mb * _MB,
            outbox_full=outbox.full,
            damaged=outbox.damaged,
            store=store,
            collectors=collectors,
            devices=self.intake.devices.counts(now_us),
            problems=self._problems(now_us, store),
            replicas=() if self._sharing is None else self._sharing.replicas,
        )

    def _problems(self, now_us: int, store: StoreStatus) -> tuple[str, ...]:
        states = [supervisor.status().state for supervisor in self._supervised.values()]
        alone = "" if self._sharing is None else self._sharing.problem
        failing_s = 0.0 if store.failing_since_us is None else (now_us - store.failing_since_us) / SECOND
        found = {
            "it is not running, or shutting down": not self._running,
            "the outbox is full: MQTT waits for the store, Modbus is thinned out": self.intake.outbox.full,
            self.intake.outbox.trouble: bool(self.intake.outbox.trouble),
            self.intake.quarantine.trouble: bool(self.intake.quarantine.trouble),
            f"the store has taken nothing for {failing_s:.0f} s: {store.error}": failing_s
            > self._settings.unready_after_s,
            alone: bool(alone),
            "no collector is running": bool(states) and CollectorState.RUNNING not in states,
        }
        return tuple(problem for problem, is_one in found.items() if is_one)

    async def _work(self) -> None:
        writing = asyncio.create_task(self._writer.run(), name="writer")
        reporting = asyncio.create_task(self._reporter.run(), name="reporter")
        working = [writing]
        if self._sharing is not None:
            working.append(asyncio.create_task(self._sharing.run(self._regroup), name="sharing"))
        self._running = True
        self._start()
        _log.info("gateway_runs", collectors=len(self._tasks), queued=self.intake.outbox.queued)
        try:
            done, _ = await asyncio.wait(working, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            self._running = False
            await _ended(self._tasks.values())
            await _ended(working[1:])  # the others need not wait for what is still to be stored
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._settings.drain_s):
                    await self.intake.outbox.drained()
            await _ended([writing, reporting])
            _log.info("gateway_stopped", queued=self.intake.outbox.queued)

    def _chronicle(self, language: Language) -> Chronicle:
        states = self.intake.devices
        if self._sharing is None:
            return Chronicle(language, states.device)
        name = f"{GATEWAY}.{self._sharing.replica}"
        return Chronicle(language, states.device, name, lambda id_: id_ in self._devices and id_ not in states)

    async def _regroup(self) -> None:
        """Let the collectors run that are to run here, and no others."""
        async with self._exchanging:
            here = self._here()
            await _ended([self._tasks.pop(one) for one in list(self._tasks) if one not in here])
            await self.intake.outbox.settled()  # so that a redelivery is known for one
            self._know()
            self._start()

    def _know(self) -> None:
        self.intake.know(self._devices, None if self._sharing is None else self._sharing.devices())
        if self._sharing is not None:
            self._reporter.begin_anew()
        settings, before = self._settings, self._supervised
        self._supervised = {
            one: before.get(one) or Supervisor(one, settings.retry_s, settings.retry_max_s, self._clock)
            for one in self._here()
        }

    def _here(self) -> list[Collector]:
        return [one for one in self._collectors if self._sharing is None or one.name in self._sharing.held]

    def _start(self) -> None:
        """Start those that do not run yet, once the gateway does."""
        for collector, supervisor in self._supervised.items():
            if self._running and collector not in self._tasks:
                self._tasks[collector] = asyncio.create_task(
                    supervisor.run(self.intake), name=f"collector {collector.name}"
                )


def _check_names(collectors: Iterable[Collector]) -> None:
    for name, number in Counter(collector.name for collector in collectors).items():
        if number > 1:
            raise ValueError(f"{number} collectors are named {name!r}; names must be unique")


async def _ended(tasks: Collection[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(result, Exception):
            _log.error("failed_while_stopping", error=describe(result))
