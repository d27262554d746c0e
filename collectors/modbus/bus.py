"""The bus: one connection, one request at a time, and every reply checked. It can only read."""

import asyncio
from collections.abc import Sequence

import structlog

from collectors.modbus.frame import (
    EXCEPTION,
    IDENTIFY,
    FrameError,
    Question,
    Reply,
    identity_objects,
    read_question,
    words_of,
)
from collectors.modbus.link import Link
from collectors.modbus.template import Limits
from collectors.modbus.transport import Transport
from metering.clock import Clock
from metering.instant import SECOND

_log = structlog.get_logger(__name__)

_BACKOFF_S = (1.0, 60.0)  # first and longest wait before the next attempt to connect

_IDENTITY = Question(bytes([IDENTIFY, 14, 2, 0]), 125)  # what is called regular, from its first object on, at most

_EXCEPTIONS = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "device failure",
    5: "acknowledge",
    6: "device busy",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway got no answer from the device",
}


class BusError(Exception):
    """A read that gave no words; the message is one line for the operator."""


class Unreachable(BusError):
    """No connection; the next attempt is made at ``retry_us`` (`Clock.steady_us`). Its cause is the last OSError."""

    def __init__(self, message: str, retry_us: int) -> None:
        super().__init__(message)
        self.retry_us = retry_us


class NoAnswer(BusError):
    """Nothing in time, or nothing that answers the question. The connection is closed: a late reply dies with it."""


class WrongAnswer(NoAnswer):
    """Something came from the unit, but not what was asked for."""


class Refused(BusError):
    """The device, or its gateway, answered with the exception ``code``."""

    def __init__(self, code: int) -> None:
        super().__init__(f"Modbus exception {code} ({_EXCEPTIONS.get(code, 'unknown')})")
        self.code = code


class Bus:
    """Serialises requests by being used by one task only; connects when needed, with back-off.

    ``timeout_s`` is how long to wait for an answer, in seconds; it may be changed between two requests.
    ``was_reached`` says whether there ever was a connection.
    """

    def __init__(self, transport: Transport, timeout_s: float, clock: Clock) -> None:
        self.timeout_s = timeout_s
        self.was_reached = False
        self._transport, self._connect_timeout_s, self._clock = transport, timeout_s, clock
        self._link: Link | None = None
        self._backoff_s = _BACKOFF_S[0]
        self._retry_us = 0
        self._why = ""
        self._cause: OSError | None = None
        self._last_unit: int | None = None
        self._last_us = 0
        self._late_until_us: dict[int, int] = {}

    def close(self) -> None:
        """Drop the connection, if there is one; the next read connects again."""
        if self._link is not None:
            self._link.close()
            self._link = None

    async def read(self, unit: int, function: int, start: int, count: int, limits: Limits) -> list[int]:
        """``count`` registers from the wire address ``start`` on. Raises BusError."""
        answers: list[bytes] = []
        await self.read_each(unit, [read_question(function, start, count)], limits, answers)
        return words_of(answers[0])

    async def read_each(self, unit: int, questions: Sequence[Question], limits: Limits, answers: list[bytes]) -> None:
        """Ask the questions that ``answers`` has no answer to yet, and add to it the registers, two bytes each.

        Raises BusError for the first that is not answered; the answers before it are there.
        """
        at_once = 1 if self._gap_s(limits) > 0 else len(questions)
        while len(answers) < len(questions):
            asked = questions[len(answers) :][:at_once]
            odd = await self._exchange(unit, asked, limits, answers)
            if odd is not None:
                reason = f"{(len(odd) - 2) // 2} registers came instead of {questions[len(answers)].registers}"
                raise self._no_answer(unit, self.timeout_s, reason, WrongAnswer)

    async def identify(self, unit: int, limits: Limits) -> dict[int, bytes]:
        """What the device says of itself: object → text, 0 vendor, 1 product, 2 revision … Raises BusError."""
        answer = await self._exchange(unit, [_IDENTITY], limits, []) or b""
        try:
            return identity_objects(answer)
        except FrameError:
            reason = "an identification came that is cut off"
            raise self._no_answer(unit, self.timeout_s, reason, WrongAnswer) from None

    async def _exchange(
        self, unit: int, questions: Sequence[Question], limits: Limits, answers: list[bytes]
    ) -> bytes | None:
        """Ask until one is answered by something else than its registers, and no exception: that is returned."""
        if unit in self._late_until_us:
            await self._clock.wait_until(self._late_until_us.pop(unit))
        pause_s = self._pause_s(unit, limits)
        if pause_s > 0:
            await self._clock.wait_until(self._last_us + round(pause_s * SECOND))
        link = self._link
        if link is None or not link.is_open:  # some hang up in the pause
            link = await self._connected()
        patience_s = max(limits.timeout_s or 0.0, self.timeout_s)
        longest_s = self._transport.transfer_s(max(question.registers for question in questions))
        answered = len(answers)
        try:
            reply = await link.ask(unit, questions, patience_s + longest_s, answers)
        except TimeoutError:
            raise self._no_answer(unit, patience_s, f"no answer within {patience_s:g} s") from None
        except FrameError:
            reason = f"what came from {self._transport.address} is no Modbus TCP"
            raise self._no_answer(unit, patience_s, reason) from None
        except OSError as error:
            reason = f"connection to {self._transport.address} broke: {error}"
            raise self._no_answer(unit, patience_s, reason) from None
        finally:
            self._last_unit, self._last_us = unit, self._clock.steady_us()
        if reply is None:
            return None
        stranger = _stranger(reply, unit, questions[len(answers) - answered].pdu[0])
        if stranger is not None:
            raise self._no_answer(unit, patience_s, stranger)
        answer = reply.answer
        if answer[0] & EXCEPTION:
            raise Refused(answer[1])
        return answer

    def _no_answer(self, unit: int, patience_s: float, reason: str, kind: type[NoAnswer] = NoAnswer) -> NoAnswer:
        """Begin afresh; where replies name no request, leave the unit time for a late one before it is asked again."""
        self.close()
        if not self._transport.has_transactions:
            self._late_until_us[unit] = self._clock.steady_us() + round(patience_s * SECOND)
        return kind(reason)

    async def _connected(self) -> Link:
        self.close()
        address = self._transport.address
        if self._clock.steady_us() >= self._retry_us:
            try:
                async with asyncio.timeout(self._connect_timeout_s):
                    self._link = await self._transport.connect()
            except OSError as error:  # a TimeoutError is one, too
                self._why = f"cannot connect to {address}: {error or f'no answer within {self._connect_timeout_s:g} s'}"
                self._cause = error
                self._retry_us = self._clock.steady_us() + round(self._backoff_s * SECOND)
                self._backoff_s = min(2 * self._backoff_s, _BACKOFF_S[1])
            else:
                _log.info("modbus connected", address=address)
                self._backoff_s, self._last_unit = _BACKOFF_S[0], None
                self.was_reached = True
                return self._link
        raise Unreachable(self._why, self._retry_us) from self._cause

    def _pause_s(self, unit: int, limits: Limits) -> float:
        """How long it must be silent since the last request."""
        changed = self._last_unit not in (None, unit)
        return max(self._gap_s(limits), limits.unit_change_pause_s if changed else 0.0)

    def _gap_s(self, limits: Limits) -> float:
        """The same for the unit that was asked before."""
        return max(self._transport.gap_s, limits.pause_s)


def _stranger(reply: Reply, unit: int, function: int) -> str | None:
    """What shows that the reply is one to another question, though it names the same transaction."""
    if reply.unit != unit:
        return f"reply of unit {reply.unit} instead of {unit}"
    if reply.answer[0] & ~EXCEPTION != function:
        return f"reply to function {reply.answer[0]} instead of {function}"
    return None
