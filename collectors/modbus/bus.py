"""The bus: one connection, one request at a time, and every reply checked. It can only read."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from pymodbus.client.base import ModbusBaseClient
from pymodbus.constants import DeviceInformation
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ModbusPDU

from collectors.modbus.template import Limits
from collectors.modbus.transport import Transport
from metering.clock import Clock
from metering.instant import SECOND

_log = structlog.get_logger(__name__)

_BACKOFF_S = (1.0, 60.0)  # first and longest wait before the next attempt to connect

_IDENTIFY = 43
_IDENTITY_REGISTERS = 125  # as long as an answer can be

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
        self._client: ModbusBaseClient | None = None
        self._backoff_s = _BACKOFF_S[0]
        self._retry_us = 0
        self._why = ""
        self._cause: OSError | None = None
        self._last_unit: int | None = None
        self._last_us = 0
        self._late_until_us: dict[int, int] = {}

    def close(self) -> None:
        """Drop the connection, if there is one; the next read connects again."""
        if self._client is not None:
            self._client.close()
            self._client = None

    async def read(self, unit: int, function: int, start: int, count: int, limits: Limits) -> list[int]:
        """``count`` registers from the wire address ``start`` on. Raises BusError."""

        def ask(client: ModbusBaseClient) -> Awaitable[ModbusPDU]:
            read = client.read_holding_registers if function == 3 else client.read_input_registers
            return read(start, count=count, device_id=unit)

        reply = await self._exchange(unit, function, count, limits, ask)
        if len(reply.registers) != count:
            reason = f"{len(reply.registers)} registers came instead of {count}"
            raise self._no_answer(unit, self.timeout_s, reason, WrongAnswer)
        return list(reply.registers)

    async def identify(self, unit: int, limits: Limits) -> dict[int, bytes]:
        """What the device says of itself: object → text, 0 vendor, 1 product, 2 revision … Raises BusError."""

        def ask(client: ModbusBaseClient) -> Awaitable[ModbusPDU]:
            return client.read_device_information(read_code=DeviceInformation.REGULAR, device_id=unit)

        reply = await self._exchange(unit, _IDENTIFY, _IDENTITY_REGISTERS, limits, ask)
        objects = getattr(reply, "information", {})
        return {number: text for number, text in objects.items() if isinstance(text, bytes)}

    async def _exchange(
        self,
        unit: int,
        function: int,
        registers: int,
        limits: Limits,
        ask: Callable[[ModbusBaseClient], Awaitable[ModbusPDU]],
    ) -> ModbusPDU:
        """One request and the reply to it, which is no exception. ``registers`` is the length of a full answer."""
        await self._clock.wait_until(self._late_until_us.pop(unit, 0))
        client = await self._connected()
        await self._pause(unit, limits)
        patience_s = max(limits.timeout_s or 0.0, self.timeout_s)
        try:
            async with asyncio.timeout(patience_s + self._transport.transfer_s(registers)):
                reply = await ask(client)
        except TimeoutError:
            raise self._no_answer(unit, patience_s, f"no answer within {patience_s:g} s") from None
        except ModbusException as broken:
            reason = f"connection to {self._transport.address} broke: {broken.string}"
            raise self._no_answer(unit, patience_s, reason) from None
        finally:
            self._last_unit, self._last_us = unit, self._clock.steady_us()
        stranger = self._stranger(reply, client.ctx.request_transaction_id, unit, function)
        if stranger is not None:
            raise self._no_answer(unit, patience_s, stranger)
        if reply.isError():
            raise Refused(reply.exception_code)
        return reply

    def _stranger(self, reply: ModbusPDU, transaction: int, unit: int, function: int) -> str | None:
        """What shows that the reply is one to another question, where pymodbus lets it pass.

        It skips replies of other units and transactions, except where one of the two numbers is 0, and takes any
        function.
        """
        if self._transport.has_transactions and reply.transaction_id != transaction:
            return f"reply to transaction {reply.transaction_id} instead of {transaction}"
        if reply.dev_id != unit:
            return f"reply of unit {reply.dev_id} instead of {unit}"
        if reply.function_code & 0x7F != function:
            return f"reply to function {reply.function_code} instead of {function}"
        return None

    def _no_answer(self, unit: int, patience_s: float, reason: str, kind: type[NoAnswer] = NoAnswer) -> NoAnswer:
        """Begin afresh; where replies name no request, leave the unit time for a late one before it is asked again."""
        self.close()
        if not self._transport.has_transactions:
            self._late_until_us[unit] = self._clock.steady_us() + round(patience_s * SECOND)
        return kind(reason)

    async def _connected(self) -> ModbusBaseClient:
        if self._client is not None and self._client.connected:
            return self._client
        self.close()
        address = self._transport.address
        if self._clock.steady_us() >= self._retry_us:
            try:
                async with asyncio.timeout(self._connect_timeout_s):
                    self._client = await self._transport.connect()
            except OSError as error:  # a TimeoutError is one, too
                self._why = f"cannot connect to {address}: {error or f'no answer within {self._connect_timeout_s:g} s'}"
                self._cause = error
                self._retry_us = self._clock.steady_us() + round(self._backoff_s * SECOND)
                self._backoff_s = min(2 * self._backoff_s, _BACKOFF_S[1])
            else:
                _log.info("modbus connected", address=address)
                self._backoff_s, self._last_unit = _BACKOFF_S[0], None
                self.was_reached = True
                return self._client
        raise Unreachable(self._why, self._retry_us) from self._cause

    async def _pause(self, unit: int, limits: Limits) -> None:
        changed = self._last_unit not in (None, unit)
        pause_s = max(self._transport.gap_s, limits.pause_s, limits.unit_change_pause_s if changed else 0.0)
        await self._clock.wait_until(self._last_us + round(pause_s * SECOND))
