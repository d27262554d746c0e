"""Settings change under load: what stays notices nothing, what changes loses nothing, a broken file changes nothing."""

import asyncio
import json
import signal
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import paho.mqtt.client as paho
import yaml
from paho.mqtt.enums import CallbackAPIVersion

from device_sim.device import ModbusLink
from device_sim.modbus import ModbusTown
from metering.clock import Clock
from metering.instant import SECOND, Window
from metering.reading import Series
from metering.samples import Floats, Int64s
from storage.factory import open_store
from storage.settings import InfluxSettings
from tests.leitwarte.processes import Running, leitwarte, started
from tests.patience import PATIENCE_S
from tests.servers import Server, free_port

RELOADS = 10
BUSES = ("steady", "moving")


class Counting:
    """A Modbus device whose register is the number of the poll."""

    quantities = ("pulse_count",)

    def __init__(self, bus: str) -> None:
        self.id = f"{bus}-meter"
        self.link = ModbusLink(bus, 1, "saia/h104")
        self.polls = 0

    def at(self, times_us: Int64s) -> dict[str, Floats]:
        self.polls += 1
        return {"pulse_count": np.full(len(times_us), float(self.polls))}


class Hurrying(Clock):
    """A second ahead at each look, so that no two polls are shown the same picture of the registers."""

    looks = 0

    def now_us(self) -> int:
        self.looks += 1
        return super().now_us() + self.looks * SECOND


@contextmanager
def modbus() -> Iterator[tuple[dict[str, int], list[Counting]]]:
    """Ports and devices of a town in a thread of its own."""
    devices = [Counting(bus) for bus in BUSES]
    ports = {bus: free_port() for bus in BUSES}
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    town = ModbusTown(devices, Hurrying(), ports=ports)
    try:
        asyncio.run_coroutine_threadsafe(town.start(), loop).result(PATIENCE_S)
        yield ports, devices
        asyncio.run_coroutine_threadsafe(town.stop(), loop).result(PATIENCE_S)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


class Publisher:
    """Says 1, 2, 3 … on each topic until it is told to stop; ``said`` is what the broker has acknowledged."""

    def __init__(self, broker: Server, topics: list[str]) -> None:
        self.said = dict.fromkeys(topics, 0)
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._talk)
        self._thread.start()

    def stop(self) -> None:
        self._end.set()
        self._thread.join()
        self._client.disconnect()
        self._client.loop_stop()

    def _talk(self) -> None:
        while not self._end.is_set():
            for topic, number in self.said.items():
                self._client.publish(topic, str(number + 1), qos=1).wait_for_publish(30)
                self.said[topic] = number + 1
            time.sleep(0.01)


def document(number: int, broker: Server, ports: dict[str, int], store: InfluxSettings, health: int) -> dict[str, Any]:
    """The settings of the n-th reload: in `moving` something is changed each time, and a third connection comes."""

    def bus(id_: str, interval_s: float) -> dict[str, Any]:
        device = {"id": f"{id_}-meter", "unit": 1, "template": "saia/h104", "interval_s": interval_s}
        return {"id": id_, "host": "127.0.0.1", "port": ports[id_], "timeout_s": 20, "devices": [device]}

    def listened(id_: str, topics: list[str]) -> dict[str, Any]:
        options = {"quantity": "illuminance", "unit": "lx"}
        devices = [{"id": topic, "format": "number", "topic": topic, "options": options} for topic in topics]
        return {"id": id_, "host": broker.host, "port": broker.port, "client_id": f"{id_}{health}", "devices": devices}

    return {
        "store": store.model_dump(mode="json", exclude_none=True),
        "modbus": [bus("steady", 0.5), *([bus("moving", 0.5 + number % 3)] if number % 4 != 3 else [])],
        "mqtt": [
            listened("quiet", [f"quiet{health}"]),
            listened("moved", [f"moved{health}", *([f"extra{health}"] if number % 2 else [])]),
        ],
        "gateway": {"health": {"port": health}, "retry_s": 0.1},
    }


def test_ten_reloads_under_load_lose_nothing_and_double_nothing(
    mosquitto: Server, influxd: Server, tmp_path: Path
) -> None:
    file, health = tmp_path / "leitwarte.yaml", free_port()
    store = InfluxSettings(kind="influxdb", url=influxd.url, version=1, database=f"reload{time.time_ns()}")
    topics = [f"quiet{health}", f"moved{health}"]
    with modbus() as (ports, (steady, moving)):

        def write(number: int) -> None:
            file.write_text(yaml.safe_dump(document(number, mosquitto, ports, store, health)), "utf-8")

        write(0)
        with started("run", "-c", file, "--only", "gateway") as gateway:
            gateway.wait_for(lambda: gateway.said.count("mqtt connected") == 2, 60, "both connections")
            publisher = Publisher(mosquitto, topics)
            try:
                for number in range(1, RELOADS + 1):
                    write(number)
                    if number == 5:
                        outcome = leitwarte("reload", "-c", file)
                        assert outcome.returncode == 0, outcome.stderr
                        assert "connection mqtt moved changed" in outcome.stdout
                        refuses_a_broken_file(file, gateway)
                    else:
                        gateway.process.send_signal(signal.SIGHUP)
                    gateway.wait_for(lambda n=number: reloads(gateway) == n, 60, f"reload {number}")  # type: ignore[misc]
                    time.sleep(0.5)
            finally:
                publisher.stop()
            gateway.wait_for(lambda: settled(store, publisher.said), 60, "everything in the store")
            polled = {device.id: device.polls for device in (steady, moving)}
            gateway.wait_for(lambda: metered(store, "steady-meter") >= polled["steady-meter"] - 1, 30, "the polls")
            assert gateway.end(signal.SIGTERM) == 0
    connected = [json.loads(line) for line in gateway.said.splitlines() if "mqtt connected" in line]
    assert [entry["broker"] for entry in connected].count("quiet") == 1
    assert gateway.said.count("modbus connected") == 1 + reconnections()
    for topic, said in publisher.said.items():
        assert values(store, Series(topic, "illuminance")) == Counter(range(1, said + 1))
    for device in (steady, moving):
        found = values(store, Series(device.id, "pulse_count"))
        assert max(found.values()) == 1
        lost = set(range(1, max(found) + 1)) - set(found)
        assert not lost if device is steady else len(lost) <= RELOADS  # a poll that is under way ends with its bus
    assert publisher.said[topics[0]] > 20


def refuses_a_broken_file(file: Path, gateway: Running) -> None:
    sound = file.read_text("utf-8")
    file.write_text(sound.replace("interval_s:", "intervall_s:"), "utf-8")
    outcome = leitwarte("reload", "-c", file)
    assert outcome.returncode == 2
    assert "did you mean 'interval_s'" in outcome.stderr
    before = reloads(gateway)
    gateway.process.send_signal(signal.SIGHUP)
    gateway.wait_for(lambda: "settings_refused" in gateway.said, 30, "the refusal")
    assert reloads(gateway) == before
    file.write_text(sound, "utf-8")


def reloads(gateway: Running) -> int:
    return gateway.said.count("settings_reloaded")


def reconnections() -> int:
    """How often the moving bus is begun: it is changed, or comes back, with all reloads but those that leave it out."""
    return 1 + sum(number % 4 != 3 for number in range(1, RELOADS + 1))


def settled(store: InfluxSettings, said: dict[str, int]) -> bool:
    return all(sum(values(store, Series(topic, "illuminance")).values()) >= number for topic, number in said.items())


def metered(store: InfluxSettings, device: str) -> int:
    return len(values(store, Series(device, "pulse_count")))


def values(settings: InfluxSettings, series: Series) -> Counter[int]:
    """How often each value is in the store."""

    async def read() -> Counter[int]:
        store = open_store(settings)
        await store.start()
        found = await store.samples([series], Window(0, 2**52))
        await store.close()
        return Counter(found[series].values.astype(int).tolist())

    return asyncio.run(read())


def test_two_processes_reload_and_say_what_needs_a_restart(influxd: Server, tmp_path: Path) -> None:
    file, port = tmp_path / "leitwarte.yaml", free_port()
    database = {"kind": "influxdb", "url": influxd.url, "version": 1, "database": f"reload{time.time_ns()}"}
    device = {"id": "old", "unit": 1, "template": "saia/h104"}
    bus = {"id": "bus", "host": "127.0.0.1", "port": free_port(), "devices": [device]}
    written: dict[str, Any] = {"store": database, "modbus": [bus], "web": {"port": port}}
    written["gateway"] = {"health": {"port": 0}}
    file.write_text(yaml.safe_dump(written), "utf-8")
    assert leitwarte("reload", "-c", file).returncode == 1
    run = ("run", "-c", file, "--only")
    with started(*run, "gateway") as gateway, started(*run, "web") as web:
        gateway.wait_for(lambda: "gateway_runs" in gateway.said, 60, "the gateway")
        web.wait_for(lambda: ids(port) == {"old"}, 60, "the web app")
        device["id"] = "new"
        written["gateway"]["drain_s"] = 1
        written["timezone"] = "Europe/Lisbon"
        written["web"]["port"] = free_port()
        file.write_text(yaml.safe_dump(written), "utf-8")
        outcome = leitwarte("reload", "-c", file)
        assert outcome.returncode == 0, outcome.stderr
        for line in ("gateway: device new added", "gateway: device old removed", "web: web begun anew"):
            assert line in outcome.stdout
        assert "gateway: gateway needs a restart" in outcome.stdout
        assert "gateway: timezone needs a restart" in outcome.stdout
        assert "web: web.port needs a restart" in outcome.stdout
        web.wait_for(lambda: ids(port) == {"new"}, 60, "the web app with the new device")
        for process in (gateway, web):
            assert process.end(signal.SIGTERM) == 0
            assert "Traceback" not in process.said


def ids(port: int) -> set[str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/devices", timeout=PATIENCE_S) as answer:
            return {device["id"] for device in json.load(answer)}
    except OSError:
        return set()
