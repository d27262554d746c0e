"""The wire format of Protocol Buffers, as far as Sparkplug needs it: fields in, fields out, no schema.

https://protobuf.dev/programming-guides/encoding/
"""

import struct
from collections.abc import Iterator

from collectors.mqtt.varint import varint

_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5
_MAX_VARINT_BYTES = 10


def fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Number and value of each field: an int for varints, bytes for everything else (4 or 8 of fixed width).

    Raises ValueError for bytes that are no message.
    """
    at = 0
    while at < len(data):
        key, at = _read_varint(data, at)
        number, kind = key >> 3, key & 7
        if number == 0:
            raise ValueError("protobuf: field number 0")
        if kind == _VARINT:
            value, at = _read_varint(data, at)
            yield number, value
            continue
        if kind == _BYTES:
            length, at = _read_varint(data, at)
        elif kind in (_EIGHT_BYTES, _FOUR_BYTES):
            length = 8 if kind == _EIGHT_BYTES else 4
        else:
            raise ValueError(f"protobuf: wire type {kind} is not known")
        if length > len(data) - at:
            raise ValueError("protobuf: message is cut off")
        yield number, data[at : at + length]
        at += length


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for count in range(_MAX_VARINT_BYTES):
        if at + count >= len(data):
            raise ValueError("protobuf: message is cut off")
        byte = data[at + count]
        value |= (byte & 0x7F) << 7 * count
        if byte < 0x80:
            return value & 2**64 - 1, at + count + 1
    raise ValueError("protobuf: a number is longer than 64 bits")


def varint_field(number: int, value: int) -> bytes:
    """A field of type uint32, uint64 or bool; ``value`` is 0 or more."""
    return varint(number << 3 | _VARINT) + varint(value)


def bytes_field(number: int, value: bytes) -> bytes:
    """A field of type string, bytes or message."""
    return varint(number << 3 | _BYTES) + varint(len(value)) + value


def double_field(number: int, value: float) -> bytes:
    return varint(number << 3 | _EIGHT_BYTES) + struct.pack("<d", value)


def float_field(number: int, value: float) -> bytes:
    return varint(number << 3 | _FOUR_BYTES) + struct.pack("<f", value)
