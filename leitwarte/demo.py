"""The demo: the simulated town with a past, read live by the same rooms that run in production."""

import asyncio
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import msgspec
import yaml

from analytics.reports.collect import daily_figures
from analytics.reports.period import Period
from analytics.reports.report import reported
from device_sim.broker import InProcessBroker
from device_sim.device import ModbusLink, SimDevice
from device_sim.faults.fault import FOR_EVER
from device_sim.faults.scenario import load_scenario, write_truth
from device_sim.faults.showing import RegisterBackwards
from device_sim.history import readings
from device_sim.modbus import ModbusTown
from device_sim.mqtt.town import MqttTown
from device_sim.town import Town
from gateway.status import DeviceState
from leitwarte.installation import Installation
from leitwarte.lifetime import until_stopped
from leitwarte.progress import Show
from leitwarte.settings import Settings
from leitwarte.settings_file import load
from leitwarte.town_settings import Broker, acquisition
from metering.clock import Clock
from metering.instant import DAY, MINUTE, QUARTER_HOUR, Window
from metering.localtime import LocalCalendar
from metering.texts import Language
from storage.protocol import Store

HISTORY_DAYS = 60
_PAST_FILE = "town.json"
_BATCH = 50_000
_CYCLE_S = 10.0
_STUCK_AFTER_S = 40.0
_SILENT_AFTER_S = 30.0
_TARIFFS = {"electricity": 0.29, "heat": 0.14, "gas": 1.1, "water": 4.6}  # invented, of a usual size
_STATE_NUMBER = "0.9650"
_CALORIFIC_VALUES = (11.412, 11.398, 11.371, 11.343, 11.326, 11.309, 11.298, 11.304, 11.327, 11.352, 11.386, 11.405)
"""Of the town's gas by calendar month, kWh(Hs)/m³: invented, of the size that H-gas has."""
_BILLED_AHEAD = 365 * DAY  # a demo may run for long
_GAS_SOURCE = {"de": "simulierte Stadt (erfunden)", "en": "simulated town (invented)"}
_TARGET = {  # invented years of this town, and the aims of the federal law
    "base_year": 2019,
    "aims": {2030: 65, 2040: 88, 2045: 100},
    "known_t": {2019: 2120, 2020: 1985, 2021: 2043, 2022: 1876, 2023: 1741, 2024: 1702, 2025: 1655},
    "source": "Stadtverordnetenversammlung (erfunden)",
}


class Past(msgspec.Struct):
    """What makes a town go on where it stopped (instants in µs, UTC).

    start_us  when its history begins
    first_us  when it was started first: its faults of the past days are counted back from there
    live_us   when it went live, each time
    """

    seed: int
    start_us: int
    first_us: int
    live_us: list[int]

    @classmethod
    def read(cls, folder: Path, now_us: int) -> "Past":
        """That of the folder, or a new one. Raises ValueError for a file that is spoiled."""
        path = folder / _PAST_FILE
        if path.exists():
            try:
                return msgspec.json.decode(path.read_bytes(), type=cls)
            except msgspec.DecodeError as error:
                raise ValueError(f"{path} is spoiled ({error}); delete {folder} to begin anew") from None
        calendar = LocalCalendar()
        return cls(1, calendar.midnight(calendar.date_of(now_us - HISTORY_DAYS * DAY)), now_us, [])

    def write(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _PAST_FILE).write_bytes(msgspec.json.encode(self))

    def town(self) -> Town:
        """The town with the demo's faults: those of the past days once, the live ones each time it went live.

        What failed live has been repaired when it next goes live; a register that went back stays back.
        """
        scenario = load_scenario("demo")
        faults = [placed for placed in scenario.place(self.first_us) if placed.window.start_us < self.first_us - MINUTE]
        for live_us, next_us in pairwise([*self.live_us, FOR_EVER]):
            for placed in scenario.place(live_us):
                if live_us - MINUTE <= placed.window.start_us < next_us:
                    stays = isinstance(placed.fault, RegisterBackwards)
                    end_us = placed.window.end_us if stays else min(placed.window.end_us, next_us)
                    faults.append(replace(placed, window=Window(placed.window.start_us, end_us)))
        return Town(self.seed, self.start_us, faults)


@dataclass(frozen=True, slots=True)
class Summary:
    """What happened while the demo ran."""

    received: int
    stored: int
    rejected: int
    queued: int
    devices_online: int
    devices: int
    alerts_opened: int
    kg_co2e_last_day: float
    address: str


class Demo:
    """The town, its history and a whole installation in one process."""

    def __init__(self, folder: Path, port: int, language: Language) -> None:
        self._folder = folder
        self._port = port
        self._language = language
        self._clock = Clock()

    async def run(self, seconds: float | None, progress: Show, ready: Callable[[str], None]) -> Summary:
        """Run for so many seconds, or until a signal comes; ``ready`` is told the address.

        Raises OSError for a port that is taken and ValueError for a spoiled folder.
        """
        _check_free(self._port)  # better told now than after the history is made
        past = Past.read(self._folder, self._clock.now_us())
        past.write(self._folder)
        town = past.town()
        ports = {device.link.bus: _free_port() for device in town.devices if isinstance(device.link, ModbusLink)}
        broker = InProcessBroker(port=_free_port())
        installation = Installation(self._settings(town, ports, broker), self._clock)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(installation.opened())
            opened_before = await asyncio.to_thread(_alerts_ever, installation)
            history = Window(past.start_us, self._clock.now_us())
            await make_history(installation.store, town.devices, history, progress)
            await installation.analytics.backfill(history, lambda share: progress("analysis", share))

            past.live_us.append(self._clock.now_us())
            past.write(self._folder)
            town = past.town()
            write_truth(self._folder / "truth.jsonl", town.truth())
            modbus = ModbusTown(town.devices, self._clock, ports=ports)
            for part in (broker, modbus):
                await part.start()
                stack.push_async_callback(part.stop)
            speaking = MqttTown(town.devices, self._clock, broker.host, broker.port)

            async def live() -> None:
                async with asyncio.TaskGroup() as group:
                    group.create_task(speaking.run(), name="town over MQTT")
                    group.create_task(installation.run(), name="installation")
                    await installation.web.ready.wait()
                    ready(f"http://localhost:{installation.web.port}")

            await until_stopped(live(), seconds)
            return await self._summary(installation, opened_before)

    def _settings(self, town: Town, ports: dict[str, int], broker: InProcessBroker) -> Settings:
        """The settings file of the demo: written for people to look at, read back as any other."""
        document = {
            "language": self._language,
            "data_dir": ".",
            "store": {"kind": "embedded"},
            "gateway": {"stuck_after_s": _STUCK_AFTER_S, "health": {"port": 0}},
            "analytics": {"interval_s": _CYCLE_S, "silent_after_s": _SILENT_AFTER_S, "tariffs": _TARIFFS},
            "carbon": {
                "gas": list(_gas(town.start_us, self._clock.now_us(), self._language)),
                "target": _TARGET,
            },
            "web": {"port": self._port},
            **acquisition(
                town.estate, town.devices, modbus_ports=ports, broker=Broker.in_process(broker.host, broker.port)
            ),
        }
        path = self._folder / "leitwarte.yaml"
        path.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False), "utf-8")
        return load(path).settings

    async def _summary(self, installation: Installation, opened_before: int) -> Summary:
        status = installation.gateway.status()
        return Summary(
            received=status.received,
            stored=status.stored,
            rejected=sum(status.rejected.values()),
            queued=status.queued,
            devices_online=status.devices.get(DeviceState.ONLINE, 0),
            devices=len(installation.estate.devices),
            alerts_opened=await asyncio.to_thread(_alerts_ever, installation) - opened_before,
            kg_co2e_last_day=await _emissions_of_yesterday(installation),
            address=f"http://localhost:{installation.web.port}",
        )


def _gas(first_us: int, now_us: int, language: Language) -> Iterator[dict[str, str]]:
    """The bills of the town's gas: one a calendar month, of the first year to a year from now."""
    first, last = (LocalCalendar().date_of(at_us) for at_us in (first_us, now_us + _BILLED_AHEAD))
    for month in Period(date(first.year, 1, 1), last).months:
        whole = month.whole_month
        quality = {"state_number": _STATE_NUMBER, "calorific_value": str(_CALORIFIC_VALUES[whole.start.month - 1])}
        yield {
            "start": whole.start.isoformat(),
            "end": whole.end.isoformat(),
            **quality,
            "source": _GAS_SOURCE[language],
        }


async def make_history(store: Store, devices: Sequence[SimDevice], window: Window, progress: Show) -> None:
    """Fill the window with what the devices showed each quarter-hour, from the newest stored reading on."""
    measured = {device.id: window.start_us for device in devices}
    for reading in await store.latest(list(measured)):
        measured[reading.device] = max(measured[reading.device], reading.time_us + 1)
    for number, device in enumerate(devices):
        missing = Window(min(measured[device.id], window.end_us), window.end_us)
        made = await asyncio.to_thread(readings, device, missing, QUARTER_HOUR)
        for first in range(0, len(made), _BATCH):
            await store.write(made[first : first + _BATCH])
        progress("history", (number + 1) / len(devices))


async def _emissions_of_yesterday(installation: Installation) -> float:
    """Kg CO2e of all supply meters on the last whole local day."""
    settings = installation.settings
    yesterday = date.fromordinal(settings.tomorrow().toordinal() - 2)
    period = Period(yesterday, date.fromordinal(yesterday.toordinal() + 1))
    meters = reported(installation.estate)
    parts = [days async for days in daily_figures(installation.store, meters, period, settings.rules())]
    return float(sum((figure.kg.total for days in parts for figure in days if figure.kg), Decimal(0)))


def _alerts_ever(installation: Installation) -> int:
    return len(installation.alerts.list())


def _check_free(port: int) -> None:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(f"the web app cannot listen on 127.0.0.1:{port} ({reason}); choose another --port") from None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
