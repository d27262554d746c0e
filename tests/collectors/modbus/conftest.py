"""A sink that remembers, devices that show what they are told, and a collector that runs for as long as a test."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import numpy as np
import pytest

from collectors.modbus.collector import ModbusCollector
from collectors.modbus.settings import ModbusSettings
from collectors.protocol import DeadLetter, Receipt
from device_sim.device import ModbusLink
from device_sim.modbus import ModbusTown
from metering.clock import Clock
from metering.reading import Reading
from metering.samples import Floats, Int64s


class RecordingSink:
    """Keeps what it is given; ``until`` waits for something to have come."""

    def __init__(self) -> None:
        self.polls: list[list[Reading]] = []
        self.failures: list[tuple[str, str]] = []
        self._news = asyncio.Condition()

    async def accept(self, readings: Sequence[Reading], receipts: Sequence[Receipt] = ()) -> None:
        assert not receipts
        self.polls.append(list(readings))
        await self._tell()

    def is_known(self, receipt: Receipt) -> bool:
        raise AssertionError(receipt)

    async def dead_letter(self, letter: DeadLetter) -> None:
        raise AssertionError(letter)

    def failed(self, device: str, reason: str) -> None:
        self.failures.append((device, reason))
        asyncio.get_running_loop().create_task(self._tell())

    def of(self, device: str) -> list[dict[str, float]]:
        """Each poll of the device as quantity → value."""
        polls = [[reading for reading in poll if reading.device == device] for poll in self.polls]
        return [{reading.quantity: reading.value for reading in poll} for poll in polls if poll]

    def reasons(self, device: str) -> list[str]:
        return [reason for failed, reason in self.failures if failed == device]

    async def until(self, condition: Callable[[], Any], within_s: float = 8.0) -> None:
        async with asyncio.timeout(within_s), self._news:
            await self._news.wait_for(condition)

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()


class Shown:
    """A simulated device that shows the values it was given, unchanged until told otherwise."""

    def __init__(
        self, id_: str, template: str, values: Mapping[str, float], *, unit: int = 1, bus: str = "bus"
    ) -> None:
        self.id = id_
        self.link = ModbusLink(bus, unit, template)
        self.values = dict(values)

    @property
    def quantities(self) -> tuple[str, ...]:
        return tuple(self.values)

    def at(self, times_us: Int64s) -> dict[str, Floats]:
        return {name: np.full(len(times_us), value) for name, value in self.values.items()}


class Rig:
    """Devices on one bus, served for real, and the collector that reads them."""

    def __init__(self, devices: Sequence[Shown], *, late_s: float = 0.3) -> None:
        self.devices = devices
        self.clock = Clock()
        self.town = ModbusTown(devices, self.clock, late_s=late_s)
        self.sink = RecordingSink()

    def settings(self, **overrides: Any) -> ModbusSettings:
        devices = [
            {"id": device.id, "unit": device.link.unit, "template": device.link.template, "interval_s": 0.2}
            | overrides.get(device.id, {})
            for device in self.devices
        ]
        return ModbusSettings(
            id="test",
            host=self.town.host,
            port=self.town.ports["bus"],
            timeout_s=overrides.get("timeout_s", 0.15),
            devices=devices,  # type: ignore[arg-type]
        )

    @asynccontextmanager
    async def running(self, **overrides: Any) -> AsyncIterator[RecordingSink]:
        """Town and collector at work; ``overrides`` are timeout_s and, by device id, settings of that device."""
        await self.town.start()
        collector = ModbusCollector(self.settings(**overrides), self.clock)
        task = asyncio.create_task(collector.run(self.sink))
        try:
            yield self.sink
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await self.town.stop()


@pytest.fixture
def rig() -> type[Rig]:
    return Rig


@pytest.fixture
def shown() -> type[Shown]:
    return Shown
