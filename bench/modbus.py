"""Modbus: how fast meters can be read into the store; beside a peer, and beside clients that do no more than read."""

import asyncio
import logging
import os
import struct
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from string import Template
from tempfile import TemporaryDirectory

import yaml
from pymodbus.client import AsyncModbusTcpClient

from bench.mqtt import LEITWARTE, Process, Setting, setting, until
from bench.processes import cpu_s, module, peak_mb, running
from bench.result import Row
from collectors.modbus.bus import Bus
from collectors.modbus.frame import read_question
from collectors.modbus.plan import Block, plan
from collectors.modbus.settings import ModbusConnection
from collectors.modbus.shelf import load_template
from collectors.modbus.template import Limits
from collectors.modbus.transport import Transport
from leitwarte import logs
from metering.clock import Clock
from tests import servers

_HERE = Path(__file__).parent
_BUSES, _UNITS = 25, 20
_TEMPLATE = "siemens/pac3200"  # reads without pauses
_FASTEST_S = 0.005  # more often than anybody can: then the next poll begins when the last has ended
_DEAD_EVERY = 20
_START_S = 2.0  # after the first readings of all, before it is measured

Reader = Callable[[Setting, int, int], AbstractContextManager[Process]]
"""(place, port of the devices, how many connections) → who reads them."""

Loop = Callable[[int, Callable[[], bool]], Awaitable[int]]
"""(port of the devices, whether to go on) → how many registers it read on one connection."""


def measure(seconds: float) -> list[Row]:
    logs.configure(level=logging.ERROR)
    loops = {"limit: a bare loop": _bare, "our client alone": _ours, "pymodbus's client alone": _pymodbus}
    return [
        *_beside(seconds, dead_every=0),
        *[Row("modbus", _load(_BUSES), who, asyncio.run(_alone(loop, seconds))) for who, loop in loops.items()],
        *_beside(seconds, dead_every=_DEAD_EVERY),
    ]


def growth(seconds: float) -> list[Row]:
    """The same for a few devices, and for four and sixteen times as many."""
    return [
        Row("modbus", f"{times}×: {_load(times)}", "leitwarte", _through(_leitwarte, seconds, times, 0))
        for times in (1, 4, 16)
    ]


def _load(buses: int) -> str:
    registers, requests = sum(block.count for block in _blocks()), len(_blocks())
    devices = f"{buses * _UNITS:,} devices on {buses} connection{'s' * (buses > 1)}"
    return f"{devices}, {registers} registers in {requests} requests each"


def _beside(seconds: float, dead_every: int) -> list[Row]:
    load = f"{_load(_BUSES)}, {100 / dead_every:.0f} % dead" if dead_every else _load(_BUSES)
    rows = [Row("modbus", load, "leitwarte", _through(_leitwarte, seconds, _BUSES, dead_every))]
    if "TELEGRAF_BIN" not in os.environ:
        return [*rows, Row("modbus", load, "telegraf", {"registers/s": "not measured: TELEGRAF_BIN names no binary"})]
    for buffer, who in (("memory", "telegraf, buffer in memory"), ("disk", "telegraf, synced disk buffer")):
        rows.append(Row("modbus", load, who, _through(_telegraf(buffer), seconds, _BUSES, dead_every)))
    return rows


def _through(by: Reader, seconds: float, buses: int, dead_every: int) -> dict[str, float | str]:
    with setting() as place, _devices(place.folder, dead_every) as (port, read), by(place, port, buses) as process:
        until(lambda: place.stored() >= 0.9 * buses * _UNITS, process)
        time.sleep(_START_S)
        begun, cpu, registers, points = time.monotonic(), cpu_s(process.pid), read(), place.stored()
        time.sleep(seconds)
        took, spent = time.monotonic() - begun, cpu_s(process.pid) - cpu
        registers, points = read() - registers, place.stored() - points
        memory = peak_mb(process.pid)
    figures = {"registers/s": registers / took, "CPU µs/register": spent / registers * 1e6}
    return {**figures, "polls stored/s": points / took, "CPU s/s": spent / took, "peak MB": memory}


@contextmanager
def _leitwarte(place: Setting, port: int, buses: int) -> Iterator[Process]:
    written = {
        "data_dir": str(place.folder),
        "store": {"kind": "influxdb", "version": 1, "url": place.store.url, "database": "bench"},
        "modbus": [
            {"id": f"bus{bus}", "host": "127.0.0.1", "port": port, "devices": [_device(bus, n) for n in range(_UNITS)]}
            for bus in range(buses)
        ],
        "gateway": {"health": {"port": 0}},
    }
    settings = place.folder / "leitwarte.yaml"
    settings.write_text(yaml.safe_dump(written), "utf-8")
    with running(*LEITWARTE, settings, said=place.folder / "gateway.log") as process:
        yield process


def _device(bus: int, n: int) -> dict[str, object]:
    return {"id": f"meter{bus}-{n}", "unit": n + 1, "template": _TEMPLATE, "interval_s": _FASTEST_S}


def _telegraf(buffer: str) -> Reader:
    @contextmanager
    def telegraf(place: Setting, port: int, buses: int) -> Iterator[Process]:
        template = Template((_HERE / "peers" / "telegraf-modbus.conf").read_text())
        configuration, said = place.folder / "telegraf.conf", place.folder / "telegraf.log"
        names = {"interval": f"{_FASTEST_S * 1e3:g}ms", "inputs": "\n".join(_inputs(port, buses)), "buffer": buffer}
        configuration.write_text(template.substitute(names, store=place.store.url, folder=place.folder))
        with running(os.environ["TELEGRAF_BIN"], "--config", configuration, said=said) as process:
            yield process

    return telegraf


def _inputs(port: int, buses: int) -> Iterator[str]:
    """The same registers in the same blocks, those between them left out as here."""
    fields = ",\n".join(f"      {field}" for field in _fields(_blocks()))
    for bus in range(buses):
        yield f'[[inputs.modbus]]\n  name = "bus{bus}"\n  controller = "tcp://127.0.0.1:{port}"\n'
        yield '  timeout = "1s"\n  configuration_type = "request"'
        for n in range(_UNITS):
            yield f'  [[inputs.modbus.request]]\n    slave_id = {n + 1}\n    measurement = "reading"'
            yield '    byte_order = "ABCD"\n    register = "holding"\n    optimization = "max_insert"'
            yield f"    optimization_max_register_fill = {load_template(_TEMPLATE).limits.max_hole}"
            yield f"    fields = [\n{fields},\n    ]"
            yield f'    [inputs.modbus.request.tags]\n      device = "meter{bus}-{n}"'


def _fields(blocks: Iterable[Block]) -> Iterator[str]:
    for block in blocks:
        for point in block.points:
            for number, part in enumerate(point.parts):
                name, kind = point.quantity + "_plus" * number, f"FLOAT{part.layout.type.bits}"
                yield f'{{ address = {part.address}, name = "{name}", type = "{kind}" }}'


def _blocks() -> tuple[Block, ...]:
    template = load_template(_TEMPLATE)
    limits = template.limits
    return plan(template.points, max_registers=limits.max_registers, max_hole=limits.max_hole)


@contextmanager
def _devices(folder: Path, dead_every: int) -> Iterator[tuple[int, Callable[[], int]]]:
    """The port of the simulated devices, and what tells how many registers were read."""
    port, file = servers.free_port(), folder / "registers"
    command = module("bench.modbus_server", port, file, _TEMPLATE, dead_every)
    with running(*command, said=folder / "devices.log") as process:
        until(file.exists, process)
        yield port, lambda: int(file.read_text())


async def _alone(loop: Loop, seconds: float) -> dict[str, float | str]:
    with TemporaryDirectory() as folder, _devices(Path(folder), 0) as (port, _):
        begun, cpu = time.monotonic(), time.process_time()
        done = [loop(port, lambda: time.monotonic() < begun + seconds) for _ in range(_BUSES)]
        registers = sum(await asyncio.gather(*done))
        took, spent = time.monotonic() - begun, time.process_time() - cpu
    return {"registers/s": registers / took, "CPU µs/register": spent / registers * 1e6}


async def _bare(port: int, goes_on: Callable[[], bool]) -> int:
    requests = [
        (block.count, struct.pack(">HHHBBHH", 1, 0, 6, 1, block.function, block.start, block.count))
        for block in _blocks()
    ]
    registers = 0
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while goes_on():
        for count, request in requests:
            writer.write(request)
            answer = await reader.readexactly(9 + 2 * count)
            registers += len(answer[9:]) // 2
    writer.close()
    return registers


async def _ours(port: int, goes_on: Callable[[], bool]) -> int:
    where = ModbusConnection(id="bench", host="127.0.0.1", port=port)
    bus, registers = Bus(Transport(where), 1.0, Clock()), 0
    questions = [read_question(block.function, block.start, block.count) for block in _blocks()]
    while goes_on():
        answers: list[bytes] = []
        await bus.read_each(1, questions, Limits(), answers)
        registers += sum(map(len, answers)) // 2
    bus.close()
    return registers


async def _pymodbus(port: int, goes_on: Callable[[], bool]) -> int:
    client, blocks, registers = AsyncModbusTcpClient("127.0.0.1", port=port), _blocks(), 0
    await client.connect()
    while goes_on():
        for block in blocks:
            answer = await client.read_holding_registers(block.start, count=block.count, device_id=1)
            registers += len(answer.registers)
    client.close()
    return registers
