"""What the gateway says of itself in the store, for dashboards, web app and analytics: heartbeat and events.

device_silent  a device is silent, from when to when, with what its collector said last
outbox_full    the outbox was full, from when to when
"""

from collections.abc import Callable, Iterable, Iterator

import msgspec
import structlog

from gateway.failure import describe
from gateway.http import Observed
from gateway.status import DeviceState, DeviceStatus, GatewayStatus
from metering.clock import Clock
from metering.estate import Device
from metering.event import Event, Severity
from metering.heartbeat import GATEWAY, INTERVAL_S, beat
from metering.instant import DAY, Window
from metering.texts import Language, Texts
from storage.protocol import Store, StoreError

SILENT, FULL = "device_silent", "outbox_full"
_LOOK_BACK_US = 90 * DAY  # for events that an earlier process left open

_log = structlog.get_logger(__name__)


class Chronicle:
    """Turns states into events; no I/O. An event that lasts is given once, and again when it ends."""

    def __init__(self, language: Language, device: Callable[[str], Device]) -> None:
        self._device = device
        self._say = Texts("gateway", language)
        self._open: dict[tuple[str, str], Event] = {}  # by kind and subject

    def resume(self, events: Iterable[Event]) -> None:
        """Go on with those of an earlier process."""
        for event in events:
            if event.kind in (SILENT, FULL) and event.end_us is None:
                self._open.setdefault((event.kind, event.subject), event)

    def devices(self, statuses: Iterable[DeviceStatus]) -> Iterator[Event]:
        """What is new with the devices, of which these are all. One not heard yet has no new state."""
        known = set()
        for status in statuses:
            known.add(status.id)
            if status.state is DeviceState.SILENT:
                device = self._device(status.id)
                title = self._say("silent.why" if status.error else "silent", name=device.name, why=status.error)
                since_us = status.since_us if status.heard_us is None else status.heard_us
                yield from self._begin(SILENT, status.id, since_us, title, device.building or "")
            elif status.heard_us is not None:
                yield from self._end(SILENT, status.id, status.heard_us)
        for kind, subject in list(self._open):
            if kind == SILENT and subject not in known:  # it is in the settings no more
                yield from self._end(kind, subject, self._open[kind, subject].time_us)

    def outbox(self, status: GatewayStatus) -> Iterator[Event]:
        """Whether the outbox is full."""
        if status.outbox_full:
            yield from self._begin(FULL, GATEWAY, status.at_us, self._say("full"))
        else:
            yield from self._end(FULL, GATEWAY, status.at_us)

    def _begin(self, kind: str, subject: str, since_us: int, title: str, building: str = "") -> Iterator[Event]:
        if (kind, subject) not in self._open:
            severity = Severity.CRITICAL if kind == FULL else Severity.WARNING
            event = Event(f"{kind}:{subject}:{since_us}", since_us, None, kind, severity, subject, building, title)
            self._open[kind, subject] = event
            yield event

    def _end(self, kind: str, subject: str, end_us: int) -> Iterator[Event]:
        event = self._open.pop((kind, subject), None)
        if event is not None:
            yield msgspec.structs.replace(event, end_us=max(end_us, event.time_us))


class Reporter:
    """Writes to the store past the outbox, every 15 s of the clock; what could not be written is tried again."""

    def __init__(self, store: Store, observed: Observed, chronicle: Chronicle, clock: Clock) -> None:
        self._store = store
        self._observed = observed
        self._clock = clock
        self._chronicle = chronicle
        self._resumed = False
        self._unwritten: dict[str, Event] = {}  # by id

    async def run(self) -> None:
        """Until cancelled. In a time lapse nothing is reported: nobody waits for the gateway there."""
        while self._clock.speed == 1.0:
            await self._clock.sleep(INTERVAL_S)
            try:
                await self._report()
            except StoreError as error:  # the writer says so, loudly
                _log.debug("not reported", error=describe(error))
            except Exception:  # noqa: BLE001 - readings matter more than what is said of them
                _log.exception("report_failed")

    async def _report(self) -> None:
        status = self._observed.status()
        news = list(self._chronicle.outbox(status))
        if self._resumed:  # else it is not known yet what was told of the devices before
            news += self._chronicle.devices(self._observed.devices())
        self._unwritten.update((event.id, event) for event in news)
        if not self._resumed:
            window = Window(status.at_us - _LOOK_BACK_US, status.at_us)
            self._chronicle.resume(await self._store.events(window))
            self._resumed = True
        await self._store.write([beat(status.at_us, well=status.ready)])
        written = list(self._unwritten.values())
        if written:
            await self._store.write_events(written)
        for event in written:
            if self._unwritten[event.id] is event:
                del self._unwritten[event.id]
