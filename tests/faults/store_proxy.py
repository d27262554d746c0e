"""A proxy before the store: passes each request on, or does to it what `fault` says.

A fault is a function of one `Exchange`; to add one, write it here and name it in `tests.faults.episodes`.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable

from metering.heartbeat import GATEWAY
from tests.faults.listener import Listener, reset

_LENGTH = re.compile(rb"^content-length:\s*(\d+)", re.IGNORECASE | re.MULTILINE)
_CONNECTION = re.compile(rb"^connection:[^\r]*\r\n", re.IGNORECASE | re.MULTILINE)

RETRY_AFTER_S = 2


class Exchange:
    """One request, read whole.

    is_write  it brings something
    is_own    of Leitwarte itself, which it writes at times of its own; no readings of devices
    """

    def __init__(self, port: int, request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.is_write = request.startswith(b"POST /write")
        self.is_own = GATEWAY.encode() in request or b"reading,device=" not in request
        self._port = port
        self._request = request
        self._reader = reader
        self._writer = writer

    async def upstream(self, share: float = 1.0) -> bytes:
        """The store's answer; with less than all of the request the connection is reset in the middle of it."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            writer.write(self._request[: round(len(self._request) * share)])
            await writer.drain()
            if share < 1.0:
                await asyncio.sleep(0.05)
                reset(writer)
                return b""
            return await reader.read()
        finally:
            writer.close()

    async def answer(self, answer: bytes) -> None:
        self._writer.write(answer)
        await self._writer.drain()

    async def silence(self) -> None:
        """Say nothing until the client gives up."""
        await self._reader.read()

    def reset(self) -> None:
        reset(self._writer)


Fault = Callable[[Exchange], Awaitable[None]]


async def passed_on(exchange: Exchange) -> None:
    await exchange.answer(await exchange.upstream())


async def half_open(exchange: Exchange) -> None:
    """Nothing reaches the store, nothing comes back, nothing is closed."""
    await exchange.silence()


async def slow(exchange: Exchange) -> None:
    await asyncio.sleep(0.7)
    await passed_on(exchange)


async def never_told(exchange: Exchange) -> None:
    """The store writes, but its 204 never arrives."""
    await exchange.upstream()
    await exchange.silence()


async def reset_in_the_body(exchange: Exchange) -> None:
    await exchange.upstream(share=0.6)
    exchange.reset()


async def reset_in_the_answer(exchange: Exchange) -> None:
    answer = await exchange.upstream()
    await exchange.answer(answer[: len(answer) // 2])
    exchange.reset()


async def fails(exchange: Exchange) -> None:
    await exchange.answer(_said(503, "overloaded"))


async def fails_after_writing(exchange: Exchange) -> None:
    await exchange.upstream()
    await exchange.answer(_said(500, "broken after all"))


async def too_many(exchange: Exchange) -> None:
    await exchange.answer(_said(429, "slow down", f"Retry-After: {RETRY_AFTER_S}\r\n"))


class StoreProxy(Listener):
    """``writes`` are the moments (monotonic, s) at which writes of devices' readings came since the fault was set."""

    def __init__(self, store_port: int) -> None:
        super().__init__()
        self.writes: list[float] = []
        self._store_port = store_port
        self._fault: Fault = passed_on

    def set(self, fault: Fault = passed_on) -> None:
        self._fault = fault
        self.writes = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            exchange = Exchange(self._store_port, await _request(reader), reader, writer)
            if exchange.is_write and not exchange.is_own:
                self.writes.append(time.monotonic())
            await self._fault(exchange)
        except (OSError, asyncio.IncompleteReadError):
            reset(writer)  # the store is away, or the client
        finally:
            writer.close()


async def _request(reader: asyncio.StreamReader) -> bytes:
    """The next request, changed so that it is the last of its connection."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = _LENGTH.search(head)
    body = await reader.readexactly(int(length[1])) if length else b""
    return _CONNECTION.sub(b"", head).replace(b"\r\n", b"\r\nConnection: close\r\n", 1) + body


def _said(status: int, message: str, header: str = "") -> bytes:
    body = f'{{"error":"{message}"}}\n'
    return f"HTTP/1.1 {status} Said\r\n{header}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode()
