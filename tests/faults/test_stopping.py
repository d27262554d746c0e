"""SIGTERM with a backlog and a store in trouble: it ends in time, and what is not in the store is on disk."""

import asyncio
import time
from pathlib import Path

import pytest
import yaml

from gateway.outbox import Outbox
from metering.clock import Clock
from metering.reading import Reading
from tests.faults import store_proxy
from tests.faults.look import Store
from tests.faults.process import Gateway
from tests.faults.store_proxy import StoreProxy
from tests.servers import Server, free_port

BACKLOG = 200_000  # 40 batches, of 0.7 s and more where the store is slow
DRAIN_S = 2.0
PATIENCE_S = 40.0  # for a machine that has other work: still far from the store's time-out


def on_writes(fault: store_proxy.Fault) -> store_proxy.Fault:
    async def of(exchange: store_proxy.Exchange) -> None:
        await (fault if exchange.is_write else store_proxy.passed_on)(exchange)

    return of


@pytest.mark.parametrize("fault", [store_proxy.slow, store_proxy.half_open])
async def test_stopping_takes_no_longer_than_it_may_and_loses_nothing(
    tmp_path: Path, influxd: Server, fault: store_proxy.Fault
) -> None:
    store = Store(influxd.url, f"stopping_{fault.__name__}")
    store.create()
    outbox = Outbox(tmp_path / "data" / "gateway" / "outbox", 1 << 30, Clock())
    await outbox.open()
    now_us = Clock().now_us()
    for start in range(0, BACKLOG, 1000):
        await outbox.append([Reading("meter", "illuminance", float(n), now_us - n) for n in range(start, start + 1000)])
    await outbox.close()
    proxy = StoreProxy(influxd.port)
    await proxy.start()
    proxy.set(on_writes(fault))
    port, settings = free_port(), tmp_path / "leitwarte.yaml"
    document = {
        "data_dir": str(tmp_path / "data"),
        "store": store.settings(f"http://127.0.0.1:{proxy.port}", timeout_s=60.0),
        "gateway": {"drain_s": DRAIN_S, "health": {"port": port}},
    }
    settings.write_text(yaml.safe_dump(document), "utf-8")
    gateway = Gateway(settings, port, tmp_path / "gateway.log", tmp_path / "clock")
    gateway.start()
    try:
        while not proxy.writes:
            assert gateway.runs, (tmp_path / "gateway.log").read_text()
            await asyncio.sleep(0.05)
        begun_s = time.monotonic()
        assert await asyncio.to_thread(gateway.stop) == 0
        took_s = time.monotonic() - begun_s
    finally:
        if gateway.runs:
            gateway.kill()
        await proxy.stop()
    assert DRAIN_S <= took_s < DRAIN_S + PATIENCE_S
    stored = store.number_of(["illuminance"])
    outbox = Outbox(tmp_path / "data" / "gateway" / "outbox", 1 << 30, Clock())
    await outbox.open()
    left = outbox.queued
    await outbox.close()
    assert (stored > 0) == (fault is store_proxy.slow)
    assert left > 0, "it has not waited for the whole backlog"
    assert BACKLOG <= stored + left <= BACKLOG + 5000, "at most one batch is in both: its answer came too late"
