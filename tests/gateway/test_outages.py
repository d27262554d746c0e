"""Real failures: a database that goes away, a gateway that is killed. Nothing that was accepted is lost."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from metering.instant import Window
from metering.reading import Reading, Series
from storage.embedded.store import EmbeddedStore
from storage.factory import open_store
from storage.protocol import Store
from storage.settings import EmbeddedSettings, InfluxSettings
from tests.gateway.parts import START_US, Speaker, adds_up, reading, running, settings_in, until
from tests.patience import PATIENCE_S
from tests.servers import Server

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_an_outage_of_influxdb_loses_nothing(tmp_path: Path, influxd: Server, end: str) -> None:
    store = open_store(InfluxSettings(kind="influxdb", url=influxd.url, version=1, database=f"gateway_{end}"))
    await store.start()

    async def slowed(batch: list[Reading]) -> None:
        await gateway.intake.accept(batch)
        await asyncio.sleep(0.005)

    async with running(store, [], settings_in(tmp_path, batch_readings=500)) as gateway:
        for n in range(100):
            await slowed([reading(100 * n + i) for i in range(100)])
        await asyncio.to_thread(influxd.stop if end == "stop" else influxd.kill)
        for n in range(100, 200):
            await slowed([reading(100 * n + i) for i in range(100)])
        assert adds_up(gateway)
        await until(lambda: gateway.status().store.failing_since_us is not None)
        assert gateway.status().queued >= 10_000
        await asyncio.to_thread(influxd.start)
        for n in range(200, 300):
            await slowed([reading(100 * n + i) for i in range(100)])
        await until(lambda: gateway.status().queued == 0)
        assert gateway.status().stored == gateway.status().received == 30_000
    series = Series("meter", "illuminance")
    found = (await store.samples([series], Window(START_US, START_US + 30_000)))[series]
    assert list(found.times_us) == list(range(START_US, START_US + 30_000))
    assert list(found.values) == [float(n % 1000) for n in range(30_000)]
    await store.close()


async def test_newest_first_what_comes_is_in_influxdb_while_the_backlog_waits(tmp_path: Path, influxd: Server) -> None:
    store = open_store(InfluxSettings(kind="influxdb", url=influxd.url, version=1, database="gateway_newest"))
    await store.start()
    backlog, series = 40_000, Series("other", "illuminance")
    settings = settings_in(tmp_path, batch_readings=200, drain="newest_first")
    async with running(store, [], settings) as gateway:
        await asyncio.to_thread(influxd.stop)
        for start in range(0, backlog, 1000):
            await gateway.intake.accept([reading(start + n) for n in range(1000)])
        await until(lambda: gateway.status().store.failing_since_us is not None)
        await asyncio.to_thread(influxd.start)
        await until(lambda: gateway.status().stored > 0)
        for n in range(3):
            newest = reading(backlog + n, "other")
            await gateway.intake.accept([newest])
            async with asyncio.timeout(PATIENCE_S):
                while newest.time_us not in await times_in(store, series):  # noqa: ASYNC110 - another process
                    await asyncio.sleep(0.01)
            assert gateway.status().queued > 0, "of the backlog, which was there first"
            assert adds_up(gateway)
        await until(lambda: gateway.status().queued == 0)
    assert await times_in(store, Series("meter", "illuminance")) == list(range(START_US, START_US + backlog))
    await store.close()


async def times_in(store: Store, series: Series) -> list[int]:
    return (await store.samples([series], Window(START_US, START_US + 1_000_000)))[series].times_us.tolist()


async def test_a_reading_that_influxdb_refuses_is_set_aside_alone(tmp_path: Path, influxd: Server) -> None:
    store = open_store(InfluxSettings(kind="influxdb", url=influxd.url, version=1, database="gateway_poison"))
    await store.start()
    far_future = Reading("meter", "illuminance", 1.0, 2**63 // 1000 + 1_000_000)  # beyond InfluxDB's nanoseconds
    batch = [reading(n) for n in range(500)]
    batch[123] = far_future
    settings = settings_in(tmp_path, future_tolerance_s=1e12)
    async with running(store, [Speaker([batch])], settings) as gateway:
        await until(lambda: gateway.status().queued == 0 and gateway.status().received == 500)
        assert gateway.status().rejected == {"refused": 1}
        assert gateway.status().stored == 499
    assert await store.count(Window(START_US, START_US + 500)) == 499
    await store.close()


async def test_a_killed_gateway_has_kept_all_it_accepted(tmp_path: Path) -> None:
    accepted = 0
    for _ in range(2):
        accepted = await asyncio.to_thread(killed_gateway, tmp_path, accepted)
    store = EmbeddedStore(EmbeddedSettings(path=tmp_path / "store.duckdb"))
    await store.start()
    async with running(store, [], settings_in(tmp_path)) as gateway:
        await until(lambda: gateway.status().queued == 0)
        assert gateway.status().damaged <= 1  # a frame half written when the process was killed
        assert gateway.intake.is_known("counting", accepted - 20, 1)
    series = Series("meter", "illuminance")
    found = (await store.samples([series], Window(START_US, START_US + accepted)))[series]
    assert list(found.times_us) == list(range(START_US, START_US + accepted))
    await store.close()


def killed_gateway(folder: Path, first: int) -> int:
    """Run a gateway in a child process, kill it in the middle, and return how far it said it got."""
    command = [sys.executable, str(Path(__file__).with_name("gateway_process.py")), str(folder), str(first)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == f"{first + 20}\n"
        lines = [child.stdout.readline().strip() for _ in range(20)]
        child.kill()
        lines += child.stdout.read().split("\n")[:-1]
    return int(lines[-1])
