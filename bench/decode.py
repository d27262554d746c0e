"""How fast payloads become readings, by format; beside the time that reading their JSON alone takes."""

import time

import msgspec

from bench.payloads import KINDS, devices
from bench.result import Row
from collectors.mqtt.format import Message
from collectors.mqtt.listener import Listener
from collectors.mqtt.settings import MqttDevice

_SAYINGS = 500


def measure(rounds: int) -> list[Row]:
    return [row for kind in KINDS for row in _of(kind, rounds)]


def _of(kind: str, rounds: int) -> list[Row]:
    speech = KINDS[kind]
    listener = Listener(MqttDevice.model_validate(devices(kind, 1)[0]))
    messages = [Message(speech.said_on(0), speech.payload(n), 1_767_225_600_000_000 + n) for n in range(_SAYINGS)]
    begun, readings = time.process_time(), 0
    for _ in range(rounds):
        for message in messages:
            readings += len(listener.hear(message).readings)
    spent = time.process_time() - begun
    rows = [_row(kind, "leitwarte", rounds, spent, readings)]
    if messages[0].payload[:1] not in b"{0123456789":
        return rows
    begun = time.process_time()
    for _ in range(rounds):
        for message in messages:
            msgspec.json.decode(message.payload)
    return [*rows, _row(kind, "limit: JSON alone", rounds, time.process_time() - begun, 0)]


def _row(kind: str, who: str, rounds: int, spent: float, readings: int) -> Row:
    total = rounds * _SAYINGS
    figures: dict[str, float | str] = {"messages/s of CPU": total / spent, "CPU µs/message": spent / total * 1e6}
    return Row("decode", kind, who, {**figures, "CPU µs/reading": spent / readings * 1e6} if readings else figures)
