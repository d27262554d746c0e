"""How long the gateway takes to bring to the store what waited for it: an outbox filled beforehand, then drained."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from gateway.outbox import Outbox
from metering.clock import Clock
from metering.instant import SECOND
from metering.reading import Reading
from tests.faults.look import Store
from tests.faults.process import Gateway
from tests.servers import free_port, influxd

_QUANTITIES = ("active_power", "voltage_l1", "voltage_l2", "voltage_l3", "active_energy_import")
_INTERVAL_S = 10
_APPEND = 2000


@dataclass(frozen=True, slots=True)
class Drain:
    """An outage of ``hours`` at ``rate`` readings a second, and how many ``seconds`` its readings took to the store."""

    hours: float
    rate: float
    readings: int
    seconds: float


async def drain(folder: Path, hours: float, rate: float) -> Drain:
    """Raises AssertionError if the store has not each reading in the end."""
    outbox = Outbox(folder / "data" / "gateway" / "outbox", 1024 * 1_000_000, Clock())
    await outbox.open()
    for part in _readings(hours, rate):
        await outbox.append(part)
    await outbox.close()
    with influxd(_made(folder / "influxd")) as database:
        store = Store(database.url, "faults")
        store.create()
        database.stop()
        port = free_port()
        document = {
            "data_dir": str(folder / "data"),
            "store": store.settings(),
            "gateway": {"retry_s": 0.1, "retry_max_s": 0.5, "health": {"port": port}},
        }
        settings = folder / "leitwarte.yaml"
        settings.write_text(yaml.safe_dump(document), "utf-8")
        gateway = Gateway(settings, port, folder / "gateway.log", folder / "clock")
        gateway.start()
        try:
            while not await gateway.metrics():
                assert gateway.runs, "the gateway has ended by itself"
            await asyncio.to_thread(database.start)
            seconds = await _drained(gateway)
        finally:
            gateway.stop()
        stored = store.number_of(_QUANTITIES)
    assert stored == outbox.appended, f"{outbox.appended} readings waited, {stored} are in the store"
    return Drain(hours, rate, stored, seconds)


async def _drained(gateway: Gateway) -> float:
    """Seconds from when the database answers until nothing waits any more."""
    begun_s = time.monotonic()
    while (await gateway.metrics()).get("outbox_readings") != 0.0:
        assert gateway.runs, "the gateway has ended by itself"
        await asyncio.sleep(0.1)
    return time.monotonic() - begun_s


def _readings(hours: float, rate: float) -> Iterator[list[Reading]]:
    """What as many meters as make up the rate say, poll by poll, until now."""
    meters = max(1, round(rate * _INTERVAL_S / len(_QUANTITIES)))
    polls = round(hours * 3600 / _INTERVAL_S)
    first_us = Clock().now_us() - polls * _INTERVAL_S * SECOND
    part: list[Reading] = []
    for poll in range(polls):
        time_us = first_us + poll * _INTERVAL_S * SECOND
        for meter in range(meters):
            part += [Reading(f"meter-{meter}", quantity, float(poll % 1000), time_us) for quantity in _QUANTITIES]
        if len(part) >= _APPEND:
            yield part
            part = []
    yield part


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
