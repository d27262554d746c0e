"""Secrets of the settings appear nowhere: not in logs, errors, health, metrics, or what check says."""

import signal
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import yaml

from tests.leitwarte.processes import leitwarte, started
from tests.patience import PATIENCE_S
from tests.servers import Server, free_port

CANARY = "kanarienvogel"


def test_no_secret_is_ever_said(mosquitto: Server, tmp_path: Path) -> None:
    health, file = free_port(), tmp_path / "leitwarte.yaml"
    base = f"http://127.0.0.1:{health}"
    plug = {"id": "plug", "format": "zigbee2mqtt", "topic": f"{tmp_path.name}/plug"}
    broker = {"host": mosquitto.host, "username": "u", "password": CANARY, "client_id": tmp_path.name}
    gone = {**broker, "id": "gone", "port": free_port()}
    written: dict[str, Any] = {
        "store": {
            "kind": "influxdb",
            "url": f"http://127.0.0.1:{free_port()}",
            "version": 1,
            "database": "d",
            "username": "u",
            "password": CANARY,
        },
        "mqtt": [{**broker, "id": "there", "port": mosquitto.port, "devices": [plug]}, gone],
        "analytics": {"notify": [f"ntfy://u:{CANARY}@127.0.0.1:1/topic"]},
        "alerts_url": f"sqlite:///{tmp_path}/alerts.db",
        "gateway": {"health": {"port": health}, "unready_after_s": 0, "retry_s": 0.1},
    }
    file.write_text(yaml.safe_dump(written), "utf-8")
    said = [whole("check", "-c", file), whole("check", "-c", file, "--json")]
    with started("run", "-c", file, "--only", "gateway") as running:
        running.wait_for(lambda: "mqtt connected" in running.said, 60, "the broker")
        running.wait_for(lambda: "mqtt broker lost" in running.said, 60, "the loss of the other")
        time.sleep(6)  # the store is tried again
        said += [answer(base + path) for path in ("/health", "/health/ready", "/health/live", "/metrics")]
        written["mqtt"][0]["pasword"] = CANARY
        file.write_text(yaml.safe_dump(written), "utf-8")
        said += [whole("check", "-c", file), whole("reload", "-c", file)]
        running.process.send_signal(signal.SIGHUP)
        running.wait_for(lambda: "settings_refused" in running.said, 30, "the refusal")
        written["mqtt"][0].pop("pasword")
        written["mqtt"][0]["password"] = CANARY + "2"
        file.write_text(yaml.safe_dump(written), "utf-8")
        said.append(whole("reload", "-c", file))
        assert "connection mqtt there changed" in said[-1]
        assert running.end(signal.SIGTERM) == 0
    said.append(running.said)
    for text in said:
        assert text
        assert CANARY not in text


def test_nothing_starts_with_a_secret_that_everybody_knows(tmp_path: Path) -> None:
    file = tmp_path / "leitwarte.yaml"
    store = {"kind": "influxdb", "url": "http://127.0.0.1:1", "version": 2, "org": "o", "database": "d"}
    brokers = [{"id": "broker", "host": "127.0.0.1", "username": "u", "password": CANARY, "devices": []}]
    file.write_text(yaml.safe_dump({"store": {**store, "token": "ChangeMe"}, "mqtt": brokers}), "utf-8")
    outcome = leitwarte("run", "-c", file)
    assert outcome.returncode == 2
    assert "store.token: everybody knows that secret, so nothing is started" in outcome.stderr
    assert not {"ChangeMe", CANARY} & set(outcome.stderr.split())


def whole(*arguments: str | Path) -> str:
    outcome = leitwarte(*arguments)
    return outcome.stdout + outcome.stderr


def answer(url: str) -> str:
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE_S) as found:
            return str(found.read(), "utf-8")
    except urllib.error.HTTPError as error:
        return str(error.read(), "utf-8")
