"""A link: one open connection, on which one question at a time waits for its reply. The hot path to the device."""

import asyncio
from collections.abc import Sequence

from collectors.modbus.frame import FrameError, Framing, Question, Reply, only_reads

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
        self._unit = 0
        self._questions: Sequence[Question] = ()
        self._at = 0  # which of them waits for its reply
        self._answers: list[bytes] = []
        self._end: asyncio.Future[Reply | None] | None = None  # of the questions
        self._patience_s = self._deadline_s = 0.0
        self._watch: asyncio.TimerHandle | None = None

    async def ask(
        self, unit: int, questions: Sequence[Question], patience_s: float, answers: list[bytes]
    ) -> Reply | None:
        """Ask one after the other, each as soon as the one before is answered, without waking the caller in between.

        The registers in the answers, two bytes each, are added to ``answers``. The first reply that is something else
        ends it and is returned, for the caller to judge.

        Raises TimeoutError where a reply takes over ``patience_s`` seconds, FrameError where what came makes no sense,
        and OSError if the connection breaks. After any of them there is no sense in asking on this link again.
        Raises ValueError for a question that does more than read: all that goes to devices passes here.
        """
        for question in questions:
            if not only_reads(question.pdu):
                raise ValueError(f"function {question.pdu[0]} does more than read; Leitwarte never writes to a device")
        self._unit, self._questions, self._answers, self._patience_s = unit, questions, answers, patience_s
        self._at = 0
        end: asyncio.Future[Reply | None] = self._loop.create_future()
        self._end = end
        try:
            self._send(questions[0])
            return await end
        finally:
            self._end = None

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
        end = self._end
        if reply is None or end is None or end.done():
            return
        if reply.unit != self._unit or not self._questions[self._at].is_answered_by(reply.answer):
            end.set_result(reply)
            return
        self._answers.append(reply.answer[2:])
        self._at += 1
        if self._at < len(self._questions):
            self._send(self._questions[self._at])
        else:
            end.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self.is_open = False
        self._fail(exc if isinstance(exc, OSError) else ConnectionError(exc or "the other end hung up"))

    def _send(self, question: Question) -> None:
        assert self._stream is not None
        transaction = self._asked[0] % (_TRANSACTIONS - 1) + 1  # never 0: some answer so to anything
        self._asked = transaction, self._unit, question.pdu[0]
        if not self._framing.has_transactions:
            self._came = b""  # noise, or late
        self._deadline_s = self._loop.time() + self._patience_s
        if self._watch is None or self._watch.when() > self._deadline_s:
            self._watch_until(self._deadline_s)
        self._stream.write(self._framing.request(transaction, self._unit, question.pdu))

    def _watch_until(self, when_s: float) -> None:
        """One timer for many requests: most are answered long before it is over."""
        if self._watch is not None:
            self._watch.cancel()
        self._watch = self._loop.call_at(when_s, self._look)

    def _look(self) -> None:
        self._watch = None
        if self._end is None:
            return
        if self._loop.time() < self._deadline_s:
            self._watch_until(self._deadline_s)
        else:
            self._fail(TimeoutError())

    def _fail(self, error: Exception) -> None:
        if self._end is not None and not self._end.done():
            self._end.set_exception(error)
