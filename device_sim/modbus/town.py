"""The town's Modbus: each bus a real gateway or serial line, each device a unit with the registers of its template.

What a device shows is encoded by the same template that the collector decodes with. A live device can be spoiled.
"""

import asyncio
import hashlib
import ssl
from collections.abc import Callable, Coroutine, Mapping, Sequence

from device_sim.device import ModbusLink, SimDevice
from device_sim.misspeaking import ModbusFault
from device_sim.modbus.unit import NO_TARGET, Unit, refusal
from device_sim.modbus.wire import Framing, Request, SerialLine, Wire
from metering.clock import Clock

_Speaker = Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]


class ModbusTown:
    """Serves the devices that have a Modbus link; the others are left to whoever speaks their language.

    ports   bus → TCP port; a bus that is not named gets a free one, to be found in ``ports`` after `start`
    wires   bus → how it is spoken to; TCP for a bus that is not named
    tls     what a bus on TLS shows and demands
    late_s  real seconds by which a LATE unit answers late

    After `start`, ``serial_ports`` holds the device file of each serial bus. A unit that no device has is answered for
    with exception 11, as gateways do; on RTU nobody answers. A device misbehaves in the spells of its link. Raises
    ValueError for two devices with the same unit on one bus that can't share it, and for an unknown template.
    """

    def __init__(  # noqa: PLR0913 - three of them are for tests
        self,
        devices: Sequence[SimDevice],
        clock: Clock,
        host: str = "127.0.0.1",
        ports: Mapping[str, int] | None = None,
        *,
        wires: Mapping[str, Wire] | None = None,
        tls: ssl.SSLContext | None = None,
        late_s: float = 2.0,
    ) -> None:
        self.host = host
        self.ports = dict(ports or {})
        self.serial_ports: dict[str, str] = {}
        self._clock = clock
        self._wires = dict(wires or {})
        self._tls = tls
        self._late_s = late_s
        self._buses: dict[str, dict[int, Unit]] = {}
        self._units: dict[str, Unit] = {}
        self._servers: list[asyncio.Server] = []
        self._lines: list[SerialLine] = []
        self._tasks: set[asyncio.Task[None]] = set()
        for device in devices:
            if isinstance(device.link, ModbusLink):
                self._add(device, device.link)

    async def start(self) -> None:
        """Listen on every bus. Raises OSError if a port is taken."""
        for bus, units in self._buses.items():
            wire = self._wires.get(bus, Wire.TCP)
            speaker = self._speaker(units, wire.framing)
            if wire is Wire.SERIAL:
                line = SerialLine()
                self._lines.append(line)
                self.serial_ports[bus] = line.path
                speaker(*await line.open())
            else:
                tls = self._tls if wire is Wire.TLS else None
                server = await asyncio.start_server(speaker, self.host, self.ports.get(bus, 0), ssl=tls)
                self.ports[bus] = server.sockets[0].getsockname()[1]
                self._servers.append(server)

    async def stop(self) -> None:
        """Close every connection and stop listening; `start` begins again on the same ports, serial ones excepted."""
        for server in self._servers:
            server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for line in self._lines:
            line.close()
        for server in self._servers:
            await server.wait_closed()
        self._servers.clear()
        self._lines.clear()

    def spoil(self, device: str, fault: ModbusFault | None) -> None:
        """Let a device misbehave from now on; None goes by its spells again. Raises KeyError for an unknown device."""
        self._units[device].spoil(fault)

    def _add(self, device: SimDevice, link: ModbusLink) -> None:
        units = self._buses.setdefault(link.bus, {})
        unit = units.setdefault(link.unit, Unit())
        try:
            unit.add(device, link)
        except ValueError as error:
            raise ValueError(f"bus {link.bus!r}: {error}") from None
        self._units[device.id] = unit

    def _speaker(self, units: Mapping[int, Unit], framing: Framing) -> _Speaker:
        def spoken_to(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._spawn(self._speak(units, framing, reader, writer))

        return spoken_to

    async def _speak(
        self, units: Mapping[int, Unit], framing: Framing, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        is_open = True
        try:
            while True:
                request = await framing.request(reader)
                if request is None:
                    continue
                unit = units.get(request.unit)
                fault = unit.fault(self._clock.now_us()) if unit is not None else None
                is_open = is_open and fault is not ModbusFault.HALF_OPEN
                if not is_open or fault is ModbusFault.SILENT:
                    continue
                frame = await self._reply(unit, fault, framing, request)
                if frame is None:
                    continue
                if fault is ModbusFault.LATE:
                    self._spawn(_send_late(writer, frame, self._late_s))
                else:
                    writer.write(frame)
                    await writer.drain()
        except (asyncio.IncompleteReadError, OSError, ValueError):
            pass  # the other end has gone, or speaks something else
        finally:
            writer.close()

    async def _reply(
        self, unit: Unit | None, fault: ModbusFault | None, framing: Framing, request: Request
    ) -> bytes | None:
        if unit is None:
            answer = refusal(request.question, NO_TARGET) if framing.has_gateway else None
            return answer and framing.frame(request.transaction, request.unit, answer)
        answer = await unit.answer(request.question, self._clock.now_us())
        return answer and _framed(framing, request, answer, fault)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _framed(framing: Framing, request: Request, answer: bytes, fault: ModbusFault | None) -> bytes:
    """The reply as it leaves the device, with what the fault makes of it."""
    transaction, unit, _ = request
    match fault:
        case ModbusFault.WRONG_UNIT:
            unit += 1
        case ModbusFault.WRONG_TRANSACTION:
            transaction += 1
        case ModbusFault.WRONG_FUNCTION:
            answer = bytes([answer[0] ^ 0b111]) + answer[1:]  # 3 and 4 change places
        case ModbusFault.CUT_ANSWER:
            answer = answer[: len(answer) // 2]
    frame = framing.frame(transaction, unit, answer)
    match fault:
        case ModbusFault.WRONG_CHECKSUM if not framing.has_gateway:
            return frame[:-1] + bytes([frame[-1] ^ 1])
        case ModbusFault.SHORT_FRAME:
            return frame[:-3]
        case ModbusFault.GARBAGE:
            return hashlib.blake2b(frame).digest()
    return frame


async def _send_late(writer: asyncio.StreamWriter, frame: bytes, late_s: float) -> None:
    await asyncio.sleep(late_s)
    if not writer.is_closing():
        writer.write(frame)
