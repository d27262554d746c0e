"""The Modbus collector: polls the devices behind one connection in turn, each at its own interval."""

import asyncio
from collections.abc import Mapping

from collectors.modbus.bus import Bus, BusError, Unreachable
from collectors.modbus.rota import Rota
from collectors.modbus.settings import ModbusSettings
from collectors.modbus.station import Station
from collectors.modbus.sunspec import ChainError
from collectors.modbus.transport import Transport
from collectors.protocol import Sink
from metering.clock import Clock
from metering.reading import Reading

_HANDS = 2  # while one waits for the disk, the other asks the next device; so at most one answer more is at stake


class ModbusCollector:
    """Reads registers (function codes 3 and 4) and never writes any.

    Polls fall on the clock's multiples of the interval; if the bus is too slow for that, polls are skipped, never
    piled up. All readings of one poll carry the same time, the middle between its first request and last answer.
    """

    def __init__(self, settings: ModbusSettings, clock: Clock) -> None:
        self.name = f"modbus:{settings.id}"
        self._settings = settings
        self._clock = clock

    async def run(self, sink: Sink) -> None:
        """Poll until cancelled."""
        settings = self._settings
        rota = Rota([Station(device, self._clock) for device in settings.devices], self._clock)
        bus = Bus(Transport(settings), settings.timeout_s, self._clock)
        turn = asyncio.Lock()
        try:
            async with asyncio.TaskGroup() as hands:
                for _ in range(_HANDS):
                    hands.create_task(self._work(turn, rota, bus, sink))
        finally:
            bus.close()

    async def _work(self, turn: asyncio.Lock, rota: Rota, bus: Bus, sink: Sink) -> None:
        while True:
            async with turn:
                station = await rota.next()
                readings, reason = await self._poll(station, bus)
                rota.back(station)
            if readings:
                await sink.accept(readings, can_wait=False)
            if reason is not None:
                sink.failed(station.device.id, reason)

    async def _poll(self, station: Station, bus: Bus) -> tuple[list[Reading], str | None]:
        """What it gave, perhaps before it failed, and why it did."""
        begun_us = self._clock.steady_us()
        values: dict[str, float] = {}
        reason = None
        try:
            await station.read(bus, values)
            station.succeeded()
            if not values:
                reason = "answered, but had no value for anything"
        except Unreachable as unreachable:
            station.postpone()  # not the unit's fault: no back-off of its own
            station.due_us = min(station.due_us, unreachable.retry_us)
            reason = str(unreachable)
        except (BusError, ChainError) as problem:
            station.failed()
            reason = str(problem)
        time_us = self._clock.now_us() - (self._clock.steady_us() - begun_us) // 2
        return self._readings(station, values, time_us), reason

    def _readings(self, station: Station, values: Mapping[str, float], time_us: int) -> list[Reading]:
        device = station.device
        if device.factors:
            values = {name: value * device.factors.get(name, 1.0) for name, value in values.items()}
        return [Reading(device.id, name, value, time_us) for name, value in values.items()]
