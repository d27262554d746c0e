"""Our client against a server we did not write (pymodbus's), our town against a client we did not write (mbpoll)."""

import asyncio
import shutil
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pymodbus.framer import FramerType
from pymodbus.server import ModbusTcpServer, ModbusTlsServer
from pymodbus.server.base import ModbusBaseServer
from pymodbus.simulator import DataType, SimData, SimDevice

from collectors.modbus.collector import ModbusCollector
from collectors.modbus.settings import ModbusSettings
from collectors.modbus.shelf import load_template
from device_sim.modbus import Wire
from metering.clock import Clock
from tests.patience import PATIENCE_S
from tests.servers import free_port

COUNTERS = {27: [13, 60383], 29: [0, 7], 31: [0, 250], 33: [0xFFFF, 0xFFFF]}


def device(unit: int, words: Mapping[int, Sequence[int]]) -> SimDevice:
    """A device of pymodbus with these registers and no others."""
    return SimDevice(
        unit, [SimData(at, values=list(block), datatype=DataType.REGISTERS) for at, block in words.items()]
    )


@asynccontextmanager
async def serving(server: ModbusBaseServer) -> AsyncIterator[None]:
    task = asyncio.create_task(server.serve_forever())
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not server.is_active():  # noqa: ASYNC110 - it tells no one
                await asyncio.sleep(0.01)
        yield
    finally:
        await server.shutdown()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def collecting(sink: Any, where: Mapping[str, Any], *devices: Mapping[str, Any]) -> AsyncIterator[None]:
    entries = [{"interval_s": 0.2, **entry} for entry in devices]
    settings = ModbusSettings.model_validate({"id": "theirs", "timeout_s": PATIENCE_S, "devices": entries, **where})
    task = asyncio.create_task(ModbusCollector(settings, Clock()).run(sink))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("framer", [FramerType.SOCKET, FramerType.RTU])
async def test_a_pulse_counter_served_by_pymodbus(sink: Any, framer: FramerType) -> None:
    port = free_port()
    server = ModbusTcpServer([device(3, COUNTERS)], framer=framer, address=("127.0.0.1", port))
    where = {"host": "127.0.0.1", "port": port, "rtu_over_tcp": framer is FramerType.RTU}
    counter = {"unit": 3, "template": "saia/h104"}
    energy = {"quantity": "active_energy_import", "unit": "kWh", "per_pulse": 0.0005, "start": 100.0}
    water = {"quantity": "water_volume", "unit": "l", "per_pulse": 10}
    async with (
        serving(server),
        collecting(
            sink,
            where,
            {"id": "power", **counter, "pulses": energy},
            {"id": "bare", **counter, "channel": 2},
            {"id": "water", **counter, "channel": 3, "pulses": water},
        ),
    ):
        await sink.until(lambda: sink.of("water"))
    assert sink.of("power")[0] == {"active_energy_import": 556.1755}
    assert sink.of("bare")[0] == {"pulse_count": 7.0}
    assert sink.of("water")[0] == {"water_volume": 2.5}


async def test_examples_of_templates_served_by_pymodbus(sink: Any) -> None:
    """Registers that the example does not have are refused, as by a device without them."""
    ids = ["eastron/sdm120", "eltako/dsz15dzmod", "janitza/umg96rm", "abb/b23", "keba/p30", "carlo_gavazzi/em24"]
    units = list(enumerate(ids, 1))
    port = free_port()
    served = [device(unit, load_template(id_).examples[0].words) for unit, id_ in units]
    server = ModbusTcpServer(served, address=("127.0.0.1", port))
    entries = [{"id": id_.replace("/", "-"), "unit": unit, "template": id_} for unit, id_ in units]
    async with serving(server), collecting(sink, {"host": "127.0.0.1", "port": port}, *entries):
        await sink.until(lambda: all(sink.of(entry["id"]) for entry in entries))
    for _, id_ in units:
        assert sink.of(id_.replace("/", "-"))[0] == load_template(id_).examples[0].readings
    assert sink.failures == []


async def test_a_server_of_pymodbus_with_tls(sink: Any, certificates: Any) -> None:
    port = free_port()
    context: ssl.SSLContext = certificates.server()
    server = ModbusTlsServer([device(3, COUNTERS)], address=("127.0.0.1", port), sslctx=context)
    certificate, key = certificates.client
    tls = {"certificate_file": certificate, "key_file": key, "ca_file": certificates.authority}
    where = {"host": "127.0.0.1", "port": port, "tls": tls}
    async with serving(server), collecting(sink, where, {"id": "d", "unit": 3, "template": "saia/h104"}):
        await sink.until(lambda: sink.of("d"))
    assert sink.of("d")[0] == {"pulse_count": 912351.0}


@pytest.fixture
def mbpoll() -> str:
    found = shutil.which("mbpoll")
    if found is None:
        pytest.skip("mbpoll is not installed (Debian package mbpoll)")
    return found


VALUES = {"voltage_l1": 231.5, "active_power": -3450.25, "frequency": 50.0}


async def poll(mbpoll: str, *arguments: str) -> dict[int, str]:
    """One poll of mbpoll: wire address → what it prints. Its addresses count from 0 with -0."""
    command = [mbpoll, "-0", "-1", "-q", *arguments]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    lines = [line for line in output.decode().splitlines() if line.startswith("[")]
    assert lines, output.decode()
    return {int(line[1 : line.index("]")]): line.split("\t")[-1].strip() for line in lines}


@pytest.mark.parametrize("wire", [Wire.TCP, Wire.SERIAL])
async def test_mbpoll_reads_the_town(rig: Any, shown: Any, mbpoll: str, wire: Wire) -> None:
    setup = rig([shown("d", "eastron/sdm630", VALUES, unit=7)], wires={"bus": wire})
    await setup.town.start()
    try:
        if wire is Wire.TCP:
            where = ["-m", "tcp", "-p", str(setup.town.ports["bus"]), setup.town.host]
        else:
            where = ["-m", "rtu", "-b", "115200", "-P", "none", setup.town.serial_ports["bus"]]
        options = ["-a", "7", "-t", "3:float", "-B"]
        assert await poll(mbpoll, *options, "-r", "0", "-c", "1", *where) == {0: "231.5"}
        assert await poll(mbpoll, *options, "-r", "52", "-c", "1", *where) == {52: "-3450.25"}
        assert await poll(mbpoll, *options, "-r", "70", "-c", "1", *where) == {70: "50"}
    finally:
        await setup.town.stop()
