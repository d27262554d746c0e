"""The collector against simulated devices on real sockets: every template, and everything that goes wrong on a bus."""

import asyncio
import math
from collections.abc import Sequence
from typing import Any

import pytest
from structlog.testing import capture_logs

from collectors.modbus.shelf import load_template, template_ids
from collectors.protocol import Receipts
from device_sim.modbus import ModbusFault
from metering.instant import SECOND
from metering.quantities import QUANTITIES
from metering.reading import Reading
from metering.units import conversion
from tests.collectors.modbus.conftest import RecordingSink
from tests.collectors.modbus.test_rota import Passing

WATER = "dynaflox/ultrad"  # one short block, no pauses

VALUES = {
    "active_power": -3450.25,
    "active_power_generation": 5432.1,
    "power_factor": -0.94,
    "frequency": 49.98,
    "state": 3.0,
    "battery_voltage": 3.6,
    "volume_flow": 1.25,
    "flow_temperature": 69.6,
    "return_temperature": 41.4,
}


def plausible(quantity: str) -> float:
    usual = {"voltage": 230.5, "current": 12.5}
    return VALUES.get(quantity, usual.get(quantity.split("_", maxsplit=1)[0], 1234.5))


@pytest.mark.parametrize("template_id", template_ids())
async def test_what_the_device_shows_is_read(rig: Any, shown: Any, template_id: str) -> None:
    template = load_template(template_id)
    registers = template.registers or template.sunspec[0].registers
    values = {register.quantity: plausible(register.quantity) for register in registers}
    async with rig([shown("d", template_id, values)]).running() as sink:
        await sink.until(lambda: sink.polls)
    (first, *_) = sink.of("d")
    steps = {
        register.quantity: 0.0
        if (register.type or template.type or "").startswith("f")
        else abs(register.scale) * factor
        for register in registers
        for factor, _ in [conversion(register.unit, QUANTITIES[register.quantity].unit)]
    }
    unsigned = {
        register.quantity
        for register in registers
        if (register.type or template.type or "").startswith("u") and not register.plus
    }
    expected = {
        name: pytest.approx(max(value, 0.0) if name in unsigned else value, rel=2e-7, abs=steps[name] * 0.51)
        for name, value in values.items()
    }
    assert first == expected
    assert sink.failures == []


async def test_a_poll_has_one_time_and_polls_fall_on_multiples_of_the_interval(rig: Any, shown: Any) -> None:
    device = shown("d", "keba/p30", {"active_power": 4000.0, "voltage_l1": 230.0})  # nine requests
    setup = rig([device])
    setup.clock = Passing()
    async with setup.running() as sink:
        await sink.until(lambda: len(sink.polls) >= 4)
    times = [{reading.time_us for reading in poll} for poll in sink.polls[:4]]
    assert [len(moments) for moments in times] == [1, 1, 1, 1]
    interval_us = round(0.2 * SECOND)
    slots = [min(moments) // interval_us for moments in times[1:]]
    assert slots == [slots[0], slots[0] + 1, slots[0] + 2]
    assert all(reading.device_time is False for poll in sink.polls for reading in poll)


async def test_the_next_device_is_asked_while_the_disk_is_waited_for_and_no_other(rig: Any, shown: Any) -> None:
    class Stuck(RecordingSink):
        async def accept(
            self, readings: Sequence[Reading], receipts: Receipts | None = None, *, can_wait: bool = True
        ) -> None:
            await super().accept(readings, receipts, can_wait=can_wait)
            await freed.wait()

    freed = asyncio.Event()
    setup = rig([shown(f"d{unit}", WATER, {"water_volume": float(unit)}, unit=unit) for unit in (1, 2, 3)])
    setup.sink = Stuck()
    async with setup.running() as sink:
        await sink.until(lambda: len(sink.polls) == 2)
        await asyncio.sleep(0.1)
        assert [poll[0].device for poll in sink.polls] == ["d1", "d2"]
        freed.set()
        await sink.until(lambda: sink.of("d3") and len(sink.of("d1")) > 1)


async def test_a_dead_unit_does_not_cost_the_others_a_poll(rig: Any, shown: Any) -> None:
    devices = [shown(f"d{unit}", WATER, {"water_volume": float(unit)}, unit=unit) for unit in (1, 2, 3)]
    setup = rig(devices)
    setup.town.spoil("d2", ModbusFault.SILENT)
    async with setup.running(timeout_s=0.1, **{f"d{unit}": {"interval_s": 0.5} for unit in (1, 2, 3)}) as sink:
        await sink.until(lambda: len(sink.of("d3")) >= 5 and len(sink.of("d1")) > len(sink.reasons("d2")) > 0)
    for device in ("d1", "d3"):
        slots = [poll[0].time_us // (SECOND // 2) for poll in sink.polls[2:] if poll[0].device == device]
        assert slots == sorted(set(slots)), "never twice"
    assert sink.of("d2") == []
    reasons = sink.reasons("d2")
    assert set(reasons) == {"no answer within 0.1 s"}


async def test_a_poll_survives_one_lost_answer(rig: Any, shown: Any) -> None:
    setup = rig([shown("d", WATER, {"water_volume": 7.0})])
    async with setup.running() as sink:
        await sink.until(lambda: sink.polls)
        await setup.town.stop()
        await setup.town.start()
        seen = len(sink.polls)
        await sink.until(lambda: len(sink.polls) >= seen + 2)
    assert sink.failures == []


async def test_a_gateway_that_is_away_is_reported_and_found_again(rig: Any, shown: Any) -> None:
    setup = rig([shown("a", WATER, {"water_volume": 1.0}), shown("b", WATER, {"water_volume": 2.0}, unit=2)])
    async with setup.running() as sink:
        await sink.until(lambda: sink.of("b"))
        await setup.town.stop()
        await sink.until(lambda: sink.reasons("a") and sink.reasons("b"))
        await setup.town.start()
        seen = len(sink.of("a")), len(sink.of("b"))
        await sink.until(lambda: len(sink.of("a")) > seen[0] and len(sink.of("b")) > seen[1])
    assert sink.reasons("a")[0].startswith(f"cannot connect to 127.0.0.1:{setup.town.ports['bus']}: ")


async def test_a_busy_device_is_asked_again_in_the_same_poll(rig: Any, shown: Any) -> None:
    setup = rig([shown("d", WATER, {"water_volume": 1.0})])
    setup.town.spoil("d", ModbusFault.BUSY)
    async with setup.running() as sink:
        await asyncio.sleep(0.15)
        setup.town.spoil("d", None)
        await sink.until(lambda: sink.polls)
    assert sink.failures == []


async def test_a_refused_hole_is_learned_once(rig: Any, shown: Any) -> None:
    values = {"heat_energy": 12345.0, "flow_temperature": 70.0, "return_temperature": 40.0}
    setup = rig([shown("d", "equysis/ultra", values)])
    setup.town.spoil("d", ModbusFault.NO_HOLES)
    with capture_logs() as logs:
        async with setup.running() as sink:
            await sink.until(lambda: len(sink.polls) >= 3)
    assert sink.of("d")[0] == values
    assert sink.failures == []
    refused = [entry for entry in logs if entry["event"] == "modbus registers refused"]
    assert [(entry["registers"], entry["remedy"]) for entry in refused] == [("16-25", "read in 2 pieces")]


async def test_registers_that_the_device_does_not_have_are_left_out(rig: Any, shown: Any) -> None:
    device = shown("d", "eastron/sdm120", {"active_power": 500.0, "active_energy_import": 9.0, "voltage_l1": 229.0})
    setup = rig([device])
    async with setup.running(d={"template": "eastron/sdm630"}) as sink:
        await sink.until(lambda: sink.polls)
    (first, *_) = sink.of("d")
    assert first["voltage_l1"] == 229.0
    assert first["active_energy_import"] == 9.0
    assert "active_power_l2" not in first
    assert "active_power" not in first  # an SDM120 has it elsewhere
    assert sink.failures == []


async def test_a_device_of_another_kind_is_reported(rig: Any, shown: Any) -> None:
    setup = rig([shown("d", WATER, {"water_volume": 1.0}), shown("e", "keba/p30", {"state": 2.0}, unit=255)])
    async with setup.running(d={"template": "keba/p30"}, e={"template": "sunspec/inverter"}) as sink:
        await sink.until(lambda: sink.reasons("d") and sink.reasons("e"))
    assert sink.reasons("d")[0] == "Modbus exception 2 (illegal data address)"
    assert sink.reasons("e")[0] == "no SunSpec device: 'SunS' is at none of 40000, 0, 50000"
    assert sink.polls == []


async def test_a_device_without_any_value_is_reported(rig: Any, shown: Any) -> None:
    setup = rig([shown("d", "eastron/sdm120", {"active_power": 1.0})])
    setup.town.spoil("d", ModbusFault.NO_VALUES)
    async with setup.running() as sink:
        await sink.until(lambda: sink.failures)
    assert sink.reasons("d")[0] == "answered, but had no value for anything"
    assert sink.polls == []


async def test_a_device_that_is_off_is_silent(rig: Any, shown: Any) -> None:
    async with rig([shown("d", WATER, {"water_volume": math.nan})]).running(timeout_s=0.15) as sink:
        await sink.until(lambda: sink.failures)
    assert sink.reasons("d")[0] == "no answer within 0.15 s"


async def test_factors_multiply(rig: Any, shown: Any) -> None:
    setup = rig([shown("d", WATER, {"water_volume": 2.5, "volume_flow": 1.0})])
    async with setup.running(d={"factors": {"water_volume": 10.0}}) as sink:
        await sink.until(lambda: sink.polls)
    assert sink.of("d")[0] == {"water_volume": 25.0, "volume_flow": 1.0}
