"""Where the time of a message goes: each step of its way by itself, in memory, as fast as it was in any of its rounds.

The steps between, which are the event loop's, the sockets' and the disk's, show in the whole: `bench.mqtt`.
"""

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from bench.payloads import KINDS, devices
from bench.result import Row
from collectors.mqtt import packets
from collectors.mqtt.collector import BATCH
from collectors.mqtt.listener import Listener
from collectors.mqtt.packets import Delivery
from collectors.mqtt.settings import MqttDevice
from collectors.protocol import Receipts
from gateway.device_state import Devices
from gateway.frames import encode
from gateway.payload import Content, pack, unpack
from gateway.plausibility import Plausibility
from metering.clock import Clock
from metering.reading import Reading
from storage.influxdb.line_protocol import encode_readings

_ROUNDS = 40
_In, _Out = TypeVar("_In"), TypeVar("_Out")


def measure(kind: str = "json") -> list[Row]:
    speech, clock = KINDS[kind], Clock()
    settings = [MqttDevice.model_validate(device) for device in devices(kind, BATCH)]
    listeners = {speech.said_on(n): Listener(device) for n, device in enumerate(settings)}
    judges = Plausibility([device.id for device in settings], 3600.0, 300.0)
    heard = Devices({device.id: device.device() for device in settings}, 0)
    arriving = [
        b"".join(packets.publish("5", speech.said_on(n), speech.payload(said), number=n + 1) for n in range(BATCH))
        for said in range(_ROUNDS)
    ]

    def decoded(batch: Sequence[Delivery]) -> list[Reading]:
        return [reading for one in batch for reading in listeners[one.topic].hear(one).readings]

    def packed(batch: Sequence[Reading]) -> bytes:
        return pack(Content(0, Receipts("bench", dict.fromkeys(range(BATCH), 2**31)), batch))

    found: dict[str, float] = {}
    deliveries = _timed("cut out of the stream", found, lambda data: _cut(data, clock.now_us()), arriving)
    readings = _timed("decode", found, decoded, deliveries)
    _timed("judge", found, lambda batch: judges.judge(batch, clock.now_us()), readings)
    _timed("note which devices speak", found, lambda batch: heard.heard(batch, clock.now_us()), readings)
    frames = _timed("pack for the outbox", found, packed, readings)
    _timed("check sum", found, lambda frame: encode(frame, BATCH), frames)
    _timed("acknowledge", found, packets.acknowledgement, deliveries)
    _timed("read back", found, unpack, frames)
    _timed("write line protocol", found, lambda batch: "\n".join(encode_readings(batch)).encode(), readings)
    found["all of them"] = sum(found.values())
    return [Row("steps", f"{kind}, {BATCH} at once", step, {"µs/message": spent}) for step, spent in found.items()]


def _cut(data: bytes, now_us: int) -> list[Delivery]:
    reader = packets.Reader("5")
    reader.feed(data)
    return reader.take(BATCH, now_us)[0]


def _timed(step: str, found: dict[str, float], work: Callable[[_In], _Out], batches: Sequence[_In]) -> list[_Out]:
    results, best = [], float("inf")
    for batch in batches:
        begun = time.perf_counter()
        results.append(work(batch))
        best = min(best, time.perf_counter() - begun)
    found[step] = best / BATCH * 1e6
    return results
