"""The bus: one TCP connection, one request at a time, and every reply checked. It can only read."""

import asyncio

import structlog
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ModbusPDU

from collectors.modbus.template import Limits
from metering.clock import Clock
from metering.instant import SECOND

_log = structlog.get_logger(__name__)

_NEVER_S = 3600.0  # pymodbus has one timeout for all; ours differ and come first
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


class Bus:
    """Serialises requests by being used by one task only; connects when needed, with back-off."""

    def __init__(self, host: str, port: int, timeout_s: float, clock: Clock) -> None:
        self.address = f"{host}:{port}"
        self._host, self._port, self._timeout_s, self._clock = host, port, timeout_s, clock
        self._client: AsyncModbusTcpClient | None = None
        self._backoff_s = _BACKOFF_S[0]
        self._retry_us = 0
        self._last_unit: int | None = None
        self._last_us = 0

    def close(self) -> None:
        """Drop the connection, if there is one; the next read connects again."""
        if self._client is not None:
            self._client.close()
            self._client = None

    async def read(self, unit: int, function: int, start: int, count: int, limits: Limits) -> list[int]:
        """``count`` registers from the wire address ``start`` on. Raises BusError."""
        client = await self._connected()
        await self._pause(unit, limits)
        ask = client.read_holding_registers if function == 3 else client.read_input_registers
        timeout_s = max(limits.timeout_s or 0.0, self._timeout_s)
        try:
            async with asyncio.timeout(timeout_s):
                reply = await ask(start, count=count, device_id=unit)
        except TimeoutError:
            raise self._no_answer(f"no answer within {timeout_s:g} s") from None
        except ModbusException as broken:
            raise self._no_answer(f"connection to {self.address} broke: {broken.string}") from None
        finally:
            self._last_unit, self._last_us = unit, self._clock.now_us()
        return self._words(reply, function, count)

    def _words(self, reply: ModbusPDU, function: int, count: int) -> list[int]:
        """Check what pymodbus does not: it skips replies of other units and transactions, but takes any function."""
        if reply.function_code & 0x7F != function:
            raise self._no_answer(f"reply to function {reply.function_code} instead of {function}")
        if reply.isError():
            raise Refused(reply.exception_code)
        if len(reply.registers) != count:
            raise self._no_answer(f"{len(reply.registers)} registers came instead of {count}")
        return list(reply.registers)

    def _no_answer(self, reason: str) -> NoAnswer:
        self.close()
        return NoAnswer(reason)

    async def _connected(self) -> AsyncModbusTcpClient:
        if self._client is not None and self._client.connected:
            return self._client
        self.close()
        if self._clock.now_us() < self._retry_us:
            raise Unreachable(f"cannot connect to {self.address}", self._retry_us)
        client = AsyncModbusTcpClient(
            self._host, port=self._port, timeout=_NEVER_S, retries=0, reconnect_delay=0, name=self.address
        )
        if not await self._connects(client):
            client.close()
            self._retry_us = self._clock.now_us() + round(self._backoff_s * SECOND)
            self._backoff_s = min(2 * self._backoff_s, _BACKOFF_S[1])
            raise Unreachable(f"cannot connect to {self.address}", self._retry_us)
        _log.info("modbus connected", address=self.address)
        self._client, self._backoff_s, self._last_unit = client, _BACKOFF_S[0], None
        return client

    async def _connects(self, client: AsyncModbusTcpClient) -> bool:
        try:
            async with asyncio.timeout(self._timeout_s):
                return await client.connect()
        except TimeoutError:
            return False

    async def _pause(self, unit: int, limits: Limits) -> None:
        changed = self._last_unit not in (None, unit)
        pause_s = max(limits.pause_s, limits.unit_change_pause_s if changed else 0.0)
        await self._clock.sleep_until(self._last_us + round(pause_s * SECOND))
