"""Frames of the read functions: RTU with its checksum, Modbus TCP with its header, or the bare PDU.

Source: MODBUS Application Protocol 1.1b3, MODBUS over Serial Line 1.02, MODBUS Messaging on TCP/IP 1.0b.
"""

import struct
from enum import StrEnum
from typing import NamedTuple

_EXCEPTION = 0x80
_REQUEST = 8  # bytes of an RTU request to read


class Protocol(StrEnum):
    RTU = "rtu"
    TCP = "tcp"
    PDU = "pdu"


class FrameError(Exception):
    """A frame that must not be used; the message is a key such as ``crc_mismatch`` or ``exception_2``."""


class Header(NamedTuple):
    """What stands around a PDU; 0 where the protocol has no such thing."""

    transaction: int
    unit: int


def crc16(data: bytes) -> int:
    """The checksum of RTU (CRC-16/MODBUS); it is sent low byte first."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return crc


def rtu_request(unit: int, function: int, address: int, quantity: int) -> bytes:
    """A request to read ``quantity`` registers (or bits) from the wire address on."""
    body = struct.pack(">BBHH", unit, function, address, quantity)
    return body + struct.pack("<H", crc16(body))


def reply_words(protocol: Protocol, request: bytes | None, reply: bytes) -> list[int]:
    """The registers in a reply that answers this very request (or any, for None). Raises FrameError if it does not.

    Keys: incomplete, crc_mismatch, transaction_id_mismatch, unit_id_mismatch, function_mismatch, length_mismatch,
    exception_<code>.
    """
    header, answer = _unwrap(protocol, reply, _rtu_reply_length(reply))
    asked, question = (header, None) if request is None else _unwrap(protocol, request, _REQUEST)
    if header.transaction != asked.transaction:
        raise FrameError("transaction_id_mismatch")
    if header.unit != asked.unit:
        raise FrameError("unit_id_mismatch")
    function, announced, data = answer[0], answer[1], answer[2:]
    if question is not None and function & ~_EXCEPTION != question[0]:
        raise FrameError("function_mismatch")
    if function & _EXCEPTION:
        raise FrameError(f"exception_{announced}")
    if announced % 2 or (question is not None and announced != 2 * int.from_bytes(question[3:5], "big")):
        raise FrameError("length_mismatch")
    if len(data) != announced:
        raise FrameError("incomplete" if len(data) < announced else "length_mismatch")
    return [word for (word,) in struct.iter_unpack(">H", data)]


def _unwrap(protocol: Protocol, frame: bytes, rtu_length: int) -> tuple[Header, bytes]:
    match protocol:
        case Protocol.RTU:
            header, pdu = _unwrap_rtu(frame, rtu_length)
        case Protocol.TCP:
            header, pdu = _unwrap_tcp(frame)
        case Protocol.PDU:
            header, pdu = Header(0, 0), frame
    if len(pdu) < 2:
        raise FrameError("incomplete")
    return header, pdu


def _unwrap_rtu(frame: bytes, length: int) -> tuple[Header, bytes]:
    if len(frame) < length:
        raise FrameError("incomplete")
    body, crc = frame[:-2], frame[-2:]
    if struct.pack("<H", crc16(body)) != crc:
        raise FrameError("crc_mismatch")
    return Header(0, body[0]), body[1:]


def _rtu_reply_length(reply: bytes) -> int:
    """The least length of an RTU reply: an exception has 5 bytes, an answer says how many words follow."""
    return 5 if len(reply) < 3 or reply[1] & _EXCEPTION else 5 + reply[2]


def _unwrap_tcp(frame: bytes) -> tuple[Header, bytes]:
    if len(frame) < 8:
        raise FrameError("incomplete")
    transaction, _, length, unit = struct.unpack_from(">HHHB", frame)
    if len(frame) != 6 + length:
        raise FrameError("incomplete" if len(frame) < 6 + length else "length_mismatch")
    return Header(transaction, unit), frame[7:]
