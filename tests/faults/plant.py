"""A whole installation that can be broken: broker, database, proxies between, a disk, the gateway's process, a load."""

import asyncio
import contextlib
import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from tests.faults.ledger import Key, Ledger
from tests.faults.look import Store
from tests.faults.process import Gateway
from tests.faults.store_proxy import StoreProxy
from tests.faults.towns import Load
from tests.faults.wire import Wire
from tests.servers import Server, free_port, influxd, mosquitto

_DATABASE = "faults"
_DISK = "16m"
_STORE_TIMEOUT_S = 3.0
PATIENCE_S = 180.0
"""How long anything may take that happens in the end; only a machine that stands still comes near it."""


@dataclass(slots=True)
class Plant:
    """``broken`` collects what was promised and did not hold, beside lost and duplicated sayings."""

    folder: Path
    ledger: Ledger
    load: Load
    gateway: Gateway
    broker: Server
    influxd: Server
    store: Store
    store_proxy: StoreProxy
    wire: Wire
    own_disk: bool
    damaged: set[Key] = field(default_factory=set)
    broken: list[str] = field(default_factory=list)

    @property
    def data(self) -> Path:
        """What the gateway keeps, on a small disk of its own where there may be one (``own_disk``)."""
        return self.folder / "disk"

    @property
    def outbox(self) -> Path:
        return self.data / "gateway" / "outbox"

    @property
    def quarantine(self) -> Path:
        return self.data / "gateway" / "quarantine"

    async def metrics(self) -> dict[str, float]:
        """As the gateway tells them, after a look whether they add up; none while it does not answer."""
        sums = await self.gateway.metrics()
        if sums:
            came = sums["readings_received_total"] + sums["outbox_readings_at_start"]
            ended = (sums.get(f"readings_{name}_total", 0.0) for name in ("stored", "rejected", "thinned"))
            went = sum(ended) + sums["outbox_readings"]
            if came != went:
                self.broken.append(f"{self.ledger.episode}: received and found {came:g}, but accounted for {went:g}")
        return sums

    async def heard(self) -> None:
        """Wait until the gateway has heard every device: it has subscribed, so the broker keeps messages for it."""

        async def all_online() -> bool:
            return await self.gateway.silent_devices() == 0

        await self.until(all_online, "every device is heard")

    async def well(self) -> None:
        """Wait until the gateway takes and stores what comes."""
        for name in ("readings_received_total", "readings_stored_total"):
            before = (await self.metrics()).get(name, 0.0)

            async def grows(name: str = name, before: float = before) -> bool:
                return (await self.metrics()).get(name, 0.0) > before

            await self.until(grows, f"{name} grows")

    async def until(self, condition: Callable[[], Awaitable[bool]], what: str) -> None:
        """Wait for it; raises AssertionError if it does not come, or if nobody is there for it to come from."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not await condition():
                    assert self.gateway.runs, f"the gateway has ended by itself; see {self.folder}/gateway.log"
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"{self.ledger.episode}: in {PATIENCE_S:g} s not: {what}") from None


@contextlib.asynccontextmanager
async def plant(folder: Path, seed: int, twist: str = "") -> AsyncIterator[Plant]:
    """Everything runs but the gateway; in the end nothing does."""
    async with contextlib.AsyncExitStack() as stack:
        broker = stack.enter_context(mosquitto(_made(folder / "mosquitto")))
        database = stack.enter_context(influxd(_made(folder / "influxd")))
        own_disk = stack.enter_context(_disk(_made(folder / "disk")))
        store = Store(database.url, _DATABASE)
        store.prepare()
        store_proxy, wire = StoreProxy(database.port), Wire(broker.port)
        for proxy in (store_proxy, wire):
            await proxy.start()
            stack.push_async_callback(proxy.stop)

        ledger = Ledger()
        load = Load(ledger, seed)
        modbus = load.modbus_town()
        await modbus.start()
        stack.push_async_callback(modbus.stop)

        port = free_port()
        settings = folder / "leitwarte.yaml"
        document = {
            "data_dir": str(folder / "disk"),
            "store": store.settings(f"http://127.0.0.1:{store_proxy.port}", timeout_s=_STORE_TIMEOUT_S),
            "gateway": {
                "retry_s": 0.1,
                "retry_max_s": 1.0,
                "drain_s": 60.0,
                "outbox_max_mb": 8,
                "health": {"port": port},
            },
            **load.settings(modbus.ports, wire.port),
        }
        settings.write_text(yaml.safe_dump(document), "utf-8")
        gateway = Gateway(settings, port, folder / "gateway.log", folder / "clock", twist)
        whole = Plant(folder, ledger, load, gateway, broker, database, store, store_proxy, wire, own_disk)
        try:
            yield whole
        finally:
            if gateway.runs:
                gateway.kill()


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


@contextlib.contextmanager
def _disk(folder: Path) -> Iterator[bool]:
    """A small file system at the folder; gives whether that was allowed."""
    mount = [shutil.which("mount") or "mount", "-t", "tmpfs", "-o", f"size={_DISK}", "leitwarte-faults", str(folder)]
    own = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    try:
        yield own
    finally:
        if own:
            subprocess.run([shutil.which("umount") or "umount", "-l", str(folder)], check=True)
