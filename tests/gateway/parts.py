"""What the tests of the gateway are put together from."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from pathlib import Path

from collectors.protocol import Collector, Receipts, Sink
from gateway.gateway import Gateway
from gateway.settings import GatewaySettings, HealthSettings
from metering.clock import Clock
from metering.estate import Device
from metering.reading import Reading
from storage.protocol import Store
from tests.patience import PATIENCE_S

DEVICES: Mapping[str, Device] = {id_: Device(id_, id_, 10.0) for id_ in ("meter", "other", "sensor")}
START_US = 1_700_000_000_000_000


def reading(n: int, device: str = "meter") -> Reading:
    """The n-th reading of a gauge that no check has anything to say about."""
    return Reading(device, "illuminance", float(n % 1000), START_US + n)


class Speaker:
    """A collector that hands over batches, one after another, and is quiet then."""

    def __init__(self, batches: Iterable[Sequence[Reading]], name: str = "speaker") -> None:
        self.name = name
        self.returned = 0  # readings
        self._batches = list(batches)

    async def run(self, sink: Sink) -> None:
        for number, batch in enumerate(self._batches):
            await sink.accept(batch, Receipts(self.name, {number: 1}))
            self.returned += len(batch)
        await asyncio.Event().wait()


class Failing:
    """A collector that fails whenever it is started."""

    def __init__(self, error: BaseException | None, name: str = "failing") -> None:
        self.name = name
        self.starts = 0
        self._error = error

    async def run(self, sink: Sink) -> None:  # noqa: ARG002
        self.starts += 1
        if self._error is not None:
            raise self._error


class ScriptedStore:
    """A store of which only ``write`` is there, failing as a script says: for failures no server can be made to have.

    ``script`` is called with each batch before it is kept; what it raises, the write raises.
    """

    def __init__(self, script: Callable[[Sequence[Reading]], None] = lambda _: None) -> None:
        self.script = script
        self.writes: list[Reading] = []

    async def write(self, readings: Sequence[Reading]) -> None:
        await asyncio.sleep(0)
        self.script(readings)
        self.writes += readings


def settings_in(folder: Path, **changes: object) -> GatewaySettings:
    quick: dict[str, object] = {"batch_wait_s": 0.0, "retry_s": 0.002, "retry_max_s": 0.01, "drain_s": 5.0}
    health = HealthSettings(port=0)
    return GatewaySettings.model_validate({"data_dir": folder, "health": health, **quick, **changes})


@contextlib.asynccontextmanager
async def running(
    store: Store | ScriptedStore,
    collectors: Sequence[Collector],
    settings: GatewaySettings,
    devices: Mapping[str, Device] = DEVICES,
) -> AsyncIterator[Gateway]:
    """A gateway that runs until the block ends, and then shuts down cleanly."""
    gateway = Gateway(store, collectors, devices, settings, Clock())
    task = asyncio.create_task(gateway.run())
    try:
        await until(lambda: gateway.health_port is not None or task.done())
        yield gateway
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.002)


def adds_up(gateway: Gateway) -> bool:
    status = gateway.status()
    kept = status.stored + sum(status.rejected.values()) + sum(status.thinned.values()) + status.queued
    return status.received + status.queued_at_start == kept
