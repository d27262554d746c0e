"""A Modbus server that answers with anything, over real sockets: the client reads right values, or says it did not."""

import asyncio
import math
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from random import Random
from typing import Any

from collectors.modbus.bus import Bus, BusError
from collectors.modbus.settings import ModbusSettings
from collectors.modbus.shelf import template_ids
from collectors.modbus.station import Station
from collectors.modbus.sunspec import BASES, MARK, ChainError
from collectors.modbus.template import Limits
from collectors.modbus.transport import Transport
from device_sim.modbus.wire import Framing, Request, Wire
from metering.clock import Clock
from tests.fuzz.decoders import LONGEST_S, Fault
from tests.fuzz.mutation import mutated

_UNIT = 7
_TIMEOUT_S = 0.02
_WORDS = (0, 1, 0x7FFF, 0x8000, 0xFFFF, 0x7FC0, 0x7F80, 0xFF80, 0x7FF0, 0x0A0A, 100, 103, 160, 203, 50, 65)
_KINDS = {"sound": 60, "exception": 6, "mutated": 14, "stranger": 14, "noise": 4, "silence": 2}
_EXCEPTIONS = (1, 2, 3, 4, 5, 6, 8, 10, 11, 0, 255)


class Liar:
    """Answers requests. ``may_be_believed`` says whether the last answer may be taken for one to the question."""

    def __init__(self, random: Random, counts: Counter[str]) -> None:
        self.may_be_believed = True
        self._random, self._counts = random, counts

    async def speak(self, framing: Framing, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until the other end has enough of it."""
        try:
            while True:
                request = await framing.request(reader)
                if request is not None:
                    self._counts["requests"] += 1
                    writer.write(self._answer(framing, request))
                    await writer.drain()
                    if self._random.random() < 0.02:
                        break
        except (asyncio.IncompleteReadError, OSError, ValueError):
            pass
        finally:
            writer.close()

    def _answer(self, framing: Framing, request: Request) -> bytes:
        random = self._random
        sound = framing.frame(request.transaction, request.unit, self._words(request.question))
        self.may_be_believed = True
        match random.choices(tuple(_KINDS), tuple(_KINDS.values()))[0]:
            case "sound":
                return sound
            case "exception":
                code = bytes([request.question[0] | 0x80, random.choice(_EXCEPTIONS)])
                return framing.frame(request.transaction, request.unit, code)
            case "mutated":
                return mutated(random, sound)
            case "stranger":
                self.may_be_believed = False
                return self._stranger(framing, request)
            case "noise":
                return random.randbytes(random.randrange(600))
        return b""

    def _words(self, question: bytes) -> bytes:
        start, count = int.from_bytes(question[1:3], "big"), int.from_bytes(question[3:5], "big")
        words = [self._random.choice((*_WORDS, self._random.randrange(65536))) for _ in range(min(count, 125))]
        if start in BASES and count == 2 and self._random.random() < 0.8:
            words = list(MARK)
        return bytes([question[0], 2 * len(words)]) + b"".join(word.to_bytes(2, "big") for word in words)

    def _stranger(self, framing: Framing, request: Request) -> bytes:
        """A sound frame that answers another question: other transaction, unit, function or length."""
        transaction, unit, question = request
        answer = self._words(question)
        match self._random.randrange(4):
            case 0 if framing.has_gateway:
                transaction = self._random.choice((0, transaction - 1, transaction + 1, transaction ^ 0x100))
            case 1:
                unit = self._random.choice((0, unit + 1, unit ^ 0x80))
            case 2:
                answer = bytes([self._random.choice((1, 2, answer[0] ^ 7, 5, 6, 16, 43, 100))]) + answer[1:]
            case _:
                size = self._random.choice((0, 2, answer[1] - 2, answer[1] + 2)) % 250
                size = size if size != answer[1] else size + 2
                answer = bytes([answer[0], size]) + self._random.randbytes(size)
        return framing.frame(transaction, unit, answer)


class Replies:
    """Reads templates and single registers from a `Liar`; ``counts`` says how many requests and what became of them."""

    def __init__(self, seed: int) -> None:
        self.counts: Counter[str] = Counter()
        self.slowest_s = 0.0
        self._random = Random(seed)
        self._clock = Clock()
        self._unhandled: list[Mapping[str, Any]] = []

    async def run(self, seconds: float) -> None:
        """Raises `Fault`."""
        asyncio.get_running_loop().set_exception_handler(lambda _, context: self._unhandled.append(context))
        end_s = time.monotonic() + seconds
        async with self._lying(Wire.TCP) as tcp, self._lying(Wire.RTU_OVER_TCP) as rtu:
            while time.monotonic() < end_s:
                liar, settings = self._random.choice((tcp, tcp, rtu))
                await self._read_once(liar, settings)
                await self._read_device(settings)

    @asynccontextmanager
    async def _lying(self, wire: Wire) -> AsyncIterator[tuple[Liar, dict[str, Any]]]:
        liar = Liar(self._random, self.counts)
        server = await asyncio.start_server(
            lambda reader, writer: liar.speak(wire.framing, reader, writer), "127.0.0.1", 0
        )
        port = server.sockets[0].getsockname()[1]
        async with server:
            is_rtu = not wire.framing.has_gateway
            yield liar, {"id": wire.value, "host": "127.0.0.1", "port": port, "rtu_over_tcp": is_rtu}

    async def _read_once(self, liar: Liar, settings: dict[str, Any]) -> None:
        """One request after another; an answer to another question must not be taken."""
        async with self._bus(settings, "eastron/sdm630") as (bus, _):
            for _ in range(5):
                start, count = self._random.randrange(65000), self._random.randint(1, 125)
                function = self._random.choice((3, 4))
                words = await self._timed(bus.read(_UNIT, function, start, count, Limits()))
                if words is not None and (len(words) != count or not all(0 <= word <= 0xFFFF for word in words)):
                    raise Fault(f"{count} registers were asked for, and {words!r} taken")
                if words is not None and not liar.may_be_believed:
                    raise Fault(f"the answer to another question was taken for one to {function} {start} {count}")

    async def _read_device(self, settings: dict[str, Any]) -> None:
        """A whole device, SunSpec walk included; its values must be numbers."""
        template = self._random.choice(("sunspec/inverter", "sunspec/meter", *template_ids()))
        async with self._bus(settings, template) as (bus, station):
            values: dict[str, float] = {}
            await self._timed(station.read(bus, values))
            if not all(math.isfinite(value) for value in values.values()):
                raise Fault(f"{template} gave {values!r}")
            self.counts["values"] += len(values)

    @asynccontextmanager
    async def _bus(self, settings: dict[str, Any], template: str) -> AsyncIterator[tuple[Bus, Station]]:
        device = {"id": "it", "unit": _UNIT, "template": template}
        checked = ModbusSettings.model_validate({**settings, "devices": [device]})
        bus = Bus(Transport(checked), _TIMEOUT_S, self._clock)
        try:
            yield bus, Station(checked.devices[0], self._clock)
        finally:
            bus.close()

    async def _timed(self, reading: Any) -> Any:
        begun_s, before = time.thread_time(), self.counts["requests"]
        try:
            result = await reading
            self.counts["read"] += 1
        except (BusError, ChainError) as problem:
            self.counts[type(problem).__name__] += 1
            result = None
        except Exception as defect:
            raise Fault(f"the client failed: {defect!r}") from defect
        took_s = (time.thread_time() - begun_s) / max(1, self.counts["requests"] - before)
        self.slowest_s = max(self.slowest_s, took_s)
        if took_s > LONGEST_S:
            raise Fault(f"one request took {took_s:.1f} s")
        if self._unhandled:
            raise Fault(f"an exception nobody handled: {self._unhandled!r}")
        return result
