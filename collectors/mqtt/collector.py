"""The collector of one broker: messages in; readings and dead letters out; acknowledged when they are safe."""

import asyncio
import contextlib
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from zlib import crc32

import structlog

from collectors.mqtt.format import Request
from collectors.mqtt.listener import Heard, Listener
from collectors.mqtt.payload import DecodeError
from collectors.mqtt.router import TOPICS_REMEMBERED, Router
from collectors.mqtt.session import QUEUE, BrokerError, Delivery, Session, UnsupportedVersion, Version, connected
from collectors.mqtt.settings import MqttSettings
from collectors.protocol import DeadLetter, Receipts, Sink
from metering.cancellation import cancel_wanted
from metering.clock import Clock
from metering.reading import Reading

BATCH = 500
"""Messages handed over at once, at most."""
_FIRST_WAIT_S = 1.0
_LONGEST_WAIT_S = 60.0
_LEAVE_S, _QUIET_S = 5.0, 0.3  # to take what is on its way when the group is left; no more comes after such a pause
_ASK_AGAIN_S = 30.0  # an answer may be lost, and a device that never answers must not be flooded

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Counts:
    """What has happened since the start, in messages unless it says otherwise.

    redelivered  sent again by the broker after they had been accepted: acknowledged, not stored twice
    unclaimed    on a topic of no device, from a subscription that an earlier configuration left in the session
    stale        values (not messages) that the broker had retained and that say nothing about their age
    connections  how often the broker was reached
    requests     published, to devices that can't be understood without
    """

    messages: int = 0
    readings: int = 0
    redelivered: int = 0
    dead_letters: int = 0
    unclaimed: int = 0
    stale: int = 0
    connections: int = 0
    requests: int = 0


class MqttCollector:
    """Listens to one broker until cancelled; reconnects by itself, waiting longer each time up to a minute.

    It publishes nothing but its own state, if settings do not forbid it, and what a payload format requests; for other
    formats an account that may only read is enough.

    Nothing is acknowledged before the sink has it, so what is on its way when this process dies comes again.
    """

    def __init__(self, settings: MqttSettings, clock: Clock, *, queue: int = QUEUE) -> None:
        self.counts = Counts()
        self._settings = settings
        self._clock = clock
        self._channel = settings.session_name
        self._queue = queue
        self._version: Version = "3.1.1" if settings.protocol == "3.1.1" else "5"
        self._version_is_settled = settings.protocol != "auto" or bool(settings.share)
        self._unclaimed: set[str] = set()
        self._requests = Requests()

    @property
    def name(self) -> str:
        return self._settings.id

    async def run(self, sink: Sink) -> None:
        """See `collectors.protocol.Collector`. Raises OSError for TLS files that can't be used."""
        wait_s = _FIRST_WAIT_S
        while True:
            before = self.counts.connections
            try:
                await self._listen(sink)
            except BrokerError as error:
                if cancel_wanted():  # the farewell failed; the wish to end stays
                    raise asyncio.CancelledError from error
                if isinstance(error, UnsupportedVersion) and not self._version_is_settled:
                    self._version = "3.1.1" if self._version == "5" else "5"
                    if self._version == "3.1.1":
                        _log.info("mqtt 5 is not spoken; trying 3.1.1", broker=self.name)
                        continue
                self._lost(sink, error)
            wait_s = _FIRST_WAIT_S if self.counts.connections > before else min(2 * wait_s, _LONGEST_WAIT_S)
            await asyncio.sleep(wait_s * random.uniform(0.5, 1.0))  # noqa: S311 - spreads clients, guards nothing

    async def _listen(self, sink: Sink) -> None:
        async with connected(self._settings, self._version, self._clock.now_us, self._queue) as session:
            router = Router(Listener(device) for device in self._settings.devices)
            subscribing = asyncio.create_task(self._subscribe(session, router, sink))
            try:
                while True:
                    deliveries = await session.receive(BATCH)
                    await self._hand_over(deliveries, router, sink)
                    session.acknowledge(deliveries)
                    for request in self._requests.due(asyncio.get_running_loop().time()):
                        session.publish(request)
                        self.counts.requests += 1
            except asyncio.CancelledError:
                if self._settings.share:
                    await self._leave_group(session, router, sink)
                raise
            finally:
                subscribing.cancel()
                await asyncio.gather(subscribing, return_exceptions=True)  # its error is that of the connection

    async def _subscribe(self, session: Session, router: Router, sink: Sink) -> None:
        prefix = self._settings.share_prefix
        for topic_filter in await session.subscribe([prefix + wanted for wanted in router.filters]):
            for listener in router.listeners_of(topic_filter.removeprefix(prefix)):
                sink.failed(listener.device.id, f"broker {self.name} refuses the subscription to {topic_filter}")
        self.counts.connections += 1
        self._version_is_settled = True
        _log.info("mqtt connected", broker=self.name, version=session.version)

    async def _leave_group(self, session: Session, router: "Router", sink: Sink) -> None:
        """Have the others get what comes from now on, and take what is on its way here: nobody else would."""
        prefix = self._settings.share_prefix
        leaving = asyncio.create_task(session.unsubscribe([prefix + one for one in router.filters]))
        quiet = False
        with contextlib.suppress(BrokerError, TimeoutError):
            async with asyncio.timeout(_LEAVE_S):
                while not (quiet and leaving.done()):
                    try:
                        deliveries = await asyncio.wait_for(session.receive(BATCH), _QUIET_S)
                    except TimeoutError:
                        quiet = True
                        continue
                    await self._hand_over(deliveries, router, sink)
                    session.acknowledge(deliveries)
                    quiet = False
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)

    def _lost(self, sink: Sink, error: BrokerError) -> None:
        where = f"{self._settings.host}:{self._settings.port}"
        _log.warning("mqtt broker lost", broker=self.name, address=where, error=str(error))
        reason = f"broker {self.name} ({where}) cannot be heard: {error}"
        for device in self._settings.devices:
            sink.failed(device.id, reason)

    async def _hand_over(self, deliveries: Sequence[Delivery], router: Router, sink: Sink) -> None:
        """Every message passes here, so it is one flat loop, and what is rare is left to others."""
        counts, readings, digests, problems = self.counts, list[Reading](), dict[int, int](), list[str]()
        counts.messages += len(deliveries)
        for delivery in deliveries:
            listeners, digest = router[delivery.topic]
            # Among deliveries under one packet id a CRC tells apart what differs: wholly so up to 4 bytes in a row.
            digest = crc32(delivery.payload, digest)
            if delivery.duplicate and sink.is_known(self._channel, delivery.number, digest):
                counts.redelivered += 1
                continue
            for listener in listeners or self._not_ours(delivery.topic):
                try:
                    heard = listener.hear(delivery)
                except DecodeError as error:
                    problems.append(f"{listener.device.id}: {error}")
                    continue
                if heard.readings:
                    readings += heard.readings
                    if delivery.qos:
                        digests[delivery.number] = digest
                if heard.more:
                    problems += self._note(listener, heard, sink)
            if problems:
                counts.dead_letters += 1
                await sink.dead_letter(self._letter(delivery, problems))
                problems.clear()
        if readings:
            await sink.accept(readings, Receipts(self._channel, digests) if digests else None)
            counts.readings += len(readings)

    def _note(self, listener: Listener, heard: Heard, sink: Sink) -> list[str]:
        """What a message says beside readings; returns what is wrong with it."""
        self.counts.stale += heard.stale
        if heard.request is not None:
            self._requests.add(heard.request)
        if heard.offline is not None:
            sink.failed(listener.device.id, heard.offline)
        return [f"{listener.device.id}: {problem}" for problem in heard.refused]

    def _letter(self, delivery: Delivery, problems: Iterable[str]) -> DeadLetter:
        reason = "; ".join(problems)
        return DeadLetter(self.name, delivery.topic, delivery.payload, delivery.received_us, reason, delivery.retained)

    def _not_ours(self, topic: str) -> tuple[Listener, ...]:
        """Count the message; nobody listens to it."""
        self.counts.unclaimed += 1
        if topic not in self._unclaimed and len(self._unclaimed) < TOPICS_REMEMBERED:
            self._unclaimed.add(topic)
            _log.warning("mqtt topic belongs to no device; ignored", broker=self.name, topic=topic)
        return ()


class Requests:
    """What is to be published: each topic at most once in 30 s, however many devices ask for it how often."""

    def __init__(self) -> None:
        self._wanted: dict[str, Request] = {}
        self._asked_s: dict[str, float] = {}

    def add(self, request: Request) -> None:
        self._wanted[request.topic] = request

    def due(self, now_s: float) -> list[Request]:
        """Those to be sent now; the others are dropped, since who still needs an answer will ask again."""
        asked = [
            request for topic, request in self._wanted.items() if now_s >= self._asked_s.get(topic, -1e9) + _ASK_AGAIN_S
        ]
        self._asked_s.update((request.topic, now_s) for request in asked)
        self._wanted.clear()
        return asked
