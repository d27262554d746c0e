"""What `leitwarte sim` plays: devices with their estate, on a clock that may run fast."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import yaml

from device_sim.broker import InProcessBroker
from device_sim.device import ModbusLink, SimDevice
from device_sim.modbus import ModbusTown
from device_sim.models import CARRIERS
from device_sim.mqtt.town import MqttTown
from device_sim.replay import Replay, ReplayDevice
from leitwarte.town_settings import Broker, Document, acquisition
from metering.clock import Clock
from metering.estate import Building, Device, Estate, Meter, Role, Site
from metering.instant import MINUTE


@dataclass(frozen=True, slots=True)
class Lapse:
    """A clock that two processes can share, as the settings file writes it."""

    speed: float
    start_us: int
    since_us: int

    @property
    def clock(self) -> Clock:
        return Clock(speed=self.speed, start_us=self.start_us, since_us=self.since_us)


@dataclass(frozen=True, slots=True)
class Stage:
    """Devices to be served; ``end_us`` is when there is nothing more to show, None for never."""

    devices: Sequence[SimDevice]
    estate: Estate
    lapse: Lapse
    end_us: int | None = None


@dataclass(frozen=True, slots=True)
class Venue:
    """Where it is served: the first Modbus port (0: free ones), the broker, and whether to start that broker here."""

    modbus_port: int
    broker: Broker
    own_broker: bool
    settings: Path | None
    ledger: Path | None


async def serve(stage: Stage, venue: Venue) -> None:
    """Serve the devices until there is nothing more to show, or cancelled. Raises OSError for a port that is taken."""
    clock = stage.lapse.clock
    host, port, _ = venue.broker
    async with AsyncExitStack() as stack:
        if venue.own_broker:
            broker = InProcessBroker(host, port)
            await broker.start()
            stack.push_async_callback(broker.stop)
        modbus = ModbusTown(stage.devices, clock, ports=_ports(stage.devices, venue.modbus_port))
        await modbus.start()
        stack.push_async_callback(modbus.stop)
        if venue.settings is not None:
            document = settings_document(stage, modbus.ports, venue.broker)
            venue.settings.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False), "utf-8")
        ledger = Ledger(stack.enter_context(venue.ledger.open("a"))) if venue.ledger is not None else None
        speaking = asyncio.create_task(MqttTown(stage.devices, clock, host, port, ledger=ledger).run())
        stack.callback(speaking.cancel)
        if stage.end_us is None:
            await speaking
        else:
            await clock.sleep_until(stage.end_us + MINUTE)


def settings_document(stage: Stage, modbus_ports: Mapping[str, int], broker: Broker) -> Document:
    """Settings for `leitwarte run` that read the stage into an embedded store, on the same clock."""
    document = acquisition(stage.estate, stage.devices, modbus_ports=modbus_ports, broker=broker)
    if stage.lapse.speed != 1.0:
        lapse = stage.lapse
        document["clock"] = {"speed": lapse.speed, "start_us": lapse.start_us, "since_us": lapse.since_us}
    return {"store": {"kind": "embedded"}, **document}


class Ledger:
    """Notes what the broker has acknowledged, one JSON line a message, written before the next one is sent."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def __call__(self, device: str, values: Mapping[str, float], time_us: int | None) -> None:
        self._file.write(json.dumps({"device": device, "values": dict(values), "time_us": time_us}) + "\n")
        self._file.flush()


def replay_estate(replay: Replay, name: str, interval_s: float) -> Estate:
    """One building with a supply meter for each series."""
    return Estate.of(
        sites=[Site("replay", name)],
        buildings=[Building("replay", name, "replay", "other")],
        devices=[Device(device.id, device.id, interval_s, "replay") for device in replay.devices],
        meters=[_meter(device) for device in replay.devices],
    )


def _meter(device: ReplayDevice) -> Meter:
    carrier = CARRIERS[device.register]
    power = next((quantity for quantity in device.quantities if quantity != device.register), None)
    return Meter(
        f"{device.id}.supply", device.id, "replay", carrier, Role.SUPPLY, device.id, device.register, power=power
    )


def _ports(devices: Sequence[SimDevice], first: int) -> dict[str, int]:
    if first == 0:
        return {}
    buses = dict.fromkeys(device.link.bus for device in devices if isinstance(device.link, ModbusLink))
    return {bus: first + number for number, bus in enumerate(buses)}
