"""Health and metrics as monitoring systems see them."""

import asyncio
import signal
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.gateway import Gateway
from gateway.settings import HealthSettings
from metering.clock import Clock
from metering.reading import Reading
from storage.protocol import StoreUnavailable
from tests.gateway.parts import DEVICES, Failing, ScriptedStore, Speaker, reading, running, settings_in, until


def client(gateway: Gateway) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=f"http://127.0.0.1:{gateway.health_port}", trust_env=False)


async def metrics(http: httpx.AsyncClient) -> dict[str, float]:
    text = (await http.get("/metrics")).text
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {sample.name + "".join(f" {value}" for value in sample.labels.values()): sample.value for sample in samples}


async def test_all_is_well(tmp_path: Path) -> None:
    strange = reading(1, "stranger")
    async with running(ScriptedStore(), [Speaker([[reading(1), strange]])], settings_in(tmp_path)) as gateway:
        await until(lambda: gateway.status().stored == 1)
        async with client(gateway) as http:
            assert (await http.get("/health/live")).json() == {"ok": True}
            ready = await http.get("/health/ready")
            assert (ready.status_code, ready.json()) == (200, {"ok": True, "problems": []})
            health = (await http.get("/health")).json()
            assert (health["ok"], health["stored"], health["rejected"]) == (True, 1, {"unknown_device": 1})
            assert [device["id"] for device in health["devices_not_online"]] == ["other", "sensor"]
            found = await metrics(http)
            assert found["leitwarte_gateway_readings_received_total"] == 2
            assert found["leitwarte_gateway_readings_stored_total"] == 1
            assert found["leitwarte_gateway_readings_rejected_total unknown_device"] == 1
            assert found["leitwarte_gateway_devices late"] == 2
            assert found["leitwarte_gateway_collector_up speaker"] == 1
            assert found["leitwarte_gateway_ready"] == 1
            assert found["leitwarte_gateway_device_state meter online"] == 1
            assert found["leitwarte_gateway_device_state meter silent"] == 0
            assert found["leitwarte_gateway_device_readings_total meter"] == 1
            assert found["leitwarte_gateway_device_failures_total other"] == 0
            assert found["leitwarte_gateway_quarantine_bytes"] > 0
            assert found["process_resident_memory_bytes"] > 0


async def test_a_store_that_is_long_away_and_no_collector_are_problems(tmp_path: Path) -> None:
    def down(_: Sequence[Reading]) -> None:
        raise StoreUnavailable("http://me:secret@db is gone")

    failing = Failing(OSError("no such serial port"))
    settings = settings_in(tmp_path, unready_after_s=0.05, retry_s=5, retry_max_s=5, drain_s=0)
    async with running(ScriptedStore(down), [failing], settings) as gateway:
        await gateway.intake.accept([reading(1)])
        await until(lambda: len(gateway.status().problems) == 2)
        async with client(gateway) as http:
            assert (await http.get("/health/live")).status_code == 200
            ready = await http.get("/health/ready")
            assert ready.status_code == 503
            assert [problem.split(":")[0][:24] for problem in ready.json()["problems"]] == [
                "the store has taken noth",
                "no collector is running",
            ]
            health = await http.get("/health")
            assert health.status_code == 503
            assert "secret" not in health.text
            assert (await metrics(http))["leitwarte_gateway_store_up"] == 0


async def test_two_gateways_share_no_metrics_and_a_taken_port_is_told(tmp_path: Path) -> None:
    async with running(ScriptedStore(), [Speaker([[reading(1)]])], settings_in(tmp_path / "a")) as first:
        await until(lambda: first.status().stored == 1)
        async with running(ScriptedStore(), [], settings_in(tmp_path / "b")) as second, client(second) as http:
            assert (await metrics(http))["leitwarte_gateway_readings_stored_total"] == 0
        assert first.health_port is not None
        taken = settings_in(tmp_path / "c", health=HealthSettings(port=first.health_port))
        with pytest.raises(OSError, match=r"another gateway running\? Otherwise change gateway.health"):
            await Gateway(ScriptedStore(), [], DEVICES, taken, Clock()).run()


async def test_signals_stay_with_the_process(tmp_path: Path) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    async with running(ScriptedStore(), [], settings_in(tmp_path)):
        await asyncio.sleep(0.1)
        assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
