"""Modbus: how fast 500 meters can be read into the store, beside a loop that reads the same registers and no more."""

import asyncio
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from bench.mqtt import LEITWARTE, Setting, setting, until
from bench.processes import cpu_s, module, peak_mb, running
from bench.result import Row
from tests import servers

_BUSES, _UNITS = 25, 20
_TEMPLATE = "wago/879"  # reads without pauses
_FASTEST_S = 0.02  # more often than anybody can: then the next poll begins when the last has ended
_DEAD_EVERY = 20


def measure(seconds: float) -> list[Row]:
    load = f"{_BUSES * _UNITS} devices on {_BUSES} connections"
    dead = f"{load}, {100 / _DEAD_EVERY:.0f} % dead"
    return [
        Row("modbus", load, "leitwarte", _gateway(seconds, 0)),
        Row("modbus", load, "limit: a bare loop", _bare(seconds)),
        Row("modbus", dead, "leitwarte", _gateway(seconds, _DEAD_EVERY)),
    ]


def _gateway(seconds: float, dead_every: int) -> dict[str, float | str]:
    with setting() as place, _devices(place.folder, dead_every) as (port, read):
        buses = [
            {"id": f"bus{bus}", "host": "127.0.0.1", "port": port, "devices": [_device(bus, n) for n in range(_UNITS)]}
            for bus in range(_BUSES)
        ]
        settings = _settings(place, buses)
        with running(*LEITWARTE, settings, said=place.folder / "gateway.log") as process:
            until(lambda: place.stored() >= 0.9 * _BUSES * _UNITS, process)
            begun, cpu, registers, points = time.monotonic(), cpu_s(process.pid), read(), place.stored()
            time.sleep(seconds)
            took, spent = time.monotonic() - begun, cpu_s(process.pid) - cpu
            registers, points = read() - registers, place.stored() - points
            memory = peak_mb(process.pid)
    figures = {"registers/s": registers / took, "CPU µs/register": spent / registers * 1e6}
    return {**figures, "polls stored/s": points / took, "peak MB": memory}


def _device(bus: int, n: int) -> dict[str, object]:
    return {"id": f"meter{bus}-{n}", "unit": n + 1, "template": _TEMPLATE, "interval_s": _FASTEST_S}


def _settings(place: Setting, buses: list[dict[str, object]]) -> Path:
    written = {
        "data_dir": str(place.folder),
        "store": {"kind": "influxdb", "version": 1, "url": place.store.url, "database": "bench"},
        "modbus": buses,
        "gateway": {"health": {"port": 0}},
    }
    path = place.folder / "leitwarte.yaml"
    path.write_text(yaml.safe_dump(written), "utf-8")
    return path


@contextmanager
def _devices(folder: Path, dead_every: int) -> Iterator[tuple[int, Callable[[], int]]]:
    """The port of the simulated devices, and what tells how many registers were read."""
    port, file = servers.free_port(), folder / "registers"
    with running(*module("bench.modbus_server", port, file, dead_every), said=folder / "devices.log") as process:
        until(file.exists, process)
        time.sleep(0.3)
        yield port, lambda: int(file.read_text())


def _bare(seconds: float) -> dict[str, float | str]:
    with setting() as place, _devices(place.folder, 0) as (port, _):
        took, spent, registers = asyncio.run(_loops(port, seconds))
    return {"registers/s": registers / took, "CPU µs/register": spent / registers * 1e6}


async def _loops(port: int, seconds: float) -> tuple[float, float, int]:
    count, registers = 60, 0
    begun, cpu = time.monotonic(), time.process_time()

    async def loop() -> None:
        nonlocal registers
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.monotonic() < begun + seconds:
            writer.write(struct.pack(">HHHBBHH", 1, 0, 6, 1, 4, 0, count))
            answer = await reader.readexactly(9 + 2 * count)
            registers += len(answer[9:]) // 2
        writer.close()

    await asyncio.gather(*(loop() for _ in range(_BUSES)))
    return time.monotonic() - begun, time.process_time() - cpu, registers
