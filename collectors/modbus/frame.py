"""Frames of the read functions: RTU with its checksum, Modbus TCP with its header, or the bare PDU. No I/O.

Source: MODBUS Application Protocol 1.1b3, MODBUS over Serial Line 1.02, MODBUS Messaging on TCP/IP 1.0b.
"""

import struct
import typing
from enum import StrEnum
from typing import NamedTuple

EXCEPTION = 0x80
"""Set in the function code of a reply that is an exception."""

IDENTIFY = 43
"""The function of device identification."""

_READING = frozenset({1, 2, 3, 4})  # coils, inputs, holding and input registers
_MEI_IDENTIFICATION = 14  # 43/13 reaches into CANopen devices, to write as well

_REQUEST = 8  # bytes of an RTU request to read
_HEADER = struct.Struct(">HHHB")  # transaction, protocol 0, bytes that follow, unit
_SHORTEST, _LONGEST = 3, 254  # bytes that follow in a reply
_LONGEST_RTU = 256  # bytes of a whole frame
_OBJECTS = 7  # where those of a device identification begin


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


class Question(NamedTuple):
    """``pdu`` is the question without its frame, function code first; a full answer has so many ``registers``."""

    pdu: bytes
    registers: int

    def is_answered_by(self, answer: bytes) -> bool:
        """Whether it holds just the registers that were asked for; an exception does not."""
        return answer[0] == self.pdu[0] and answer[1] == len(answer) - 2 == 2 * self.registers


class Reply(NamedTuple):
    """``answer`` is the reply without its frame, function code first."""

    unit: int
    answer: bytes


class Framing(typing.Protocol):
    """How one end of a connection speaks and hears.

    has_transactions  whether a reply names the request it answers; RTU's do not, so a late one may pass for the next
    """

    has_transactions: bool

    def request(self, transaction: int, unit: int, question: bytes) -> bytes:
        """The frame around a question, which has its function code first."""

    def reply(self, came: bytes, transaction: int, unit: int, function: int) -> tuple[Reply | None, bytes]:
        """The reply to that request in what came, if it is there already, and what is left of it.

        Late replies to other requests are passed over. Raises FrameError where the stream cannot be followed.
        """


class TcpFraming:
    """With a header before each frame, which says what request it answers."""

    has_transactions = True

    def request(self, transaction: int, unit: int, question: bytes) -> bytes:
        return _HEADER.pack(transaction, 0, 1 + len(question), unit) + question

    def reply(self, came: bytes, transaction: int, unit: int, function: int) -> tuple[Reply | None, bytes]:  # noqa: ARG002 - whose reply it is, is for the caller to judge
        while len(came) >= _HEADER.size:
            answered, protocol, follow, sender = _HEADER.unpack_from(came)
            if protocol != 0 or not _SHORTEST <= follow <= _LONGEST:
                raise FrameError("no_modbus_tcp")
            end = _HEADER.size - 1 + follow
            if len(came) < end:
                break
            if answered == transaction:
                return Reply(sender, came[_HEADER.size : end]), came[end:]
            came = came[end:]
        return None, came


class RtuFraming:
    """With a checksum after each frame. Whatever else is on the line is no frame of that unit and function."""

    has_transactions = False

    def request(self, transaction: int, unit: int, question: bytes) -> bytes:  # noqa: ARG002 - RTU has none
        return _checked(bytes([unit]) + question)

    def reply(self, came: bytes, transaction: int, unit: int, function: int) -> tuple[Reply | None, bytes]:  # noqa: ARG002
        for begin in range(len(came) - 4):
            if came[begin] == unit and came[begin + 1] & ~EXCEPTION == function:
                frame = came[begin:]
                frame = frame[: _rtu_reply_length(frame)]
                if _is_checked(frame):
                    return Reply(unit, frame[1:-2]), came[begin + len(frame) :]
        return None, came[-_LONGEST_RTU:]


def crc16(data: bytes) -> int:
    """The checksum of RTU (CRC-16/MODBUS); it is sent low byte first."""
    crc = 0xFFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC[(crc ^ byte) & 0xFF]
    return crc


def _crc_of(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ 0xA001 if byte & 1 else byte >> 1
    return byte


_CRC = tuple(map(_crc_of, range(256)))


def only_reads(question: bytes) -> bool:
    """Whether nothing in a device can change by it. The question has its function code first."""
    return question[0] in _READING or question[:2] == bytes([IDENTIFY, _MEI_IDENTIFICATION])


def read_question(function: int, address: int, quantity: int) -> Question:
    """To read ``quantity`` registers from the wire address on."""
    return Question(struct.pack(">BHH", function, address, quantity), quantity)


def rtu_request(unit: int, function: int, address: int, quantity: int) -> bytes:
    """The whole frame of such a question."""
    return _checked(bytes([unit]) + read_question(function, address, quantity).pdu)


def identity_objects(answer: bytes) -> dict[int, bytes]:
    """What a device says of itself (function 43/14): object → text. Raises FrameError if the answer is cut off."""
    objects: dict[int, bytes] = {}
    at = _OBJECTS
    while at < len(answer):
        number, size = answer[at], answer[at + 1] if at + 1 < len(answer) else 0xFF
        objects[number] = answer[at + 2 : at + 2 + size]
        at += 2 + size
    if at != len(answer):
        raise FrameError("incomplete")
    return objects


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
    if question is not None and function & ~EXCEPTION != question[0]:
        raise FrameError("function_mismatch")
    if function & EXCEPTION:
        raise FrameError(f"exception_{announced}")
    if announced % 2 or (question is not None and announced != 2 * int.from_bytes(question[3:5], "big")):
        raise FrameError("length_mismatch")
    if len(data) != announced:
        raise FrameError("incomplete" if len(data) < announced else "length_mismatch")
    return words_of(data)


def words_of(registers: bytes) -> list[int]:
    """Registers as they came, two bytes each, as words."""
    return list(struct.unpack(f">{len(registers) // 2}H", registers))


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
    if not _is_checked(frame):
        raise FrameError("crc_mismatch")
    return Header(0, frame[0]), frame[1:-2]


def _checked(body: bytes) -> bytes:
    return body + struct.pack("<H", crc16(body))


def _is_checked(frame: bytes) -> bool:
    return _checked(frame[:-2]) == frame


def _rtu_reply_length(reply: bytes) -> int:
    """The least length of an RTU reply: an exception has 5 bytes, an answer says how many words follow.

    A device identification does not say; what came is taken for all of it.
    """
    if len(reply) < 3 or reply[1] & EXCEPTION:
        return 5
    return len(reply) if reply[1] == IDENTIFY else 5 + reply[2]


def _unwrap_tcp(frame: bytes) -> tuple[Header, bytes]:
    if len(frame) < 8:
        raise FrameError("incomplete")
    transaction, _, length, unit = struct.unpack_from(">HHHB", frame)
    if len(frame) != 6 + length:
        raise FrameError("incomplete" if len(frame) < 6 + length else "length_mismatch")
    return Header(transaction, unit), frame[7:]
