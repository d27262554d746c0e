"""The town's Modbus: each bus a real Modbus TCP gateway, each device a unit with the registers of its template.

What a device shows is encoded by the same template that the collector decodes with. A live device can be spoiled.
"""

import asyncio
import struct
from collections.abc import Callable, Coroutine, Mapping, Sequence
from enum import Enum, auto

import numpy as np

from collectors.modbus.library import load_template
from collectors.modbus.plan import plan
from collectors.modbus.point import encode_points
from collectors.modbus.sunspec import COMMON, COMMON_LENGTH, FUNCTION, Model, chain
from collectors.modbus.template import Template
from device_sim.device import ModbusLink, SimDevice
from metering.clock import Clock

_REFRESH_US = 200_000  # as often as a UMG 96RM renews its registers; what is read within is one picture
_HEADER = struct.Struct(">HHHB")  # transaction, protocol 0, bytes that follow, unit

_ILLEGAL_FUNCTION, _ILLEGAL_ADDRESS, _ILLEGAL_VALUE = 1, 2, 3


class Fault(Enum):
    """How a unit misbehaves on the wire."""

    SILENT = auto()  # no answer; the gateway stays
    LATE = auto()  # the right answer, after ``late_s``
    WRONG_UNIT = auto()  # the answer bears the next unit's id
    GARBAGE = auto()  # an answer cut short, in a sound frame
    NO_HOLES = auto()  # refuses every block with a register it does not have
    BUSY = auto()  # exception 6
    FAILURE = auto()  # exception 4
    NO_TARGET = auto()  # exception 11, as a gateway says for a unit that is off


_EXCEPTIONS = {Fault.FAILURE: 4, Fault.BUSY: 6, Fault.NO_TARGET: 11}


class _Refusal(Exception):
    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class _Unit:
    """A device's registers at the present time."""

    def __init__(self, device: SimDevice, link: ModbusLink) -> None:
        self.fault: Fault | None = None
        self._device = device
        self._template = load_template(link.template)
        self._holes = {} if self._template.is_sunspec else _holes(self._template)
        self._images: dict[int, dict[int, int]] = {}
        self._at_us = -_REFRESH_US

    def answer(self, question: bytes, now_us: int) -> bytes:
        """The reply to a request, both without their headers."""
        try:
            words = self._read(question, now_us)
        except _Refusal as refusal:
            return _refusal(question, refusal.code)
        answer = struct.pack(f">BB{len(words)}H", question[0], 2 * len(words), *words)
        return answer[: len(answer) // 2] if self.fault is Fault.GARBAGE else answer

    def _read(self, question: bytes, now_us: int) -> list[int]:
        if self.fault in _EXCEPTIONS:
            raise _Refusal(_EXCEPTIONS[self.fault])
        if len(question) != 5 or question[0] not in (3, 4):
            raise _Refusal(_ILLEGAL_FUNCTION)
        function, start, count = struct.unpack(">BHH", question)
        if not 1 <= count <= self._template.limits.max_registers:
            raise _Refusal(_ILLEGAL_VALUE)
        if not 0 <= now_us - self._at_us < _REFRESH_US:
            self._images, self._at_us = self._show(now_us), now_us
        image = self._images.get(function, {})
        holes = self._holes.get(function, frozenset()) if self.fault is not Fault.NO_HOLES else frozenset()
        wanted = range(start, start + count)
        if not all(address in image or address in holes for address in wanted):
            raise _Refusal(_ILLEGAL_ADDRESS)
        return [image.get(address, 0) for address in wanted]

    def _show(self, now_us: int) -> dict[int, dict[int, int]]:
        shown = self._device.at(np.array([now_us], np.int64))
        values = {name: float(series[0]) for name, series in shown.items()}
        template = self._template
        if template.is_sunspec:
            wanted = template.sunspec[0]
            body = encode_points(template.points_in([Model(wanted.models[0], 0, wanted.length)]), values)
            bodies = {COMMON: _common(template, self._device.id), wanted.models[0]: body}
            return {FUNCTION: chain(bodies, {COMMON: COMMON_LENGTH, wanted.models[0]: wanted.length})}
        functions = {point.function for point in template.points}
        return {
            function: encode_points([point for point in template.points if point.function == function], values)
            for function in functions
        }


class ModbusTown:
    """Serves the devices that have a Modbus link; the others are left to whoever speaks their language.

    ports   bus → TCP port; a bus that is not named gets a free one, to be found in ``ports`` after `start`
    late_s  real seconds by which a LATE unit answers late

    A unit that no device has is answered for with exception 11, as gateways do. Raises ValueError for two devices
    with the same unit on one bus, and TemplateError for an unknown template.
    """

    def __init__(
        self,
        devices: Sequence[SimDevice],
        clock: Clock,
        host: str = "127.0.0.1",
        ports: Mapping[str, int] | None = None,
        late_s: float = 2.0,
    ) -> None:
        self.host = host
        self.ports = dict(ports or {})
        self._clock = clock
        self._late_s = late_s
        self._buses: dict[str, dict[int, _Unit]] = {}
        self._units: dict[str, _Unit] = {}
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()
        for device in devices:
            if isinstance(device.link, ModbusLink):
                self._add(device, device.link)

    async def start(self) -> None:
        """Listen on every bus. Raises OSError if a port is taken."""
        for bus, units in self._buses.items():
            server = await asyncio.start_server(self._speaker(units), self.host, self.ports.get(bus, 0))
            self.ports[bus] = server.sockets[0].getsockname()[1]
            self._servers.append(server)

    async def stop(self) -> None:
        """Close every connection and stop listening; `start` begins again on the same ports."""
        for server in self._servers:
            server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for server in self._servers:
            await server.wait_closed()
        self._servers.clear()

    def spoil(self, device: str, fault: Fault | None) -> None:
        """Let a device misbehave from now on; None heals it. Raises KeyError for an unknown device."""
        self._units[device].fault = fault

    def _add(self, device: SimDevice, link: ModbusLink) -> None:
        units = self._buses.setdefault(link.bus, {})
        if link.unit in units:
            raise ValueError(f"bus {link.bus!r} has two devices with unit {link.unit}; the second is {device.id!r}")
        units[link.unit] = self._units[device.id] = _Unit(device, link)

    def _speaker(self, units: Mapping[int, _Unit]) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]:
        def spoken_to(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._spawn(self._speak(units, reader, writer))

        return spoken_to

    async def _speak(
        self, units: Mapping[int, _Unit], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            while True:
                transaction, protocol, length, unit = _HEADER.unpack(await reader.readexactly(_HEADER.size))
                if protocol != 0 or not 2 <= length <= 254:
                    break
                question = await reader.readexactly(length - 1)
                fault = units[unit].fault if unit in units else None
                if fault is Fault.SILENT:
                    continue
                frame = self._answer(units, transaction, unit, question)
                if fault is Fault.LATE:
                    self._spawn(_send_late(writer, frame, self._late_s))
                else:
                    writer.write(frame)
                    await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the other end has gone
        finally:
            writer.close()

    def _answer(self, units: Mapping[int, _Unit], transaction: int, unit: int, question: bytes) -> bytes:
        if unit not in units:
            answer = _refusal(question, _EXCEPTIONS[Fault.NO_TARGET])
        else:
            answer = units[unit].answer(question, self._clock.now_us())
            unit += units[unit].fault is Fault.WRONG_UNIT
        return _HEADER.pack(transaction, 0, 1 + len(answer), unit) + answer

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _refusal(question: bytes, code: int) -> bytes:
    return bytes([question[0] | 0x80, code])


async def _send_late(writer: asyncio.StreamWriter, frame: bytes, late_s: float) -> None:
    await asyncio.sleep(late_s)
    if not writer.is_closing():
        writer.write(frame)


def _holes(template: Template) -> dict[int, frozenset[int]]:
    """Addresses between the registers that the device lets one read along, by function code."""
    limits = template.limits
    holes: dict[int, frozenset[int]] = {}
    for block in plan(template.points, max_registers=limits.max_registers, max_hole=limits.max_hole):
        holes[block.function] = holes.get(block.function, frozenset()) | frozenset(range(block.start, block.stop))
    return holes


def _common(template: Template, serial: str) -> dict[int, int]:
    """Model 1: maker, model, version and serial number, each a text of fixed length at its offset."""
    texts = {2: ("Leitwarte", 16), 18: (template.id, 16), 42: ("1", 8), 50: (serial, 16)}
    body: dict[int, int] = {}
    for offset, (text, words) in texts.items():
        data = text.encode()[: 2 * words].ljust(2 * words, b"\0")
        body |= {offset + i: word for i, (word,) in enumerate(struct.iter_unpack(">H", data))}
    return body
