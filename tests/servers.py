"""The real servers the tests speak to, each on a free port with a temporary folder, started and stopped by the test."""

import contextlib
import itertools
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Self

import pytest

from tests.patience import PATIENCE_S

_UNPACKED = Path(__file__).parent.parent / ".cache" / "servers" / "root"
_LOWEST_PORT, _RANGES, _RANGE = 10_000, 20, 1_000


def free_port() -> int:
    """A TCP port of the loopback interface that nobody listens on, and that nobody else is given.

    Below those that the system hands to connections, and each worker of pytest-xdist has a range of its own: a port
    that the system finds free may be taken again before the server that it is for listens there.
    """
    while True:
        port = next(_ports)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def _own_ports() -> Iterator[int]:
    """One after another, again and again, from a place that depends on the process: others may run these tests too."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _RANGES
    first, begin = _LOWEST_PORT + worker * _RANGE, os.getpid() % _RANGE
    return (first + (begin + n) % _RANGE for n in itertools.count())


_ports = _own_ports()


def executable(name: str) -> str:
    """The path of a server's program. Skips the test if the machine has none; with ``CI=true`` it fails."""
    unpacked = [_UNPACKED / "usr" / folder / name for folder in ("lib/chromium", "sbin", "bin")]
    for candidate in (shutil.which(name), f"/usr/sbin/{name}", *map(str, unpacked)):
        if candidate and os.access(candidate, os.X_OK):
            return candidate
    message = f"{name} cannot be had on this machine (tests/get-servers.sh says why)"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


def environment() -> dict[str, str]:
    """The environment for programs: those unpacked from packages find libraries, and fonts where there are none."""
    below = ("usr/lib/*-linux-gnu/", "lib/*-linux-gnu/", "usr/lib/*-linux-gnu/*/")  # Chromium wants pulseaudio's, too
    folders = [folder for pattern in below for folder in _UNPACKED.glob(pattern)]
    libraries = [*map(str, folders), os.environ.get("LD_LIBRARY_PATH", "")]
    fonts = {"FONTCONFIG_FILE": str(_UNPACKED / "etc/fonts/fonts.conf"), "XDG_DATA_HOME": str(_UNPACKED / "usr/share")}
    has_fonts = Path("/etc/fonts/fonts.conf").exists()
    return {**os.environ, **({} if has_fonts else fonts), "LD_LIBRARY_PATH": ":".join(filter(None, libraries))}


@contextlib.contextmanager
def libraries() -> Iterator[None]:
    """Whatever is started inside has that environment: Playwright's driver takes that of its parent."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LD_LIBRARY_PATH", environment()["LD_LIBRARY_PATH"])
        yield


class Server:
    """A server process that can be stopped, killed and started again on the same port and data."""

    def __init__(self, command: list[str], port: int, folder: Path, health: str | None = None) -> None:
        self.host = "127.0.0.1"
        self.port = port
        self._command = command
        self._health = health
        self._log = folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def pid(self) -> int:
        """Of its process; it must run."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> Self:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log, env=environment())
        deadline = time.monotonic() + PATIENCE_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"{self._command[0]} did not start:\n{self._log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)
        return self

    def stop(self) -> None:
        """Ask it to end (SIGTERM) and wait."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut would (SIGKILL)."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(number)
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _answers(self) -> bool:
        try:
            if self._health is not None:
                with urllib.request.urlopen(self.url + self._health, timeout=1) as answer:
                    return bool(answer.status < 300)
            with socket.create_connection((self.host, self.port), timeout=1):
                return True
        except OSError:
            return False


@contextlib.contextmanager
def mosquitto(folder: Path, extra: Mapping[str, str] | None = None) -> Iterator[Server]:
    """An MQTT broker with persistence and anonymous access; ``extra`` adds settings."""
    port = free_port()
    settings = {
        "listener": f"{port} 127.0.0.1",
        "allow_anonymous": "true",
        "persistence": "true",
        "persistence_location": f"{folder}/",
        "max_queued_messages": "0",
        **(extra or {}),
    }
    if os.getuid() == 0:
        settings["user"] = "root"  # mosquitto would give up root, and with it this folder
    configuration = folder / "mosquitto.conf"
    configuration.write_text("".join(f"{key} {value}\n" for key, value in settings.items()))
    yield from _running(Server([executable("mosquitto"), "-c", str(configuration)], port, folder))


@contextlib.contextmanager
def influxd(folder: Path, data: str = "", http: str = "") -> Iterator[Server]:
    """InfluxDB 1.x without authentication; ``data`` and ``http`` are further lines of those parts of its settings."""
    port, backup_port = free_port(), free_port()
    configuration = folder / "influxdb.conf"
    configuration.write_text(f"""
reporting-disabled = true
bind-address = "127.0.0.1:{backup_port}"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
  query-log-enabled = false
  {data}
[http]
  bind-address = "127.0.0.1:{port}"
  log-enabled = false
  {http}
[monitor]
  store-enabled = false
""")
    yield from _running(Server([executable("influxd"), "-config", str(configuration)], port, folder, "/ping"))


@contextlib.contextmanager
def victoria_metrics(folder: Path) -> Iterator[Server]:
    """VictoriaMetrics, a second implementation of InfluxDB's write API."""
    port = free_port()
    command = [executable("victoria-metrics"), f"-storageDataPath={folder}/data", f"-httpListenAddr=127.0.0.1:{port}"]
    yield from _running(Server(command, port, folder, "/health"))


def _running(server: Server) -> Iterator[Server]:
    server.start()
    try:
        yield server
    finally:
        server.stop()
