"""The bus: one connection, one request at a time, and every reply checked. It can only read."""

import asyncio

import structlog
from pymodbus.client.base import ModbusBaseClient
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ModbusPDU

from collectors.modbus.template import Limits
from collectors.modbus.transport import Transport
from metering.clock import Clock
from metering.instant import SECOND

_log = structlog.get_logger(__name__)

_BACKOFF_S = (1.0, 60.0)  # first and longest wait before the next attempt to connect

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
    """No connection; the next attempt is made at ``retry_us``."""

    def __init__(self, message: str, retry_us: int) -> None:
        super().__init__(message)
        self.retry_us = retry_us


class NoAnswer(BusError):
    """Nothing in time, or nothing that answers the question. The connection is closed: a late reply dies with it."""


class Refused(BusError):
    """The device, or its gateway, answered with the exception ``code``."""

    def __init__(self, code: int) -> None:
        super().__init__(f"Modbus exception {code} ({_EXCEPTIONS.get(code, 'unknown')})")
        self.code = code


class _WrongReply(Exception):
    """A sound reply, but not to what was asked."""


class Bus:
    """Serialises requests by being used by one task only; connects when needed, with back-off."""

    def __init__(self, transport: Transport, timeout_s: float, clock: Clock) -> None:
        self._transport, self._timeout_s, self._clock = transport, timeout_s, clock
        self._client: ModbusBaseClient | None = None
        self._backoff_s = _BACKOFF_S[0]
        self._retry_us = 0
        self._why = ""
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
        await self._clock.sleep_until(self._late_until_us.pop(unit, 0))
        client = await self._connected()
        await self._pause(unit, limits)
        ask = client.read_holding_registers if function == 3 else client.read_input_registers
        patience_s = max(limits.timeout_s or 0.0, self._timeout_s)
        try:
            async with asyncio.timeout(patience_s + self._transport.transfer_s(count)):
                reply = await ask(start, count=count, device_id=unit)
            return self._words(reply, function, count)
        except TimeoutError:
            raise self._no_answer(unit, patience_s, f"no answer within {patience_s:g} s") from None
        except ModbusException as broken:
            reason = f"connection to {self._transport.address} broke: {broken.string}"
            raise self._no_answer(unit, patience_s, reason) from None
        except _WrongReply as wrong:
            raise self._no_answer(unit, patience_s, str(wrong)) from None
        finally:
            self._last_unit, self._last_us = unit, self._clock.now_us()

    def _words(self, reply: ModbusPDU, function: int, count: int) -> list[int]:
        """Check what pymodbus does not: it skips replies of other units and transactions, but takes any function."""
        if reply.function_code & 0x7F != function:
            raise _WrongReply(f"reply to function {reply.function_code} instead of {function}")
        if reply.isError():
            raise Refused(reply.exception_code)
        if len(reply.registers) != count:
            raise _WrongReply(f"{len(reply.registers)} registers came instead of {count}")
        return list(reply.registers)

    def _no_answer(self, unit: int, patience_s: float, reason: str) -> NoAnswer:
        """Begin afresh; where replies name no request, leave the unit time for a late one before it is asked again."""
        self.close()
        if not self._transport.has_transactions:
            self._late_until_us[unit] = self._clock.now_us() + round(patience_s * SECOND)
        return NoAnswer(reason)

    async def _connected(self) -> ModbusBaseClient:
        if self._client is not None and self._client.connected:
            return self._client
        self.close()
        address = self._transport.address
        if self._clock.now_us() >= self._retry_us:
            try:
                async with asyncio.timeout(self._timeout_s):
                    self._client = await self._transport.connect()
            except OSError as error:  # a TimeoutError is one, too
                self._why = f"cannot connect to {address}: {error or f'no answer within {self._timeout_s:g} s'}"
                self._retry_us = self._clock.now_us() + round(self._backoff_s * SECOND)
                self._backoff_s = min(2 * self._backoff_s, _BACKOFF_S[1])
            else:
                _log.info("modbus connected", address=address)
                self._backoff_s, self._last_unit = _BACKOFF_S[0], None
                return self._client
        raise Unreachable(self._why, self._retry_us)

    async def _pause(self, unit: int, limits: Limits) -> None:
        changed = self._last_unit not in (None, unit)
        pause_s = max(self._transport.gap_s, limits.pause_s, limits.unit_change_pause_s if changed else 0.0)
        await self._clock.sleep_until(self._last_us + round(pause_s * SECOND))
