"""One connection to a broker: persistent session, QoS 1, acknowledged by hand, with a bounded queue.

aiomqtt acknowledges by itself and hides the DUP flag, so this is the one place that reaches through it to paho.
"""
# ruff: noqa: SLF001

import asyncio
import contextlib
import math
import ssl
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

import aiomqtt
from paho.mqtt.client import Client as Paho
from paho.mqtt.client import MQTTMessage
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from collectors.mqtt.format import Request
from collectors.mqtt.settings import MqttSettings, TlsSettings

Version = Literal["5", "3.1.1"]

QUEUE = 1000
"""Messages that may wait here. Also the receive maximum told to the broker: it sends no more before acknowledgement."""
_KEEPALIVE_S = 30
_FAREWELL_S = 2.0  # for the last word; a broker that does not take it sends the last will
_FILTERS_A_PACKET = 200
_UNSUPPORTED_VERSION = 0x84  # CONNACK reason code of MQTT 5; paho gives it for the code 1 of older brokers, too


class Delivery(NamedTuple):
    """A message with what is needed to acknowledge it; ``number`` is its packet id, 0 at QoS 0."""

    topic: str
    payload: bytes
    received_us: int
    retained: bool
    duplicate: bool
    qos: int
    number: int


class UnsupportedVersion(aiomqtt.MqttError):
    """The broker refused the version of MQTT that was tried, or gave no answer to it, as some do."""


class Session:
    """An open connection, as `connected` gives it."""

    def __init__(self, client: aiomqtt.Client, version: Version, now_us: Callable[[], int], limit: int) -> None:
        self.version = version
        self._client = client
        self._now_us = now_us
        self._limit = limit
        self._waiting: deque[Delivery] = deque()
        self._arrived = asyncio.Event()
        self._paused = False
        self._paho.manual_ack_set(True)
        self._paho.on_message = self._on_message
        client._disconnected.add_done_callback(lambda _: self._arrived.set())

    @property
    def _paho(self) -> Paho:
        return self._client._client

    @property
    def waiting(self) -> int:
        """How many messages have arrived and not been taken."""
        return len(self._waiting)

    async def subscribe(self, filters: Sequence[str]) -> list[str]:
        """Subscribe at QoS 1; returns the filters that the broker refused. Raises MqttError if the connection fails.

        Retained messages come again with each connection, since decoders need the descriptions among them anew.
        Messages of the session arrive meanwhile and must be taken: the answer may stand behind a full queue.
        """
        refused: list[str] = []
        for start in range(0, len(filters), _FILTERS_A_PACKET):
            some = filters[start : start + _FILTERS_A_PACKET]
            granted = await self._client.subscribe([(topic, 1) for topic in some], timeout=math.inf)
            refused += [topic for topic, code in zip(some, granted, strict=True) if _number(code) >= 0x80]
        return refused

    async def receive(self, most: int) -> list[Delivery]:
        """Wait until a message is here and return all that are, up to ``most``.

        Raises MqttError when the connection is lost, but not before all that had arrived was taken.
        """
        while not self._waiting:
            if self._client._disconnected.done():
                raise aiomqtt.MqttError(
                    str(self._client._disconnected.exception() or "the broker closed the connection")
                )
            self._arrived.clear()
            await self._arrived.wait()
        taken = [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]
        if self._paused and len(self._waiting) < self._limit:
            self._resume()
        return taken

    def acknowledge(self, deliveries: Iterable[Delivery]) -> None:
        """In the order of arrival, as MQTT asks. Without effect if the connection is lost: then they come again."""
        for delivery in deliveries:
            if delivery.qos > 0:
                self._paho.ack(delivery.number, delivery.qos)

    async def publish(self, request: Request) -> None:
        """At QoS 0, as Sparkplug wants it. Raises MqttError if the connection fails."""
        await self._client.publish(request.topic, request.payload)

    def _on_message(self, _paho: Paho, _userdata: object, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:  # forbidden, but no reason to lose the connection over it again and again
            topic = message._topic.decode(errors="replace")
        self._waiting.append(
            Delivery(
                topic, bytes(message.payload), self._now_us(), message.retain, message.dup, message.qos, message.mid
            )
        )
        self._arrived.set()
        if len(self._waiting) >= self._limit and not self._paused:
            self._pause()

    def _pause(self) -> None:
        """Leave further bytes to TCP and the broker. Only brokers without receive maximum, and QoS 0, come to this."""
        socket = self._paho.socket()
        if socket is not None:
            self._paused = True
            self._client._loop.remove_reader(socket.fileno())

    def _resume(self) -> None:
        self._paused = False
        socket = self._paho.socket()
        if socket is not None:
            self._client._loop.add_reader(socket.fileno(), self._read)

    def _read(self) -> None:
        """What aiomqtt does when its socket is readable."""
        try:
            self._paho.loop_read()
            while isinstance(socket := self._paho.socket(), ssl.SSLSocket) and socket.pending():
                self._paho.loop_read()
        except Exception as error:  # noqa: BLE001 - whatever it is, the connection is lost by it
            if not self._client._disconnected.done():
                self._client._disconnected.set_exception(error)


@contextlib.asynccontextmanager
async def connected(
    settings: MqttSettings, version: Version, now_us: Callable[[], int], limit: int = QUEUE
) -> AsyncIterator[Session]:
    """A connection in the broker's persistent session for this client.

    Raises UnsupportedVersion, or another MqttError, if the broker can't be reached or refuses, and OSError for TLS
    files that can't be used.
    """
    context = None if settings.tls is None else await asyncio.to_thread(tls_context, settings.tls)
    client = _client(settings, version, context, limit)
    session = Session(client, version, now_us, limit)
    try:
        await client.__aenter__()
    except BaseException as error:
        opened = client._misc_task is not None
        client._client._sock_close()
        if isinstance(error, aiomqtt.MqttCodeError):
            if _number(error.rc) == _UNSUPPORTED_VERSION:
                raise UnsupportedVersion(f"it does not speak MQTT {version}") from None
        elif isinstance(error, aiomqtt.MqttError) and opened:
            raise UnsupportedVersion(f"it does not answer MQTT {version}") from None
        raise
    try:
        if settings.say_status:
            await client.publish(settings.status_topic, "online", retain=True)
        yield session
    finally:
        with contextlib.suppress(aiomqtt.MqttError):
            if settings.say_status and not client._disconnected.done():
                await client.publish(settings.status_topic, "offline", retain=True, timeout=_FAREWELL_S)
        with contextlib.suppress(aiomqtt.MqttError):
            await client.__aexit__(None, None, None)


def _client(settings: MqttSettings, version: Version, context: ssl.SSLContext | None, limit: int) -> aiomqtt.Client:
    make = partial(
        aiomqtt.Client,
        settings.host,
        settings.port,
        username=settings.username,
        password=settings.password.get_secret_value() if settings.password else None,
        identifier=settings.session_name,
        keepalive=_KEEPALIVE_S,
        tls_context=context,
        will=aiomqtt.Will(settings.status_topic, "offline", retain=True) if settings.say_status else None,
    )
    if version == "3.1.1":
        return make(protocol=aiomqtt.ProtocolVersion.V311, clean_session=False)
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = settings.session_expiry_s
    properties.ReceiveMaximum = min(limit, 65535)
    return make(protocol=aiomqtt.ProtocolVersion.V5, clean_start=False, properties=properties)


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


def _number(code: object) -> int:
    return code.value if isinstance(code, ReasonCode) else code if isinstance(code, int) else 0
