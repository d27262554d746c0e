"""The gateway: what the collectors hear is judged, kept and brought to the store."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Mapping, Sequence

import structlog

from collectors.protocol import Collector, DeadLetter, Receipt
from gateway.device_state import Devices
from gateway.failure import describe
from gateway.http import serving
from gateway.outbox import Outbox
from gateway.plausibility import Plausibility
from gateway.plausibility.reasons import DAMAGED, REFUSED
from gateway.quarantine import Case, Quarantine
from gateway.settings import GatewaySettings
from gateway.status import CollectorState, DeviceStatus, GatewayStatus, StoreStatus
from gateway.supervisor import Supervisor
from gateway.writer import Writer
from metering.clock import Clock
from metering.estate import Device
from metering.instant import SECOND
from metering.reading import Reading
from storage.protocol import Store

_MB = 1_000_000

_log = structlog.get_logger(__name__)


class Gateway:
    """One gateway, which is the `collectors.protocol.Sink` of its collectors.

    store       started and closed by the caller
    collectors  with unique names
    devices     by id; readings of others are rejected

    Raises ValueError if two collectors have one name.
    """

    def __init__(
        self,
        store: Store,
        collectors: Sequence[Collector],
        devices: Mapping[str, Device],
        settings: GatewaySettings,
        clock: Clock,
    ) -> None:
        for name, number in Counter(collector.name for collector in collectors).items():
            if number > 1:
                raise ValueError(f"{number} collectors are named {name!r}; names must be unique")
        self.health_port: int | None = None  # once it runs
        self._settings = settings
        self._clock = clock
        self._rejected: Counter[str] = Counter()  # on arrival, by reason
        self._dead_letters = 0
        self._running = False
        self._devices = Devices(devices, clock.now_us())
        self._plausibility = Plausibility(devices, settings.stuck_after_s, settings.future_tolerance_s)
        self._outbox = Outbox(settings.data_dir / "outbox", settings.outbox_max_mb * _MB, clock)
        self._quarantine = Quarantine(settings.data_dir / "quarantine", settings.quarantine_max_mb * _MB)
        self._writer = Writer(store, self._outbox, self._quarantine, settings, clock)
        self._supervisors = [Supervisor(one, settings.retry_s, settings.retry_max_s, clock) for one in collectors]

    async def run(self) -> None:
        """Collect and store until cancelled; then write for up to ``drain_s`` seconds more, and leave the rest on disk.

        Raises JournalInUse if another process has the data directory, and OSError if it, or the health address,
        cannot be used.
        """
        try:
            await self._outbox.open()
            await self._quarantine.open()
            async with serving(self, self._settings.health) as self.health_port:
                await self._work()
        finally:
            await self._quarantine.close()
            await self._outbox.close()

    async def accept(self, readings: Sequence[Reading], receipts: Sequence[Receipt] = ()) -> None:
        """See `collectors.protocol.Sink`."""
        now_us = self._clock.now_us()
        accepted, rejected = self._plausibility.judge(readings, now_us)
        self._devices.heard(accepted, now_us)
        if rejected:
            await self._quarantine.keep([Case(now_us, item.reason, reading=item.reading) for item in rejected])
            for reading, reason in rejected:
                self._rejected[reason] += 1
                self._devices.failed(reading.device, f"reading of {reading.quantity} rejected: {reason}", now_us)
        await self._outbox.append(accepted, receipts)

    def is_known(self, receipt: Receipt) -> bool:
        """See `collectors.protocol.Sink`; how many are remembered: `gateway.receipts.RECEIPTS_KEPT`."""
        return self._outbox.is_known(receipt)

    async def dead_letter(self, letter: DeadLetter) -> None:
        """See `collectors.protocol.Sink`."""
        await self._quarantine.keep([Case(self._clock.now_us(), letter.reason, letter=letter)])
        self._dead_letters += 1

    def failed(self, device: str, reason: str) -> None:
        """See `collectors.protocol.Sink`."""
        self._devices.failed(device, reason, self._clock.now_us())

    def devices(self) -> list[DeviceStatus]:
        """Each device as it stands now."""
        return self._devices.status(self._clock.now_us())

    def status(self) -> GatewayStatus:
        """How all of it stands now."""
        now_us = self._clock.now_us()
        outbox, writer = self._outbox, self._writer
        later = {REFUSED: writer.refused, DAMAGED: writer.lost}
        store = writer.status()
        collectors = tuple(supervisor.status() for supervisor in self._supervisors)
        return GatewayStatus(
            at_us=now_us,
            received=outbox.appended + self._rejected.total(),
            stored=writer.stored,
            rejected={**self._rejected, **{reason: number for reason, number in later.items() if number}},
            queued=outbox.queued,
            queued_at_start=outbox.queued_at_start,
            suspect=dict(self._plausibility.doubted),
            confirmed=self._plausibility.confirmed,
            dead_letters=self._dead_letters,
            quarantine_dropped=self._quarantine.dropped,
            outbox_bytes=outbox.size,
            outbox_max_bytes=self._settings.outbox_max_mb * _MB,
            outbox_full=outbox.full,
            damaged=outbox.damaged,
            store=store,
            collectors=collectors,
            devices=self._devices.counts(now_us),
            problems=self._problems(now_us, store),
        )

    def _problems(self, now_us: int, store: StoreStatus) -> tuple[str, ...]:
        states = [supervisor.status().state for supervisor in self._supervisors]
        failing_s = 0.0 if store.failing_since_us is None else (now_us - store.failing_since_us) / SECOND
        found = {
            "it is not running, or shutting down": not self._running,
            "the outbox is full: collectors wait for the store": self._outbox.full,
            self._outbox.trouble: bool(self._outbox.trouble),
            self._quarantine.trouble: bool(self._quarantine.trouble),
            f"the store has taken nothing for {failing_s:.0f} s: {store.error}": failing_s
            > self._settings.unready_after_s,
            "no collector is running": bool(states) and CollectorState.RUNNING not in states,
        }
        return tuple(problem for problem, is_one in found.items() if is_one)

    async def _work(self) -> None:
        writing = asyncio.create_task(self._writer.run(), name="writer")
        collecting = [
            asyncio.create_task(supervisor.run(self), name=f"collector {supervisor.status().name}")
            for supervisor in self._supervisors
        ]
        self._running = True
        _log.info("gateway_runs", collectors=len(collecting), queued=self._outbox.queued)
        try:
            done, _ = await asyncio.wait([writing, *collecting], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            self._running = False
            await _ended(collecting)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._settings.drain_s):
                    await self._outbox.drained()
            await _ended([writing])
            _log.info("gateway_stopped", queued=self._outbox.queued)


async def _ended(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(result, Exception):
            _log.error("failed_while_stopping", error=describe(result))
