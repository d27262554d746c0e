"""What was set aside, as its operator meets it: with the gateway running, and without."""

import json
import signal
import time
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
import yaml
from click.testing import Result
from paho.mqtt.enums import CallbackAPIVersion
from typer.testing import CliRunner

from leitwarte.commands import deadletter, store
from metering import instant
from tests.leitwarte.processes import started
from tests.servers import Server


def written(file: Path, mosquitto: Server, format_: str) -> None:
    """Settings by which the plug speaks in this format; in fact it says plain numbers."""
    options = {"quantity": "active_power", "unit": "W"} if format_ == "number" else {}
    plug = {"id": "plug", "format": format_, "topic": f"{file.parent.name}/plug", "options": options}
    broker = {"id": "broker", "host": mosquitto.host, "port": mosquitto.port, "client_id": file.parent.name}
    document = {"mqtt": [{**broker, "devices": [plug]}], "gateway": {"health": {"port": 0}, "retry_s": 0.1}}
    file.write_text(yaml.safe_dump(document), "utf-8")


def say(broker: Server, topic: str, *payloads: str) -> None:
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.connect(broker.host, broker.port)
    client.loop_start()
    for payload in payloads:
        client.publish(topic, payload, qos=1).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()


def leitwarte(name: str, *arguments: str | Path) -> Result:
    """The command, without the time its process would take to start."""
    app = {"deadletter": deadletter.app, "store": store.app}[name]
    return CliRunner().invoke(app, [*map(str, arguments)])


def cases(file: Path, *options: str) -> list[dict[str, Any]]:
    listed = leitwarte("deadletter", "list", "--json", "-c", file, *options)
    return [json.loads(line) for line in listed.stdout.splitlines()]


def shown(file: Path, case: str) -> str:
    return leitwarte("deadletter", "show", case, "-c", file).stdout


def stored(file: Path) -> list[dict[str, Any]]:
    lines = leitwarte("store", "latest", "-c", file, "--json").stdout.splitlines()
    return [reading for reading in map(json.loads, lines) if reading["device"] == "plug"]


@pytest.fixture
def file(tmp_path: Path, mosquitto: Server) -> Path:
    """Settings beside three letters that a gateway left, which has stopped."""
    path = tmp_path / "leitwarte.yaml"
    written(path, mosquitto, "zigbee2mqtt")
    with started("run", "-c", path, "--only", "gateway") as gateway:
        gateway.wait_for(lambda: "mqtt connected" in gateway.said, 60, "the connection")
        say(mosquitto, f"{tmp_path.name}/plug", "12,5", "17.5", "\x00\x01")
        gateway.wait_for(lambda: len(cases(path)) == 3, 30, "the letters")
        time.sleep(2)  # until they are acknowledged, too: else they come again
        assert gateway.end(signal.SIGTERM) == 0
    return path


def test_letters_are_listed_shown_and_replayed_once_without_the_gateway(file: Path, mosquitto: Server) -> None:
    found = cases(file)
    assert [case["source"] for case in found] == ["broker"] * 3
    assert len(cases(file, "--source", "stranger")) == 0
    assert leitwarte("deadletter", "show", "9-9", "-c", file).exit_code == 2
    written(file, mosquitto, "number")
    good = found[1]
    assert "plug active_power 17.5" in shown(file, good["id"])
    first = leitwarte("deadletter", "replay", good["id"], "-c", file)
    assert (first.exit_code, first.stdout) == (0, "1 readings of 1 cases taken; 0 cases left as they are\n")
    again = leitwarte("deadletter", "replay", good["id"], "-c", file)
    assert again.exit_code == 1
    assert "replayed before" in again.stderr
    assert [case["id"] for case in cases(file)] == [case["id"] for case in found if case is not good]
    with started("run", "-c", file, "--only", "gateway") as gateway:
        gateway.wait_for(lambda: "gateway_runs" in gateway.said, 60, "the gateway")
        time.sleep(2)
        gateway.end(signal.SIGTERM)
    (reading,) = stored(file)
    assert reading["value"] == 17.5
    assert abs(instant.parse(reading["time"]) - instant.parse(good["time"])) < instant.SECOND


def test_a_running_gateway_takes_them(file: Path, mosquitto: Server) -> None:
    written(file, mosquitto, "number")
    with started("run", "-c", file, "--only", "gateway") as gateway:
        gateway.wait_for(lambda: "gateway_runs" in gateway.said, 60, "the gateway")
        outcome = leitwarte("deadletter", "replay", "--all", "-c", file)
        assert "1 readings of" in outcome.stdout, outcome.stderr
        time.sleep(2)
        gateway.end(signal.SIGTERM)
        assert "Traceback" not in gateway.said
    (reading,) = stored(file)
    assert reading["value"] == 17.5


def test_a_call_must_say_what_to_replay(file: Path) -> None:
    assert leitwarte("deadletter", "replay", "-c", file).exit_code == 2
    assert leitwarte("deadletter", "replay", "1-0", "--all", "-c", file).exit_code == 2
