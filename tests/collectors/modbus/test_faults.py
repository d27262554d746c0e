"""Everything that can go wrong on a bus at once: each fault on a bus of its own, beside a device that is well.

One run serves all tests: the buses are well, then each has its fault, then they heal.
"""

import asyncio
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from device_sim.device import ModbusLink
from device_sim.modbus import ModbusFault, Wire
from metering.clock import Clock
from metering.instant import SECOND
from metering.samples import Floats, Int64s

INTERVAL_S = 2.0
TIMEOUT_S = 0.5
SILENCE = {f"no answer within {TIMEOUT_S:g} s"}
GIVES_VALUES = {ModbusFault.NO_HOLES, ModbusFault.STUCK, ModbusFault.RESTARTED, ModbusFault.SWAPPED_WORDS}
ONLY_ON_RTU = ModbusFault.WRONG_CHECKSUM


class Counting:
    """A heat meter: 1 kWh each second."""

    def __init__(self, id_: str, bus: str, unit: int) -> None:
        self.id, self.link = id_, ModbusLink(bus, unit, "equysis/ultra")
        self.quantities = ("heat_energy", "flow_temperature", "return_temperature")
        self._begin_us = Clock().now_us()

    def at(self, times_us: Int64s) -> dict[str, Floats]:
        counted = 1000.0 + (times_us - self._begin_us) / SECOND
        return {"heat_energy": counted, "flow_temperature": counted * 0 + 70.5, "return_temperature": counted * 0 + 40}


def bus_of(fault: ModbusFault) -> str:
    return f"bus-{fault.name}"


@pytest.fixture(scope="module")
def run(rig: Any) -> Mapping[str, Any]:
    """The sink of the whole run, and how many polls of each spoiled device had come when it was spoiled and healed."""

    async def everything() -> Mapping[str, Any]:
        devices = [
            Counting(name, bus_of(fault), unit) for fault in ModbusFault for unit, name in enumerate(names(fault), 1)
        ]
        wires = {bus_of(ONLY_ON_RTU): Wire.RTU_OVER_TCP}
        setup = rig(devices, wires=wires, late_s=0.75)
        each = {device.id: {"interval_s": INTERVAL_S} for device in devices}
        async with setup.running(timeout_s=TIMEOUT_S, **each) as sink:
            await sink.until(lambda: all(len(sink.of(device.id)) >= 2 for device in devices))
            spoiled_at = {fault: len(sink.of(fault.name)) for fault in ModbusFault}
            for fault in ModbusFault:
                setup.town.spoil(fault.name, fault)
            await asyncio.sleep(3.5 * INTERVAL_S)
            reasons = {fault: sink.reasons(fault.name) for fault in ModbusFault}
            healed_at = {fault: len(sink.of(fault.name)) for fault in ModbusFault}
            for fault in ModbusFault:
                setup.town.spoil(fault.name, None)
            await sink.until(lambda: all(len(sink.of(fault.name)) > healed_at[fault] for fault in ModbusFault))
        return {"sink": sink, "spoiled": spoiled_at, "healed": healed_at, "reasons": reasons}

    return asyncio.run(everything())


def names(fault: ModbusFault) -> tuple[str, str]:
    """The device that has the fault, and the one beside it."""
    return fault.name, f"beside-{fault.name}"


@pytest.mark.parametrize("fault", ModbusFault)
def test_the_others_lose_no_poll(run: Mapping[str, Any], fault: ModbusFault) -> None:
    _, beside = names(fault)
    sink = run["sink"]
    interval_us = round(INTERVAL_S * SECOND)
    slots = [poll[0].time_us // interval_us for poll in sink.polls if poll[0].device == beside][1:]
    assert slots == list(range(slots[0], slots[0] + len(slots)))
    assert sink.reasons(beside) == []
    assert np.all(np.diff([poll["heat_energy"] for poll in sink.of(beside)[1:]]) > 0)


@pytest.mark.parametrize("fault", [fault for fault in ModbusFault if fault not in GIVES_VALUES])
def test_what_is_no_answer_gives_no_value(run: Mapping[str, Any], fault: ModbusFault) -> None:
    reasons = {
        ModbusFault.BUSY: {"Modbus exception 6 (device busy)"},
        ModbusFault.NO_REGISTERS: {"Modbus exception 2 (illegal data address)"},
        ModbusFault.FAILURE: {"Modbus exception 4 (device failure)"},
        ModbusFault.NO_TARGET: {"Modbus exception 11 (gateway got no answer from the device)"},
        ModbusFault.WRONG_FUNCTION: {"reply to function 4 instead of 3"},
        ModbusFault.CUT_ANSWER: {"4 registers came instead of 10"},
        ModbusFault.WRONG_UNIT: {"reply of unit 2 instead of 1"},
        ModbusFault.GARBAGE: {"what came from the bus is no Modbus TCP"},
        ModbusFault.NO_VALUES: {"answered, but had no value for anything"},
    }
    assert run["healed"][fault] == run["spoiled"][fault]
    assert {re.sub(r"127\S+", "the bus", reason) for reason in run["reasons"][fault]} == reasons.get(fault, SILENCE)


def test_refused_holes_cost_nothing(run: Mapping[str, Any]) -> None:
    assert run["healed"][ModbusFault.NO_HOLES] > run["spoiled"][ModbusFault.NO_HOLES] + 1
    assert run["reasons"][ModbusFault.NO_HOLES] == []


def energies(run: Mapping[str, Any], fault: ModbusFault) -> tuple[list[float], list[float]]:
    """What the device showed while it was spoiled, and afterwards."""
    shown = [poll["heat_energy"] for poll in run["sink"].of(fault.name)]
    return shown[run["spoiled"][fault] : run["healed"][fault]], shown[run["healed"][fault] :]


def test_stuck_registers(run: Mapping[str, Any]) -> None:
    spoiled, healed = energies(run, ModbusFault.STUCK)
    assert len(spoiled) >= 2
    assert len(set(spoiled)) == 1
    assert healed[-1] > spoiled[0] >= 1000.0


def test_counters_that_begin_again(run: Mapping[str, Any]) -> None:
    spoiled, healed = energies(run, ModbusFault.RESTARTED)
    assert 0.0 <= spoiled[0] < spoiled[-1] < 1000.0
    assert healed[-1] > 1000.0


def test_swapped_words(run: Mapping[str, Any]) -> None:
    spoiled, healed = energies(run, ModbusFault.SWAPPED_WORDS)
    assert spoiled
    assert not any(999.0 < value < 1100.0 for value in spoiled)
    assert 1000.0 < healed[-1] < 1100.0
