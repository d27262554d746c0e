"""MQTT 5 and 3.1.1 as bytes: what a subscriber says and hears. Pure, no I/O.

Each message passes through `Reader.take`, so that is a flat loop which slices each message out of what arrived at once;
all else comes once a connection and is written plainly. Numbers in brackets are chapters of the standards:
https://docs.oasis-open.org/mqtt/mqtt/v5.0/ and https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/
"""

import struct
import sys
from array import array
from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from typing import Literal, NamedTuple

from collectors.mqtt.format import Message
from collectors.mqtt.varint import varint

Version = Literal["5", "3.1.1"]


class Kind(IntEnum):
    """Packet types: the upper half of the first byte (2.1.2)."""

    CONNECT = 1
    CONNACK = 2
    PUBLISH = 3
    PUBACK = 4
    PUBREC = 5
    PUBREL = 6
    PUBCOMP = 7
    SUBSCRIBE = 8
    SUBACK = 9
    UNSUBSCRIBE = 10
    UNSUBACK = 11
    PINGREQ = 12
    PINGRESP = 13
    DISCONNECT = 14


SERVER_KEEP_ALIVE, REASON_STRING = 0x13, 0x1F  # properties of MQTT 5 (2.2.2.2) that mean something here
_SESSION_EXPIRY, _RECEIVE_MAXIMUM = 0x11, 0x21
_WIDTHS = {
    **dict.fromkeys((0x01, 0x17, 0x19, 0x24, 0x25, 0x28, 0x29, 0x2A), 1),
    **dict.fromkeys((0x13, 0x21, 0x22, 0x23), 2),
    **dict.fromkeys((0x02, 0x11, 0x18, 0x27), 4),
}
_TEXTS = frozenset((0x03, 0x08, 0x09, 0x12, 0x15, 0x16, 0x1A, 0x1C, 0x1F))  # two of them are bytes, read alike
_SUBSCRIPTION_ID, _USER_PROPERTY = 0x0B, 0x26

_CLEAN, _WILL, _WILL_RETAIN, _PASSWORD, _USERNAME = 0x02, 0x04, 0x20, 0x40, 0x80  # flags of CONNECT (3.1.2.3)
_RETAIN = 0x01
_PUBLISH = Kind.PUBLISH << 4
_ACKNOWLEDGED = (0, 0x4002_0000, 0x5002_0000)  # by QoS, a whole packet but for its number
_LEAST = 2  # bytes of any packet

PINGREQ = bytes((Kind.PINGREQ << 4, 0))
DISCONNECT = bytes((Kind.DISCONNECT << 4, 0))


class MalformedPacket(ValueError):
    """What came is not MQTT."""


class Delivery(Message, frozen=True, gc=False):
    """A message with what is needed to acknowledge it; ``number`` is its packet id, 0 at QoS 0."""

    duplicate: bool = False
    qos: int = 0
    number: int = 0


class Packet(NamedTuple):
    """Any other packet: its type (a number that `Kind` may not have) and what follows the fixed header."""

    kind: int
    body: bytes


class Answer(NamedTuple):
    """What a CONNACK or DISCONNECT says: reason code, and the properties that are known here."""

    code: int
    properties: Mapping[int, int | str]


class Reader:
    """Cuts what arrives into packets, as many as are wanted; the rest waits as bytes."""

    def __init__(self, version: Version) -> None:
        self._has_properties = version == "5"
        self._arrived = bytearray()  # since the last look
        self._data = b""
        self._at = 0  # up to where ``_data`` is taken
        self._needed = _LEAST  # bytes that the next packet has at least, so that a long one is joined once only

    def feed(self, data: bytes) -> None:
        self._arrived += data

    def take(self, most: int, now_us: int) -> tuple[list[Delivery], list[Packet]]:
        """Up to ``most`` messages, received now, and the other packets among them.

        Each message is received a µs after the one before: two of one device at one instant would be one reading.
        Raises MalformedPacket; after that nothing more can be read.
        """
        data, at = self._joined(), self._at
        size, has_properties = len(data), self._has_properties
        found: list[Delivery] = []
        others: list[Packet] = []
        self._needed = _LEAST
        last_us = now_us + most
        while now_us < last_us and size - at >= _LEAST:
            first, length, start = data[at], data[at + 1], at + 2
            if length > 127:
                length, start = _number_at(data, at + 1)
                if start == 0:
                    self._needed = size - at + 1
                    break
            end = start + length
            if end > size:
                self._needed = end - at
                break
            at = end
            if first & 0xF0 == _PUBLISH:
                found.append(_delivery(data, first, start, end, now_us, has_properties))
                now_us += 1
            else:
                others.append(Packet(first >> 4, data[start:end]))
        self._at = at
        return found, others

    def _joined(self) -> bytes:
        if self._arrived and len(self._data) - self._at + len(self._arrived) >= self._needed:
            self._data = self._data[self._at :] + self._arrived
            self._arrived.clear()
            self._at = 0
        return self._data


def connect(  # noqa: PLR0913 - it has as many fields
    version: Version,
    client: str,
    *,
    keepalive_s: int,
    username: str | None = None,
    password: str | None = None,
    will: tuple[str, bytes] | None = None,
    session_expiry_s: int = 0,
    receive_maximum: int = 65_535,
) -> bytes:
    """CONNECT (3.1); ``will`` is topic and payload, retained. Without ``session_expiry_s`` the session starts anew."""
    flags = 0 if session_expiry_s else _CLEAN
    is_5 = version == "5"
    rest = _text(client)
    if will is not None:
        flags |= _WILL | _WILL_RETAIN
        rest += (b"\0" if is_5 else b"") + _text(will[0]) + _binary(will[1])
    if username is not None:
        flags |= _USERNAME
        rest += _text(username)
    if password is not None:
        flags |= _PASSWORD
        rest += _text(password)
    properties = b""
    if is_5:
        chosen = struct.pack(">BIBH", _SESSION_EXPIRY, session_expiry_s, _RECEIVE_MAXIMUM, receive_maximum)
        properties = varint(len(chosen)) + chosen
    head = _text("MQTT") + struct.pack(">BBH", 5 if is_5 else 4, flags, keepalive_s)
    return _packet(Kind.CONNECT << 4, head + properties + rest)


def subscribe(version: Version, number: int, filters: Iterable[str], qos: int = 1) -> bytes:
    """SUBSCRIBE (3.8)."""
    wanted = b"".join(_text(topic) + bytes((qos,)) for topic in filters)
    return _packet(Kind.SUBSCRIBE << 4 | 2, number.to_bytes(2, "big") + (b"\0" if version == "5" else b"") + wanted)


def unsubscribe(version: Version, number: int, filters: Iterable[str]) -> bytes:
    """UNSUBSCRIBE (3.10)."""
    unwanted = b"".join(map(_text, filters))
    return _packet(Kind.UNSUBSCRIBE << 4 | 2, number.to_bytes(2, "big") + (b"\0" if version == "5" else b"") + unwanted)


def publish(version: Version, topic: str, payload: bytes, *, retain: bool = False, number: int = 0) -> bytes:
    """PUBLISH (3.3) at QoS 1 if it has a packet id, and at QoS 0 without."""
    head = _text(topic) + (number.to_bytes(2, "big") if number else b"") + (b"\0" if version == "5" else b"")
    return _packet(Kind.PUBLISH << 4 | (2 if number else 0) | (_RETAIN if retain else 0), head + payload)


def acknowledgement(deliveries: Iterable[Delivery]) -> bytes:
    """PUBACK (3.4) for each at QoS 1, PUBREC (3.5) at QoS 2: either hands the message over."""
    words = array("I", [_ACKNOWLEDGED[one.qos] | one.number for one in deliveries if one.qos])
    if sys.byteorder == "little":
        words.byteswap()
    return words.tobytes()


def completion(release: Packet) -> bytes:
    """PUBCOMP (3.7), the answer to a PUBREL."""
    return bytes((Kind.PUBCOMP << 4, 2)) + release.body[:2]


def granted(version: Version, packet: Packet) -> tuple[int, Sequence[int]]:
    """Packet id and reason codes of a SUBACK (3.9) or UNSUBACK (3.11). Raises MalformedPacket."""
    body = packet.body
    if len(body) < 2:
        raise MalformedPacket("a SUBACK without a packet id")
    return int.from_bytes(body[:2], "big"), body[_end_of_properties(body, 2) if version == "5" else 2 :]


def answer(packet: Packet) -> Answer:
    """What a CONNACK (3.2), or the DISCONNECT (3.14) of a broker with MQTT 5, says. Raises MalformedPacket.

    A broker that does not know the version asked for answers in the one it knows, so both forms are read.
    """
    codes = 2 if packet.kind == Kind.CONNACK else 1
    body = packet.body
    if len(body) < codes:
        return Answer(0, {}) if packet.kind == Kind.DISCONNECT else Answer(0x81, {})
    return Answer(body[codes - 1], _properties(body, codes) if len(body) > codes else {})


def _delivery(data: bytes, first: int, at: int, end: int, now_us: int, has_properties: bool) -> Delivery:  # noqa: FBT001, PLR0913, PLR0917
    """A PUBLISH (3.3). Every message passes here, so what nearly all have, an empty property list, is read in place."""
    qos, number = first >> 1 & 3, 0
    topic_at = at + 2
    at = topic_at + (data[at] << 8 | data[at + 1]) if topic_at <= end else end + 1
    try:
        topic = data[topic_at:at].decode()
    except UnicodeDecodeError:  # forbidden, but no reason to lose the connection over it again and again
        topic = data[topic_at:at].decode(errors="replace")
    if qos:
        number = data[at] << 8 | data[at + 1] if at + 2 <= end else 0
        at += 2
    if has_properties and at < end:
        at = at + 1 if data[at] == 0 else _end_of_properties(data, at)
    elif has_properties:
        at = end + 1
    if at > end or qos == 3 or (qos and not number):
        raise MalformedPacket("a PUBLISH that is none")
    return Delivery(topic, data[at:end], now_us, first & 1 == 1, first & 8 == 8, qos, number)


def _properties(data: bytes, at: int) -> dict[int, int | str]:
    end = _end_of_properties(data, at)
    _, at = _number_at(data, at)
    found: dict[int, int | str] = {}
    while at < end:
        name, at = data[at], at + 1
        if width := _WIDTHS.get(name):
            found[name] = int.from_bytes(data[at : at + width], "big")
            at += width
        elif name in _TEXTS:
            found[name], at = _text_at(data, at)
        elif name == _USER_PROPERTY:
            at = _text_at(data, _text_at(data, at)[1])[1]
        elif name == _SUBSCRIPTION_ID:
            at = _number_at(data, at)[1] or end + 1
        else:
            raise MalformedPacket(f"an unknown property {name:#x}")
    if at > end:
        raise MalformedPacket("properties that go on behind their end")
    return found


def _end_of_properties(data: bytes, at: int) -> int:
    length, start = _number_at(data, at)
    if start == 0 or start + length > len(data):
        raise MalformedPacket("properties that go on behind the packet")
    return start + length


def _text_at(data: bytes, at: int) -> tuple[str, int]:
    end = at + 2 + int.from_bytes(data[at : at + 2], "big")
    return data[at + 2 : end].decode(errors="replace"), end


def _number_at(data: bytes, at: int) -> tuple[int, int]:
    """A variable byte integer (1.5.5; 2.2.3 in 3.1.1) and where it ends; 0 if it is not all there."""
    number = 0
    for place, byte in enumerate(data[at : at + 4]):
        number |= (byte & 127) << 7 * place
        if byte < 128:
            return number, at + place + 1
    if len(data) >= at + 4:
        raise MalformedPacket("a length of over four bytes")
    return 0, 0


def _packet(first: int, body: bytes) -> bytes:
    return bytes((first,)) + varint(len(body)) + body


def _text(text: str) -> bytes:
    return _binary(text.encode())


def _binary(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data
