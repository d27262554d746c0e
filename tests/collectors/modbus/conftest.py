"""A sink that remembers, devices that show what they are told, and a collector that runs for as long as a test."""

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from collectors.modbus.collector import ModbusCollector
from collectors.modbus.settings import ModbusSettings
from collectors.protocol import DeadLetter, Receipts
from device_sim.device import ModbusLink
from device_sim.modbus import ModbusTown, Wire
from metering.clock import Clock
from metering.reading import Reading
from metering.samples import Floats, Int64s
from tests.patience import PATIENCE_S
from tests.servers import executable


class RecordingSink:
    """Keeps what it is given; ``until`` waits for something to have come."""

    def __init__(self) -> None:
        self.polls: list[list[Reading]] = []
        self.failures: list[tuple[str, str]] = []
        self._news = asyncio.Condition()

    async def accept(
        self, readings: Sequence[Reading], receipts: Receipts | None = None, *, can_wait: bool = True
    ) -> None:
        assert not receipts
        assert not can_wait
        self.polls += [list(poll) for _, poll in groupby(readings, lambda reading: (reading.device, reading.time_us))]
        await self._tell()

    def is_known(self, channel: str, number: int, digest: int) -> bool:
        raise AssertionError((channel, number, digest))

    async def dead_letter(self, letter: DeadLetter) -> None:
        raise AssertionError(letter)

    def failed(self, device: str, reason: str) -> None:
        self.failures.append((device, reason))
        asyncio.get_running_loop().create_task(self._tell())

    def of(self, device: str) -> list[dict[str, float]]:
        """Each poll of the device as quantity → value."""
        polls = [[reading for reading in poll if reading.device == device] for poll in self.polls]
        return [{reading.quantity: reading.value for reading in poll} for poll in polls if poll]

    def reasons(self, device: str) -> list[str]:
        return [reason for failed, reason in self.failures if failed == device]

    async def until(self, condition: Callable[[], Any]) -> None:
        async with asyncio.timeout(PATIENCE_S), self._news:
            await self._news.wait_for(condition)

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()


class Shown:
    """A simulated device that shows the values it was given, unchanged until told otherwise."""

    def __init__(
        self,
        id_: str,
        template: str,
        values: Mapping[str, float],
        *,
        unit: int = 1,
        bus: str = "bus",
        channel: int = 1,
        models: tuple[int, ...] = (),
    ) -> None:
        self.id = id_
        self.link = ModbusLink(bus, unit, template, channel, models)
        self.values = dict(values)

    @property
    def quantities(self) -> tuple[str, ...]:
        return tuple(self.values)

    def at(self, times_us: Int64s) -> dict[str, Floats]:
        return {name: np.full(len(times_us), value) for name, value in self.values.items()}


class Certificates:
    """An authority, and what the device and its client show each other (PEM files)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._openssl("req", "-x509", "-newkey", "ec", "-keyout", "ca.key", "-out", "authority.pem", "-subj", "/CN=A")
        self.authority = folder / "authority.pem"
        self.device, self.client, self.stranger = (self._issue(name) for name in ("device", "client", "stranger"))

    def server(self) -> ssl.SSLContext:
        """A device that lets in whoever the authority knows."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=self.authority)
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_cert_chain(*self.device)
        return context

    def _issue(self, name: str) -> tuple[Path, Path]:
        certificate, key = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        by = () if name == "stranger" else ("-CA", "authority.pem", "-CAkey", "ca.key")
        names = ("-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1")
        self._openssl("req", "-x509", "-newkey", "ec", "-keyout", key.name, "-out", certificate.name, *names, *by)
        return certificate, key

    def _openssl(self, *arguments: str) -> None:
        curve = ("-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")
        command = [executable("openssl"), *arguments, *curve]
        subprocess.run(command, cwd=self._folder, check=True, capture_output=True)


class Rig:
    """Devices on their buses, served for real, and the collectors that read them."""

    def __init__(
        self,
        devices: Sequence[Shown],
        *,
        wires: Mapping[str, Wire] | None = None,
        certificates: Certificates | None = None,
        late_s: float = 0.3,
    ) -> None:
        self.devices = devices
        self.clock = Clock()
        self.wires = wires or {}
        self.certificates = certificates
        tls = certificates.server() if certificates else None
        self.town = ModbusTown(devices, self.clock, wires=wires, tls=tls, late_s=late_s)
        self.sink = RecordingSink()

    def settings(self, bus: str, /, **overrides: Any) -> ModbusSettings:
        """How to read a bus; ``overrides`` as for `running`."""
        devices = [
            {
                "id": device.id,
                "unit": device.link.unit,
                "template": device.link.template,
                "channel": device.link.channel,
                "interval_s": 0.2,
            }
            | overrides.get(device.id, {})
            for device in self.devices
            if device.link.bus == bus
        ]
        timeout_s = overrides.get("timeout_s", PATIENCE_S)
        where = self._where(bus) | overrides.get(bus, {})
        return ModbusSettings.model_validate({"id": bus, "timeout_s": timeout_s, "devices": devices, **where})

    def _where(self, bus: str) -> dict[str, Any]:
        wire = self.wires.get(bus, Wire.TCP)
        if wire is Wire.SERIAL:
            return {"serial": {"port": self.town.serial_ports[bus], "baudrate": 115200}}
        where: dict[str, Any] = {"host": self.town.host, "port": self.town.ports[bus]}
        if wire is Wire.RTU_OVER_TCP:
            where["rtu_over_tcp"] = True
        if wire is Wire.TLS:
            assert self.certificates is not None
            certificate, key = self.certificates.client
            authority = self.certificates.authority
            where["tls"] = {"certificate_file": certificate, "key_file": key, "ca_file": authority}
        return where

    @asynccontextmanager
    async def running(self, **overrides: Any) -> AsyncIterator[RecordingSink]:
        """Town and collectors at work; ``overrides`` are timeout_s and settings by bus or by device id."""
        await self.town.start()
        buses = dict.fromkeys(device.link.bus for device in self.devices)
        collectors = [ModbusCollector(self.settings(bus, **overrides), self.clock) for bus in buses]
        tasks = [asyncio.create_task(collector.run(self.sink)) for collector in collectors]
        try:
            yield self.sink
        finally:
            for task in tasks:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            await self.town.stop()


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def sink() -> RecordingSink:
    return RecordingSink()


@pytest.fixture(scope="session")
def rig() -> type[Rig]:
    return Rig


@pytest.fixture(scope="session")
def shown() -> type[Shown]:
    return Shown
