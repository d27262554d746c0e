"""What speaks on a broker: listens for a while and sorts what it hears into devices. Publishes nothing.

Its session is its own and ends with it, so that nothing is kept for it at the broker, and no other client is disturbed.
"""

import asyncio
import contextlib
import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import aiomqtt
from paho.mqtt.matcher import MQTTMatcher

from collectors.mqtt.client import Client
from collectors.mqtt.format import Format, Message, Unnamed, Value
from collectors.mqtt.formats import format_named, formats, recognise
from collectors.mqtt.payload import DecodeError, read_text
from collectors.mqtt.session import tls_context
from collectors.mqtt.settings import MqttSettings
from metering.clock import Clock
from metering.instant import SECOND

MOST_TOPICS = 20_000
"""Topics that are looked at; of those beyond, only the messages are counted."""
_MOST_LOOKS = 20  # messages of one topic that are decoded; the rest is counted
_MOST_GUESSES = 5  # messages of a topic that no format has recognised yet in which it is tried
_MOST_NUMBERS = 40
_QUEUE = 5_000
_SAMPLE = 160
_MOST_VALUES = 500

Progress = Callable[[float], None]
"""Called with the share of the time that is over, 0..1."""


@dataclass
class Heard:
    """A topic and what came on it. Times are µs since the Unix epoch, UTC; retained messages have none.

    sample   the last payload that was looked at, shortened
    numbers  those in it by JSON Pointer, "" for a plain number, where no format recognises the topic
    """

    topic: str
    messages: int = 0
    retained: int = 0
    sample: str = ""
    numbers: dict[str, float] = field(default_factory=dict)
    first_us: int | None = None
    last_us: int | None = None

    def add(self, message: Message) -> None:
        self.messages += 1
        if message.retained:
            self.retained += 1
        else:
            self.first_us = self.first_us or message.received_us
            self.last_us = message.received_us
        if self.messages <= _MOST_LOOKS:
            self.sample = shortened(message.payload)


@dataclass
class FoundDevice:
    """A device that speaks a known format.

    values    (part, quantity) → the last value heard
    numbers   what stands in its messages without a meaning, where the format needs options; by name
    remarks   why something could not be read, each once
    asks      whether it must be asked for its description, which `leitwarte run` does and a discovery does not
    """

    format: str
    topic: str
    values: dict[tuple[str, str], Value] = field(default_factory=dict)
    numbers: dict[str, Unnamed] = field(default_factory=dict)
    remarks: Counter[str] = field(default_factory=Counter)
    topics: dict[str, Heard] = field(default_factory=dict)
    offline: str | None = None
    asks: bool = False
    speaking: str | None = None
    """The topic that gave values most recently."""

    @property
    def kind(self) -> type[Format[Any]]:
        return format_named(self.format)

    @property
    def needs_options(self) -> bool:
        return any(entry.is_required() for entry in self.kind.Options.model_fields.values())

    @property
    def interval_s(self) -> float | None:
        """The mean time between its messages, of the topic that gives values; None if it spoke less than twice."""
        heard = self.topics.get(self.speaking or "")
        live = heard.messages - heard.retained if heard else 0
        if heard is None or live < 2 or heard.first_us is None or heard.last_us is None:
            return None
        return (heard.last_us - heard.first_us) / SECOND / (live - 1)


@dataclass
class Found:
    """All that was heard.

    unknown   topics that no format recognises
    skipped   messages on topics beyond `MOST_TOPICS`
    lost      messages that came faster than they could be looked at
    """

    devices: dict[tuple[str, str], FoundDevice] = field(default_factory=dict)
    unknown: dict[str, Heard] = field(default_factory=dict)
    messages: int = 0
    skipped: int = 0
    lost: int = 0


class Discovery:
    """Sorts messages into devices; pure but for what it remembers."""

    def __init__(self) -> None:
        self.found = Found()
        self._decoders: dict[tuple[str, str], Format[Any]] = {}
        self._heard: dict[str, tuple[Heard, FoundDevice | None]] = {}
        self._matcher = MQTTMatcher()  # type: ignore[no-untyped-call]

    def hear(self, message: Message) -> None:
        """Take a message in. Nothing that it holds can make this fail."""
        self.found.messages += 1
        known = self._heard.get(message.topic)
        if known is None:
            if len(self._heard) >= MOST_TOPICS:
                self.found.skipped += 1
                return
            known = Heard(message.topic), self._device(message)
        elif known[1] is None and known[0].messages < _MOST_GUESSES:
            known = known[0], self._device(message)  # what says nothing at first may say more later
        heard, device = self._heard[message.topic] = known
        heard.add(message)
        if device is None:
            self.found.unknown[message.topic] = heard
            if heard.messages <= _MOST_GUESSES:
                heard.numbers.update(_numbers(message))
            return
        self.found.unknown.pop(message.topic, None)
        device.topics[message.topic] = heard
        if heard.messages <= _MOST_LOOKS:
            self._look(message, device)

    def _device(self, message: Message) -> FoundDevice | None:
        recognised = recognise(message.topic, message.payload)
        if recognised is None:
            return None
        if recognised not in self.found.devices:
            device = self.found.devices[recognised] = FoundDevice(*recognised)
            if not device.needs_options:
                self._add_decoder(recognised, device)
        return self.found.devices[recognised]

    def _add_decoder(self, key: tuple[str, str], device: FoundDevice) -> None:
        try:
            decoder = self._decoders[key] = device.kind(device.topic, device.kind.Options())
        except ValueError as error:
            device.remarks[str(error)] += 1
            return
        for topic_filter in decoder.subscriptions():
            try:
                keys = self._matcher[topic_filter]
            except KeyError:
                keys = self._matcher[topic_filter] = []
            keys.append(key)

    def _look(self, message: Message, owner: FoundDevice) -> None:
        """Decode for every device that would have subscribed to it: some need what others of their node say."""
        if owner.needs_options:
            with contextlib.suppress(DecodeError):
                for number in owner.kind.numbers(message):
                    if len(owner.numbers) < _MOST_NUMBERS or number.name in owner.numbers:
                        owner.numbers[number.name] = number
            owner.speaking = message.topic
            return
        keys = {key for some in self._matcher.iter_match(message.topic) for key in some}  # type: ignore[no-untyped-call]
        for key in keys | {(owner.format, owner.topic)}:
            if key in self._decoders:
                self._decode(message, self.found.devices[key], self._decoders[key], is_owner=key[1] == owner.topic)

    @staticmethod
    def _decode(message: Message, device: FoundDevice, decoder: Format[Any], *, is_owner: bool) -> None:
        try:
            decoded = decoder.decode(message)
        except DecodeError as error:
            device.remarks[str(error)] += is_owner
            return
        except Exception as defect:  # noqa: BLE001 - a decoder's defect must not end the discovery
            device.remarks[f"the decoder of {device.format} failed: {defect!r}"] += 1
            return
        for value in decoded.values[: max(_MOST_VALUES - len(device.values), 0)]:
            device.values[value.part, value.quantity] = value
        if decoded.values:
            device.speaking = message.topic
            device.asks = False
        device.asks = device.asks or (decoded.request is not None and not device.values)
        device.remarks.update(decoded.refused[: max(_MOST_NUMBERS - len(device.remarks), 0)])
        device.offline = decoded.offline


async def listen(
    settings: MqttSettings, topics: Iterable[str], seconds: float, clock: Clock, progress: Progress = lambda _: None
) -> Found:
    """Listen for so long. Raises MqttError if the broker cannot be reached or refuses, OSError for a TLS file."""
    context = None if settings.tls is None else await asyncio.to_thread(tls_context, settings.tls)
    discovery = Discovery()
    client = Client(
        settings.host,
        settings.port,
        username=settings.username,
        password=settings.password.get_secret_value() if settings.password else None,
        identifier=settings.client_id or f"leitwarte-discover-{secrets.token_hex(4)}",
        protocol=aiomqtt.ProtocolVersion.V311,
        clean_session=True,
        tls_context=context,
        queue_type=queue_counting(discovery.found),
        max_queued_incoming_messages=_QUEUE,
    )
    async with client:
        granted = await client.subscribe([(topic, 0) for topic in topics])
        refused = [topic for topic, code in zip(topics, granted, strict=True) if _is_refusal(code)]
        if refused:
            raise aiomqtt.MqttError(f"the broker refuses the subscription to {', '.join(refused)}")
        ticking = asyncio.create_task(_tick(seconds, progress))
        try:
            async with asyncio.timeout(seconds):
                async for message in client.messages:
                    topic, payload = message.topic.value, message.payload
                    if isinstance(payload, bytes):
                        discovery.hear(Message(topic, payload, clock.now_us(), message.retain))
                    await asyncio.sleep(0)  # so that time and keep-alive go on however much comes
        except TimeoutError:
            pass
        finally:
            ticking.cancel()
    return discovery.found


def shortened(payload: bytes) -> str:
    """The payload as one line of printable text."""
    try:
        text = read_text(payload[: 4 * _SAMPLE])
    except DecodeError:
        text = payload[:_SAMPLE].decode("utf-8", "replace")
        if "\ufffd" in text[: len(text) - 4]:
            return f"{len(payload)} bytes: {payload[:32].hex()}{'…' if len(payload) > 32 else ''}"
    plain = "".join(character if character.isprintable() else " " for character in text[: _SAMPLE + 1])
    return plain if len(plain) <= _SAMPLE else f"{plain[:_SAMPLE]}…"


def _numbers(message: Message) -> Mapping[str, float]:
    """The numbers of a message that no format recognises."""
    for name in ("number", "json"):
        with contextlib.suppress(DecodeError):
            found = formats()[name].numbers(message)
            return {number.source: number.number for number in islice(found, _MOST_NUMBERS)}
    return {}


async def _tick(seconds: float, progress: Progress) -> None:
    steps = max(int(seconds * 2), 1)
    for step in range(steps):
        progress(step / steps)
        await asyncio.sleep(seconds / steps)


def _is_refusal(code: object) -> bool:
    number = getattr(code, "value", code)
    return isinstance(number, int) and number >= 0x80


def queue_counting(found: Found) -> type[asyncio.Queue[aiomqtt.Message]]:
    """A queue that, when full, counts what it loses instead of leaving a line for each in the log."""

    class Counting(asyncio.Queue[aiomqtt.Message]):
        def put_nowait(self, item: aiomqtt.Message) -> None:
            if self.full():
                found.lost += 1
            else:
                super().put_nowait(item)

    return Counting
