"""Frames as a server meets them: requests out of a stream, and replies into it."""

import asyncio
import os
import struct
import tty
from enum import StrEnum
from typing import NamedTuple, Protocol

from collectors.modbus.frame import crc16

_HEADER = struct.Struct(">HHHB")  # transaction, protocol 0, bytes that follow, unit
_WRITES = (15, 16)  # the requests whose length is in their seventh byte; all others of the old ones have 8 bytes
_SILENCE_S = 0.02  # after a broken RTU frame; longer than any gap within one


class Wire(StrEnum):
    """How a bus is spoken to."""

    TCP = "tcp"
    TLS = "tls"  # Modbus/TCP Security
    RTU_OVER_TCP = "rtu_over_tcp"
    SERIAL = "serial"  # RTU on a pseudo-terminal

    @property
    def framing(self) -> "Framing":
        return Tcp() if self in (Wire.TCP, Wire.TLS) else Rtu()


class Request(NamedTuple):
    """``question`` is the request without its frame, function code first."""

    transaction: int
    unit: int
    question: bytes


class Framing(Protocol):
    """``has_gateway`` tells whether somebody answers for a unit that nobody has."""

    has_gateway: bool

    async def request(self, reader: asyncio.StreamReader) -> Request | None:
        """The next request, or None for a frame that must be passed over.

        Raises IncompleteReadError at the end, and ValueError for what cannot be followed any further.
        """

    def frame(self, transaction: int, unit: int, answer: bytes) -> bytes: ...


class Tcp:
    """With a header before each frame."""

    has_gateway = True

    async def request(self, reader: asyncio.StreamReader) -> Request | None:
        transaction, protocol, length, unit = _HEADER.unpack(await reader.readexactly(_HEADER.size))
        if protocol != 0 or not 2 <= length <= 254:
            raise ValueError("no Modbus TCP")
        return Request(transaction, unit, await reader.readexactly(length - 1))

    def frame(self, transaction: int, unit: int, answer: bytes) -> bytes:
        return _HEADER.pack(transaction & 0xFFFF, 0, 1 + len(answer), unit) + answer


class Rtu:
    """With a checksum after each frame. A broken one is passed over, together with all that comes before a silence."""

    has_gateway = False

    async def request(self, reader: asyncio.StreamReader) -> Request | None:
        frame = await reader.readexactly(8)
        if frame[1] in _WRITES:
            frame += await reader.readexactly(frame[6] + 1)
        if crc16(frame[:-2]) == int.from_bytes(frame[-2:], "little"):
            return Request(0, frame[0], frame[1:-2])
        try:
            while True:
                async with asyncio.timeout(_SILENCE_S):
                    await reader.readexactly(1)
        except TimeoutError:
            return None

    def frame(self, transaction: int, unit: int, answer: bytes) -> bytes:  # noqa: ARG002 - RTU has no transactions
        body = bytes([unit]) + answer
        return body + struct.pack("<H", crc16(body))


class SerialLine:
    """A pseudo-terminal: ``path`` is the port that a client opens; it may come and go as it likes."""

    def __init__(self) -> None:
        self._near, self._far = os.openpty()
        tty.setraw(self._far)
        self.path = os.ttyname(self._far)
        self._hearing: asyncio.BaseTransport | None = None

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """The device's end of the line. To be opened once."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        ears, mouth = asyncio.StreamReaderProtocol(reader), asyncio.StreamReaderProtocol(asyncio.StreamReader())
        self._hearing, _ = await loop.connect_read_pipe(lambda: ears, os.fdopen(os.dup(self._near), "rb", 0))
        speaking, _ = await loop.connect_write_pipe(lambda: mouth, os.fdopen(self._near, "wb", 0))
        return reader, asyncio.StreamWriter(speaking, mouth, reader, loop)

    def close(self) -> None:
        """Stop hearing and unplug the client's end; whoever has the writer closes that."""
        if self._hearing is not None:
            self._hearing.close()
        os.close(self._far)
