"""Production as docker-compose.yml runs it: three processes that meet in the database and the alert book."""

import json
import signal
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.leitwarte.processes import leitwarte, started
from tests.patience import PATIENCE_S
from tests.servers import Server, free_port


@pytest.fixture
def town(mosquitto: Server, influxd: Server, tmp_path: Path) -> Iterator[Path]:
    """Settings that read the town, with ports of their own."""
    arguments = ("--scenario", "sound", "--modbus-port", "0", "--mqtt", f"{mosquitto.host}:{mosquitto.port}")
    with started("sim", *arguments, "--settings", tmp_path / "town.yaml") as sim:
        sim.wait_for((tmp_path / "town.yaml").exists, 60, "the settings of the town")
        document = yaml.safe_load((tmp_path / "town.yaml").read_text("utf-8"))
        database = {"kind": "influxdb", "url": influxd.url, "version": 1, "database": f"town{time.time_ns()}"}
        document |= {"store": database, "analytics": {"interval_s": 2}, "web": {"port": free_port()}}
        document["gateway"] = {"health": {"port": free_port()}, "retry_s": 0.5, "retry_max_s": 1}
        document["mqtt"][0]["client_id"] = tmp_path.name
        path = tmp_path / "leitwarte.yaml"
        path.write_text(yaml.safe_dump(document), "utf-8")
        yield path


def test_three_processes_are_one_leitwarte(town: Path) -> None:
    document = yaml.safe_load(town.read_text("utf-8"))
    gateway_health = f"http://127.0.0.1:{document['gateway']['health']['port']}/health/ready"
    web = f"http://127.0.0.1:{document['web']['port']}"
    run = ("run", "-c", town, "--only")
    assert leitwarte("health", "--analytics", "-c", town).returncode == 1
    with started(*run, "gateway") as gateway, started(*run, "analytics") as analytics, started(*run, "web") as app:
        gateway.wait_for(lambda: answers(gateway_health), 60, "readiness of the gateway")
        app.wait_for(lambda: answers(f"{web}/health"), 60, "readiness of the web app")
        analytics.wait_for(
            (town.parent / "leitwarte-data" / "analytics.alive").exists, 90, "the first round of analytics"
        )
        over_modbus_and_mqtt = {"school-main", "school-water"}
        app.wait_for(lambda: over_modbus_and_mqtt <= online(web), 90, "live devices in the web app")
        gateway.wait_for(lambda: leitwarte("health", gateway_health).returncode == 0, 60, "health of the gateway")
        assert leitwarte("health", "--analytics", "-c", town).returncode == 0
        for process in (gateway, analytics, app):
            assert process.end(signal.SIGTERM) == 0, process.said[-3000:]
            assert "Traceback" not in process.said
    assert leitwarte("health", gateway_health).returncode == 1
    latest = [json.loads(line) for line in leitwarte("store", "latest", "-c", town, "--json").stdout.splitlines()]
    devices = {reading["device"] for reading in latest}
    assert over_modbus_and_mqtt <= devices
    built = leitwarte("dashboards", "build", "-c", town, "--out", town.parent / "provisioning")
    assert built.returncode == 0, built.stderr
    assert all(Path(line).is_file() for line in built.stdout.splitlines())


def test_a_database_that_is_down_at_boot_loses_nothing(town: Path, influxd: Server) -> None:
    document = yaml.safe_load(town.read_text("utf-8"))
    health = f"http://127.0.0.1:{document['gateway']['health']['port']}/health"
    influxd.stop()
    try:
        with started("run", "-c", town, "--only", "gateway") as gateway:
            gateway.wait_for(lambda: answers(f"{health}/live"), 60, "life of the gateway")
            gateway.wait_for(lambda: counters(health)["queued"] > 500, 60, "readings in the outbox")
            assert counters(health)["stored"] == 0
            influxd.start()
            gateway.wait_for(lambda: counters(health)["stored"] > 500, 60, "readings in the store")
            assert gateway.end(signal.SIGTERM) == 0
    finally:
        if not answers(influxd.url + "/ping"):
            influxd.start()


def test_a_second_gateway_on_the_same_folder_is_told_so(town: Path) -> None:
    with started("run", "-c", town, "--only", "gateway") as first:
        first.wait_for(lambda: "gateway_runs" in first.said, 60, "the first gateway")
        second = leitwarte("run", "-c", town, "--only", "gateway")
    assert second.returncode == 1
    assert "in use by another process" in second.stderr
    assert "Traceback" not in second.stderr


def test_a_taken_port_of_the_web_app_is_told(town: Path) -> None:
    document = yaml.safe_load(town.read_text("utf-8"))
    with socket.create_server(("127.0.0.1", document["web"]["port"])):
        outcome = leitwarte("run", "-c", town, "--only", "web")
    assert outcome.returncode == 1
    assert "cannot listen" in outcome.stderr


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
            return bool(answer.status < 300)
    except OSError:
        return False


def counters(url: str) -> dict[str, int]:
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
            numbers: dict[str, int] = json.load(answer)
    except urllib.error.HTTPError as error:  # not ready, but telling
        numbers = json.load(error)
    return numbers


def online(web: str) -> set[str]:
    with urllib.request.urlopen(f"{web}/api/v1/devices", timeout=PATIENCE_S) as answer:
        return {device["id"] for device in json.load(answer) if device["state"] == "online"}
