"""One connection to a broker: persistent session, QoS 1, acknowledged by hand, with a bounded queue."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from collectors.mqtt import packets
from collectors.mqtt.format import Request
from collectors.mqtt.packets import Answer, Delivery, Kind, Packet, Version
from collectors.mqtt.settings import MqttSettings, TlsSettings

__all__ = ["QUEUE", "BrokerError", "Delivery", "Session", "UnsupportedVersion", "Version", "connected", "tls_context"]

QUEUE = 1000
"""Messages that may wait here. Also the receive maximum told to the broker: it sends no more before acknowledgement."""
QUEUE_BYTES = 16_000_000
"""Bytes of payload that may wait here; the message with which they are reached still finds room."""
_GATHER_S: dict[Version, float] = {"5": 0.005, "3.1.1": 0.001}
"""After messages came, the next are read so much later: to wake up costs as much as some twenty messages, and each time
a disk is written to. With MQTT 3.1.1 the broker alone says how many may be unacknowledged, often 20, and waits for us.
"""
_KEEPALIVE_S = 30
_PATIENCE_S = 10.0  # with a broker that is to answer
_SUBSCRIBED_S = 30.0  # until an answer to a subscription, while nothing here keeps it from being read
_FAREWELL_S = 2.0  # for the last word; a broker that does not take it sends the last will
_LOOKS = 10  # in that time
_FILTERS_A_PACKET = 200
_UNSUPPORTED_VERSION = (0x84, 0x01)  # CONNACK of MQTT 5, and of older brokers
_REFUSALS = {
    0x02: "client id not accepted",
    0x03: "server unavailable",
    0x04: "bad user name or password",
    0x05: "not authorized",
    0x85: "client id not accepted",
    0x86: "bad user name or password",
    0x87: "not authorized",
    0x88: "server unavailable",
    0x89: "server busy",
    0x8A: "banned",
    0x8B: "server shutting down",
    0x8D: "keep alive timeout",
    0x8E: "session taken over by another client of this name",
    0x95: "packet too large",
    0x97: "quota exceeded",
    0x98: "administrative action",
    0x9C: "use another server",
    0x9D: "server moved",
    0x9F: "connection rate exceeded",
}


class BrokerError(Exception):
    """The broker can't be reached, refuses, or the connection to it is lost."""


class UnsupportedVersion(BrokerError):
    """The broker refused the version of MQTT that was tried, or gave no answer to it, as some do."""


class Session(asyncio.Protocol):
    """An open connection, as `connected` gives it."""

    def __init__(self, version: Version, now_us: Callable[[], int], limit: int) -> None:
        self.version = version
        self._now_us = now_us
        self._limit = limit
        self._reader = packets.Reader(version)
        self._waiting: list[Delivery] = []
        self._waiting_bytes = 0
        self._arrived = asyncio.Event()
        self._answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._subscribing: dict[int, asyncio.Future[Sequence[int]]] = {}
        self._ended = asyncio.Event()
        self._why = ""
        self._full = False
        self._gathering = False
        self._heard = True
        self._ping: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport

    @property
    def waiting(self) -> int:
        """How many messages have arrived and not been taken."""
        return len(self._waiting)

    async def log_on(self, connect: bytes) -> None:
        """Send the CONNECT and take the answer. Raises BrokerError."""
        self._transport.write(connect)
        try:
            async with asyncio.timeout(_PATIENCE_S):
                code, properties = await self._answered
        except (BrokerError, TimeoutError):
            raise UnsupportedVersion(f"it does not answer MQTT {self.version}") from None
        if code in _UNSUPPORTED_VERSION:
            raise UnsupportedVersion(f"it does not speak MQTT {self.version}")
        if code:
            raise BrokerError(_said(code, properties.get(packets.REASON_STRING)))
        self._keep_alive(cast("int", properties.get(packets.SERVER_KEEP_ALIVE, _KEEPALIVE_S)) / 2)

    async def log_off(self) -> None:
        """Leave, so that no last will is sent."""
        if not self._transport.is_closing():
            self._transport.write(packets.DISCONNECT)
            self._transport.close()
        try:
            await asyncio.wait_for(self._ended.wait(), _FAREWELL_S)
        except TimeoutError:
            pass
        finally:
            self.cut()

    def cut(self) -> None:
        """End the connection as a dead process would."""
        self._transport.abort()

    async def subscribe(self, filters: Sequence[str]) -> list[str]:
        """Subscribe at QoS 1; returns the filters that the broker refused.

        Raises BrokerError if the connection fails, and ends it if the broker does not answer.
        Retained messages come again with each connection, since decoders need the descriptions among them anew.
        Messages of the session arrive meanwhile and must be taken: the answer may stand behind a full queue.
        """
        return await self._settle(filters, packets.subscribe)

    async def unsubscribe(self, filters: Sequence[str]) -> None:
        """What the session holds already still comes. Raises BrokerError if the connection fails."""
        await self._settle(filters, packets.unsubscribe)

    async def receive(self, most: int) -> list[Delivery]:
        """Wait until a message is here and return all that are, up to ``most``.

        Raises BrokerError when the connection is lost, but not before all that had arrived was taken.
        """
        while not self._waiting:
            if self._ended.is_set():
                raise BrokerError(self._why)
            self._arrived.clear()
            await self._arrived.wait()
        taken, self._waiting = self._waiting[:most], self._waiting[most:]
        self._waiting_bytes = _payload_bytes(self._waiting)  # nearly always of none
        if self._full:
            self._read()
        return taken

    def acknowledge(self, deliveries: Iterable[Delivery]) -> None:
        """In the order of arrival, as MQTT asks. Without effect if the connection is lost: then they come again."""
        if not self._transport.is_closing():
            self._transport.write(packets.acknowledgement(deliveries))

    def publish(self, request: Request, *, retain: bool = False) -> None:
        """At QoS 0, as Sparkplug wants it. Raises BrokerError if the connection is lost."""
        self._write(packets.publish(self.version, request.topic, request.payload, retain=retain))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._heard = True
        self._reader.feed(data)
        self._read()

    def connection_lost(self, exc: Exception | None) -> None:
        self._why = self._why or str(exc or "the broker closed the connection")
        self._ended.set()
        self._arrived.set()
        if self._ping is not None:
            self._ping.cancel()
        waiting: list[asyncio.Future[Any]] = [self._answered, *self._subscribing.values()]
        for future in waiting:
            if not future.done():
                future.set_exception(BrokerError(self._why))
                future.exception()  # who waited may have gone

    async def _settle(self, filters: Sequence[str], ask: Callable[[Version, int, Sequence[str]], bytes]) -> list[str]:
        """Ask for so many filters at a time, and wait for each answer; returns those that were refused."""
        refused: list[str] = []
        for number, start in enumerate(range(0, len(filters), _FILTERS_A_PACKET), start=1):
            some = filters[start : start + _FILTERS_A_PACKET]
            self._write(ask(self.version, number, some))
            future = self._subscribing[number] = asyncio.get_running_loop().create_future()
            granted = await self._granted(future)
            refused += [topic for topic, code in zip(some, granted, strict=False) if code >= 0x80]
        return refused

    async def _granted(self, answer: asyncio.Future[Sequence[int]]) -> Sequence[int]:
        """The time in which nothing is read, since the queue is full, is not the broker's."""
        looks = _LOOKS
        while not answer.done():
            if not looks:
                self._give_up(f"the broker has not answered a subscription for {_SUBSCRIBED_S:g} s")
            await asyncio.wait([answer], timeout=_SUBSCRIBED_S / _LOOKS)
            looks -= not self._full
        return answer.result()

    def _write(self, data: bytes) -> None:
        if self._transport.is_closing():
            raise BrokerError(self._why or "the connection is closed")
        self._transport.write(data)

    def _read(self) -> None:
        """Take in what there is room for, and leave further bytes to TCP and the broker.

        Only big messages, QoS 0, and brokers without receive maximum come to that.
        """
        try:
            found, others = self._reader.take(self._limit - len(self._waiting), self._now_us())
            for packet in others:
                self._hear(packet)
        except packets.MalformedPacket as error:
            self._give_up(f"the broker sent {error}")
            return
        if found:
            self._waiting += found
            self._waiting_bytes += _payload_bytes(found)
            self._arrived.set()
            if not self._gathering:
                self._gathering = True
                asyncio.get_running_loop().call_later(_GATHER_S[self.version], self._gathered)
        self._full = len(self._waiting) >= self._limit or self._waiting_bytes >= QUEUE_BYTES
        self._listen()

    def _gathered(self) -> None:
        self._gathering = False
        self._listen()

    def _listen(self) -> None:
        """Let the transport read or pause, whichever is due."""
        if self._transport.is_closing():
            return
        if self._full or self._gathering:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _hear(self, packet: Packet) -> None:
        if packet.kind == Kind.CONNACK and not self._answered.done():
            self._answered.set_result(packets.answer(packet))
        elif packet.kind in (Kind.SUBACK, Kind.UNSUBACK):
            number, codes = packets.granted(self.version, packet)
            future = self._subscribing.pop(number, None)
            if future is not None and not future.done():
                future.set_result(codes)
        elif packet.kind == Kind.PUBREL and not self._transport.is_closing():
            self._transport.write(packets.completion(packet))
        elif packet.kind == Kind.DISCONNECT:
            code, properties = packets.answer(packet)
            self._give_up(_said(code, properties.get(packets.REASON_STRING)))

    def _give_up(self, why: str) -> None:
        self._why = self._why or why
        self._transport.abort()

    def _keep_alive(self, every_s: float) -> None:
        """Ask for a sign of life now and then; a connection on which none came since the last time is dead.

        Nothing can be said of one that is not read from at the moment.
        """
        if not self._heard and not self._full:
            self._give_up(f"the broker has been silent for {every_s:.0f} s")
        elif every_s:
            self._heard = False
            self._transport.write(packets.PINGREQ)
            self._ping = asyncio.get_running_loop().call_later(every_s, self._keep_alive, every_s)


def _payload_bytes(deliveries: Iterable[Delivery]) -> int:
    return sum([len(delivery.payload) for delivery in deliveries])


@contextlib.asynccontextmanager
async def connected(
    settings: MqttSettings, version: Version, now_us: Callable[[], int], limit: int = QUEUE
) -> AsyncIterator[Session]:
    """A connection in the broker's persistent session for this client.

    Raises UnsupportedVersion, or another BrokerError, if the broker can't be reached or refuses, and OSError for TLS
    files that can't be used.
    """
    context = None if settings.tls is None else await asyncio.to_thread(tls_context, settings.tls)
    session = Session(version, now_us, limit)
    try:
        async with asyncio.timeout(_PATIENCE_S):
            loop = asyncio.get_running_loop()
            await loop.create_connection(lambda: session, settings.host, settings.port, ssl=context)
    except OSError as error:  # TimeoutError is one
        raise BrokerError(str(error) or "it does not answer") from error
    try:
        await session.log_on(_connect(settings, version, limit))
    except BaseException:
        session.cut()
        raise
    try:
        if settings.say_status:
            session.publish(Request(settings.status_topic, b"online"), retain=True)
        yield session
    finally:
        with contextlib.suppress(BrokerError):
            if settings.say_status:
                session.publish(Request(settings.status_topic, b"offline"), retain=True)
        await session.log_off()


def _connect(settings: MqttSettings, version: Version, limit: int) -> bytes:
    return packets.connect(
        version,
        settings.session_name,
        keepalive_s=_KEEPALIVE_S,
        username=settings.username,
        password=settings.password.get_secret_value() if settings.password else None,
        will=(settings.status_topic, b"offline") if settings.say_status else None,
        session_expiry_s=settings.session_expiry_s,
        receive_maximum=min(limit, 65_535),
    )


def _said(code: int, reason: object) -> str:
    said = _REFUSALS.get(code, f"reason code {code:#04x}")
    return f"the broker says: {said}" + (f" ({reason})" if reason else "")


def tls_context(settings: TlsSettings) -> ssl.SSLContext:
    """Verifies the broker. Raises OSError, naming the file, for one that can't be used."""
    with _naming(settings.ca_file):
        context = ssl.create_default_context(cafile=settings.ca_file)
    if settings.certificate_file is not None:
        with _naming(settings.certificate_file, settings.key_file):
            context.load_cert_chain(settings.certificate_file, settings.key_file)
    return context


@contextlib.contextmanager
def _naming(*files: Path | None) -> Iterator[None]:
    """Errors of the ssl module don't say which file they are about."""
    try:
        yield
    except OSError as error:
        names = " with ".join(str(file) for file in files if file is not None)
        raise OSError(f"TLS file {names} can't be used: {error.strerror or error}") from error
