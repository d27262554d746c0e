"""Kill -9 of the gateway in the middle of its work: what the town's broker acknowledged is in the store, once."""

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from metering.instant import Window
from metering.reading import Series
from storage.factory import open_store
from storage.settings import InfluxSettings
from tests.leitwarte.processes import Running, started
from tests.patience import PATIENCE_S
from tests.servers import Server

SPEED = 60
KILLS = 3


def test_nothing_acknowledged_is_lost_or_doubled(mosquitto: Server, influxd: Server, tmp_path: Path) -> None:
    settings, ledger = tmp_path / "leitwarte.yaml", tmp_path / "ledger.jsonl"
    store = InfluxSettings(kind="influxdb", url=influxd.url, version=1, database=f"kill{time.time_ns()}")
    town = ["sim", "--scenario", "sound", "--speed", str(SPEED), "--modbus-port", "0", "--ledger", ledger]
    with started(*town, "--mqtt", f"{mosquitto.host}:{mosquitto.port}", "--settings", tmp_path / "town.yaml") as sim:
        sim.wait_for((tmp_path / "town.yaml").exists, 60, "the settings of the town")
        written = yaml.safe_load((tmp_path / "town.yaml").read_text("utf-8"))
        written["store"] = store.model_dump(exclude_none=True)
        written["mqtt"][0]["client_id"] = tmp_path.name
        written["gateway"] = {"health": {"port": 0}}
        settings.write_text(yaml.safe_dump(written), "utf-8")

        with listening(settings) as gateway:
            time.sleep(1)
            since_us = max((entry["time_us"] for entry in entries(ledger)), default=0)
            time.sleep(3)
            gateway.process.kill()
        for life in range(KILLS - 1):
            with listening(settings) as gateway:
                time.sleep(random.Random(life).uniform(0, 6))
                gateway.process.kill()
        time.sleep(2)  # nobody listens, the town goes on
        sim.process.terminate()
        sim.process.wait(PATIENCE_S)
    expected = [entry for entry in entries(ledger) if entry["time_us"] > since_us]
    assert len(expected) > 100
    with listening(settings) as gateway:
        gateway.wait_for(lambda: missing(store, expected) == 0, 90, "the rest in the store")
    assert doubled(store, expected) == {}


@contextmanager
def listening(settings: Path) -> Iterator[Running]:
    """A gateway that has reached its broker."""
    with started("run", "-c", settings, "--only", "gateway") as gateway:
        gateway.wait_for(lambda: "mqtt connected" in gateway.said, 60, "the connection to the broker")
        yield gateway


def entries(ledger: Path) -> list[dict[str, Any]]:
    """What the broker acknowledged, of the devices that say the time."""
    lines = ledger.read_text("utf-8").splitlines()
    return [entry for entry in map(json.loads, lines) if entry["time_us"] is not None]


def missing(store: InfluxSettings, expected: list[dict[str, Any]]) -> int:
    """How many acknowledged values the store does not have as they were sent."""
    stored = in_store(store, expected)
    return sum(
        stored.get(Series(entry["device"], quantity), {}).get(entry["time_us"]) != value
        for entry in expected
        for quantity, value in entry["values"].items()
    )


def doubled(store: InfluxSettings, expected: list[dict[str, Any]]) -> dict[Series, int]:
    """How many values more than the broker acknowledged each series has."""
    sent = Counter(Series(entry["device"], quantity) for entry in expected for quantity in entry["values"])
    since_us = min(int(entry["time_us"]) for entry in expected)
    stored = in_store(store, expected)
    return {
        series: len([at for at in times if at >= since_us]) - sent[series]
        for series, times in stored.items()
        if len([at for at in times if at >= since_us]) > sent[series]
    }


def in_store(settings: InfluxSettings, expected: list[dict[str, Any]]) -> dict[Series, dict[int, float]]:
    wanted = {Series(entry["device"], quantity) for entry in expected for quantity in entry["values"]}

    async def read() -> dict[Series, dict[int, float]]:
        store = open_store(settings)
        await store.start()
        found = await store.samples(wanted, Window(0, 2**52))
        await store.close()
        return {
            series: dict(zip(samples.times_us.tolist(), samples.values.tolist(), strict=True))
            for series, samples in found.items()
        }

    return asyncio.run(read())
