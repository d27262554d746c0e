"""What becomes of a message on its way to the broker: `Spoiler` turns it into those that are really sent."""

import re

from device_sim.misspeaking import MqttFault
from device_sim.mqtt.outgoing import Outgoing

HUGE = 1_000_000
"""Bytes."""
DEEP = 10_000
"""Levels."""
_LITERALS = {
    MqttFault.NAN: b"NaN",
    MqttFault.INFINITY: b"-Infinity",
    MqttFault.UNDERSCORE: b"1_000",
    MqttFault.COMMA: b"23,5",
}
_NUMBER = re.compile(rb"(?<![\w.\"'-])-?\d+(?:\.\d+)?(?=[\s,}\]]|$)")


class Spoiler:
    """Spoils the messages of one device."""

    def __init__(self) -> None:
        self._held: Outgoing | None = None

    def spoiled(self, message: Outgoing, fault: MqttFault | None) -> tuple[Outgoing, ...]:
        """What is sent instead. A message held back goes out with the next, whatever becomes of that."""
        late = () if self._held is None else (self._held,)
        if fault is MqttFault.OUT_OF_ORDER and not late:
            self._held = message
            return ()
        self._held = None
        return *_sent(message, fault), *late


def _sent(message: Outgoing, fault: MqttFault | None) -> tuple[Outgoing, ...]:
    match fault:
        case None | MqttFault.OUT_OF_ORDER:
            return (message,)
        case MqttFault.SILENT:
            return ()
        case MqttFault.DUPLICATE:
            return (message, message)
        case MqttFault.RETAINED:
            return (message._replace(retain=True),)
    return (message._replace(payload=_payload(message.payload, fault), values={}, time_us=None),)


def _payload(payload: bytes, fault: MqttFault) -> bytes:
    match fault:
        case MqttFault.EMPTY:
            return b""
        case MqttFault.TRUNCATED:
            return payload[: len(payload) // 2]
        case MqttFault.INVALID_UTF8:
            middle = len(payload) // 2
            return payload[:middle] + b"\xff\xfe" + payload[middle:]
        case MqttFault.HUGE:
            return payload.ljust(HUGE)
        case MqttFault.DEEP:
            return b'{"a":[' * (DEEP // 2) + b"1" + b"]}" * (DEEP // 2)
    return _unnumbered(payload, _LITERALS[fault])


def _unnumbered(payload: bytes, literal: bytes) -> bytes:
    """With the literal for each number; where there are none to be seen, as in protobuf, it is all that is sent."""
    return _NUMBER.sub(literal, payload) if _NUMBER.search(payload) else literal
