"""Turns on a bus, and what silent units may cost the others."""

from collections import Counter

from collectors.modbus.rota import Rota
from collectors.modbus.settings import ModbusDevice
from collectors.modbus.station import Station
from metering.clock import Clock
from metering.instant import SECOND

TIMEOUT_S = 1.0
ANSWER_S = 0.05


class Passing(Clock):
    """Time that passes only where somebody waits for it."""

    passed_us = 0

    def now_us(self) -> int:
        return self.passed_us

    def steady_us(self) -> int:
        return self.passed_us

    async def sleep(self, seconds: float) -> None:
        self.passed_us += max(0, round(seconds * SECOND))


async def turns(dead: set[int], units: int, interval_s: float, seconds: float) -> Counter[int]:
    """How often each unit is asked within so many seconds, if an answer takes 50 ms and silence a second."""
    clock = Passing()
    devices = [
        ModbusDevice(id=str(unit), unit=unit, template="saia/h104", interval_s=interval_s) for unit in range(units)
    ]
    rota = Rota([Station(device, clock) for device in devices], clock)
    asked: Counter[int] = Counter()
    while clock.steady_us() < seconds * SECOND:
        station = await rota.next()
        asked[station.device.unit] += 1
        if station.device.unit in dead:
            await clock.sleep(TIMEOUT_S)
            station.failed()
        else:
            await clock.sleep(ANSWER_S)
            station.succeeded()
        rota.back(station)
    return asked


async def test_those_that_are_well_take_turns() -> None:
    asked = await turns(set(), 20, 0.02, 100.0)
    assert set(asked.values()) == {100}


async def test_however_many_are_dead_the_others_keep_nine_tenths() -> None:
    dead = set(range(1, 20, 2))
    asked = await turns(dead, 20, 0.02, 1000.0)
    silent_s = sum(asked[unit] for unit in dead) * TIMEOUT_S
    assert 50 < silent_s < 115
    assert min(asked[unit] for unit in dead) >= 4
    well = [asked[unit] for unit in set(range(20)) - dead]
    assert max(well) - min(well) <= 1
    assert sum(well) > 885 / ANSWER_S


async def test_a_dead_unit_with_a_long_interval_keeps_its_own_backoff() -> None:
    asked = await turns({3}, 5, 10.0, 3600.0)
    assert asked[3] == 16  # after 10, 20, 40, 80, 160 s, and then every five minutes
    assert all(asked[unit] >= 360 for unit in (0, 1, 2, 4))


async def test_where_all_are_dead_nobody_waits_for_the_others() -> None:
    asked = await turns({0, 1}, 2, 1.0, 10.0)
    assert min(asked.values()) >= 3
