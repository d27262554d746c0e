"""A little estate with eight days of readings in a real embedded store, and the web app in front of it."""

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from analytics.alerts.alert import Evidence, Excess, Finding
from analytics.alerts.book import AlertBook
from analytics.carbon.factors import FactorSet
from analytics.carbon.target import Target
from analytics.reports.rules import Rules
from collectors.protocol import DeadLetter
from dashboards.settings import WebSettings
from dashboards.web.access.accounts import Accounts
from dashboards.web.access.rights import Role as Role_
from dashboards.web.app import WebApp
from dashboards.web.operations import Operations
from gateway.quarantine import Case, Quarantine
from leitwarte.operations import SettingsOperations
from leitwarte.settings import Settings
from metering.clock import Clock
from metering.estate import Building, Carrier, Device, Estate, Meter, Role, Site
from metering.event import Event, Severity
from metering.instant import DAY, HOUR, MINUTE, QUARTER_HOUR, parse
from metering.localtime import LocalCalendar
from metering.quality import Quality
from metering.reading import Reading
from storage.embedded.store import EmbeddedStore
from storage.protocol import StoreUnavailable
from storage.settings import EmbeddedSettings
from tests.patience import PATIENCE_S
from tests.servers import environment, libraries

SCREENSHOTS = Path(__file__).parents[3] / "artefacts" / "screenshots"

START_US = parse("2026-03-20T00:00:00Z")
NOW_US = parse("2026-03-27T13:37:30Z")  # a Friday; daylight saving begins two days later
SILENT = "kita-heat"


@dataclass(frozen=True)
class Use:
    """How much a meter measures: ``base`` always and ``peak`` more around noon, in kW or m³/h."""

    meter: Meter
    base: float
    peak: float


def _meter(  # noqa: PLR0917 -- a row of a table
    building: str, carrier: Carrier, role: Role, name: str, register: str, power: str | None
) -> Meter:
    key = {Role.GENERATION: "pv", Role.SUBMETER: "sub", Role.FEED_IN: "out"}.get(role, carrier.value)
    return Meter(f"{building}-{key}-m", name, building, carrier, role, f"{building}-{key}", register, power=power)


def _electric(building: str, base: float, peak: float) -> Use:
    name = "Hauptzähler Strom"
    meter = _meter(building, Carrier.ELECTRICITY, Role.SUPPLY, name, "active_energy_import", "active_power")
    return Use(meter, base, peak)


def _heat(building: str, base: float, peak: float) -> Use:
    meter = _meter(building, Carrier.HEAT, Role.SUPPLY, "Wärmezähler", "heat_energy", "heat_power")
    return Use(meter, base, peak)


def _pv(building: str, peak: float) -> Use:
    register, power = "active_energy_generation", "active_power_generation"
    return Use(_meter(building, Carrier.ELECTRICITY, Role.GENERATION, "PV-Anlage", register, power), 0.0, peak)


USES = (
    _electric("schule", 9, 48),
    _heat("schule", 20, 110),
    _pv("schule", 62),
    _electric("rathaus", 22, 65),
    _heat("rathaus", 15, 70),
    _electric("bad", 95, 160),
    _heat("bad", 180, 120),
    _pv("bad", 120),
    _electric("kita", 1.6, 7),
    _heat("kita", 6, 18),
    _electric("wache", 6, 9),
    Use(_meter("wache", Carrier.GAS, Role.SUPPLY, "Gaszähler", "gas_volume", None), 1.1, 3),
)
SITES = (
    Site("mitte", "Mitte", 50.1056, 8.7610),
    Site("bieber", "Bieber", 50.0889, 8.8083),
    Site("rosenhoehe", "Rosenhöhe", 50.0829, 8.7720),
    Site("kaiserlei", "Kaiserlei", 50.1090, 8.7370),
)
BUILDINGS = (
    Building("rathaus", "Rathaus", "mitte", "office", 9800),
    Building("schule", "Grundschule Bieber <b>", "bieber", "school", 5200),
    Building("kita", "Kita Regenbogen", "bieber", "kindergarten", 780),
    Building("bad", "Hallenbad Rosenhöhe", "rosenhoehe", "pool", 4100),
    Building("wache", "Feuerwache", "kaiserlei", "fire_station", 2600),
)


def estate() -> Estate:
    """Four sites, five buildings, twelve meters, one device each."""
    names = {building.id: building.name for building in BUILDINGS}
    devices = [
        Device(use.meter.device, f"{use.meter.name} {names[use.meter.building]}", 60.0, use.meter.building)
        for use in USES
    ]
    sensor = Device("rathaus-klima", "Raumfühler Sitzungssaal", 600.0, "rathaus")
    return Estate.of(SITES, BUILDINGS, [*devices, sensor], [use.meter for use in USES])


def rate(use: Use, time_us: int) -> float:
    """What the meter measures at an instant, in kW or m³/h."""
    hour = (time_us % DAY) / HOUR + 1.0
    if use.meter.role == Role.GENERATION:
        return use.peak * max(0.0, math.sin((hour - 6.5) / 12 * math.pi)) if 6.5 < hour < 18.5 else 0.0
    day = math.exp(-(((hour - 12.5) / 4) ** 2))
    is_weekend = (time_us // DAY + 4) % 7 in (0, 6)
    ripple = 1 + 0.06 * math.sin(time_us / (37 * MINUTE)) + 0.04 * math.sin(time_us / (11 * MINUTE))
    return (use.base + use.peak * day * (0.25 if is_weekend else 1.0)) * ripple


def readings() -> Iterator[Reading]:
    """What devices said and analytics computed, up to ``NOW_US``; the device ``SILENT`` stopped six hours ago."""
    for use in USES:
        meter = use.meter
        total = 12345.6
        end = NOW_US - 6 * HOUR if meter.device == SILENT else NOW_US
        for time in range(START_US, end, 5 * MINUTE):
            if meter.power:
                yield Reading(meter.device, meter.power, round(rate(use, time) * 1000, 1), time)
        if meter.power:
            yield Reading(meter.device, meter.power, round(rate(use, end) * 1000, 1), end - 12_000_000)
        for time in range(START_US, end, QUARTER_HOUR):
            yield Reading(meter.device, meter.register, round(total, 3), time)
            used = rate(use, time) / 4
            total += used
            if time + QUARTER_HOUR > end:
                continue
            is_odd = meter.building == "schule" and meter.carrier == Carrier.ELECTRICITY and time > NOW_US - 20 * HOUR
            actual = used * (1.7 if is_odd and meter.role == Role.SUPPLY else 1.0)
            yield Reading(meter.id, "consumption", actual, time)
            yield Reading(meter.id, "completeness", 1.0 if (time // HOUR) % 40 else 0.5, time)
            yield Reading(meter.id, "expected", used, time)
            yield Reading(meter.id, "expected_lower", used * 0.8 - 0.1, time)
            yield Reading(meter.id, "expected_upper", used * 1.2 + 0.1, time)
            if meter.role == Role.SUPPLY:
                yield Reading(
                    meter.id, "emissions", actual * (0.406 if meter.carrier == Carrier.ELECTRICITY else 0.121), time
                )
        yield Reading(meter.device, meter.register, round(total, 3), end - 12_000_000)
    for time in range(NOW_US - 3 * DAY, NOW_US, 10 * MINUTE):
        yield Reading("rathaus-klima", "temperature", 21.4 + math.sin(time / (5 * HOUR)), time)
        yield Reading("rathaus-klima", "co2", 640 + 150 * math.sin(time / (3 * HOUR)), time)
        yield Reading("rathaus-klima", "humidity", 44.0, time)
    for number in range(14):
        time = NOW_US - (number + 1) * 5 * HOUR
        yield Reading("schule-electricity", "active_power", 4.9e7, time, Quality.SUSPECT, "range")


class Store:
    """The real store behind switches: while ``is_down`` it cannot be reached, until ``answers`` is set it hangs."""

    def __init__(self, store: EmbeddedStore) -> None:
        self._store = store
        self.is_down = False
        self.answers = asyncio.Event()
        self.answers.set()

    def __getattr__(self, name: str) -> object:
        if self.is_down:
            raise StoreUnavailable("switched off by the test")
        method = getattr(self._store, name)
        if self.answers.is_set():
            return method

        async def later(*arguments: Any, **options: Any) -> object:
            await self.answers.wait()
            return await method(*arguments, **options)

        return later


@dataclass
class Running:
    """The web app as tests meet it; ``alert`` is the id of the alert in the book."""

    url: str
    store: Store
    alerts: AlertBook
    alert: str
    clock: Clock
    settings: WebSettings


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def store(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedStore]:
    """A store that holds the readings of the little estate."""
    found = EmbeddedStore(EmbeddedSettings(path=tmp_path_factory.mktemp("web") / "web.duckdb"))
    await found.start()
    await found.write(list(readings()))
    failing = NOW_US - 5 * HOUR, None, "device_error", Severity.INFO, SILENT, "kita", "no answer within 3 s"
    await found.write_events([Event(f"device_error:{SILENT}:1", *failing)])
    yield found
    await found.close()


def finding() -> Finding:
    """What analytics would say of the school's main meter, which has counted too much for twenty hours."""
    use = USES[0]
    begin = NOW_US - 20 * HOUR
    times = tuple(range(begin - 12 * HOUR, NOW_US - QUARTER_HOUR, QUARTER_HOUR))
    expected = tuple(rate(use, time) / 4 for time in times)
    actual = tuple(value * (1.7 if time > begin else 1.0) for time, value in zip(times, expected, strict=True))
    lower, upper = tuple(value * 0.8 for value in expected), tuple(value * 1.2 for value in expected)
    return Finding(
        cause=f"{use.meter.id}:consumption",
        kind="base_load",
        subject=use.meter.id,
        building="schule",
        severity=Severity.WARNING,
        first_us=begin,
        last_us=NOW_US,
        title="Grundlast an „Hauptzähler Strom“ gestiegen",
        explanation="Donnerstags um 18:30 doppelt so viel wie sonst. <script>alert(1)</script>",
        evidence=Evidence("consumption", "kWh", times, actual, expected, lower, upper),
        excess=Excess(312.4, "kWh", 99.97, 126.8),
    )


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def web(store: EmbeddedStore, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    """The web app without sign-in, served on a free port."""
    folder = tmp_path_factory.mktemp("open")
    async with running(store, folder, WebSettings(port=0, refresh_s=1.0)) as found:
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def closed(
    web: Running, store: EmbeddedStore, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Running]:
    """A second one whose visitors must sign in; see `USERS`. Its pages need the first one in the same process."""
    del web
    folder = tmp_path_factory.mktemp("closed")
    settings = WebSettings(port=0, refresh_s=1.0, sign_in="local", accounts=folder / "accounts.db")
    with contextlib.closing(Accounts(f"sqlite:///{settings.accounts}")) as accounts:
        for role, buildings in USERS.items():
            accounts.add(role, role, NOW_US, password=PASSWORD, buildings=buildings, who="test")
    async with running(store, folder, settings, await operations(folder)) as found:
        yield found


async def operations(folder: Path) -> SettingsOperations:
    """An installation whose gateway has set two things aside."""
    settings = Settings(data_dir=folder)
    quarantine = Quarantine(settings.gateway_in_data_dir.data_dir / "quarantine", 1 << 20)
    await quarantine.open()
    letter = DeadLetter("stadtnetz", "kita/strom", b'{"power": "<b>viel</b>"}', NOW_US, "no number")
    reading = Reading("bad-heat", "heat_power", 9.9e9, NOW_US)
    await quarantine.keep([Case(NOW_US, "no number", letter=letter), Case(NOW_US, "range", reading=reading)])
    await quarantine.close()
    return SettingsOperations(settings)


_SPEED = 0.01
"""Of the app's clock: however long the tests take, it is the same hour, and devices were heard a moment ago."""
expect.set_options(timeout=PATIENCE_S * 1000)

USERS: dict[Role_, tuple[str, ...] | None] = {
    Role_.ENGINEER: None,
    Role_.FACILITY_MANAGER: ("kita", "bad"),
    Role_.CLIMATE_OFFICE: None,
    Role_.OPERATOR: None,
}
"""A user for each role, of its name, with the only buildings to be seen."""
PASSWORD = "correct horse battery staple"


@contextlib.asynccontextmanager
async def running(
    store: EmbeddedStore, folder: Path, settings: WebSettings, seen: Operations | None = None
) -> AsyncIterator[Running]:
    """The web app on the little estate, until the block ends."""
    switched, clock = Store(store), Clock(start_us=NOW_US, speed=_SPEED)
    book = AlertBook(f"sqlite:///{folder / 'alerts.db'}")
    alert = book.report(finding(), NOW_US)
    app = WebApp(switched, estate(), book, settings, "de", clock, LocalCalendar(), lambda: {"outbox": 3}, rules(), seen)
    serving = asyncio.create_task(app.run())
    ready = asyncio.create_task(app.ready.wait())
    await asyncio.wait({serving, ready}, timeout=PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
    ready.cancel()
    if serving.done():
        await serving
    yield Running(f"http://127.0.0.1:{app.port}", switched, book, alert.id, clock, settings)
    serving.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await serving
    book.close()


async def signed_in(url: str, user: str) -> httpx.AsyncClient:
    """A client with the session of the user."""
    client = httpx.AsyncClient(base_url=url, timeout=PATIENCE_S)
    fields = {"name": user, "password": PASSWORD, "to": "/"}
    answer = await client.post("/sign-in", data=fields, headers={"Origin": url})
    assert answer.status_code == 303, answer.text
    return client


TARGET = Target(
    2023,
    {2030: Decimal("0.65"), 2045: Decimal(1)},
    {2023: Decimal(2_400_000), 2024: Decimal(2_150_000), 2025: Decimal(2_300_000)},
    "Stadtverordnetenversammlung, 12.12.2023",
)
"""What all buildings together are to save; of 2026 a week was measured."""


def rules() -> Rules:
    return Rules(FactorSet.load(), LocalCalendar(), target=TARGET)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(chromium: str) -> AsyncIterator[Browser]:
    """A headless Chromium that calls nobody of its own accord."""
    arguments = [
        "--no-sandbox",
        "--disable-gpu",
        "--headless=new",
        "--disable-background-networking",
        "--disable-component-update",
    ]
    async with contextlib.AsyncExitStack() as stack:
        with libraries():
            playwright = await stack.enter_async_context(async_playwright())
        found = await playwright.chromium.launch(executable_path=chromium, args=arguments, env=dict(environment()))
        yield found
        await found.close()


class Visitor:
    """Somebody at a browser; remembers what the console said and which addresses were asked for."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self._context = context
        self._url = url
        self.complaints: list[str] = []
        self.requests: list[str] = []

    async def open(self, path: str) -> Page:
        """The page, once its first values are there."""
        page = await self._context.new_page()
        page.on(
            "console", lambda said: self.complaints.append(said.text) if said.type in ("error", "warning") else None
        )
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("websocket", lambda socket: self.requests.append(socket.url))
        await page.goto(self._url + path)
        await page.wait_for_selector(".content, .plain-card")
        return page

    def strangers(self) -> list[str]:
        """Addresses asked for that are not the app's own."""
        own = (self._url, self._url.replace("http", "ws"), "data:")
        return [url for url in self.requests if not url.startswith(own)]


@pytest_asyncio.fixture(loop_scope="session")
async def visit(browser: Browser, web: Running) -> AsyncIterator[Callable[..., object]]:
    """Lets visitors come, of a screen size and with cookies; none may complain or ask another server."""
    visitors: list[tuple[Visitor, BrowserContext]] = []

    async def come(width: int = 1440, height: int = 900, at: Running = web, **cookies: str) -> Visitor:
        context = await browser.new_context(viewport={"width": width, "height": height}, timezone_id="America/New_York")
        context.set_default_timeout(PATIENCE_S * 1000)
        await context.add_cookies([{"name": name, "value": value, "url": at.url} for name, value in cookies.items()])
        visitors.append((Visitor(context, at.url), context))
        return visitors[-1][0]

    yield come
    for visitor, context in visitors:
        await context.close()
        assert visitor.complaints == []
        assert visitor.strangers() == []
