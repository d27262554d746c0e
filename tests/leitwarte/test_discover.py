"""Commissioning as an engineer does it, with real processes: discover, check, run."""

import json
import signal
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from leitwarte.commands.discover import app
from leitwarte.fragment import Item, document, rendered
from tests.leitwarte.processes import leitwarte, started
from tests.patience import PATIENCE_S
from tests.servers import Server, free_port


@pytest.fixture(scope="module")
def town(mosquitto: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The settings that the town itself would write, while it is served."""
    file = tmp_path_factory.mktemp("town") / "town.yaml"
    broker = f"{mosquitto.host}:{mosquitto.port}"
    with started("sim", "--scenario", "sound", "--modbus-port", "0", "--mqtt", broker, "--settings", file) as sim:
        sim.wait_for(file.exists, 60, "the settings of the town")
        yield yaml.safe_load(file.read_text("utf-8"))


def runs(settings: Path, devices: set[str]) -> None:
    """Fails unless `check` accepts the settings and `run` reads every one of the devices."""
    checked = leitwarte("check", "-c", settings)
    assert checked.returncode == 0, checked.stderr
    text = settings.read_text("utf-8")
    port = free_port()
    settings.write_text(f"{text}gateway: {{ health: {{ port: {port} }} }}\n", "utf-8")
    with started("run", "-c", settings, "--only", "gateway") as gateway:
        gateway.wait_for(lambda: online(port) >= len(devices), 90, f"readings of {len(devices)} devices")
        assert gateway.end(signal.SIGTERM) == 0, gateway.said[-3000:]
    latest = leitwarte("store", "latest", "-c", settings, "--json").stdout
    assert devices <= {json.loads(line)["device"] for line in latest.splitlines()}


def online(port: int) -> int:
    """How many devices the gateway hears."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=PATIENCE_S) as answer:
            return int(json.load(answer)["devices"].get("online", 0))
    except urllib.error.HTTPError as unwell:
        return int(json.load(unwell)["devices"].get("online", 0))
    except OSError:
        return 0


def test_discovered_modbus_settings_run_at_once(town: dict[str, Any], tmp_path: Path) -> None:
    first = town["modbus"][0]
    identified: set[str] = set()
    for bus in town["modbus"]:
        served = {device["unit"]: device["template"] for device in bus["devices"]}
        if identified.issuperset(served.values()):
            continue
        file = tmp_path / bus["id"] / "leitwarte.yaml"
        file.parent.mkdir()
        units = () if bus is first else ("--units", ",".join(map(str, [*served, 90])))
        outcome = leitwarte("discover", "modbus", f"127.0.0.1:{bus['port']}", "--id", bus["id"], "-o", file, *units)
        assert outcome.returncode == 0, outcome.stderr
        (found,) = yaml.safe_load(file.read_text("utf-8"))["modbus"]
        assert {device["unit"]: device["template"] for device in found["devices"]} == served
        identified.update(served.values())
    assert len(identified) > 4
    runs(tmp_path / first["id"] / "leitwarte.yaml", {f"{first['id']}-{device['unit']}" for device in first["devices"]})


def test_discovered_mqtt_settings_run_at_once(town: dict[str, Any], mosquitto: Server, tmp_path: Path) -> None:
    file = tmp_path / "leitwarte.yaml"
    broker = f"{mosquitto.host}:{mosquitto.port}"
    outcome = leitwarte("discover", "mqtt", broker, "--seconds", "20", "--id", tmp_path.name, "-o", file)
    assert outcome.returncode == 0, outcome.stderr
    text = file.read_text("utf-8")
    (found,) = yaml.safe_load(text)["mqtt"]
    proposed = {(device["format"], device["topic"]) for device in found["devices"]}
    spoken = {(device["format"], device["topic"]): device["interval_s"] for device in town["mqtt"][0]["devices"]}
    often = {key for key, interval_s in spoken.items() if interval_s <= 10 and key[0] != "json"}
    assert len(often) > 3
    assert often <= proposed <= spoken.keys()
    runs(file, {device["id"] for device in found["devices"] if (device["format"], device["topic"]) in often})


def test_machines_get_the_same(town: dict[str, Any]) -> None:
    bus = town["modbus"][0]
    outcome = leitwarte("discover", "modbus", f"127.0.0.1:{bus['port']}", "--units", "1-2,90", "--json")
    told = json.loads(outcome.stdout)
    assert [unit["unit"] for unit in told["units"]] == [1, 2]
    assert told["units"][0]["devices"][0]["template"] == told["settings"]["modbus"][0]["devices"][0]["template"]
    assert "active_energy_import" in told["units"][0]["devices"][0]["values"]


@pytest.mark.parametrize(
    ("call", "code", "says"),
    [
        (("modbus", "127.0.0.1:{free}"), 1, "nothing listens there"),
        (("modbus", "no-such-host.invalid"), 1, "the name is unknown here"),
        (("modbus", "127.0.0.1:{free}", "--units", "5-1"), 2, "is no unit id or range"),
        (("modbus",), 2, "give HOST[:PORT] or --serial"),
        (("modbus", "--serial", "/dev/no-such-port"), 1, "look under /dev/serial/by-id"),
        (("mqtt", "127.0.0.1:{free}"), 1, "nothing listens there"),
        (("mqtt", "host:port"), 2, "write HOST or HOST:PORT"),
        (("mqtt", "127.0.0.1:{free}", "--password-file", "/no/such/file"), 1, "No such file"),
    ],
)
def test_what_is_wrong_is_said_with_a_remedy(call: tuple[str, ...], code: int, says: str) -> None:
    outcome = CliRunner().invoke(app, [word.format(free=free_port()) for word in call])
    assert outcome.exit_code == code
    assert says in " ".join(outcome.stderr.split())
    assert outcome.stdout == ""


def test_an_entry_that_is_off_is_a_comment() -> None:
    on, off = Item({"id": "a", "options": {"x": "?"}}, ("why",)), Item({"id": "b"}, is_off=True)
    text = rendered({"modbus": (Item({"id": "bus"}, (), {"devices": (on, off)}),), "mqtt": (off,)}, ("head",))
    assert yaml.safe_load(text) == {"modbus": [{"id": "bus", "devices": [{"id": "a", "options": {"x": "?"}}]}]}
    assert yaml.safe_load(text) == document({"modbus": (Item({"id": "bus"}, (), {"devices": (on, off)}),)})
    assert "# - id: b" in text
    assert text.startswith("# head\n")
