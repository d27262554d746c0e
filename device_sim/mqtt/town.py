"""Speaks the town's MQTT devices over a real connection, each at its own interval."""

import asyncio
import heapq
import math
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import aiomqtt
import numpy as np
import structlog

from collectors.mqtt.client import Client
from device_sim.device import MqttLink, SimDevice
from device_sim.misspeaking import MqttFault, misspeaking
from device_sim.mqtt.encoders import Encoder, encoder
from device_sim.mqtt.faults import Spoiler
from device_sim.mqtt.outgoing import Outgoing
from metering.cancellation import cancel_wanted
from metering.clock import Clock
from metering.instant import SECOND

Ledger = Callable[[str, Mapping[str, float], int | None], None]
"""Told of each message that the broker has acknowledged: device, values as sent, time in the payload if it has one."""

_IN_FLIGHT = 200
_RECONNECT_S = 1.0

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Counts:
    """Messages since the start. Lost ones were not acknowledged: a real device would not repeat them either."""

    acknowledged: int = 0
    lost: int = 0


@dataclass(frozen=True, slots=True)
class Speaker:
    """A device and how it speaks."""

    device: SimDevice
    link: MqttLink
    encoder: Encoder
    spoiler: Spoiler = field(default_factory=Spoiler)

    @property
    def interval_us(self) -> int:
        return max(1, round(self.link.interval_s * SECOND))

    def next_due(self, now_us: int) -> int:
        """The next instant of its own beat, which is shifted so that not all devices speak at once."""
        shift = zlib.crc32(self.device.id.encode()) * self.interval_us >> 32
        return now_us - (now_us - shift) % self.interval_us + self.interval_us


class MqttTown:
    """Publishes at QoS 1 until cancelled; reconnects by itself. Devices that are not spoken over MQTT are passed over.

    A device misspeaks in the spells of its link, or as `spoil` says. Raises ValueError for a device whose format has no
    encoder, or can't express its quantities.
    """

    def __init__(
        self, devices: Iterable[SimDevice], clock: Clock, host: str, port: int, *, ledger: Ledger | None = None
    ) -> None:
        self.counts = Counts()
        self._clock = clock
        self._host = host
        self._port = port
        self._ledger = ledger
        self._spoiled: dict[str, MqttFault | None] = {}
        self._speakers = [
            Speaker(device, device.link, encoder(device.link.format))
            for device in devices
            if isinstance(device.link, MqttLink)
        ]
        for speaker in self._speakers:
            example = dict.fromkeys(speaker.device.quantities, 0.0)
            speaker.encoder.encode(speaker.link.topic, example, 0, speaker.link.options)

    def spoil(self, device: str, fault: MqttFault | None) -> None:
        """Let a device misspeak from now on; None goes by its spells again."""
        self._spoiled[device] = fault

    async def run(self) -> None:
        while True:
            try:
                async with Client(self._host, self._port, max_inflight_messages=_IN_FLIGHT) as client:
                    client.pending_calls_threshold = 2 * _IN_FLIGHT
                    await self._publish(client, "", self._online())
                    await self._speak(client)
            except aiomqtt.MqttError as error:
                if cancel_wanted():  # the farewell failed; the wish to end stays
                    raise asyncio.CancelledError from error
                _log.warning("the town has lost its broker", broker=f"{self._host}:{self._port}", error=str(error))
                await asyncio.sleep(_RECONNECT_S)

    async def _speak(self, client: Client) -> None:
        now_us = self._clock.now_us()
        schedule = [(speaker.next_due(now_us), number) for number, speaker in enumerate(self._speakers)]
        heapq.heapify(schedule)
        while schedule:
            await self._clock.sleep_until(schedule[0][0])
            now_us = self._clock.now_us()
            due: list[tuple[int, Speaker]] = []
            while schedule and schedule[0][0] <= now_us and len(due) < _IN_FLIGHT:
                instant_us, number = schedule[0]
                due.append((instant_us, self._speakers[number]))
                heapq.heapreplace(schedule, (self._speakers[number].next_due(max(now_us, instant_us)), number))
            said = await asyncio.to_thread(self._all_messages, due)
            publishing = (self._publish(client, device, messages) for device, messages in said)
            for error in await asyncio.gather(*publishing, return_exceptions=True):
                if error is not None:
                    raise error
        await asyncio.Event().wait()  # nobody to speak for

    def _all_messages(self, due: Iterable[tuple[int, Speaker]]) -> list[tuple[str, Sequence[Outgoing]]]:
        return [(speaker.device.id, self._messages(instant_us, speaker)) for instant_us, speaker in due]

    def _messages(self, instant_us: int, speaker: Speaker) -> Sequence[Outgoing]:
        at = speaker.device.at(np.array([instant_us], np.int64))
        values = {name: float(column[0]) for name, column in at.items() if math.isfinite(column[0])}
        if not values:
            return ()
        message = speaker.encoder.encode(speaker.link.topic, values, instant_us, speaker.link.options)
        fault = self._spoiled.get(speaker.device.id) or misspeaking(speaker.link.spells, MqttFault, instant_us)
        return speaker.spoiler.spoiled(message, fault)

    def _online(self) -> list[Outgoing]:
        links = ((speaker.encoder, speaker.link) for speaker in self._speakers)
        said = (encoder.availability(link.topic, True, link.options) for encoder, link in links)
        return [message for message in said if message is not None]

    async def _publish(self, client: Client, device: str, messages: Iterable[Outgoing]) -> None:
        for message in messages:
            try:
                await client.publish(message.topic, message.payload, qos=1, retain=message.retain)
            except aiomqtt.MqttError:
                self.counts.lost += 1
                raise
            self.counts.acknowledged += 1
            if self._ledger is not None and message.values:
                self._ledger(device, message.values, message.time_us)
