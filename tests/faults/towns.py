"""The load: devices that count what they say, over MQTT by a publisher of ours, over Modbus by the simulator's town."""

import asyncio
import json
import random
from collections.abc import Mapping
from typing import Any

import aiomqtt
import numpy as np

from collectors.mqtt.client import Client
from device_sim.device import ModbusLink
from device_sim.modbus import ModbusTown
from metering.clock import Clock
from metering.instant import DAY, SECOND
from metering.samples import Floats, Int64s
from tests.faults.ledger import Key, Ledger, Place

PLAIN = "illuminance"
CONFLICTING = "humidity"
"""The quantity whose field in the store is of another type."""
RETENTION_DAYS = 30
_UNITS = {PLAIN: "lx", CONFLICTING: "%"}
_POISON_SHARE = 0.01
_TICK_S = 0.1
_RECONNECT_S = 0.5


class Talker:
    """An MQTT device: its value is the number of its message.

    age_us  how far the time in the payload lies back; None if there is none
    """

    def __init__(self, id_: str, interval_ticks: int, place: Place, quantity: str, age_us: int | None) -> None:
        self.id = id_
        self.interval_ticks = interval_ticks
        self.place = place
        self.number = 0
        self._quantity = quantity
        self._age_us = age_us

    @property
    def topic(self) -> str:
        return f"faults/{self.id}"

    @property
    def settings(self) -> dict[str, Any]:
        options: dict[str, Any] = {
            "values": [{"pointer": "/v", "quantity": self._quantity, "unit": _UNITS[self._quantity]}]
        }
        if self._age_us is not None:
            options["time"] = {"pointer": "/t", "format": "unix_us"}
        interval_s = self.interval_ticks * _TICK_S
        return {"id": self.id, "interval_s": interval_s, "format": "json", "topic": self.topic, "options": options}

    def payload(self) -> bytes:
        said = {"v": self.number}
        if self._age_us is not None:
            said["t"] = Clock().now_us() - self._age_us
        return json.dumps(said).encode()

    def poison(self) -> bytes:
        return b'{"v": %d, \xff' % self.number


class Publisher:
    """Lets the talkers talk at QoS 1 until cancelled, one message in a hundred poison; tells the ledger."""

    def __init__(self, talkers: list[Talker], ledger: Ledger, chance: random.Random, host: str, port: int) -> None:
        self._talkers = talkers
        self._ledger = ledger
        self._chance = chance
        self._address = (host, port)

    async def run(self) -> None:
        while True:
            try:
                async with Client(*self._address) as client:
                    client.pending_calls_threshold = 1000
                    await self._talk(client)
            except aiomqtt.MqttError:  # the broker is away; what it did not acknowledge is not said again
                await asyncio.sleep(_RECONNECT_S)

    async def _talk(self, client: Client) -> None:
        tick = 0
        while True:
            due = [talker for n, talker in enumerate(self._talkers) if (tick + n) % talker.interval_ticks == 0]
            for error in await asyncio.gather(*(self._say(client, one) for one in due), return_exceptions=True):
                if error is not None:
                    raise error
            tick += 1
            await asyncio.sleep(_TICK_S)

    async def _say(self, client: Client, talker: Talker) -> None:
        talker.number += 1
        key = Key(talker.id, talker.number)
        is_poison = self._chance.random() < _POISON_SHARE
        self._ledger.said(key, Place.DEAD if is_poison else talker.place)
        await client.publish(talker.topic, talker.poison() if is_poison else talker.payload(), qos=1)
        self._ledger.acknowledged(key)


class Counter:
    """A Modbus device (a `SimDevice`) of one register: the number of the poll."""

    quantities = ("pulse_count",)

    def __init__(self, bus: str, unit: int, ledger: Ledger) -> None:
        self.id = f"{bus}-{unit}"
        self.link = ModbusLink(bus, unit, "saia/h104")
        self._ledger = ledger
        self._polls = 0

    @property
    def settings(self) -> dict[str, Any]:
        return {"id": self.id, "interval_s": 1.0, "unit": self.link.unit, "template": self.link.template}

    def at(self, times_us: Int64s) -> dict[str, Floats]:
        self._polls += 1
        self._ledger.polled(self.link.bus, Key(self.id, self._polls))
        return {"pulse_count": np.full(len(times_us), float(self._polls))}


class Hurrying(Clock):
    """A second ahead at each look, so that the town shows no two polls the same picture of its registers."""

    def __init__(self) -> None:
        super().__init__()
        self._looks = 0

    def now_us(self) -> int:
        self._looks += 1
        return super().now_us() + self._looks * SECOND


class Load:
    """All devices of a session. The store refuses one value in a hundred, in two ways."""

    def __init__(self, ledger: Ledger, seed: int) -> None:
        self._ledger = ledger
        self._chance = random.Random(seed)
        self.talkers = [
            *(Talker(f"lamp-{n}", 2, Place.STORE, PLAIN, None) for n in range(14)),
            *(Talker(f"clock-{n}", 2, Place.STORE, PLAIN, 0) for n in range(6)),
            Talker("conflicting", 20, Place.REFUSED, CONFLICTING, 0),
            Talker("ancient", 20, Place.REFUSED, PLAIN, 2 * RETENTION_DAYS * DAY),
        ]
        self.meters = [Counter(f"bus-{n % 2}", 1 + n // 2, ledger) for n in range(6)]

    def modbus_town(self) -> ModbusTown:
        return ModbusTown(self.meters, Hurrying())

    def publisher(self, host: str, port: int) -> Publisher:
        return Publisher(self.talkers, self._ledger, self._chance, host, port)

    def settings(self, modbus_ports: Mapping[str, int], broker_port: int) -> dict[str, Any]:
        """The sections of the settings file for all of them. Modbus has long patience: every answer must be taken."""
        buses = [
            {
                "id": bus,
                "host": "127.0.0.1",
                "port": port,
                "timeout_s": 60.0,
                "devices": [meter.settings for meter in self.meters if meter.link.bus == bus],
            }
            for bus, port in modbus_ports.items()
        ]
        talkers = [talker.settings for talker in self.talkers]
        broker = {"id": "town", "host": "127.0.0.1", "port": broker_port, "protocol": "5", "devices": talkers}
        return {"modbus": buses, "mqtt": [broker]}
