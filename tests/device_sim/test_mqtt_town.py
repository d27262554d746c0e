"""The town's devices over a real broker: what the broker acknowledged is what the collector heard."""

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from collectors.mqtt.collector import MqttCollector
from collectors.mqtt.settings import MqttSettings
from device_sim.broker import InProcessBroker
from device_sim.device import MqttLink
from device_sim.misspeaking import MqttFault
from device_sim.mqtt.town import MqttTown
from metering.clock import Clock
from metering.instant import SECOND, parse
from metering.samples import Floats, Int64s
from tests import servers
from tests.collectors.mqtt.recording import RecordingSink
from tests.patience import PATIENCE_S

START = parse("2026-01-05T08:00:00Z")
JSON = {
    "time": {"pointer": "/t", "format": "unix_ms"},
    "values": [{"pointer": "/kwh", "quantity": "heat_energy", "unit": "kWh"}],
}


class Ramp:
    """A device whose values rise by one unit a second."""

    def __init__(self, name: str, form: str, quantities: tuple[str, ...], options: Mapping[str, object]) -> None:
        self.id = name
        self.quantities = quantities
        self.link = MqttLink(form, f"town/{name}", 10.0, options)

    def at(self, times_us: Int64s) -> dict[str, Floats]:
        seconds = (times_us - START) / SECOND
        return {name: seconds + number for number, name in enumerate(self.quantities)}


DEVICES = (
    Ramp("plug", "zigbee2mqtt", ("active_power", "active_energy_import"), {}),
    Ramp("reader", "tasmota", ("active_power", "active_energy_import", "active_energy_export"), {}),
    Ramp("meter", "shelly_gen2", ("active_power", "active_power_l1", "active_energy_import"), {}),
    Ramp("heat", "json", ("heat_energy",), JSON),
)


def settings(host: str, port: int, name: str, protocol: str = "auto") -> MqttSettings:
    devices = [
        {"id": it.id, "format": it.link.format, "topic": it.link.topic, "options": it.link.options} for it in DEVICES
    ]
    fields = {"id": name, "host": host, "port": port, "protocol": protocol, "devices": devices}
    return MqttSettings.model_validate(fields)


@contextlib.asynccontextmanager
async def tasks(*jobs: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    started = [asyncio.create_task(job) for job in jobs]
    try:
        yield
    finally:
        for task in started:
            task.cancel()
        await asyncio.gather(*started, return_exceptions=True)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - the town counts, and tells no one
            await asyncio.sleep(0.01)


@pytest.fixture(params=["mosquitto", "amqtt", "amqtt, version unknown"])
async def broker(request: pytest.FixtureRequest) -> AsyncIterator[tuple[str, int, str]]:
    """Host, port and protocol version."""
    if request.param == "mosquitto":
        server: servers.Server = request.getfixturevalue("mosquitto")
        yield server.host, server.port, "5"
    else:
        in_process = InProcessBroker("127.0.0.1", servers.free_port())
        await in_process.start()
        yield in_process.host, in_process.port, "3.1.1" if request.param == "amqtt" else "auto"
        await in_process.stop()


async def play(
    broker: tuple[str, int, str], name: str, sink: RecordingSink, messages: int, fault: MqttFault | None = None
) -> tuple[dict[tuple[str, str, int], float], MqttCollector]:
    """Run town and collector until so many messages are acknowledged and heard; returns what the town's ledger says."""
    host, port, protocol = broker
    clock = Clock(speed=100, start_us=START)
    ledger: dict[tuple[str, str, int], float] = {}

    def book(device: str, values: Mapping[str, float], time_us: int | None) -> None:
        assert time_us is not None
        ledger.update({(device, quantity, time_us): value for quantity, value in values.items()})

    collector = MqttCollector(settings(host, port, name, protocol), clock)
    town = MqttTown(DEVICES, clock, host, port, ledger=book)
    for device in DEVICES:
        town.spoil(device.id, fault)
    async with tasks(collector.run(sink)):
        await until(lambda: collector.counts.connections == 1)
        before = collector.counts.messages
        async with tasks(town.run()):
            await until(lambda: town.counts.acknowledged >= messages)
        await until(lambda: collector.counts.messages - before >= town.counts.acknowledged)
    assert town.counts.lost == 0
    return ledger, collector


async def test_what_the_broker_acknowledged_is_what_arrives(broker: tuple[str, int, str]) -> None:
    sink = RecordingSink()
    ledger, _ = await play(broker, "arrives", sink, 60)
    stored = {(reading.device, reading.quantity, reading.time_us): reading.value for reading in sink.readings}
    assert len(stored) == len(sink.readings)
    assert {device for device, _, _ in ledger} == {device.id for device in DEVICES}
    assert {key: stored.get(key) for key in ledger} == pytest.approx(ledger)
    assert sink.letters == sink.failures == []


async def test_values_are_those_of_the_device_at_their_time(mosquitto: servers.Server) -> None:
    sink = RecordingSink()
    await play((mosquitto.host, mosquitto.port, "5"), "true", sink, 30)
    for reading in sink.readings:
        (device,) = (device for device in DEVICES if device.id == reading.device)
        shown = device.at(np.array([reading.time_us], np.int64))[reading.quantity][0]
        assert reading.value == pytest.approx(shown, abs=1.6), reading  # Tasmota cuts its time to seconds


async def test_a_duplicate_is_one_reading_by_its_identity(mosquitto: servers.Server) -> None:
    sink = RecordingSink()
    await play((mosquitto.host, mosquitto.port, "5"), "twice", sink, 40, MqttFault.DUPLICATE)
    identities = {(reading.device, reading.quantity, reading.time_us) for reading in sink.readings}
    assert 0 < len(identities) < len(sink.readings)
    assert len(set(sink.readings)) == len(identities), "both copies say the same value at the same time"


async def test_garbage_becomes_dead_letters(mosquitto: servers.Server) -> None:
    sink = RecordingSink()
    ledger, collector = await play((mosquitto.host, mosquitto.port, "5"), "garbage", sink, 20, MqttFault.INVALID_UTF8)
    assert ledger == {}
    assert sink.readings == []
    assert collector.counts.dead_letters == len(sink.letters) >= 10


async def test_a_silent_town_says_only_that_it_is_there(mosquitto: servers.Server) -> None:
    sink = RecordingSink()
    ledger, _ = await play((mosquitto.host, mosquitto.port, "5"), "silent", sink, 3, MqttFault.SILENT)
    assert ledger == {}
    assert sink.readings == []


async def test_the_town_finds_its_broker_again() -> None:
    port = servers.free_port()
    broker = InProcessBroker("127.0.0.1", port)
    clock = Clock(speed=100, start_us=START)
    town = MqttTown(DEVICES, clock, "127.0.0.1", port)
    async with tasks(town.run()):
        await broker.start()
        await until(lambda: town.counts.acknowledged > 10)
        await broker.stop()
        await broker.start()
        before = town.counts.acknowledged
        await until(lambda: town.counts.acknowledged > before + 10)
    await broker.stop()


def test_a_broker_that_goes_while_nobody_speaks_leaves_no_traceback(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        with servers.mosquitto(tmp_path) as broker:
            town = MqttTown(DEVICES, Clock(start_us=START), broker.host, broker.port)  # they speak each ten seconds
            async with tasks(town.run()):
                await until(lambda: town.counts.acknowledged > 0)
                broker.kill()
                await asyncio.sleep(0.5)

    asyncio.run(scenario())
    gc.collect()
    assert "never retrieved" not in caplog.text


def test_the_demo_broker_stays_on_the_loopback_interface() -> None:
    with pytest.raises(ValueError, match="lets anyone in"):
        InProcessBroker("0.0.0.0", 1883)


def test_a_device_that_cannot_be_spoken_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="can't say co2"):
        MqttTown([Ramp("it", "shelly_gen2", ("co2",), {})], Clock(), "127.0.0.1", 1883)
