"""MQTT QoS 1 → InfluxDB through the whole gateway, acknowledged once durable; beside the broker's limit and a peer."""

import asyncio
import contextlib
import os
import sqlite3
import statistics
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from string import Template
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import msgspec
import yaml

from bench.payloads import KINDS, devices
from bench.processes import cpu_s, module, peak_mb, running
from bench.result import Row
from collectors.mqtt import packets
from tests import servers

_HERE = Path(__file__).parent
LEITWARTE = [str(Path(sys.executable).with_name("leitwarte")), "run", "--only", "gateway", "-c"]
_PROBES, _PROBE_ROUNDS = 10, 10
_PATIENCE_S = 300.0
_SLOWER_ON_DISK = 10  # times: the peer syncs each message by itself
_POLL_S = 0.1
_GENEROUS = {"max_inflight_messages": "1000"}  # the peer speaks MQTT 3.1.1, and 20, the default, would hold it up


Process = subprocess.Popen[bytes]
By = Callable[..., contextlib.AbstractContextManager[Process]]


class Setting:
    """A broker, a store and a folder, fresh for each measurement."""

    def __init__(self, folder: Path, broker: servers.Server, store: servers.Server) -> None:
        self.folder, self.broker, self.store = folder, broker, store
        self._asked("POST", "CREATE DATABASE bench")

    def stored(self) -> int:
        """Points in the store."""
        answer = self._asked("GET", "SELECT count(active_power) FROM /.*/ WHERE device !~ /^probe/")
        rows = answer["results"][0].get("series", [])
        return sum(int(row["values"][0][1]) for row in rows)

    def has(self, points: int) -> bool:
        """Whether so many are in the store. It is asked what it has only once it says to have taken as many: counting
        them again and again would take a core.
        """
        with urllib.request.urlopen(f"{self.store.url}/debug/vars") as reply:
            said = msgspec.json.decode(reply.read())
        taken = sum(part["values"]["pointsWrittenOK"] for name, part in said.items() if name.startswith("httpd:"))
        return taken >= points and self.stored() >= points

    def newest(self, devices: str) -> dict[str, float]:
        """The newest value of each device whose name begins so."""
        statement = f"SELECT last(active_power) FROM reading WHERE device =~ /^{devices}/ GROUP BY device"
        rows = self._asked("GET", statement)["results"][0].get("series", [])
        return {row["tags"]["device"]: row["values"][0][1] for row in rows}

    @contextlib.contextmanager
    def publish(self, kind: str, topics: int, messages: int, pace: float = 0.0) -> Iterator[Process]:
        """Devices that begin to speak with the block."""
        said = self.folder / "publisher.log"
        arguments = (self.broker.host, self.broker.port, kind, topics, messages, pace)
        with running(*module("bench.publisher", *arguments), said=said) as process:
            until(lambda: b"ready" in said.read_bytes(), process, 0.02)
            yield process

    def _asked(self, method: str, statement: str) -> Any:  # noqa: ANN401 - an answer of InfluxDB
        query = urllib.parse.urlencode({"db": "bench", "q": statement})
        with urllib.request.urlopen(urllib.request.Request(f"{self.store.url}/query?{query}", method=method)) as reply:
            return msgspec.json.decode(reply.read())


@contextlib.contextmanager
def setting() -> Iterator[Setting]:
    with TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        for part in ("broker", "store"):
            (folder / part).mkdir()
        broker = stack.enter_context(servers.mosquitto(folder / "broker", _GENEROUS))
        yield Setting(folder, broker, stack.enter_context(servers.influxd(folder / "store")))


def end_to_end(kind: str, topics: int, messages: int) -> list[Row]:
    """The gateway, the limit, and the peer if there is one."""
    load = f"{messages:,} messages on {topics:,} topics, {kind}"
    rows = [_row("mqtt", load, "leitwarte", _through(_gateway, kind, topics, messages))]
    rows.append(_row("mqtt", load, "limit: taken and thrown away", _through(_discarder, kind, topics, messages)))
    if "TELEGRAF_BIN" not in os.environ:
        return [*rows, Row("mqtt", load, "telegraf", {"messages/s": "not measured: TELEGRAF_BIN names no binary"})]
    rows.append(_row("mqtt", load, "telegraf, buffer in memory", _through(_telegraf("memory"), kind, topics, messages)))
    fewer = messages // _SLOWER_ON_DISK
    load = load.replace(f"{messages:,}", f"{fewer:,}")
    rows.append(_row("mqtt", load, "telegraf, synced disk buffer", _through(_telegraf("disk"), kind, topics, fewer)))
    return rows


def thingsboard(kind: str, topics: int, messages: int) -> Row:
    """ThingsBoard's gateway, as far as its own storage: without a ThingsBoard that answers it sends nothing on."""
    load, who = f"{messages:,} messages on {topics:,} topics, {kind}", "thingsboard-gateway, into its SQLite storage"
    if "THINGSBOARD_GATEWAY_BIN" not in os.environ:
        return Row("mqtt", load, who, {"messages/s": "not measured: THINGSBOARD_GATEWAY_BIN names no program"})
    return _row("mqtt", load, who, _through(_thingsboard, kind, topics, messages))


def growth(topics: int, messages: int, kind: str = "json") -> list[Row]:
    rows = []
    for times in (1, 4, 16):
        load = f"{times}×: {times * topics:,} topics, {times * messages:,} messages"
        rows.append(_row("growth", load, "leitwarte", _through(_gateway, kind, times * topics, times * messages)))
    return rows


def latency(pace: int, topics: int, kind: str = "json") -> Row:
    """From the moment of publishing until a query finds the value, with other messages at a pace beside it."""
    probes = [
        {"id": f"probe{n}", "format": "number", "topic": f"probe/{n}", "options": KINDS["number"].options}
        for n in range(_PROBES)
    ]
    with setting() as place, _gateway(place, kind, topics, probes), place.publish(kind, topics, 60 * pace, pace):
        time.sleep(2)
        waits = asyncio.run(_probe(place))
    figures = {"p50 ms": statistics.median(waits) * 1e3, "p99 ms": statistics.quantiles(waits, n=100)[98] * 1e3}
    load = f"{pace:,} messages/s on {topics:,} topics, beside {len(waits)} probes"
    return Row("latency", load, "leitwarte", dict(figures))


def cold_start(topics: int) -> Row:
    with setting() as place:
        with _gateway(place, "json", topics):
            pass  # so that the broker keeps a session and the messages of an absence
        with place.publish("json", topics, topics) as publisher:
            publisher.wait(60)
        begun = time.monotonic()
        with _gateway(place, "json", topics, wait=False) as process:
            until(lambda: place.stored() > 0, process)
            took = time.monotonic() - begun
    return Row("start", f"{topics:,} devices", "leitwarte", {"s to the first stored reading": took})


class Cost(NamedTuple):
    messages: int
    seconds: float
    cpu_s: float
    peak_mb: float


def _through(by: By, kind: str, topics: int, messages: int) -> Cost:
    with (
        setting() as place,
        by(place, kind, topics) as process,
        place.publish(kind, topics, messages),
    ):
        cpu, begun = cpu_s(process.pid), time.monotonic()
        if by is _discarder:
            told = place.folder / "done"
            until(told.exists, process)
            took, spent = map(float, told.read_text().split())
        else:
            until(lambda: _kept(place) >= messages if by is _thingsboard else place.has(messages), process)
            took, spent = time.monotonic() - begun, cpu_s(process.pid) - cpu
        return Cost(messages, took, spent, peak_mb(process.pid))


def _row(part: str, load: str, who: str, cost: Cost) -> Row:
    figures: dict[str, float | str] = {"messages/s": cost.messages / cost.seconds}
    figures["CPU µs/message"] = cost.cpu_s / cost.messages * 1e6
    return Row(part, load, who, {**figures, "peak MB": cost.peak_mb})


@contextlib.contextmanager
def _gateway(
    place: Setting, kind: str, topics: int, more: Sequence[dict[str, Any]] = (), *, wait: bool = True
) -> Iterator[Process]:
    with started(place, document(place, [*devices(kind, topics), *more]), wait=wait) as process:
        yield process


def document(place: Setting, heard: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The settings of a gateway that hears these devices."""
    broker = {"id": "bench", "host": place.broker.host, "port": place.broker.port}
    return {
        "data_dir": str(place.folder),
        "store": {"kind": "influxdb", "version": 1, "url": place.store.url, "database": "bench"},
        "mqtt": [{**broker, "devices": list(heard)}],
        "gateway": {"health": {"port": 0}},
    }


@contextlib.contextmanager
def started(
    place: Setting, written: dict[str, Any], name: str = "leitwarte", *, wait: bool = True
) -> Iterator[Process]:
    """A gateway with these settings, once it has subscribed."""
    settings, said = place.folder / f"{name}.yaml", place.folder / f"{name}.log"
    settings.write_text(yaml.safe_dump(written), "utf-8")
    with running(*LEITWARTE, settings, said=said) as process:
        if wait:
            until(lambda: b"mqtt connected" in said.read_bytes(), process)
        yield process


@contextlib.contextmanager
def _discarder(place: Setting, kind: str, topics: int) -> Iterator[Process]:  # noqa: ARG001
    """A subscriber that acknowledges and does nothing else; it says when it has all."""
    said = place.folder / "discarder.log"
    arguments = (place.broker.host, place.broker.port, KINDS[kind].said_on(0).split("/")[0], place.folder / "done")
    with running(*module("bench.discarder", *arguments), said=said) as process:
        until(lambda: b"ready" in said.read_bytes(), process)
        yield process


def _telegraf(buffer: str) -> By:
    @contextlib.contextmanager
    def telegraf(place: Setting, kind: str, topics: int) -> Iterator[Process]:  # noqa: ARG001
        template = Template((_HERE / "peers" / "telegraf.conf").read_text())
        configuration, said = place.folder / "telegraf.conf", place.folder / "telegraf.log"
        broker, store = f"tcp://{place.broker.host}:{place.broker.port}", place.store.url
        configuration.write_text(template.substitute(broker=broker, store=store, folder=place.folder, buffer=buffer))
        with running(os.environ["TELEGRAF_BIN"], "--config", configuration, said=said) as process:
            until(lambda: b"Connected" in said.read_bytes(), process)
            yield process

    return telegraf


@contextlib.contextmanager
def _thingsboard(place: Setting, kind: str, topics: int) -> Iterator[Process]:  # noqa: ARG001
    configuration, said = place.folder / "configuration", place.folder / "thingsboard.log"
    for folder in (configuration, place.folder / "thingsboard"):
        folder.mkdir()
    for template in (_HERE / "peers" / "thingsboard").iterdir():
        names = {"host": place.broker.host, "port": place.broker.port, "folder": place.folder}
        (configuration / template.name).write_text(Template(template.read_text()).substitute(names))
    where = {"TB_GW_CONFIG_DIR": f"{configuration}/", "TB_GW_LOGS_PATH": str(place.folder)}
    with running(os.environ["THINGSBOARD_GATEWAY_BIN"], said=said, env=where) as process:
        until(lambda: b"subscription success" in said.read_bytes(), process)
        yield process


def _kept(place: Setting) -> int:
    """Messages in the storage of ThingsBoard's gateway."""
    with contextlib.closing(sqlite3.connect(f"file:{place.folder}/thingsboard/data.db?mode=ro", uri=True)) as storage:
        return int(storage.execute("SELECT count(*) FROM messages").fetchone()[0])


async def _probe(place: Setting) -> list[float]:
    reader, writer = await asyncio.open_connection(place.broker.host, place.broker.port)
    writer.write(packets.connect("3.1.1", "bench-probe", keepalive_s=0))
    await reader.readexactly(4)
    waits: list[float] = []
    for turn in range(_PROBE_ROUNDS):
        value = 100.0 + turn
        sent: dict[str, float] = {}
        for n in range(_PROBES):
            writer.write(packets.publish("3.1.1", f"probe/{n}", str(value).encode(), number=n + 1))
            sent[f"probe{n}"] = time.monotonic()
            await asyncio.sleep(0.037)
        while sent:
            found = await asyncio.to_thread(place.newest, "probe")
            now = time.monotonic()
            waits += [now - sent.pop(name) for name in list(sent) if found.get(name) == value]
            await asyncio.sleep(0.005)
    writer.close()
    return waits


def until(done: Callable[[], object], process: Process, every_s: float = _POLL_S) -> None:
    """Wait for it; not if the process has ended."""
    deadline = time.monotonic() + _PATIENCE_S
    while not done():
        if time.monotonic() > deadline or process.poll() is not None:
            raise RuntimeError(f"the measurement did not end ({process.args}, exit code {process.returncode})")
        time.sleep(every_s)
