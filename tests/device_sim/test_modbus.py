"""The simulated gateways, as any Modbus client meets them."""

import asyncio
import math
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import numpy as np
import pytest
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusIOException

from collectors.modbus.decoding import decode_words
from device_sim.device import ModbusLink, MqttLink
from device_sim.misspeaking import Spell
from device_sim.modbus import ModbusFault, ModbusTown
from metering.clock import Clock
from metering.instant import SECOND, Window
from metering.samples import Floats, Int64s
from tests.patience import PATIENCE_S


class Shown:
    """Shows the same values for ever."""

    def __init__(self, id_: str, link: ModbusLink | MqttLink, values: Mapping[str, float]) -> None:
        self.id, self.link, self._values = id_, link, values

    @property
    def quantities(self) -> tuple[str, ...]:
        return tuple(self._values)

    def at(self, times_us: Int64s) -> dict[str, Floats]:
        return {name: np.full(len(times_us), value) for name, value in self._values.items()}


METER = Shown("meter", ModbusLink("school", 7, "eastron/sdm630"), {"voltage_l1": 231.5, "active_power": -3450.25})
INVERTER = Shown("pv", ModbusLink("roof", 126, "sunspec/inverter"), {"active_power_generation": 5432.1})
SENSOR = Shown("sensor", MqttLink("json", "a/b", 60.0), {"temperature": 20.0})


@asynccontextmanager
async def town() -> AsyncIterator[ModbusTown]:
    served = ModbusTown([METER, INVERTER, SENSOR], Clock())
    await served.start()
    try:
        yield served
    finally:
        await served.stop()


@asynccontextmanager
async def client(served: ModbusTown, bus: str, patience_s: float = PATIENCE_S) -> AsyncIterator[AsyncModbusTcpClient]:
    port = served.ports[bus]
    connection = AsyncModbusTcpClient(served.host, port=port, timeout=patience_s, retries=0, reconnect_delay=0)
    assert await connection.connect()
    try:
        yield connection
    finally:
        connection.close()


async def test_each_bus_has_its_port_and_its_units() -> None:
    async with town() as served, client(served, "school") as school:
        assert set(served.ports) == {"school", "roof"}
        reply = await school.read_input_registers(0x34, count=2, device_id=7)
        assert reply.registers == [0xC557, 0xA400]


@pytest.mark.parametrize(
    ("address", "count", "function", "unit", "exception"),
    [
        (0x2000, 2, 4, 7, 2),  # no such register
        (0x33, 2, 4, 7, 2),  # begins before the first
        (0x00, 2, 3, 7, 2),  # other function code
        (0x00, 81, 4, 7, 3),  # more than an SDM630 gives
        (0x00, 2, 4, 8, 11),  # no such unit
    ],
)
async def test_refusals(address: int, count: int, function: int, unit: int, exception: int) -> None:
    async with town() as served, client(served, "school") as school:
        ask = school.read_input_registers if function == 4 else school.read_holding_registers
        assert (await ask(address, count=count, device_id=unit)).exception_code == exception


async def test_nothing_can_be_written() -> None:
    async with town() as served, client(served, "school") as school:
        assert (await school.write_register(0, 1, device_id=7)).exception_code == 1
        assert (await school.write_registers(0, [1, 2], device_id=7)).exception_code == 1


async def test_a_sunspec_device_tells_its_models() -> None:
    async with town() as served, client(served, "roof") as roof:
        first = await roof.read_holding_registers(40000, count=122, device_id=126)
    words = first.registers
    assert bytes(byte for word in words[4:9] for byte in word.to_bytes(2, "big")) == b"Leitwarte\0"
    assert words[70:72] == [103, 50]
    decoded = {entry.quantity: entry.value for entry in decode_words("sunspec/inverter", {40000: words})}
    assert decoded["active_power_generation"] == 5432.0  # the scale factor that an int16 needs


async def test_a_spoiled_unit_heals() -> None:
    async with town() as served, client(served, "school") as school:
        served.spoil("meter", ModbusFault.BUSY)
        assert (await school.read_input_registers(0, count=2, device_id=7)).exception_code == 6
        served.spoil("meter", None)
        assert not (await school.read_input_registers(0, count=2, device_id=7)).isError()
        with pytest.raises(KeyError):
            served.spoil("nobody", ModbusFault.BUSY)


async def test_a_unit_misbehaves_in_the_spells_of_its_link() -> None:
    now_us = Clock().now_us()
    spell = Spell(Window(now_us - 60 * SECOND, now_us + 60 * SECOND), ModbusFault.NO_REGISTERS)
    past = Spell(Window(now_us - 60 * SECOND, now_us), ModbusFault.FAILURE)
    ill = Shown("ill", ModbusLink("school", 1, "eastron/sdm630", spells=(past, spell)), {"voltage_l1": 230.0})
    served = ModbusTown([ill, METER], Clock())
    await served.start()
    try:
        async with client(served, "school") as school:
            assert (await school.read_input_registers(0, count=2, device_id=1)).exception_code == 2
            assert not (await school.read_input_registers(0, count=2, device_id=7)).isError()
    finally:
        await served.stop()


async def test_the_ports_stay_over_a_restart() -> None:
    async with town() as served:
        ports = dict(served.ports)
        await served.stop()
        await served.start()
        assert served.ports == ports
        async with client(served, "school") as school:
            assert not (await school.read_input_registers(0, count=2, device_id=7)).isError()


async def test_a_device_that_computes_long_keeps_nobody_waiting() -> None:
    begun, goes_on = threading.Event(), threading.Event()

    class Slow(Shown):
        def at(self, times_us: Int64s) -> dict[str, Floats]:
            begun.set()
            assert goes_on.wait(PATIENCE_S)
            return super().at(times_us)

    slow = Slow("slow", ModbusLink("roof", 1, "eastron/sdm630"), {"voltage_l1": 230.0})
    served = ModbusTown([METER, slow], Clock())
    await served.start()
    try:
        async with client(served, "school") as school, client(served, "roof") as roof:
            answers: list[str] = []

            async def ask(connection: AsyncModbusTcpClient, unit: int, name: str) -> None:
                assert not (await connection.read_input_registers(0, count=2, device_id=unit)).isError()
                answers.append(name)

            async with asyncio.TaskGroup() as group:
                group.create_task(ask(roof, 1, "slow"))
                assert await asyncio.to_thread(begun.wait, PATIENCE_S)
                for _ in range(3):
                    await ask(school, 7, "quick")
                goes_on.set()
        assert answers == ["quick"] * 3 + ["slow"]
    finally:
        await served.stop()


async def test_a_device_without_values_is_off() -> None:
    off = Shown("off", ModbusLink("school", 3, "eastron/sdm630"), {"voltage_l1": math.nan, "active_power": math.nan})
    served = ModbusTown([METER, off], Clock())
    await served.start()
    try:
        async with client(served, "school", patience_s=0.5) as school:
            with pytest.raises(ModbusIOException):
                await school.read_input_registers(0, count=2, device_id=3)
        async with client(served, "school") as school:
            assert not (await school.read_input_registers(0, count=2, device_id=7)).isError()
    finally:
        await served.stop()


async def test_channels_and_sunspec_devices_share_a_unit() -> None:
    strings = [
        Shown(
            f"string-{n}",
            ModbusLink("roof", 126, "sunspec/mppt", channel=n),
            {"dc_power": 1000.0 * n, "dc_voltage": 400.0},
        )
        for n in (1, 2)
    ]
    meter = Shown("grid", ModbusLink("roof", 126, "sunspec/meter", models=(213,)), {"active_power": -4321.0})
    served = ModbusTown([INVERTER, *strings, meter], Clock())
    await served.start()
    try:
        async with client(served, "roof") as roof:
            words: list[int] = []
            for start in range(40000, 40360, 120):
                reply = await roof.read_holding_registers(start, count=120, device_id=126)
                words += (
                    reply.registers or (await roof.read_holding_registers(start, count=58, device_id=126)).registers
                )
    finally:
        await served.stop()
    found = {
        (template, entry.quantity): entry.value
        for template in ("sunspec/inverter", "sunspec/mppt", "sunspec/meter")
        for entry in decode_words(template, {40000: words})
    }
    assert found["sunspec/inverter", "active_power_generation"] == 5432.0
    assert found["sunspec/mppt", "dc_power"] == 1000.0
    assert found["sunspec/meter", "active_power"] == -4321.0


def test_two_devices_with_one_unit() -> None:
    twin = Shown("twin", METER.link, {})
    with pytest.raises(ValueError, match="bus 'school': unit 7 is 'meter' already; the second is 'twin'"):
        ModbusTown([METER, twin], Clock())
