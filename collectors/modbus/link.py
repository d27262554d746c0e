"""A link: one open connection, on which one question at a time waits for its reply."""

import asyncio

from collectors.modbus.frame import FrameError, Framing, Reply, only_reads

_TRANSACTIONS = 1 << 16


class Link(asyncio.Protocol):
    """The protocol of any stream of bytes: TCP, TLS, or a serial port.

    ready    done once the connection is made
    is_open  whether there is any sense in asking
    """

    def __init__(self, framing: Framing) -> None:
        self.is_open = True
        self._loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[None] = self._loop.create_future()
        self._framing = framing
        self._stream: asyncio.Transport | None = None
        self._came = b""
        self._asked = (0, 0, 0)  # transaction, unit, function
        self._reply: asyncio.Future[Reply] | None = None
        self._deadline_s = 0.0
        self._watch: asyncio.TimerHandle | None = None

    async def ask(self, unit: int, question: bytes, patience_s: float) -> Reply:
        """Whatever answers the question, which has its function code first; who replied is for the caller to judge.

        Raises TimeoutError after ``patience_s`` seconds, FrameError where what came cannot be followed, and OSError
        if the connection breaks. After any of them there is no sense in asking on this link again.
        Raises ValueError for a question that does more than read: all that goes to devices passes here.
        """
        if not only_reads(question):
            raise ValueError(f"function {question[0]} does more than read; Leitwarte never writes to a device")
        assert self._stream is not None
        transaction = self._asked[0] % (_TRANSACTIONS - 1) + 1  # never 0: some answer so to anything
        self._asked = transaction, unit, question[0]
        if not self._framing.has_transactions:
            self._came = b""  # noise, or late
        reply: asyncio.Future[Reply] = self._loop.create_future()
        self._reply = reply
        self._deadline_s = self._loop.time() + patience_s
        if self._watch is None or self._watch.when() > self._deadline_s:
            self._watch_until(self._deadline_s)
        try:
            self._stream.write(self._framing.request(transaction, unit, question))
            return await reply
        finally:
            self._reply = None

    def close(self) -> None:
        """Drop the connection, and with it whatever may still come."""
        self.is_open = False
        if self._watch is not None:
            self._watch.cancel()
        if self._stream is not None:
            self._stream.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        assert isinstance(transport, asyncio.Transport)
        self._stream = transport
        self.ready.set_result(None)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        try:
            reply, self._came = self._framing.reply(self._came + data, *self._asked)
        except FrameError as error:
            self._fail(error)
            self.close()
            return
        if reply is not None and self._reply is not None and not self._reply.done():
            self._reply.set_result(reply)

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self.is_open = False
        self._fail(exc if isinstance(exc, OSError) else ConnectionError(exc or "the other end hung up"))

    def _watch_until(self, when_s: float) -> None:
        """One timer for many requests: most are answered long before it is over."""
        if self._watch is not None:
            self._watch.cancel()
        self._watch = self._loop.call_at(when_s, self._look)

    def _look(self) -> None:
        self._watch = None
        if self._reply is None:
            return
        if self._loop.time() < self._deadline_s:
            self._watch_until(self._deadline_s)
        else:
            self._fail(TimeoutError())

    def _fail(self, error: Exception) -> None:
        if self._reply is not None and not self._reply.done():
            self._reply.set_exception(error)
