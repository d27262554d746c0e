"""Discovery on the simulated town, which speaks every template, and on a server we did not write."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pymodbus import ModbusDeviceIdentification
from pymodbus.framer import FramerType
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from collectors.modbus.bus import Unreachable
from collectors.modbus.discovery import Discovery, FoundUnit
from collectors.modbus.discovery_match import Impression, named_in, ranked, same_registers
from collectors.modbus.settings import ModbusConnection
from collectors.modbus.shelf import load_template, template_ids
from device_sim.modbus import ModbusTown, Wire
from metering.clock import Clock
from metering.quantities import QUANTITIES, Kind
from tests.patience import PATIENCE_S
from tests.servers import free_port

TAKEN_FOR = {
    "eastron/sdm220": "eastron/sdm120",  # the very same registers
    "schneider/pm5xxx": "schneider/iem3155",  # the very same registers, unless it says its name
    "saia/h104": None,  # four counts, and nothing that is typical of it
}
"""What cannot be told apart by registers, and is said so."""

TYPICAL = {
    "voltage": 230.1,
    "frequency": 50.0,
    "power_factor": 0.97,
    "current": 4.25,
    "flow_temperature": 62.5,
    "return_temperature": 41.0,
    "temperature": 21.5,
    "battery_voltage": 3.6,
    "state": 2.0,
}


def typical(template_id: str, counter: float = 12345.6) -> dict[str, float]:
    """What a device of the type shows on an ordinary day."""
    template = load_template(template_id)
    registers = template.registers or template.sunspec[0].registers
    names = [register.quantity for register in registers]
    values = {name: next((TYPICAL[key] for key in TYPICAL if name.startswith(key)), 978.0) for name in names}
    return {name: counter if QUANTITIES[name].kind is Kind.REGISTER else value for name, value in values.items()}


async def discover(port: int, units: Any, **settings: Any) -> dict[int, FoundUnit]:
    connection = ModbusConnection.model_validate({"id": "bus", "host": "127.0.0.1", "port": port, **settings})
    return {found.unit: found async for found in Discovery(connection, Clock()).run(list(units))}


@asynccontextmanager
async def town(*devices: Any, **wires: Any) -> AsyncIterator[int]:
    simulated = ModbusTown(devices, Clock(), **wires)
    await simulated.start()
    try:
        yield simulated.ports["bus"]
    finally:
        await simulated.stop()


async def test_every_template_is_found_and_identified(shown: Any) -> None:
    devices = [
        shown(id_.replace("/", "-"), id_, typical(id_, 1000.0 + unit), unit=unit)
        for unit, id_ in enumerate(template_ids(), 1)
    ]
    async with town(*devices) as port:
        found = await discover(port, range(1, len(devices) + 3))
    assert set(found) == set(range(1, len(devices) + 1))
    taken_for = {
        id_: found[unit].devices[0].template.id if found[unit].devices else None
        for unit, id_ in enumerate(template_ids(), 1)
    }
    assert {id_: other for id_, other in taken_for.items() if other != id_} == TAKEN_FOR
    for unit, id_ in enumerate(template_ids(), 1):
        told = [seen.template.id for seen in (*found[unit].devices, *found[unit].others)]
        assert id_ in told, f"{id_} is not even named as a possibility"
        assert not found[unit].same_as


@pytest.mark.parametrize("wire", [Wire.TCP, Wire.RTU_OVER_TCP])
async def test_integers_and_floats_at_the_same_addresses_are_told_apart(shown: Any, wire: Wire) -> None:
    eltako = shown("eltako", "eltako/dsz15dzmod", typical("eltako/dsz15dzmod"), unit=2)
    eastron = shown("eastron", "eastron/sdm630", typical("eastron/sdm630"), unit=3)
    async with town(eltako, eastron, wires={"bus": wire}) as port:
        found = await discover(port, range(1, 5), rtu_over_tcp=wire is Wire.RTU_OVER_TCP)
    assert {unit: seen.devices[0].template.id for unit, seen in found.items()} == {
        2: "eltako/dsz15dzmod",
        3: "eastron/sdm630",
    }
    assert "eastron/sdm630" not in [seen.template.id for seen in found[2].others]


async def test_units_on_a_serial_port(shown: Any) -> None:
    simulated = ModbusTown(
        [shown("meter", "eastron/sdm630", typical("eastron/sdm630"), unit=2)], Clock(), wires={"bus": Wire.SERIAL}
    )
    await simulated.start()
    try:
        serial = {"port": simulated.serial_ports["bus"], "baudrate": 115200}
        connection = ModbusConnection.model_validate({"id": "bus", "serial": serial})
        found = [unit async for unit in Discovery(connection, Clock()).run([1, 2])]
    finally:
        await simulated.stop()
    assert [(unit.unit, unit.devices[0].template.id) for unit in found] == [(2, "eastron/sdm630")]


async def test_no_write_is_ever_sent(shown: Any) -> None:
    asked: set[int] = set()
    types = ("abb/b23", "eastron/sdm630", "keba/p30", "saia/h104", "sunspec/mppt")
    devices = [shown(id_.replace("/", "-"), id_, typical(id_), unit=unit) for unit, id_ in enumerate(types, 1)]

    async def listened(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs, ours = await asyncio.open_connection("127.0.0.1", port)

        async def back() -> None:
            while data := await theirs.read(4096):
                writer.write(data)
            writer.close()

        task = asyncio.create_task(back())
        while data := await reader.read(4096):
            asked.add(data[7])
            ours.write(data)
        ours.close()
        await task

    async with town(*devices) as port:
        server = await asyncio.start_server(listened, "127.0.0.1", 0)
        async with server:
            found = await discover(server.sockets[0].getsockname()[1], range(1, len(devices) + 1))
    assert len(found) == len(devices)
    assert asked == {3, 4, 43}


async def test_one_device_at_several_unit_ids_is_noticed(shown: Any) -> None:
    meters = [shown(f"m{unit}", "janitza/umg96rm", typical("janitza/umg96rm"), unit=unit) for unit in (1, 2)]
    other = shown("other", "janitza/umg96rm", typical("janitza/umg96rm", 7.5), unit=3)
    async with town(*meters, other) as port:
        found = await discover(port, range(1, 4))
    assert [found[unit].same_as for unit in (1, 2, 3)] == [None, 1, None]


async def test_a_unit_that_only_refuses_is_there_but_unknown() -> None:
    async with theirs({5: {}}) as port:
        found = await discover(port, [5])
    assert found[5].devices == ()
    assert found[5].readable == ()


async def test_an_unknown_unit_shows_where_it_can_be_read() -> None:
    async with theirs({5: {1000: [17, 4711, 3, 4]}}) as port:
        found = await discover(port, [5])
    assert found[5].devices == ()
    assert (3, 1000) in found[5].readable


async def test_device_identification_settles_what_registers_leave_open() -> None:
    example = load_template("schneider/iem3155").examples[0].words
    identity = ModbusDeviceIdentification(  # type: ignore[no-untyped-call]
        info_name={"VendorName": "Schneider Electric", "ProductCode": "METSEPM5110", "MajorMinorRevision": "2.1"}
    )
    words = {
        2999: [0] * 6,
        3027: [*example[3027], *example[3027], *example[3027]],
        3053: [0, 0, 0, 0, 0, 0, *example[3059]],
        3067: [0, 0],
        3075: [0, 0],
        3109: [0x4248, 0],
        3203: [*example[3203], 0, 0, 0, 0],
    }
    async with theirs({1: words}, identity=identity) as port:
        named = (await discover(port, [1]))[1]
    assert named.identity["vendor"] == "Schneider Electric"
    assert named.devices[0].template.id == "schneider/pm5xxx"
    assert named.devices[0].named == "METSEPM5110"
    assert "schneider/iem3155" in [other.template.id for other in named.others]


async def test_a_type_designation_in_registers_is_believed() -> None:
    template = load_template("abb/b23")
    assert template.identity is not None
    words = {at: [0] * 4 for at in (0x5000, 0x5004)} | {0x5B00: [0, 2301] * 3, 0x8960: [0x4232, 0x3320]}
    words |= {0x5B0C: [0] * 6, 0x5B14: [0] * 8, 0x5B2C: [5000], 0x5B3A: [0] * 4}
    async with theirs({1: words}) as port:
        found = await discover(port, [1])
    assert found[1].devices[0].template.id == "abb/b23"
    assert found[1].devices[0].named


async def test_nobody_at_the_other_end_is_told() -> None:
    with pytest.raises(Unreachable, match="cannot connect") as failure:
        await discover(free_port(), [1, 2])
    assert isinstance(failure.value.__cause__, ConnectionRefusedError)


def test_garbage_is_not_taken_for_a_meter() -> None:
    template = load_template("eastron/sdm630")
    values = dict.fromkeys(typical("eastron/sdm630"), 3e-41) | {"voltage_l1": 230.0, "frequency": 50.0}
    assert not Impression(template, values).is_possible
    assert ranked([Impression(template, values)]) == []


def test_names_of_types_are_found_in_what_devices_say() -> None:
    assert named_in(load_template("siemens/pac3200"), ["SENTRON", "PAC 3200"]) == "PAC 3200"
    assert named_in(load_template("schneider/pm5xxx"), ["METSEPM5340"]) == "METSEPM5340"
    assert not named_in(load_template("siemens/pac3200"), ["PAC2200", "Siemens AG"])


def test_equal_maps_are_known_as_such() -> None:
    assert same_registers(load_template("eastron/sdm120"), load_template("eastron/sdm220"))
    assert not same_registers(load_template("eastron/sdm120"), load_template("eastron/sdm630"))


@asynccontextmanager
async def theirs(
    units: Mapping[int, Mapping[int, list[int]]], identity: ModbusDeviceIdentification | None = None
) -> AsyncIterator[int]:
    """The server of pymodbus with these units and registers; its port."""
    port = free_port()
    devices = [
        SimDevice(
            unit,
            [SimData(at, values=block, datatype=DataType.REGISTERS) for at, block in words.items()]
            or [SimData(65000, values=[0], datatype=DataType.REGISTERS)],
        )
        for unit, words in units.items()
    ]
    server = ModbusTcpServer(devices, framer=FramerType.SOCKET, identity=identity, address=("127.0.0.1", port))
    task = asyncio.create_task(server.serve_forever())
    async with asyncio.timeout(PATIENCE_S):
        while not server.is_active():  # noqa: ASYNC110 - it tells no one
            await asyncio.sleep(0.01)
    try:
        yield port
    finally:
        await server.shutdown()  # type: ignore[no-untyped-call]
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
