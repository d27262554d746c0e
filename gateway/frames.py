"""The file format of the journal: self-checking frames, one after another. Pure functions, no I/O.

A frame is a header ``magic, payload length, readings in it, CRC-32`` (little-endian, 16 bytes) and the payload. The
checksum covers length, number and payload. The magic lets a reader find the next frame behind damaged bytes.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple
from zlib import crc32

_MAGIC = b"\xf1LW\x01"
_HEADER = struct.Struct("<4sIII")
_CHECKED = struct.Struct("<II")


class Frame(NamedTuple):
    """An intact frame at ``offset``; the next one begins at ``end``. ``total`` is the number of readings in it."""

    offset: int
    end: int
    total: int
    payload: bytes


class Damage(NamedTuple):
    """Bytes from ``offset`` to ``end`` that are no frame."""

    offset: int
    end: int


def encode(payload: bytes, total: int) -> bytes:
    """One frame."""
    checksum = crc32(payload, crc32(_CHECKED.pack(len(payload), total)))
    return _HEADER.pack(_MAGIC, len(payload), total, checksum) + payload


def scan(data: bytes, offset: int = 0) -> Iterator[Frame | Damage]:
    """Everything from ``offset`` on, in order and without a hole: intact frames, and the damage between them."""
    while offset < len(data):
        found: Frame | Damage = _frame_at(data, offset) or Damage(offset, _next_frame(data, offset + 1))
        yield found
        offset = found.end


def _frame_at(data: bytes, offset: int) -> Frame | None:
    begin = offset + _HEADER.size
    if begin > len(data):
        return None
    magic, length, total, checksum = _HEADER.unpack_from(data, offset)
    end = begin + length
    if magic != _MAGIC or end > len(data):
        return None
    payload = data[begin:end]
    if crc32(payload, crc32(_CHECKED.pack(length, total))) != checksum:
        return None
    return Frame(offset, end, total, payload)


def _next_frame(data: bytes, offset: int) -> int:
    while (offset := data.find(_MAGIC, offset)) >= 0:
        if _frame_at(data, offset) is not None:
            return offset
        offset += 1
    return len(data)
