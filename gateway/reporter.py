"""What the gateway says of itself in the store, for dashboards, web app and analytics: readings and events.

Events:
device_silent  a device is silent, from when to when, with what its collector said last
device_error   a collector cannot read a device: the newest reason, from the first time to the last
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
from metering.heartbeat import GATEWAY, INTERVAL_S, beat, of_gateway
from metering.instant import DAY, HOUR, QUARTER_HOUR, Window
from metering.reading import Reading, Series
from metering.texts import Language, Texts
from storage.protocol import Store, StoreError

SILENT, ERROR, FULL = "device_silent", "device_error", "outbox_full"
_LOOK_BACK_US = 90 * DAY  # for events that an earlier process left open
_FORGIVEN_US = HOUR  # errors are over after an hour without, so that a device with some has few events
_REFRESH_US = QUARTER_HOUR  # states and counts that do not change are written again after this
_SEVERITIES = {SILENT: Severity.WARNING, ERROR: Severity.INFO, FULL: Severity.CRITICAL}
_CODES = {DeviceState.ONLINE: 0.0, DeviceState.LATE: 1.0, DeviceState.SILENT: 2.0}

_log = structlog.get_logger(__name__)


class Chronicle:
    """Turns states into events; no I/O. An event that lasts is given once, and again when it ends.

    name          of the gateway, as the subject of events
    is_elsewhere  whether a device is another gateway's to tell of
    """

    def __init__(
        self,
        language: Language,
        device: Callable[[str], Device],
        name: str = GATEWAY,
        is_elsewhere: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._device = device
        self._name = name
        self._is_elsewhere = is_elsewhere
        self._say = Texts("gateway", language)
        self._open: dict[tuple[str, str], Event] = {}  # by kind and subject

    def resume(self, events: Iterable[Event]) -> None:
        """Go on with those of an earlier process."""
        for event in events:
            is_ours = event.subject == self._name if event.kind == FULL else not self._is_elsewhere(event.subject)
            if event.kind in _SEVERITIES and event.end_us is None and is_ours:
                self._open.setdefault((event.kind, event.subject), event)

    def forget_devices(self) -> None:
        """Know of no device's event, until `resume` tells."""
        self._open = {key: event for key, event in self._open.items() if event.kind == FULL}

    def devices(self, statuses: Iterable[DeviceStatus], now_us: int) -> Iterator[Event]:
        """What is new with the devices, of which these are all. One not heard yet has no new state."""
        known = set()
        for status in statuses:
            known.add(status.id)
            yield from self._error(status, now_us)
            if status.state is DeviceState.SILENT:
                device = self._device(status.id)
                title = self._say("silent.why" if status.error else "silent", name=device.name, why=status.error)
                since_us = status.since_us if status.heard_us is None else status.heard_us
                yield from self._begin(SILENT, status.id, since_us, title, device.building or "")
            elif status.heard_us is not None:
                yield from self._end(SILENT, status.id, status.heard_us)
        for kind, subject in list(self._open):
            if kind in (SILENT, ERROR) and subject not in known:  # it is in the settings no more
                yield from self._end(kind, subject, self._open[kind, subject].time_us)

    def outbox(self, status: GatewayStatus) -> Iterator[Event]:
        """Whether the outbox is full."""
        if status.outbox_full:
            yield from self._begin(FULL, self._name, status.at_us, self._say("full"))
        else:
            yield from self._end(FULL, self._name, status.at_us)

    def _error(self, status: DeviceStatus, now_us: int) -> Iterator[Event]:
        open_one = self._open.get((ERROR, status.id))
        if status.failed_us is not None and now_us - status.failed_us < _FORGIVEN_US:
            if open_one is None:
                building = self._device(status.id).building or ""
                yield from self._begin(ERROR, status.id, status.failed_us, status.error, building)
            elif open_one.title != status.error:
                self._open[ERROR, status.id] = told = msgspec.structs.replace(open_one, title=status.error)
                yield told
        elif open_one is not None:
            yield from self._end(ERROR, status.id, status.failed_us or open_one.time_us)

    def _begin(self, kind: str, subject: str, since_us: int, title: str, building: str = "") -> Iterator[Event]:
        if (kind, subject) not in self._open:
            id_ = f"{kind}:{subject}:{since_us}"
            event = Event(id_, since_us, None, kind, _SEVERITIES[kind], subject, building, title)
            self._open[kind, subject] = event
            yield event

    def _end(self, kind: str, subject: str, end_us: int) -> Iterator[Event]:
        event = self._open.pop((kind, subject), None)
        if event is not None:
            yield msgspec.structs.replace(event, end_us=max(end_us, event.time_us))


def counts(status: GatewayStatus) -> Iterator[Reading]:
    """Of the outbox: queued, and lag in s. For each reason set_aside, readings and messages since the process began."""
    yield Reading(GATEWAY, "queued", float(status.queued), status.at_us)
    yield Reading(GATEWAY, "lag", status.store.lag_s, status.at_us)
    for reason, number in {**status.rejected, "dead_letter": status.dead_letters}.items():
        yield Reading(of_gateway(reason), "set_aside", float(number), status.at_us)


def states(devices: Iterable[DeviceStatus], now_us: int) -> Iterator[Reading]:
    """The state of each device: 0 online, 1 late, 2 silent. One not heard yet has none."""
    for device in devices:
        if device.heard_us is not None or device.state is DeviceState.SILENT:
            yield Reading(of_gateway(device.id), "state", _CODES[device.state], now_us)


class Unchanging:
    """Holds back readings whose value has been told already, for a quarter of an hour."""

    def __init__(self) -> None:
        self._told: dict[Series, Reading] = {}

    def news(self, readings: Iterable[Reading]) -> list[Reading]:
        return [reading for reading in readings if self._is_news(reading)]

    def told(self, readings: Iterable[Reading]) -> None:
        """These have reached the store."""
        self._told.update((reading.series, reading) for reading in readings)

    def _is_news(self, reading: Reading) -> bool:
        before = self._told.get(reading.series)
        return before is None or before.value != reading.value or reading.time_us - before.time_us >= _REFRESH_US


class Reporter:
    """Writes to the store past the outbox, every 15 s of the clock; what could not be written is tried again."""

    def __init__(self, store: Store, observed: Observed, chronicle: Chronicle, clock: Clock) -> None:
        self._store = store
        self._observed = observed
        self._clock = clock
        self._chronicle = chronicle
        self._unchanging = Unchanging()
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

    def begin_anew(self) -> None:
        """Take from the store what is going on: the devices to tell of are others now."""
        self._chronicle.forget_devices()
        self._resumed = False

    async def _report(self) -> None:
        status, devices = self._observed.status(), self._observed.devices()
        news = list(self._chronicle.outbox(status))
        if self._resumed:  # else it is not known yet what was told of the devices before
            news += self._chronicle.devices(devices, status.at_us)
        self._unwritten.update((event.id, event) for event in news)
        if not self._resumed:
            window = Window(status.at_us - _LOOK_BACK_US, status.at_us)
            self._chronicle.resume(await self._store.events(window))
            self._resumed = True
        found = self._unchanging.news([*counts(status), *states(devices, status.at_us)])
        await self._store.write([beat(status.at_us, well=status.ready), *found])
        self._unchanging.told(found)
        written = list(self._unwritten.values())
        if written:
            await self._store.write_events(written)
        for event in written:
            if self._unwritten[event.id] is event:
                del self._unwritten[event.id]
